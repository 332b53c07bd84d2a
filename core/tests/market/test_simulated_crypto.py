"""The simulated exchanges: believable, of one piece, and the same whenever they are asked."""

import asyncio
import tracemalloc
from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.clock import FixedClock
from assay.errors import UnknownExchange, UnknownSymbol
from assay.market.bars import check_bars
from assay.market.markets import Market
from assay.market.resample import resample
from assay.market.sources.simulated_crypto import MOST_BARS, SimulatedExchanges
from assay.market.sources.simulation.chance import normals, students, uniforms
from assay.market.sources.simulation.coins import COINS, LISTINGS
from assay.market.timeframes import timeframe
from assay.market.venues import VENUES

NOW = datetime(2026, 11, 21, 12, 34, 56, tzinfo=UTC)
THEN = datetime(2023, 5, 14, 0, 0, 30, tzinfo=UTC)
SHORT = ("1s", "15s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h")
LONG = ("1d", "3d", "1w", "1M")


def stamp(instant):
    return np.datetime64(instant.replace(tzinfo=None), "ms")


def fetched(symbol, of, *, start, now=NOW, seed=4, endpoint="binance", deadline_seconds=60.0):
    source = SimulatedExchanges(FixedClock(now), seed=seed)
    start = stamp(start) if isinstance(start, datetime) else np.datetime64(start, "ms")
    asked = source.bars(
        endpoint,
        Market(symbol, "?"),
        timeframe(of),
        start=start,
        deadline_seconds=deadline_seconds,
    )
    return asyncio.run(asked)


def bars_of(symbol, of, **asked):
    return fetched(symbol, of, **asked).checked.bars


def same(left, right):
    return left.fingerprint() == right.fingerprint()


@cache
def days(symbol, seed=4):
    return bars_of(symbol, "1d", start="2017-01-01", seed=seed)


def returns(bars):
    return np.diff(np.log(bars.close))


def test_every_exchange_has_its_markets_at_every_endpoint():
    source = SimulatedExchanges(FixedClock(NOW))
    assert set(LISTINGS) == set(VENUES)
    for venue in VENUES.values():
        for endpoint in venue.endpoints:
            markets = asyncio.run(source.markets(endpoint, deadline_seconds=1.0))
            assert markets.exchange == venue.name
            assert {"BTC/USDT", "ETH/USDT"} <= {market.symbol for market in markets.markets}
            assert len({market.id for market in markets.markets}) == len(markets.markets)
            for market in markets.markets:
                assert markets.resolve(market.symbol) == markets.resolve(market.id) == market
    assert source.source_of("kraken") == "simulated"


