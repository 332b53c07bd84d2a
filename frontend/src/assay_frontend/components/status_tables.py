"""The status page's tables and files."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo
from functools import partial

from assay_frontend.api.status_models import Breaker, Gap, SeriesFreshness, Status
from assay_frontend.components.coin_headline import source_name, timeframe_words
from assay_frontend.components.numbers import Column, Numbers
from assay_frontend.components.status_headline import age_words
from assay_frontend.components.tables import Table, csv_text
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import MISSING, number, short_date, short_instant

YES, HALF, NO = "\N{CHECK MARK}", "\N{CIRCLE WITH LEFT HALF BLACK}", "\N{MULTIPLICATION X}"
_STATES = {"closed": YES, "half_open": HALF, "open": NO, "blocked": NO}


def series_name(t: Translator, exchange: str | None, symbol: str, timeframe: str) -> str:
    """`BTC/USDT, Binance, 1 hour`."""
    where = [] if exchange is None else [source_name(t, exchange)]
    return ", ".join([t.named("symbol", symbol), *where, timeframe_words(t, timeframe)])


def freshness_table(
    t: Translator, status: Status, received_at: datetime | None, now: datetime, zone: tzinfo
) -> Table:
    """A row for each series."""
    rows = status.freshness
    return {
        t("table.series"): [series_name(t, s.exchange, s.symbol, s.timeframe) for s in rows],
        t("table.state"): [freshness_word(t, s) for s in rows],
        t("data.source"): [source_name(t, s.source) if s.source else MISSING for s in rows],
        t("table.as_of"): [short_instant(t, s.as_of, zone) if s.as_of else MISSING for s in rows],
        t("table.age"): [age_words(t, s, status, received_at, now) for s in rows],
        t("table.rows"): [number(t, s.rows) for s in rows],
        t("table.next"): [
            short_instant(t, s.next_refresh, zone) if s.next_refresh else MISSING for s in rows
        ],
    }


def freshness_word(t: Translator, series: SeriesFreshness) -> str:
    """A mark and a word."""
    if series.as_of is None:
        return f"{NO} {t('status.none.word')}"
    return f"{NO} {t('status.stale.word')}" if series.stale else f"{YES} {t('status.fresh.word')}"


def breakers_numbers(
    t: Translator, breakers: Sequence[Breaker], zone: tzinfo, *, file: str
) -> Numbers:
    """A row for each place that is asked."""
    count = partial(number, t)
    return Numbers.of(
        [
            Column(
                "source", [each.endpoint for each in breakers], t("table.place"),
                partial(source_name, t),
            ),
            Column(
                "feed", [each.feed for each in breakers], t("table.for"),
                partial(t.named, "status.feed"),
            ),
            Column("state", [each.state for each in breakers]),
            Column("", breakers, t("table.state"), partial(breaker_word, t)),
            Column(
                "shut_until", [each.shut_until for each in breakers], t("table.until"),
                lambda moment: short_instant(t, moment, zone),
            ),
            Column("calls", [each.calls for each in breakers], t("table.calls"), count),
            Column("failed", [each.failed for each in breakers], t("table.failed"), count),
            Column("last_error", [each.last_error for each in breakers]),
        ],
        file=file,
    )  # fmt: skip


def breaker_word(t: Translator, breaker: Breaker) -> str:
    """A mark and a word."""
    mark = _STATES.get(breaker.state)
    word = t.named("status.breaker", breaker.state)
    return f"{mark} {word}" if mark else word


def quarantine_numbers(t: Translator, by_reason: dict[str, int], *, file: str) -> Numbers:
    """Most first."""
    pairs = sorted(by_reason.items(), key=lambda pair: (-pair[1], pair[0]))
    return Numbers.of(
        [
            Column(
                "reason", [reason for reason, _ in pairs], t("table.reason"),
                partial(t.named, "reason"),
            ),
            Column("rows", [count for _, count in pairs], t("table.rows"), partial(number, t)),
        ],
        file=file,
    )  # fmt: skip


def gaps_table(t: Translator, gaps: Sequence[Gap], zone: tzinfo) -> Table:
    """As they came: the newest of each series first."""
    return {
        t("table.series"): [series_name(t, g.exchange, g.symbol, g.timeframe) for g in gaps],
        t("table.from"): [_moment(t, g.start, zone) for g in gaps],
        t("table.until"): [_moment(t, g.end, zone) for g in gaps],
        t("table.missing"): [number(t, g.bars) for g in gaps],
    }


def _moment(t: Translator, text: str, zone: tzinfo) -> str:
    """Sessions are dates, in nobody's zone."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return short_date(t, moment.date()) if moment.tzinfo is None else short_instant(t, moment, zone)


def freshness_csv(status: Status) -> str:
    header = [
        "exchange", "symbol", "timeframe", "source", "as_of", "age_seconds", "stale", "rows",
        "next_refresh", "last_error",
    ]  # fmt: skip
    rows = [
        [
            s.exchange, s.symbol, s.timeframe, s.source, s.as_of, s.age_seconds, s.stale, s.rows,
            s.next_refresh, s.last_error,
        ]
        for s in status.freshness
    ]  # fmt: skip
    return csv_text(header, rows)


def gaps_csv(gaps: Sequence[Gap]) -> str:
    return csv_text(
        ["exchange", "symbol", "timeframe", "start", "end", "bars"],
        [[g.exchange, g.symbol, g.timeframe, g.start, g.end, g.bars] for g in gaps],
    )
