"""What a back-test says, and how far to believe it, in sentences."""

from __future__ import annotations

from functools import partial

from assay_frontend.api.backtest_models import Backtest
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import number, percent, short_date


def hindsight(t: Translator, found: Backtest) -> list[str]:
    """That the model was fitted to some of these days, where it was."""
    day = found.fitted_to
    return [] if day is None else [t("backtest.hindsight", trained=short_date(t, day))]


def earned_sentences(t: Translator, found: Backtest) -> list[str]:
    """Whether it earned more or lost less than holding the coin, and what that is per unit of risk.

    Sharpe ratios below zero rank nothing, since there more risk looks better: they are left out.
    """
    share = partial(percent, t, decimals=1, signed=True)
    own, hold = (round(f.total_return, 3) + 0.0 for f in (found.strategy, found.hold))
    sentences = [t(f"backtest.{_outcome(own, hold)}", strategy=share(own), hold=share(hold))]
    sharpe, hold_sharpe = found.strategy.sharpe, found.hold.sharpe
    if sharpe is not None and hold_sharpe is not None and min(sharpe, hold_sharpe) >= 0:
        told = {"strategy": number(t, sharpe, 2), "hold": number(t, hold_sharpe, 2)}
        kind = _beside(round(sharpe, 2), round(hold_sharpe, 2))
        sentences.append(t(f"backtest.sharpe.{kind}", **told))
    return sentences


def _outcome(own: float, hold: float) -> str:
    """As the figures that are shown compare, and by whether they are gains or losses."""
    if own < 0 < hold:
        return "lost.alone"
    if hold < 0 < own:
        return "earned.alone"
    if min(own, hold) < 0:
        return f"lost.{_beside(-own, -hold)}"
    return f"earned.{_beside(own, hold)}"


def _beside(own: float, other: float) -> str:
    return "same" if own == other else "more" if own > other else "less"
