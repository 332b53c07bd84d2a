from __future__ import annotations

from collections.abc import Callable
from datetime import date

import numpy as np
import pytest

from assay.calendars import SessionCalendar, gold_calendar, sp500_calendar
from assay.market.bars import Bars

Market = Callable[..., tuple[Bars, Bars]]


def random_bars(calendar: SessionCalendar, *, sessions: int, seed: int, last: date) -> Bars:
    """A seeded walk with volatility clustering on the last `sessions` sessions up to `last`."""
    rng = np.random.default_rng(seed)
    days = calendar.between(date(1999, 1, 4), last)[-sessions:]
    volatility = 0.01 * np.exp(0.4 * np.sin(np.arange(sessions) / 40.0))
    close = 1500.0 * np.exp(np.cumsum(rng.standard_t(5, sessions) * volatility * 0.7))
    open_ = close * np.exp(rng.normal(0.0, 0.003, sessions))
    high = np.maximum(open_, close) * np.exp(np.abs(rng.normal(0.0, 0.004, sessions)))
    low = np.minimum(open_, close) * np.exp(-np.abs(rng.normal(0.0, 0.004, sessions)))
    volume = rng.integers(0, 10_000, sessions).astype(np.float64)
    return Bars(days.astype("datetime64[ms]"), open_, high, low, close, volume)


@pytest.fixture(scope="session")
def market() -> Market:
    """Makes a gold and an S&P 500 series of their own holidays, ending together."""

    def make(*, sessions: int = 400, seed: int = 0, last: date = date(2024, 12, 20)):
        gold = random_bars(gold_calendar(), sessions=sessions, seed=seed, last=last)
        sp500 = random_bars(sp500_calendar(), sessions=sessions + 40, seed=seed + 1, last=last)
        return gold, sp500

    return make
