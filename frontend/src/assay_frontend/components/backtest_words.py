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
    """Whether it earned more than holding the coin, and whether also per unit of risk."""
    share = partial(percent, t, decimals=1, signed=True)
    own, hold = found.strategy.total_return, found.hold.total_return
    kind = _beside(round(own, 3), round(hold, 3))
    sentences = [t(f"backtest.earned.{kind}", strategy=share(own), hold=share(hold))]
    sharpe, hold_sharpe = found.strategy.sharpe, found.hold.sharpe
    if sharpe is not None and hold_sharpe is not None:
        told = {"strategy": number(t, sharpe, 2), "hold": number(t, hold_sharpe, 2)}
        kind = _beside(round(sharpe, 2), round(hold_sharpe, 2))
        sentences.append(t(f"backtest.sharpe.{kind}", **told))
    return sentences


def _beside(own: float, other: float) -> str:
    """As the figures that are shown compare."""
    return "same" if own == other else "more" if own > other else "less"
