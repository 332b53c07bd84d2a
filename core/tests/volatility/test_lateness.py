"""An assessment given after its time says so, and reaches further."""

from __future__ import annotations

from math import log

import pytest

from assay.volatility.lateness import late
from assay.volatility.state import CoinState


@pytest.mark.parametrize(("hours", "wider"), [(1, 1.055), (3, 1.11), (7, 1.165), (1023, 1.55)])
@pytest.mark.parametrize("minutes", [15, 60, 1440])
def test_the_interval_widens_with_the_hours_not_seen(coin, model, hours, wider, minutes):
    before = CoinState.of(model, coin(2_000)).assess(minutes)
    after = late(before, hours)
    assert after.fallbacks == (*before.fallbacks, "stale")
    assert log(after.upper / after.lower) == pytest.approx(wider * log(before.upper / before.lower))
    assert after.lower < before.lower <= before.volatility <= before.upper < after.upper
    assert (after.volatility, after.risk_score) == (before.volatility, before.risk_score)
