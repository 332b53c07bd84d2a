"""The track record's tables and files."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import tzinfo

from assay_frontend.api.models import at_level
from assay_frontend.api.track_models import IssuedForecast, IssuedSignal
from assay_frontend.components.regimes import regime_text
from assay_frontend.components.tables import Table, csv_text
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import (
    MISSING,
    fine_percent,
    length,
    money,
    risk_percents,
    short_date,
    short_instant,
)

YES, NO = "\N{CHECK MARK}", "\N{MULTIPLICATION X}"


def forecasts_table(t: Translator, items: Sequence[IssuedForecast]) -> Table:
    """Newest first."""
    rows = items[::-1]
    return {
        t("table.session"): [short_date(t, item.target) for item in rows],
        t("hero.median"): [money(t, item.median, item.currency) for item in rows],
        t("hero.range"): [_range(t, item) for item in rows],
        t("table.close"): [
            money(t, item.outcome.actual, item.currency) if item.outcome else MISSING
            for item in rows
        ],
        t("table.held"): [
            _verdict(t, item.row.status, item.outcome.held(0.8) if item.outcome else None, "held")
            for item in rows
        ],
        t("table.direction"): [
            _verdict(
                t,
                item.row.status,
                item.outcome.direction_hit if item.outcome else None,
                "direction",
            )
            for item in rows
        ],
    }


def _range(t: Translator, item: IssuedForecast) -> str:
    interval = item.interval(0.8)
    if interval is None:
        return MISSING
    lower, upper = (money(t, v, item.currency) for v in (interval.lower, interval.upper))
    return t("hero.range.value", lower=lower, upper=upper)


def _verdict(t: Translator, status: str, flag: bool | None, what: str) -> str:
    """A mark and a word; of what has no outcome its state."""
    if status != "scored":
        return t.named("record.status", status)
    if flag is None:
        return MISSING
    word = t(f"record.{what}.{'yes' if flag else 'no'}")
    return f"{YES if flag else NO} {word}"


def signals_table(t: Translator, items: Sequence[IssuedSignal], zone: tzinfo) -> Table:
    """Newest first."""
    rows = items[::-1]
    return {
        t("table.until"): [short_instant(t, item.row.due, zone) for item in rows],
        t("coin.horizon"): [length(t, item.horizon_minutes) for item in rows],
        t("coin.risk"): risk_percents(t, [item.risk_score for item in rows]),
        t("coin.regime"): [regime_text(t, item.vol_regime) for item in rows],
        t("table.high_volatility"): [_event(t, item) for item in rows],
        t("table.volatility.range"): [
            _verdict(t, item.row.status, item.outcome.inside if item.outcome else None, "held")
            for item in rows
        ],
        t("table.var.loss"): [_loss(t, item) for item in rows],
    }


def _event(t: Translator, item: IssuedSignal) -> str:
    if item.outcome is None:
        return t.named("record.status", item.row.status)
    return t("record.event.yes" if item.outcome.above_threshold else "record.event.no")


def _loss(t: Translator, item: IssuedSignal) -> str:
    """`✓ within 1.2%`, `✗ beyond 1.2%`."""
    beyond = item.outcome.lost_beyond(0.95) if item.outcome else None
    if beyond is None:
        return _verdict(t, item.row.status, None, "loss")
    limit = fine_percent(t, at_level(item.value_at_risk, 0.95))
    word = t(f"record.loss.{'beyond' if beyond else 'within'}", limit=limit)
    return f"{NO if beyond else YES} {word}"


def forecasts_csv(items: Sequence[IssuedForecast]) -> str:
    """Oldest first."""
    header = [
        "sequence", "recorded_at", "origin", "target", "source", "status", "counted", "model_type",
        "model_version", "last_close", "median", "lower_80", "upper_80", "probability_up",
        "actual", "inside_80", "direction_hit", "pit", "crps", "random_walk_crps",
    ]  # fmt: skip
    return csv_text(header, [_forecast_row(item) for item in items])


def _forecast_row(item: IssuedForecast) -> list[object]:
    row, outcome, interval = item.row, item.outcome, item.interval(0.8)
    scores: list[object] = [None] * 6
    if outcome is not None:
        scores = [
            outcome.actual, outcome.held(0.8), outcome.direction_hit, outcome.pit, outcome.crps,
            outcome.random_walk_crps,
        ]  # fmt: skip
    said: list[object] = [
        row.sequence, row.recorded_at, item.today,
        item.target, row.source, row.status, row.counted, item.model_type,
        item.model_version, item.last_close, item.median, interval and interval.lower,
        interval and interval.upper, item.probability_up,
    ]  # fmt: skip
    return [*said, *scores]


def signals_csv(items: Sequence[IssuedSignal]) -> str:
    """Oldest first."""
    header = [
        "sequence", "recorded_at", "origin", "due", "symbol", "source", "timeframe", "horizon_min",
        "status", "counted", "risk_score", "vol_regime", "volatility", "lower_80", "upper_80",
        "var_95", "realized_volatility", "above_threshold", "inside_80", "simple_return",
        "var_95_exceeded",
    ]  # fmt: skip
    return csv_text(header, [_signal_row(item) for item in items])


def _signal_row(item: IssuedSignal) -> list[object]:
    row, outcome = item.row, item.outcome
    scores: list[object] = [None] * 5
    if outcome is not None:
        scores = [
            outcome.realized_volatility, outcome.above_threshold, outcome.inside,
            math.expm1(outcome.log_return), outcome.lost_beyond(0.95),
        ]  # fmt: skip
    said: list[object] = [
        row.sequence, row.recorded_at, row.origin, row.due,
        item.symbol, row.source, item.timeframe, item.horizon_minutes, row.status, row.counted,
        item.risk_score, item.vol_regime, item.volatility, item.lower, item.upper,
        at_level(item.value_at_risk, 0.95),
    ]  # fmt: skip
    return [*said, *scores]
