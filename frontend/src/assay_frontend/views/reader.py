"""What every view needs of its surroundings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

import streamlit as st

from assay_frontend.api.client import AssayClient
from assay_frontend.api.models import Provenance
from assay_frontend.components.text import html_text
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import MISSING, age_now, instant, readers_zone, span
from assay_frontend.settings import Settings


@dataclass(frozen=True, slots=True)
class Reader:
    """Who looks, and when: the words, the time zone, and now."""

    t: Translator
    zone: tzinfo
    now: datetime

    @classmethod
    def here(cls, t: Translator) -> Reader:
        return cls(t, readers_zone(st.context.timezone), datetime.now(UTC))


def client_of(settings: Settings) -> AssayClient:
    return AssayClient(
        settings.api_url,
        deadline_seconds=settings.request_deadline_seconds,
        hf_token=settings.hf_token,
    )


def newest_bar(reader: Reader, provenance: Provenance, received_at: datetime | None) -> str:
    """Its end and its age; in a replay the clock stands still, so no age is told."""
    t = reader.t
    if provenance.as_of is None:
        return MISSING
    moment = instant(t, provenance.as_of, reader.zone)
    if provenance.source == "replay":
        return t("data.replay", moment=moment)
    age = age_now(provenance.age_seconds, received_at, reader.now)
    return moment if age is None else t("data.ago", moment=moment, age=span(t, age))


def show_facts(facts: Sequence[tuple[str, str]]) -> None:
    """Names and what they are."""
    items = "".join(f"<dt>{html_text(a)}</dt><dd>{html_text(b)}</dd>" for a, b in facts)
    st.html(f'<dl class="assay-facts">{items}</dl>')