@pytest.mark.parametrize(
    ("exchange", "symbol", "name"),
    [
        ("binance", "BTC/USDT", "BTCUSDT"), ("kraken", "BTC/USDT", "XBTUSDT"),
        ("kraken", "BTC/USD", "XXBTZUSD"), ("kraken", "ETH/BTC", "XETHXXBT"),
        ("kraken", "DOGE/USD", "XDGUSD"), ("coinbase", "ETH/USD", "ETH-USD"),
        ("okx", "SOL/USDT", "SOL-USDT"), ("bybit", "BNB/USDT", "BNBUSDT"),
        ("kucoin", "BNB/USDT", "BNB-USDT"), ("bitstamp", "BTC/USD", "btcusd"),
    ],
)  # fmt: skip
def test_markets_bear_the_names_their_exchange_gives_them(exchange, symbol, name):
    assert LISTINGS[exchange][symbol].market == Market(symbol, name)


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("1s", "15s"), ("1s", "1m"), ("1m", "3m"), ("1m", "5m"), ("5m", "15m"), ("1m", "1h"),
        ("5m", "1h"), ("30m", "1h"), ("1h", "4h"), ("1m", "1d"), ("1h", "1d"), ("12h", "1d"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("symbol", ["BTC/USDT", "DOGE/USDT", "ETH/BTC"])
def test_a_long_bar_is_made_of_its_short_ones(symbol, short, long):
    long_bars = bars_of(symbol, long, start=NOW - timedelta(hours=3 if short == "1s" else 120))
    short_bars = bars_of(symbol, short, start=long_bars.time[0])
    made = resample(short_bars, timeframe(long))
    assert len(long_bars) > 2
    assert_made_of(symbol, long_bars, made.take(made.time <= long_bars.time[-1]))


@pytest.mark.parametrize(
    ("short", "long"), [("1h", "1w"), ("1d", "3d"), ("1d", "1w"), ("1d", "1M")]
)
def test_long_bars_are_made_of_days(short, long):
    long_bars = bars_of("BTC/USDT", long, start="2025-12-30")
    made = resample(bars_of("BTC/USDT", short, start=long_bars.time[0]), timeframe(long))
    assert len(long_bars) > 9
    assert_made_of("BTC/USDT", long_bars, made.take(made.time <= long_bars.time[-1]))


def assert_made_of(symbol, bars, made):
    for name in ("time", "open", "high", "low", "close"):
        assert np.array_equal(getattr(bars, name), getattr(made, name)), name
    # A volume is a whole number of lots, which sums of binary fractions miss by a hair.
    assert np.array_equal(
        bars.volume, np.round(made.volume, LISTINGS["binance"][symbol].lot_decimals)
    )


@cache
def wide(symbol, of, seed):
    length = timedelta(seconds=timeframe(of).seconds)
    return bars_of(symbol, of, start=THEN - 600 * length, now=THEN, seed=seed)


@settings(deadline=None, max_examples=100)
@given(
    of=st.sampled_from(SHORT),
    symbol=st.sampled_from(["BTC/USDT", "ETH/USDT", "LTC/BTC"]),
    back=st.integers(0, 400),
    count=st.integers(1, 150),
    later_seconds=st.integers(0, 10**8),
    seed=st.integers(0, 2),
)
def test_a_bar_never_depends_on_window_or_clock(of, symbol, back, count, later_seconds, seed):
    length = timedelta(seconds=timeframe(of).seconds)
    start = THEN - (back + count) * length
    later = THEN + timedelta(seconds=later_seconds % (400 * length.total_seconds()))
    for now in (THEN - back * length, later):
        other, known = bars_of(symbol, of, start=start, now=now, seed=seed), wide(symbol, of, seed)
        _, ours, theirs = np.intersect1d(known.time, other.time, return_indices=True)
        assert len(ours) >= count - 1
        assert same(known.take(ours), other.take(theirs))


def test_days_do_not_depend_on_how_far_they_are_asked_for():
    for now in (datetime(2019, 3, 3, 7, tzinfo=UTC), datetime(2045, 1, 1, tzinfo=UTC)):
        other = bars_of("SOL/USDT", "1d", start="2017-06-01", now=now)
        shorter, longer = sorted((other, bars_of("SOL/USDT", "1d", start="2017-06-01")), key=len)
        assert same(shorter, longer.take(slice(len(shorter))))


def test_seeds_differ():
    assert not same(days("BTC/USDT", 1), days("BTC/USDT", 2))


@pytest.mark.parametrize("of", SHORT + LONG)
def test_bars_run_up_to_the_last_that_has_closed_and_pass_the_check(of):
    found, frame, now = fetched("BTC/USDT", of, start=start_for(of)), timeframe(of), stamp(NOW)
    bars = found.checked.bars
    assert found.complete
    assert not frame.missing_after(bars.time).any()
    assert frame.ends(bars.time[-1]) <= now < frame.ends(frame.ends(bars.time[-1]))
    assert bars.time[0] >= np.datetime64(start_for(of), "ms")
    prices = np.stack(bars.columns()[1:], axis=1).astype(np.float64)
    checked = check_bars(bars.time, prices, timeframe=frame, now=now)
    assert checked.set_aside == ()
    assert same(checked.bars, bars)


def start_for(of):
    return NOW.replace(tzinfo=None) - min(1_000 * timedelta(seconds=timeframe(of).seconds),
                                          timedelta(days=2_000))  # fmt: skip


@pytest.mark.parametrize("of", ["1s", "1m", "1h"])
@pytest.mark.parametrize("exchange", LISTINGS)
def test_bars_of_every_market_are_coherent(exchange, of):
    length = timedelta(seconds=timeframe(of).seconds)
    for symbol in LISTINGS[exchange]:
        bars = bars_of(symbol, of, start=NOW - 200 * length, endpoint=exchange)
        assert len(bars) >= 199
        assert (bars.high >= np.maximum(bars.open, bars.close)).all()
        assert (bars.low <= np.minimum(bars.open, bars.close)).all()
        assert (bars.low > 0).all()
        assert (bars.volume > 0).all()
        assert np.array_equal(bars.open[1:], bars.close[:-1])


def test_history_begins_in_2017_and_reaches_2040():
    weeks = bars_of("BTC/USDT", "1w", start="2001-01-01")
    assert str(weeks.time[0])[:10] == "2017-01-02"  # a Monday; its week before is not whole
    late = bars_of("BTC/USDT", "1h", start="2039-12-31", now=datetime(2040, 1, 1, tzinfo=UTC))
    assert len(late) == 24
    assert len(bars_of("BTC/USDT", "1h", start=NOW + timedelta(days=9))) == 0
    last = bars_of("BTC/USDT", "1m", start="2049-12-31T23:00", now=datetime(2051, 1, 1, tzinfo=UTC))
    assert len(last) == 60


def test_the_newest_bars_come_where_there_are_too_many_or_too_little_time():
    found = fetched("BTC/USDT", "1m", start="2020-01-01")
    assert (len(found.checked.bars), found.complete) == (MOST_BARS, False)
    hasty = fetched("BTC/USDT", "1m", start="2020-01-01", deadline_seconds=0.0)
    assert 0 < len(hasty.checked.bars) < MOST_BARS
    assert not hasty.complete
    assert same(hasty.checked.bars, found.checked.bars.take(slice(-len(hasty.checked.bars), None)))


def test_what_there_is_not_is_named():
    with pytest.raises(UnknownSymbol, match="kraken has no market 'BNB/USDT'"):
        fetched("BNB/USDT", "1h", start=NOW, endpoint="kraken")
    with pytest.raises(UnknownExchange, match="nowhere"):
        fetched("BTC/USDT", "1h", start=NOW, endpoint="nowhere")


def test_a_number_is_decided_by_its_place_alone():
    for draw in (uniforms, normals, lambda *at: students(*at, degrees=4.0)):
        whole = draw(4, "BTC", 0, 64)
        for first in range(9):
            assert np.array_equal(draw(4, "BTC", first, 20), whole[first : first + 20])
        assert not np.array_equal(draw(4, "ETH", 0, 64), whole)
        assert not np.array_equal(draw(5, "BTC", 0, 64), whole)


@pytest.mark.parametrize(("degrees", "near", "far"), [(4.0, 0.741, 2.776), (8.0, 0.706, 2.306)])
def test_student_numbers_have_the_quantiles_of_the_tables(degrees, near, far):
    drawn = students(4, "test", 0, 200_000, degrees=degrees) / np.sqrt((degrees - 2.0) / degrees)
    found = np.quantile(drawn, [0.025, 0.25, 0.5, 0.75, 0.975])
    assert found == pytest.approx([-far, -near, 0.0, near, far], abs=0.03)


@pytest.mark.parametrize("seed", range(5))
def test_levels_and_volatility_are_believable_at_every_seed(seed):
    for symbol, usual in (("BTC/USDT", 40_000.0), ("ETH/USDT", 2_400.0), ("DOGE/USDT", 0.15)):
        bars, coin = days(symbol, seed), COINS[symbol.split("/")[0]]
        assert bars.low.min() > usual / 15
        assert bars.high.max() < usual * 15
        annualized = returns(bars).std() * 365**0.5
        assert 0.75 < annualized / coin.annualized_volatility < 1.35
        assert abs(returns(bars).mean()) < 3 * returns(bars).std() / len(bars) ** 0.5


def test_volatility_clusters_and_tails_are_fat():
    for symbol in ("BTC/USDT", "ETH/USDT"):
        moves = [returns(days(symbol, seed)) for seed in range(5)]
        kurtosis = [np.mean(move**4) / np.mean(move**2) ** 2 - 3.0 for move in moves]
        clusters = [np.corrcoef(move[1:] ** 2, move[:-1] ** 2)[0, 1] for move in moves]
        assert min(kurtosis) > 1.0
        assert min(clusters) > 0.0
        assert np.mean(clusters) > 0.05
        assert abs(np.mean([np.corrcoef(move[1:], move[:-1])[0, 1] for move in moves])) < 0.04


def test_coins_move_with_btc():
    for symbol, expected in (("ETH/USDT", 0.8), ("SOL/USDT", 0.7), ("TRX/USDT", 0.55)):
        daily = np.corrcoef(returns(days("BTC/USDT")), returns(days(symbol)))[0, 1]
        assert daily == pytest.approx(expected, abs=0.1)
    start = NOW - timedelta(days=14)
    btc, eth = (returns(bars_of(f"{coin}/USDT", "1m", start=start)) for coin in ("BTC", "ETH"))
    assert np.corrcoef(btc, eth)[0, 1] == pytest.approx(0.8, abs=0.12)


def test_volatility_and_volume_have_their_hours_and_their_weekdays():
    bars = bars_of("BTC/USDT", "1h", start="2022-01-03")
    moves, hour = np.log(bars.close / bars.open), bars.time.astype("datetime64[h]").astype(int)
    busy, quiet = np.isin(hour % 24, [13, 14, 15, 16]), np.isin(hour % 24, [2, 3, 4, 5])
    assert moves[busy].std() > 1.2 * moves[quiet].std()
    assert bars.volume[busy].mean() > 1.2 * bars.volume[quiet].mean()
    weekend = (hour // 24 + 3) % 7 >= 5
    assert moves[weekend].std() < 0.9 * moves[~weekend].std()


@pytest.mark.parametrize("of", ["1m", "1h", "1d"])
def test_volume_rises_and_volatility_stays_with_volatility(of):
    start = NOW - min(20_000 * timedelta(seconds=timeframe(of).seconds), timedelta(days=3_000))
    bars = bars_of("BTC/USDT", of, start=start)
    size = np.abs(np.log(bars.close / bars.open))
    assert np.corrcoef(np.log(bars.volume), size)[0, 1] > 0.2
    assert np.corrcoef(size[1:], size[:-1])[0, 1] > 0.08


@pytest.mark.parametrize(("of", "widest"), [("1s", 1.5), ("1m", 1.6), ("5m", 1.2), ("1h", 1.2)])
def test_ranges_tell_the_variance_that_closes_tell(of, widest):
    start = NOW - 20_000 * timedelta(seconds=timeframe(of).seconds)
    bars = bars_of("BTC/USDT", of, start=start)
    squares = np.log(bars.close / bars.open) ** 2
    garman_klass = 0.5 * np.log(bars.high / bars.low) ** 2 - (2.0 * np.log(2.0) - 1.0) * squares
    assert 0.8 < garman_klass.mean() / squares.mean() < widest


@pytest.mark.parametrize(("of", "most_bps"), [("1h", 1.0), ("1m", 8.0)])
def test_a_coin_in_btc_costs_what_the_two_cost_in_dollars(of, most_bps):
    start = NOW - 4_000 * timedelta(seconds=timeframe(of).seconds)
    eth, btc, crossed = (bars_of(symbol, of, start=start) for symbol in
                         ("ETH/USDT", "BTC/USDT", "ETH/BTC"))  # fmt: skip
    off = np.log(crossed.close / (eth.close / btc.close))
    assert 1e4 * np.sqrt(np.mean(off**2)) < most_bps


def test_exchanges_and_dollars_agree_on_prices_and_not_on_volume():
    start = NOW - timedelta(days=3)
    of_binance = bars_of("BTC/USDT", "1h", start=start)
    of_kraken = bars_of("BTC/USD", "1h", start=start, endpoint="kraken")
    assert np.array_equal(of_binance.close, of_kraken.close)
    assert (of_binance.volume > 5 * of_kraken.volume).all()


def test_the_mirror_is_its_exchange():
    start = NOW - timedelta(days=3)
    mirrored = bars_of("BTC/USDT", "1h", start=start, endpoint="binance_mirror")
    assert same(mirrored, bars_of("BTC/USDT", "1h", start=start))


@pytest.mark.slow
def test_all_coins_together_hold_little_memory():
    tracemalloc.start()
    try:
        for symbol in LISTINGS["binance"]:
            bars_of(symbol, "1d", start="2017-01-01", seed=77)
            bars_of(symbol, "1m", start=NOW - timedelta(days=4), seed=77)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 20e6
