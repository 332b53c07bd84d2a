"""The status page's first glance: whether it works, is fresh, and has lost nothing."""

from __future__ import annotations

from datetime import datetime

from assay_frontend.api.status_models import LedgerCheck, SeriesFreshness, Status
from assay_frontend.components.headline import figure_html
from assay_frontend.components.text import html_text
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import MISSING, age_now, number, short_date, span

KNOWN = ("healthy", "degraded", "unhealthy")


def status_headline_html(
    t: Translator,
    status: Status | None,
    check: LedgerCheck | None,
    *,
    received_at: datetime | None,
    now: datetime,
    answers: bool = True,
) -> str:
    """Whether it works in words, and four figures; `received_at` is the status's. Where the service
    `answers` no more, the figures are of then, and how it is now is not known.
    """
    if status is None:
        return (
            f'<section class="assay-hero"><h1>{html_text(t("status.title.unknown"))}</h1></section>'
        )
    kind = status.status if status.status in KNOWN and answers else "unknown"
    lede = t(f"status.lede.{kind}") if answers else t("status.lede.silent")
    figures = [
        _service(t, status, kind),
        _freshness(t, status),
        _gold(t, status, received_at, now),
        _ledger(t, status, check),
    ]
    return (
        f'<section class="assay-hero"><h1>{html_text(t(f"status.title.{kind}"))}</h1>'
        f'<p class="lede">{html_text(lede)}</p>'
        f"<dl>{''.join(figures)}</dl></section>"
    )


def _service(t: Translator, status: Status, kind: str) -> str:
    asked = [each for each in status.breakers if each.state in ("closed", "half_open")]
    note = t("status.hero.sources", n=number(t, len(asked)), of=number(t, len(status.breakers)))
    return figure_html(
        t("status.hero.service"), html_text(t(f"status.word.{kind}")), note,
        unit=t(f"status.source.{status.market_source}")
        if status.market_source in ("live", "auto", "replay", "simulated")
        else status.market_source,
    )  # fmt: skip


def _freshness(t: Translator, status: Status) -> str:
    fresh = sum(not series.stale for series in status.freshness)
    value = t("record.of", hits=number(t, fresh), n=number(t, len(status.freshness)))
    return figure_html(t("status.hero.fresh"), value, t("status.hero.fresh.note"))


def gold_series(status: Status) -> SeriesFreshness | None:
    """Gold's daily bars; they have no exchange."""
    return next((s for s in status.freshness if s.exchange is None and "GC" in s.symbol), None)


def _gold(t: Translator, status: Status, received_at: datetime | None, now: datetime) -> str:
    series = gold_series(status)
    known = series is not None and series.as_of is not None
    told = age_words(t, series, status, received_at, now) if series else MISSING
    if series and series.as_of and status.market_source == "replay":
        told = short_date(t, series.as_of.date())
    elif told != MISSING:
        told = t("status.ago", age=told)
    note = t(f"status.{'stale' if series and series.stale else 'fresh'}.word") if known else MISSING
    return figure_html(t("status.hero.gold"), html_text(told), note)


def age_words(
    t: Translator,
    series: SeriesFreshness,
    status: Status,
    received_at: datetime | None,
    now: datetime,
) -> str:
    """How old the newest bar is; in a replay the clock stands still, so no age is told."""
    if status.market_source == "replay":
        return MISSING
    age = age_now(series.age_seconds, received_at, now)
    return MISSING if age is None else span(t, age)


def _ledger(t: Translator, status: Status, check: LedgerCheck | None) -> str:
    rows = number(t, status.ledger_rows)
    return figure_html(t("status.hero.ledger"), rows, check_words(t, check))


def check_words(t: Translator, check: LedgerCheck | None) -> str:
    """What recomputing every hash has shown."""
    if check is None:
        return t("status.ledger.unchecked")
    if check.intact:
        return t("status.ledger.intact")
    return t("status.ledger.broken", n=number(t, check.first_bad))
