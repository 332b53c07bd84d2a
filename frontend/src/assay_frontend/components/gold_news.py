"""What changed for gold since the session before, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from assay_frontend.api.models import Bar, Forecast
from assay_frontend.api.track_models import GoldRecord, IssuedForecast
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import long_date, money, percent

_SAME_WIDTH = 0.005


def gold_news(
    t: Translator, forecast: Forecast, bars: Sequence[Bar], record: GoldRecord | None
) -> list[str]:
    """The last close, how its forecast did, and how the range for tomorrow compares."""
    sentences = []
    if len(bars) >= 2:
        last, before = bars[-1], bars[-2]
        sentences.append(
            t(
                "over.gold.close",
                close=money(t, last.close, forecast.currency),
                date=long_date(t, last.session),
                change=percent(t, last.close / before.close - 1, 2, signed=True),
            )
        )
    issued = _forecast_of(record, forecast)
    if issued is not None:
        sentences += [*_outcome(t, issued), *_width(t, issued, forecast)]
    return sentences


def _forecast_of(record: GoldRecord | None, forecast: Forecast) -> IssuedForecast | None:
    """What was said of the last closed session, from bars of the same kind."""
    items = record.items if record else ()
    source = forecast.provenance.source
    return next((i for i in items if i.target == forecast.today and i.row.source == source), None)


def _outcome(t: Translator, issued: IssuedForecast) -> list[str]:
    interval = issued.interval(0.8)
    held = issued.outcome.held(0.8) if issued.outcome else None
    if issued.outcome is None or interval is None or held is None:
        return []
    return [
        t(
            f"over.gold.{'held' if held else 'missed'}",
            lower=money(t, interval.lower, issued.currency),
            upper=money(t, interval.upper, issued.currency),
            error=money(t, abs(issued.outcome.error), issued.currency),
            walk=money(t, abs(issued.outcome.random_walk_error), issued.currency),
        )
    ]


def _width(t: Translator, issued: IssuedForecast, forecast: Forecast) -> list[str]:
    """Widths as shares of the close that each range starts from."""
    then, now = issued.interval(0.8), forecast.interval(0.8)
    if then is None or now is None or then.upper <= then.lower:
        return []
    width_then = (then.upper - then.lower) / issued.last_close
    change = (now.upper - now.lower) / forecast.last_close / width_then - 1
    if abs(change) < _SAME_WIDTH:
        return [t("over.gold.width.same")]
    kind = "wider" if change > 0 else "narrower"
    return [t(f"over.gold.width.{kind}", share=percent(t, abs(change)))]
