"""A signal in one plain sentence, in every language there is."""

from __future__ import annotations

from typing import Final

from assay.volatility.assessment import Assessment, Regime
from assay_backend.languages import Language

HOUR_MIN: Final = 60
DAY_MIN: Final = 24 * HOUR_MIN

_EN_REGIME: Final[dict[Regime, str]] = {
    "calm": "calm", "normal": "normal", "turbulent": "turbulent",
}  # fmt: skip
_ES_REGIME: Final[dict[Regime, str]] = {
    "calm": "de calma", "normal": "normal", "turbulent": "turbulento",
}  # fmt: skip


def summary(assessment: Assessment, *, symbol: str, simulated: bool, language: Language) -> str:
    """What the assessment comes to, for someone who knows no statistics."""
    tell = _spanish if language == "es" else _english
    return tell(assessment, symbol, simulated)


def _english(assessment: Assessment, symbol: str, simulated: bool) -> str:
    rough = ", a rough figure for want of bars" if assessment.fallbacks else ""
    return (
        f"{'On simulated bars, ' if simulated else ''}{symbol} is in a "
        f"{_EN_REGIME[assessment.vol_regime]} regime: over the next "
        f"{_english_span(assessment.horizon_minutes)} a typical move is "
        f"{_percent(assessment.volatility)} % either way, and the chance that prices swing more "
        f"than in four fifths of the past year is {_percent(assessment.risk_score)} %{rough}."
    )


def _spanish(assessment: Assessment, symbol: str, simulated: bool) -> str:
    rough = ", una cifra aproximada por falta de datos" if assessment.fallbacks else ""
    return (
        f"{'Con datos simulados, ' if simulated else ''}{symbol} está en un régimen "
        f"{_ES_REGIME[assessment.vol_regime]}: en {_spanish_span(assessment.horizon_minutes)} un "
        f"movimiento típico es del {_coma(assessment.volatility)} % en uno u otro sentido, y la "
        "probabilidad de que los precios oscilen más que en cuatro quintas partes del último año "
        f"es del {_coma(assessment.risk_score)} %{rough}."
    )


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
    return f"{percent:.{2 if percent < 1.0 else 1 if percent < 10.0 else 0}f}"


def _coma(fraction: float) -> str:
    return _percent(fraction).replace(".", ",")
