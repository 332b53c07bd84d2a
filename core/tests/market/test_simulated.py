"""The simulated market: believable, coherent, and the same whenever it is asked."""

from datetime import UTC, date, datetime, timedelta
from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.clock import FixedClock
from assay.errors import UnknownSymbol
from assay.market.sources.simulated import FIRST_SESSION, SimulatedSource
from assay.market.symbols import DAILY_SYMBOLS, GOLD, SP500

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def history(symbol, *, now=NOW, seed=4, start=FIRST_SESSION):
    source = SimulatedSource(FixedClock(now), seed=seed)
    return source.fetch(symbol.name, start=start, deadline_seconds=1.0).bars


@pytest.mark.parametrize("market", DAILY_SYMBOLS, ids=lambda market: market.name)
def test_it_has_exactly_the_sessions_closed_so_far(market):
    last = market.calendar.last_closed(NOW)
    expected = market.calendar.between(FIRST_SESSION, last)
    assert np.array_equal(history(market).session, expected)


@settings(deadline=None)
@given(moment=st.datetimes(datetime(2001, 1, 1), datetime(2027, 1, 1)), seed=st.integers(0, 3))  # noqa: DTZ001 - hypothesis wants naive bounds
def test_a_bar_never_depends_on_when_it_is_asked_for(moment, seed):
    now = moment.replace(tzinfo=UTC)
    for market in DAILY_SYMBOLS:
        early = history(market, now=now, seed=seed)
        late = history(market, seed=seed)
        shorter, longer = sorted((early, late), key=len)
        assert longer.until(shorter.last_session).fingerprint() == shorter.fingerprint()


def test_a_longer_calendar_changes_no_shock_of_the_days_before():
    from assay.market.sources.simulated import _shocks

    few, many = _shocks(4, days=100), _shocks(4, days=1_000)
    for kind in ("gap", "move", "above", "below", "volume"):
        assert np.array_equal(getattr(few, kind), getattr(many, kind)[:100])


def test_seeds_differ():
    assert history(GOLD, seed=1).fingerprint() != history(GOLD, seed=2).fingerprint()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("market", DAILY_SYMBOLS, ids=lambda market: market.name)
def test_bars_are_coherent_at_every_seed(market, seed):
    bars = history(market, seed=seed)
    assert (bars.high >= np.maximum(bars.open, bars.close)).all()
    assert (bars.low <= np.minimum(bars.open, bars.close)).all()
    assert (bars.low > 0).all()
    assert (bars.volume >= 1).all()
    assert (bars.high > bars.low).mean() > 0.99


@pytest.mark.parametrize(("market", "level"), [(GOLD, 4_200), (SP500, 6_500)])
def test_levels_stay_believable_at_every_seed(market, level):
    for seed in range(5):
        close = history(market, seed=seed).close
        assert 0.4 < close[-1] / level < 2.5
        assert 0.1 < np.std(np.diff(np.log(close))) * 252**0.5 < 0.3
    assert abs(log(history(market).close[-1] / level)) < 0.25


def test_volatility_clusters_and_tails_are_fat():
    for market in DAILY_SYMBOLS:
        returns = np.diff(np.log(np.concatenate([history(market, seed=s).close for s in range(5)])))
        returns = returns[np.abs(returns) < 0.5]  # the joins
        size = np.abs(returns)
        assert np.corrcoef(size[1:], size[:-1])[0, 1] > 0.06
        assert np.mean(returns**4) / np.mean(returns**2) ** 2 > 4.0


def test_the_direction_of_the_next_day_is_not_in_the_past_day():
    for market in DAILY_SYMBOLS:
        returns = np.diff(np.log(history(market).close))
        assert abs(np.corrcoef(returns[1:], returns[:-1])[0, 1]) < 0.05


def test_gaps_are_wider_after_days_off():
    bars = history(GOLD)
    gaps = np.log(bars.open[1:] / bars.close[:-1])
    days = np.diff(bars.session).astype(int)
    assert np.std(gaps[days >= 3]) > 1.2 * np.std(gaps[days == 1])


def test_gold_and_stocks_move_together_a_little():
    gold, sp500 = history(GOLD), history(SP500)
    _, of_gold, of_sp500 = np.intersect1d(gold.session, sp500.session, return_indices=True)
    moves = [np.diff(np.log(close)) for close in (gold.close[of_gold], sp500.close[of_sp500])]
    assert 0.05 < np.corrcoef(*moves)[0, 1] < 0.3


def test_a_start_cuts_the_history():
    assert history(GOLD, start=date(2025, 4, 14)).session[0] == np.datetime64("2025-04-14")
    assert len(history(GOLD, start=NOW.date() + timedelta(days=1))) == 0


def test_it_knows_no_other_market():
    with pytest.raises(UnknownSymbol):
        SimulatedSource(FixedClock(NOW)).fetch("SI=F", start=FIRST_SESSION, deadline_seconds=1.0)
