"""`assay-data fetch`: what is asked for, what is stored, and what a stop leaves."""

from dataclasses import dataclass

import numpy as np
import pytest

from assay.errors import BlockedRegion, RateLimited, SourceUnavailable
from assay.market.bars import CheckedBars
from assay.market.keys import SeriesKey
from assay.market.sources.base import Fetched
from upstream.scripted import ScriptedExchanges

BTC = SeriesKey("binance", "BTC/USDT", "1h")
GOLD = SeriesKey("yahoo", "GC=F", "1d")
SP500 = SeriesKey("yahoo", "^GSPC", "1d")
SERIES = ("--exchange", "binance", "--symbol", "BTCUSDT", "--timeframe", "1h")
NEWEST = np.datetime64("2026-11-18T22:00", "ms")  # the clock says 23:00
HOUR = np.timedelta64(1, "h")


def opens(start, count):
    return np.datetime64(start, "ms") + np.arange(count) * HOUR


def assert_hours(bars, first, last=NEWEST):
    """Every hour from `first` to `last`, once."""
    count = int((last - np.datetime64(first, "ms")) // HOUR) + 1
    np.testing.assert_array_equal(bars.time, opens(first, count))


@dataclass
class Stopping(ScriptedExchanges):
    """Ctrl-C comes at the call with this number."""

    stops_at: int = 0

    async def bars(self, *args, **named):
        if self.stops_at and sum(self.bar_calls.values()) + 1 == self.stops_at:
            raise KeyboardInterrupt
        return await super().bars(*args, **named)


@dataclass
class Hurried(ScriptedExchanges):
    """Has time for 50 bars a call, the newest."""

    async def bars(self, *args, **named):
        fetched = await super().bars(*args, **named)
        bars = fetched.checked.bars
        newest = CheckedBars(bars.take(slice(-50, None)), rows=len(bars))
        return Fetched(newest, complete=len(bars) <= 50)


def test_a_new_series_begins_with_its_newest_bars(run):
    ran = run("fetch", *SERIES)
    assert ran.code == 0, ran.err
    bars = run.bars(BTC)
    assert len(bars) == 5000
    assert bars.time[-1] == NEWEST
    assert ran.out == (
        "binance BTC/USDT 1h: 5,000 new, 0 corrected; stored 5,000 from 2026-04-24T15:00:00Z to "
        "2026-11-18T22:00:00Z\n"
    )


def test_it_goes_on_after_what_is_stored(run, clock):
    run("fetch", *SERIES, "--since", "2026-11-01")
    clock.advance(days=2)
    run.exchanges.starts.clear()
    ran = run("fetch", *SERIES)
    assert ran.code == 0
    assert run.exchanges.starts == [NEWEST - 2 * HOUR]
    assert_hours(run.bars(BTC), "2026-11-01", NEWEST + 48 * HOUR)


def test_older_bars_come_when_they_are_asked_for_and_only_they(run):
    run("fetch", *SERIES, "--since", "2026-11-01")
    run.exchanges.starts.clear()
    assert run("fetch", *SERIES, "--since", "2023-01-01").code == 0
    assert len(run.exchanges.starts) == 1 + 4  # the newest hours, and 33,600 hours before
    assert_hours(run.bars(BTC), "2023-01-01")


def test_years_before_the_first_bar_cost_one_call(run):
    run.exchanges.first = "2026-01-01"
    ran = run("fetch", *SERIES, "--since", "2010-01-01")
    assert ran.code == 0
    assert len(run.exchanges.starts) == 2
    assert_hours(run.bars(BTC), "2026-01-01")
    assert "its history is taken to begin there" in ran.err


def test_only_closed_bars_before_until_are_fetched(run):
    bounds = ("--since", "2026-11-01", "--until", "2026-11-02T12:00")
    assert run("fetch", *SERIES, *bounds).code == 0
    assert_hours(run.bars(BTC), "2026-11-01", np.datetime64("2026-11-02T11:00", "ms"))


def test_small_gaps_are_asked_for_again_when_told_to(run):
    holes = set(opens("2026-11-05", 3))
    run.exchanges.holes = holes
    run("fetch", *SERIES, "--since", "2026-11-01")
    run.exchanges.holes = set()
    run("fetch", *SERIES)
    assert not np.isin(list(holes), run.bars(BTC).time).any()
    assert run("fetch", *SERIES, "--gaps").code == 0
    assert_hours(run.bars(BTC), "2026-11-01")


@pytest.mark.parametrize("stops_at", [1, 2, 3])
def test_a_stop_leaves_what_was_had_and_the_same_command_goes_on(run, clock, stops_at):
    run("fetch", *SERIES, "--since", "2023-06-01", "--until", "2023-07-01")
    run.exchanges = Stopping(clock, stops_at=stops_at)
    ran = run("fetch", *SERIES, "--since", "2022-01-01")
    assert ran.code == 130
    assert "the same command goes on from there" in ran.err
    assert run.exchanges.closed
    had = run.bars(BTC)
    assert len(had) >= 720
    run.exchanges = ScriptedExchanges(clock)
    assert run("fetch", *SERIES, "--since", "2022-01-01").code == 0
    assert_hours(run.bars(BTC), "2022-01-01")


def test_what_another_program_stored_meanwhile_hides_nothing(run, clock):
    run("fetch", *SERIES, "--since", "2024-01-01", "--until", "2024-02-01")
    run.exchanges = Stopping(clock, stops_at=2)
    run("fetch", *SERIES)
    run.exchanges = ScriptedExchanges(clock)
    run("fetch", *SERIES, "--since", "2026-11-18")  # as the service does
    assert run("fetch", *SERIES).code == 0
    assert_hours(run.bars(BTC), "2024-01-01")


def test_a_slow_exchange_is_asked_for_the_rest(run, clock):
    run.exchanges = Hurried(clock)
    assert run("fetch", *SERIES, "--since", "2026-11-01").code == 0
    assert_hours(run.bars(BTC), "2026-11-01")


def test_the_mirror_gives_what_binance_does_not(run):
    run.exchanges.faults["binance"] = BlockedRegion("binance: refused here")
    assert run("fetch", *SERIES).code == 0
    assert len(run.bars(BTC)) == 5000
    assert run.exchanges.market_calls == {"binance": 1, "binance_mirror": 1}
    assert run.exchanges.bar_calls == {"binance_mirror": 1}


@pytest.mark.parametrize(
    "error",
    [SourceUnavailable("no answer"), RateLimited("slow down", retry_after_seconds=9000.0)],
)
def test_an_exchange_that_cannot_be_had_is_one_sentence_and_status_1(run, error):
    run.exchanges.faults = dict.fromkeys(("binance", "binance_mirror"), error)
    ran = run("fetch", *SERIES)
    assert ran.code == 1
    assert ran.err.splitlines()[-1] == f"assay-data: {error.message}"
    assert "Traceback" not in ran.err


def test_garbage_is_set_aside_and_is_no_answer(run):
    run.exchanges.spoilt = True
    ran = run("fetch", *SERIES, "--since", "2026-11-18")
    assert ran.code == 1
    assert "sent no bar" in ran.err
    assert len(run.bars(BTC)) == 0
    store = run.store()
    assert store.quarantine_counts() == {"not a number": 23}
    store.close()


def test_without_arguments_all_that_is_watched_is_brought(run):
    run.settings = {"crypto_watch": "binance:BTC/USDT:1h,kraken:ETH/USDT:4h"}
    ran = run("fetch")
    assert ran.code == 0, ran.err
    store = run.store()
    found = {str(item.key) for item in store.series()}
    store.close()
    ether = SeriesKey("kraken", "ETH/USDT", "4h")
    assert found == {str(key) for key in (BTC, ether, GOLD, SP500)}
    assert len(ran.out.splitlines()) == 4


def test_one_series_that_fails_leaves_the_others_alone(run):
    run.settings = {"crypto_watch": "kraken:BTC/USDT:1h,binance:BTC/USDT:1h"}
    run.exchanges.faults["kraken"] = SourceUnavailable("kraken is down")
    run.source.error = SourceUnavailable("Yahoo is down")
    ran = run("fetch")
    assert ran.code == 1
    assert "kraken is down" in ran.err
    assert "Yahoo is down" in ran.err
    assert len(run.bars(BTC)) == 5000


def test_gold_comes_from_yahoo_and_goes_on(run, clock):
    assert run("fetch", "--symbol", "GC=F", "--since", "2026-01-01").code == 0
    had = len(run.bars(GOLD))
    assert run.bars(GOLD).session[0] == np.datetime64("2026-01-02")
    clock.advance(days=1)
    ran = run("fetch", "--symbol", "gc=f")
    assert ran.code == 0
    assert "asking from 2026-11-12 on" in ran.err
    assert len(run.bars(GOLD)) == had + 1


def test_gold_gets_older_sessions_and_its_gaps_when_asked(run, clock):
    run("fetch", "--symbol", "GC=F", "--since", "2026-06-01", "--until", "2026-10-01")
    assert run.bars(GOLD).session[-1] == np.datetime64("2026-09-30")
    bars = run.bars(GOLD)
    week = [f"2026-11-{day}" for day in (10, 11, 12, 13, 16, 17)]
    run.keep(GOLD, [(1.0, 1.0, 1.0, 1.0, 0.0)] * 6, times=week, daily=True)
    ran = run("fetch", "--symbol", "GC=F", "--until", "2026-11-12")
    assert "asking from 2026-11-11 on" in ran.err
    ran = run("fetch", "--symbol", "GC=F", "--gaps")
    assert "asking from 2026-10-01 on" in ran.err
    assert "5 corrected" in ran.out
    run("fetch", "--symbol", "GC=F", "--since", "2026-05-01")
    assert run.bars(GOLD).session[0] == np.datetime64("2026-05-01")
    assert len(run.bars(GOLD)) > len(bars)
    assert "no gap" in run("gaps", "--symbol", "GC=F").out


@pytest.mark.parametrize("mode", ["simulated", "replay"])
def test_where_bars_are_not_live_there_is_nothing_to_fetch(run, tmp_path, mode):
    file = tmp_path / "gold.csv"
    file.write_text("date,open,high,low,close,volume\n")
    run.settings = {"market_source": mode, "replay_gold_csv": file, "replay_sp500_csv": file}
    ran = run("fetch")
    assert ran.code == 2
    assert ran.err.startswith(f"assay-data: ASSAY_MARKET_SOURCE is {mode}: there is nothing to")
    assert ran.err.count("\n") == 1
    assert not run.exchanges.market_calls
    assert not run.database.exists()


def bad(*words, says):
    return pytest.param(words, says, id=" ".join(words) or "nothing")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        bad("--exchange", "mtgox", "--symbol", "BTC/USDT", "--timeframe", "1h", says="mtgox"),
        bad("--exchange", "binance", says="--symbol and --timeframe missing"),
        bad("--symbol", "BTCUSDT", says="--exchange and --timeframe missing"),
        bad("--exchange", "kraken", "--symbol", "BTC/USDT", "--timeframe", "7h", says="7h"),
        bad("--exchange", "kraken", "--symbol", "../x", "--timeframe", "1h", says="../x"),
        bad("--exchange", "kraken", "--symbol", "BTCUSDC", "--timeframe", "1h", says="BTC/USDT"),
        bad("--exchange", "kraken", "--symbol", "GC=F", says="--exchange 'kraken' does not go"),
        bad("--symbol", "GC=F", "--timeframe", "1h", says="--timeframe '1h' does not go"),
        bad(*SERIES, "--since", "tomorrow", says="'tomorrow' is no time"),
        bad(*SERIES, "--since", "2030-01-01", says="--since 2030-01-01T00:00Z is not before now"),
        bad(*SERIES, "--since", "2026-01-02", "--until", "2026-01-01", says="is not before --unt"),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(run, words, says):
    ran = run("fetch", *words)
    assert ran.code == 2
    assert says in ran.err
    assert "Traceback" not in ran.err
    assert not run.exchanges.bar_calls


def test_an_exchange_that_is_not_allowed_is_not_asked(run):
    run.settings = {"crypto_exchanges": "kraken", "crypto_failover": "kraken", "crypto_watch": ()}
    ran = run("fetch", *SERIES)
    assert ran.code == 2
    assert "ASSAY_CRYPTO_EXCHANGES: kraken" in ran.err


def test_kraken_says_how_far_it_reaches(run):
    words = ("--exchange", "kraken", "--symbol", "BTC/USDT", "--timeframe", "1h")
    ran = run("fetch", *words, "--since", "2020-01-01")
    assert ran.code == 0
    assert "Kraken gives no more than its newest 720 bars" in ran.err
    assert len(run.bars(SeriesKey("kraken", "BTC/USDT", "1h"))) == 720


def test_the_list_of_markets_is_asked_for_once_a_day(run, clock):
    for _ in range(2):
        run("fetch", *SERIES)
    assert run.exchanges.market_calls == {"binance": 1}
    clock.advance(days=2)
    run("fetch", *SERIES)
    assert run.exchanges.market_calls == {"binance": 2}
