"""Banners: what a reader has to know before believing the page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Literal

import streamlit as st

from assay_frontend.api.errors import ApiError
from assay_frontend.api.latest import CoinGlance
from assay_frontend.api.models import Forecast, Provenance
from assay_frontend.components.problem_words import problem_details, problem_title
from assay_frontend.components.text import markdown_text
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import age_now, instant, span

Subject = Literal["gold", "crypto"]


def show_provenance(
    t: Translator,
    provenance: Provenance,
    *,
    subject: Subject,
    received_at: datetime | None,
    now: datetime,
    zone: tzinfo,
) -> None:
    """The simulated, replayed and stale banners, as they apply."""
    if provenance.source == "simulated":
        show_simulated(t, t(f"banner.simulated.{subject}"))
    if provenance.source == "replay":
        st.info(f"{t(f'banner.replay.{subject}')} {t('banner.hindsight')}")
    if provenance.stale:
        age = age_now(provenance.age_seconds, received_at, now)
        st.warning(
            f"**{t('banner.stale.title')}** {_stale_text(t, provenance, subject, age, zone)}"
        )


def show_trial(t: Translator, forecast: Forecast) -> None:
    """That a challenger made the forecast, where one did."""
    if forecast.on_trial:
        st.info(t("banner.trial", version=markdown_text(forecast.model_version or "")))


def show_simulated(t: Translator, text: str) -> None:
    """The alarm that cannot be missed; `text` says what was made of simulated bars."""
    with st.container(key="assay_simulated"):
        st.error(f"**{t('banner.simulated.title')}** {text}")


Part = tuple[str, Provenance, datetime | None]


def show_provenances(t: Translator, parts: Sequence[Part], *, now: datetime) -> None:
    """The same of several markets, each with its name and when it was received: one banner each,
    that names the markets it speaks of.
    """

    def names(chosen: Sequence[Part]) -> str:
        return markdown_text(", ".join(name for name, _, _ in chosen))

    if simulated := [part for part in parts if part[1].source == "simulated"]:
        show_simulated(t, f"{t('banner.simulated.several')} {names(simulated)}.")
    if replayed := [part for part in parts if part[1].source == "replay"]:
        words = [t("banner.replay.crypto"), t("banner.hindsight"), t("banner.replay.several")]
        st.info(f"{' '.join(words)} {names(replayed)}.")
    if stale := [part for part in parts if part[1].stale]:
        told = ", ".join(_with_age(t, part, now) for part in stale)
        st.warning(f"**{t('banner.stale.title')}** {t('banner.stale.several', parts=told)}")


def _with_age(t: Translator, part: Part, now: datetime) -> str:
    name, provenance, received_at = part
    age = age_now(provenance.age_seconds, received_at, now)
    name = markdown_text(name)
    return name if age is None else t("banner.stale.part", name=name, age=span(t, age))


def _stale_text(
    t: Translator,
    provenance: Provenance,
    subject: Subject,
    age_seconds: float | None,
    zone: tzinfo,
) -> str:
    if provenance.as_of is None or age_seconds is None:
        return t("banner.stale.unknown")
    as_of, age = instant(t, provenance.as_of, zone), span(t, age_seconds)
    return t(f"banner.stale.{subject}", as_of=as_of, age=age)


def show_stand_in(t: Translator, *, asked: str, answered: str) -> None:
    """Another exchange answered than the one that was asked for."""
    title = t("banner.stand_in.title", asked=markdown_text(asked), answered=markdown_text(answered))
    st.warning(f"**{title}** {t('banner.stand_in.text')}")


def show_problem(
    t: Translator,
    problem: ApiError,
    *,
    kept_since: datetime | None,
    now: datetime,
    zone: tzinfo,
    advice: str | None = None,
) -> None:
    """What went wrong, in the backend's own words if it gave any, and what is shown instead.

    `advice` is for where nothing is.
    """
    parts = [f"**{markdown_text(problem_title(t, problem))}**", *problem_details(t, problem)]
    if kept_since is None:
        parts.append(advice or t("banner.nothing"))
    else:
        age = span(t, (now - kept_since).total_seconds())
        parts.append(t("banner.kept", received=instant(t, kept_since, zone), age=age))
    st.error(" ".join(parts))


def show_kept_coins(
    t: Translator, glances: Sequence[CoinGlance], *, now: datetime, zone: tzinfo
) -> None:
    """One warning that names the coins whose last good answer stays, and why."""
    titles, told = [], []
    for glance in glances:
        if glance.outlived is None:
            continue
        problem, received_at = glance.outlived
        titles.append(markdown_text(problem_title(t, problem)))
        told.append(
            t(
                "banner.kept.part",
                name=markdown_text(glance.choice.symbol),
                received=instant(t, received_at, zone),
                age=span(t, (now - received_at).total_seconds()),
            )
        )
    if told:
        why = " ".join(dict.fromkeys(titles))
        st.warning(f"**{why}** {t('banner.kept.several', parts='; '.join(told))}")


def show_part_problem(t: Translator, part: str, problem: ApiError) -> None:
    """One part of the page could not be renewed; the rest stands."""
    parts = [
        t(f"banner.part.{part}"),
        markdown_text(problem_title(t, problem)),
        *problem_details(t, problem),
    ]
    st.warning(" ".join(parts))
