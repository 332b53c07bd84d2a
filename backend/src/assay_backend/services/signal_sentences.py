"""A signal in one plain sentence, in every language there is."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from assay.volatility.assessment import Assessment, Regime
from assay_backend.languages import Language

HOUR_MIN: Final = 60
DAY_MIN: Final = 24 * HOUR_MIN

_EN_REGIME: Final[dict[Regime, str]] = {
    "calm": "calm", "normal": "normal", "turbulent": "turbulent",
}  # fmt: skip
_ES_REGIME: Final[dict[Regime, str]] = {
    "calm": "tranquilo", "normal": "normal", "turbulent": "turbulento",
}  # fmt: skip


def summary(
    assessment: Assessment,
    *,
    symbol: str,
    origin: datetime,
    simulated: bool,
    language: Language,
) -> str:
    """What the assessment comes to, for someone who knows no statistics.

    Where it is late it names its `origin`; without a regime to speak of it names none.
    """
    tell = _spanish if language == "es" else _english
    return tell(assessment, symbol, origin, simulated)


def _english(assessment: Assessment, symbol: str, origin: datetime, simulated: bool) -> str:
    fallbacks, span = assessment.fallbacks, _english_span(assessment.horizon_minutes)
    start = "On simulated bars, " if simulated else ""
    if "no_regime" not in fallbacks:
        start += f"{symbol} is in a {_EN_REGIME[assessment.vol_regime]} regime: "
        of = ""
    else:
        of = f" of {symbol}"
    when = f"over the next {span}"
    if "stale" in fallbacks:
        when = f"over the {span} from {_instant(origin)} on, where the newest bars end,"
    rough = ", a rough figure for want of bars" if fallbacks else ""
    return _capitalized(
        f"{start}{when} a typical move{of} is {_percent(assessment.volatility)} % either way, and "
        "the chance that prices swing more than in four fifths of the past year is "
        f"{_risk(assessment.risk_score)} %{rough}."
    )


def _spanish(assessment: Assessment, symbol: str, origin: datetime, simulated: bool) -> str:
    fallbacks, minutes = assessment.fallbacks, assessment.horizon_minutes
    start = "Con datos simulados, " if simulated else ""
    if "no_regime" not in fallbacks:
        start += f"{symbol} está en un régimen {_ES_REGIME[assessment.vol_regime]}: "
        of = ""
    else:
        of = f" de {symbol}"
    when = f"en {_spanish_span(minutes)}"
    if "stale" in fallbacks:
        count, unit = _span(minutes)
        name = {1: "minuto", HOUR_MIN: "hora", DAY_MIN: "día"}[unit]
        span = f"{count} {name}{'s' if count > 1 else ''}"
        when = f"en {span} a partir de {_instant(origin)}, donde acaban los últimos datos,"
    rough = ", una cifra aproximada por falta de datos" if fallbacks else ""
    return _capitalized(
        f"{start}{when} un movimiento típico{of} es del {_coma(assessment.volatility)} % en uno u "
        "otro sentido, y la probabilidad de que los precios oscilen más que en cuatro quintas "
        f"partes del último año es del {_risk(assessment.risk_score).replace('.', ',')} %{rough}."
    )


def _instant(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _capitalized(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _english_span(minutes: int) -> str:
    count, unit = _span(minutes)
    name = {1: "minute", HOUR_MIN: "hour", DAY_MIN: "day"}[unit]
    return name if count == 1 else f"{count} {name}s"


def _spanish_span(minutes: int) -> str:
    count, unit = _span(minutes)
    if unit == HOUR_MIN:
        return "la próxima hora" if count == 1 else f"las próximas {count} horas"
    name = "minuto" if unit == 1 else "día"
    return f"el próximo {name}" if count == 1 else f"los próximos {count} {name}s"


def _span(minutes: int) -> tuple[int, int]:
    """The count of the longest unit that it is a whole number of, and the unit's minutes."""
    unit = next(unit for unit in (DAY_MIN, HOUR_MIN, 1) if minutes % unit == 0)
    return minutes // unit, unit


def _percent(fraction: float) -> str:
    """Two or three significant digits: 0.62, 3.1, 45."""
    percent = 100.0 * fraction
    decimals = 0 if percent >= 19.95 else 1 if percent >= 0.995 else 2
    return f"{percent:.{decimals}f}"


def _risk(score: float) -> str:
    """Whole percents; a decimal where the score is next to none or next to sure."""
    return f"{100.0 * score:.{0 if 0.0195 <= score <= 0.9805 else 1}f}"


def _coma(fraction: float) -> str:
    return _percent(fraction).replace(".", ",")
