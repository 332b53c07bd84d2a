"""Unmodified ccxt, reached by environment alone, against the ways exchanges are known to fail."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import ccxt
import ccxt.async_support
import numpy as np
import pytest

from assay.errors import BlockedRegion, RateLimited, SourceUnavailable, UnknownSymbol
from assay.market.markets import Market
from assay.market.sources import ccxt_child
from assay.market.sources.exchange import CHILD_MODULE, ExchangesSource
from assay.market.timeframes import timeframe
from assay.market.venues import VENUES
from upstream.candles import BAN_SECONDS, CLOCK, GAP_BARS, NOW, RETRY_AFTER_SECONDS, STALE_DAYS
from upstream.exchanges import ExchangesUpstream
from upstream.wire import CA_VARIABLES

pytestmark = pytest.mark.slow

AMPLE_SECONDS = 60.0
SHORT_SECONDS = 1.0
H1 = timeframe("1h")
FORMING = H1.last_open(np.datetime64(NOW.replace(tzinfo=None), "ms"))
BTC = Market("BTC/USDT", "BTCUSDT")
IDS = {
    "kraken": "XBTUSDT", "coinbase": "BTC-USDT", "okx": "BTC-USDT", "kucoin": "BTC-USDT",
    "bitstamp": "btcusdt",
}  # fmt: skip
ENDPOINTS = [endpoint for venue in VENUES.values() for endpoint in venue.endpoints]
CHILD = f"{CHILD_MODULE}\0".encode()


@pytest.fixture(scope="module")
def environment():
    with ExchangesUpstream() as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment().items():
            patch.setenv(name, value)
        yield server


@pytest.fixture(scope="module")
def opened(environment, loop):
    """One worker for all tests here; its import of ccxt takes seconds."""
    source = ExchangesSource(CLOCK)
    yield source
    loop.run(source.close())


@pytest.fixture
def upstream(environment):
    environment.faults.clear()
    environment.forget()
    return environment


@pytest.fixture
def source(opened, loop):
    """Calls of the source, waited for."""

    class Waiting:
        def bars(
            self, endpoint="binance", count=1000, *, of=H1, market=None, seconds=AMPLE_SECONDS
        ):
            found = market or Market("BTC/USDT", IDS.get(endpoint, "BTCUSDT"))
            last = of.last_open(np.datetime64(NOW.replace(tzinfo=None), "ms"))
            start = of.shifted(last, -count)
            return loop.run(opened.bars(endpoint, found, of, start=start, deadline_seconds=seconds))

        def markets(self, endpoint="binance", *, seconds=AMPLE_SECONDS):
            return loop.run(opened.markets(endpoint, deadline_seconds=seconds))

    return Waiting()


def contiguous(bars, of=H1):
    return not of.missing_after(bars.time).any()


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_every_exchange_lists_its_active_spot_markets_in_one_call(upstream, source, endpoint):
    listed = source.markets(endpoint)
    symbols = {market.symbol for market in listed.markets}
    assert symbols > {"BTC/USDT", "ETH/USDT"}
    assert not symbols & {"OLD/USDT", "LUNA/USDT"}
    assert listed.exchange == endpoint.removesuffix("_mirror")
    assert listed.resolve("btc-usdt").id == IDS.get(endpoint, "BTCUSDT")
    assert (upstream.market_calls(endpoint), len(upstream.requests)) == (1, 1)


@pytest.mark.parametrize(
    ("endpoint", "calls"),
    [
        ("binance", 1),
        ("binance_mirror", 1),
        ("kraken", 1),
        ("coinbase", 4),
        ("okx", 4),
        ("bybit", 1),
        ("kucoin", 1),
        ("bitstamp", 1),
    ],
)
def test_every_exchange_gives_a_thousand_bars_in_as_few_calls_as_it_allows(
    upstream, source, endpoint, calls
):
    fetched = source.bars(endpoint)
    bars = fetched.checked.bars
    # Kraken has 720, and the last of them forms still
    assert len(bars) == (719 if endpoint == "kraken" else 1000)
    assert bars.time[-1] == H1.shifted(FORMING, -1)
    assert contiguous(bars)
    assert fetched.complete
    assert (fetched.checked.implausible, fetched.checked.disordered) == ((), 0)
    assert (upstream.candle_calls(endpoint), len(upstream.requests)) == (calls, calls)


def test_all_exchanges_read_the_same_prices_from_their_own_formats(upstream, source):
    expected = source.bars("binance", 20).checked.bars.fingerprint()
    for endpoint in ENDPOINTS:
        assert source.bars(endpoint, 20).checked.bars.fingerprint() == expected, endpoint


@pytest.mark.parametrize(
    ("endpoint", "name"),
    [
        (endpoint, name)
        for endpoint in ("binance", "bybit", "okx", "kucoin", "kraken")
        for name in ("1m", "1d", "1w", "1M")
        if name in VENUES[endpoint].timeframes
    ],
)
def test_bars_of_any_length_come_without_a_gap_from_the_first_one_asked(
    upstream, source, endpoint, name
):
    of = timeframe(name)
    bars = source.bars(endpoint, 60, of=of).checked.bars
    assert len(bars) == 60
    assert contiguous(bars, of)


def test_five_thousand_bars_are_five_calls(upstream, source):
    fetched = source.bars("binance", 5000)
    assert len(fetched.checked.bars) == 5000
    assert contiguous(fetched.checked.bars)
    assert (fetched.complete, fetched.checked.disordered) == (True, 0)
    assert upstream.candle_calls("binance") == 5


def test_pages_shorter_than_asked_are_read_on(upstream, source):
    whole = source.bars("binance", 700).checked.bars.fingerprint()
    with upstream.speaking("binance", most=300):
        short = source.bars("binance", 700)
    assert short.checked.bars.fingerprint() == whole
    assert upstream.candle_calls("binance") == 1 + 3


def test_bars_before_the_listing_are_not_invented(upstream, source):
    fetched = source.bars("binance", 5000, of=timeframe("1d"))
    assert str(fetched.checked.bars.time[0]) == "2017-07-15T00:00:00.000"
    assert contiguous(fetched.checked.bars, timeframe("1d"))
    assert fetched.checked.set_aside == ()


def test_nothing_is_asked_where_no_bar_can_have_closed(upstream, source):
    assert len(source.bars(count=0).checked.bars) == 0
    assert upstream.requests == []


@pytest.mark.parametrize("call", ["markets", "bars"])
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("500", SourceUnavailable),
        ("503-html", SourceUnavailable),
        ("429", RateLimited),
        ("418", RateLimited),
        ("451", BlockedRegion),
        ("403-region", BlockedRegion),
        ("reset", SourceUnavailable),
        ("cut", SourceUnavailable),
        ("truncated-json", SourceUnavailable),
        ("html-200", SourceUnavailable),
        ("object-200", SourceUnavailable),
        ("missing-key", SourceUnavailable),
    ],
)
@pytest.mark.parametrize("endpoint", ["binance", "binance_mirror"])
def test_each_failure_is_the_error_it_is_after_one_call(
    upstream, source, endpoint, fault, error, call
):
    upstream.faults[endpoint] = fault
    with pytest.raises(SourceUnavailable) as caught:
        getattr(source, call)(endpoint)
    assert type(caught.value) is error, caught.value
    assert caught.value.fields["exchange"] == "binance"
    assert endpoint in caught.value.message
    assert len(upstream.requests) == 1


@pytest.mark.parametrize(("fault", "seconds"), [("429", RETRY_AFTER_SECONDS), ("418", BAN_SECONDS)])
def test_a_rate_limit_lasts_as_long_as_the_exchange_says(upstream, source, fault, seconds):
    upstream.faults["binance"] = fault
    with pytest.raises(RateLimited) as caught:
        source.bars()
    assert caught.value.retry_after_seconds == pytest.approx(seconds, abs=0.01)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("451", BlockedRegion),
        ("429", RateLimited),
        ("503-html", SourceUnavailable),
        ("truncated-json", SourceUnavailable),
        ("object-200", SourceUnavailable),
    ],
)
def test_every_exchange_fails_as_all_others_do(upstream, source, endpoint, fault, error):
    upstream.faults[endpoint] = fault
    with pytest.raises(SourceUnavailable) as caught:
        source.bars(endpoint)
    assert type(caught.value) is error, caught.value


@pytest.mark.parametrize("endpoint", ["kraken", "coinbase", "okx", "bybit", "kucoin", "bitstamp"])
def test_an_answer_without_its_candles_is_not_an_empty_one(upstream, source, endpoint):
    upstream.faults[endpoint] = "missing-key"
    with pytest.raises(SourceUnavailable, match=f"{endpoint} BTC/USDT"):
        source.bars(endpoint, 20)
    upstream.faults[endpoint] = "empty"
    assert len(source.bars(endpoint, 20).checked.bars) == 0


@pytest.mark.parametrize("endpoint", ["binance", "kraken", "okx", "bybit", "kucoin"])
def test_a_market_that_the_exchange_does_not_know_is_an_unknown_symbol(upstream, source, endpoint):
    with pytest.raises(UnknownSymbol) as caught:
        source.bars(endpoint, market=Market("XYZ/USDT", "XYZUSDT"))
    assert caught.value.fields == {"exchange": endpoint, "symbol": "XYZ/USDT"}


@pytest.mark.parametrize(
    ("fault", "reasons", "lacking"),
    [
        ("nulls", ["not a number"], 1),
        ("nan", ["not a number"], 1),
        ("zero", ["price not above zero"], 1),
        ("negative", ["price not above zero"], 1),
        ("high-below-low", ["high below low"], 1),
        ("outside", ["outside high and low"], 1),
        ("few-fields", ["not a number"], 1),
        ("duplicate", ["duplicate time"], 0),
        ("future", ["in the future"], 0),
        ("unsorted", [], 0),
        ("gap", [], GAP_BARS),
        ("stale", [], STALE_DAYS * 24 - 1),
        ("correction", [], 0),
    ],
)
@pytest.mark.parametrize("endpoint", ["binance", "okx", "bitstamp"])
def test_a_bad_row_is_set_aside_and_the_others_stay(
    upstream, source, endpoint, fault, reasons, lacking
):
    whole = source.bars(endpoint, 200).checked.bars
    upstream.faults[endpoint] = fault
    checked = source.bars(endpoint, 200).checked
    assert [aside.reason for aside in checked.implausible] == reasons
    assert len(checked.bars) == 200 - lacking
    assert (checked.bars.fingerprint() == whole.fingerprint()) == (
        lacking == 0 and fault != "correction"
    )


def test_nothing_but_bad_rows_is_no_bar_and_all_are_told(upstream, source):
    rows = [[None] * 12] * 3 + [["soon", "nan", 0, [], {}, True]] + [7, "8", {}]
    with upstream.speaking("binance", candles=lambda *_: rows):
        checked = source.bars().checked
    assert len(checked.bars) == 0
    assert (checked.rows, len(checked.set_aside)) == (7, 7)


@pytest.mark.parametrize("fault", ["blackhole", "drip"])
def test_a_deadline_ends_what_the_server_does_not(upstream, source, fault):
    upstream.faults["binance"] = fault
    with pytest.raises(SourceUnavailable, match=r"no answer within 1 s$"):
        source.bars(seconds=SHORT_SECONDS)
    with pytest.raises(SourceUnavailable, match=r"no answer within 1 s$"):
        source.markets(seconds=SHORT_SECONDS)
    upstream.faults.clear()
    assert len(source.bars().checked.bars) == 1000


@pytest.mark.parametrize("fault", ["blackhole", "500"])
def test_the_newest_bars_come_where_older_ones_do_not(upstream, source, fault):
    edge = int(H1.shifted(FORMING, -2000).astype("int64"))
    upstream.faults["binance"] = lambda request: (
        fault if int(request.query["startTime"]) < edge else None
    )
    fetched = source.bars(count=4500, seconds=2.0)
    assert not fetched.complete
    assert len(fetched.checked.bars) == 2000
    assert fetched.checked.bars.time[-1] == H1.shifted(FORMING, -1)
    assert contiguous(fetched.checked.bars)


def test_a_rate_limit_on_an_older_page_is_not_passed_over(upstream, source):
    edge = int(H1.shifted(FORMING, -2000).astype("int64"))
    upstream.faults["binance"] = lambda request: (
        "429" if int(request.query["startTime"]) < edge else None
    )
    with pytest.raises(RateLimited):
        source.bars(count=4500)


def test_without_the_newest_bars_there_are_none(upstream, source):
    edge = int(H1.shifted(FORMING, -1000).astype("int64"))
    upstream.faults["binance"] = lambda request: (
        "blackhole" if int(request.query["startTime"]) >= edge else None
    )
    with pytest.raises(SourceUnavailable):
        source.bars(count=3000, seconds=SHORT_SECONDS)


def test_requests_of_different_fates_do_not_mix(upstream, opened, loop):
    """One that gets no answer must not be given the status of another's."""
    fates = {"BTCUSDT": "451", "ETHUSDT": "reset", "ETHBTC": "429", "SOLUSDT": None}
    errors = {"BTCUSDT": BlockedRegion, "ETHUSDT": SourceUnavailable, "ETHBTC": RateLimited}
    upstream.faults["binance"] = lambda request: fates[request.query["symbol"]]
    names = [*fates] * 4

    async def all_at_once():
        start = H1.shifted(FORMING, -10)
        asking = (
            opened.bars(
                "binance",
                Market(f"{name}/X", name),
                H1,
                start=start,
                deadline_seconds=AMPLE_SECONDS,
            )
            for name in names
        )
        return await asyncio.gather(*asking, return_exceptions=True)

    for name, outcome in zip(names, loop.run(all_at_once()), strict=True):
        if name in errors:
            assert type(outcome) is errors[name]
        else:
            assert len(outcome.checked.bars) == 10


def test_who_gives_up_waiting_ends_the_request(upstream, opened, loop):
    upstream.faults["binance"] = "blackhole"

    async def give_up():
        asking = asyncio.create_task(opened.markets("binance", deadline_seconds=AMPLE_SECONDS))
        while not upstream.requests:
            await asyncio.sleep(0.01)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        while upstream.clients:
            await asyncio.sleep(0.01)

    loop.run(give_up())


def workers_of(pid):
    """Process ids of `pid`'s workers."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
            parent = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
        if CHILD in command and parent == pid:
            found.append(int(folder.name))
    return found


def test_a_worker_that_is_killed_fails_what_it_was_asked_and_another_takes_over(
    upstream, opened, loop, source
):
    source.bars(count=10)
    [worker] = workers_of(os.getpid())
    upstream.faults["binance"] = "blackhole"
    upstream.forget()

    async def kill_meanwhile():
        asking = asyncio.create_task(opened.markets("binance", deadline_seconds=AMPLE_SECONDS))
        while not upstream.requests:
            await asyncio.sleep(0.01)
        os.kill(worker, signal.SIGKILL)
        with pytest.raises(SourceUnavailable, match="ended before it answered"):
            await asking

    loop.run(kill_meanwhile())
    upstream.faults.clear()
    assert len(source.bars(count=10).checked.bars) == 10
    assert workers_of(os.getpid()) != [worker]


def test_a_worker_that_hangs_is_replaced(upstream, opened, loop, source):
    source.bars(count=10)
    [worker] = workers_of(os.getpid())
    os.kill(worker, signal.SIGSTOP)
    with pytest.raises(SourceUnavailable, match="so it was killed"):
        source.bars(count=10, seconds=SHORT_SECONDS)
    assert len(source.bars(count=10).checked.bars) == 10
    assert workers_of(os.getpid()) != [worker]


ORPHAN_MAKER = """
import asyncio
from assay.clock import SystemClock
from assay.market.sources.exchange import ExchangesSource

async def main():
    source = ExchangesSource(SystemClock())
    source.start()
    await source._worker._started
    print("started", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def test_the_worker_ends_with_a_parent_that_is_killed(upstream):
    parent = subprocess.Popen([sys.executable, "-c", ORPHAN_MAKER], stdout=subprocess.PIPE)
    assert parent.stdout.readline() == b"started\n"
    [worker] = workers_of(parent.pid)
    parent.kill()
    parent.communicate()
    subprocess.run(["tail", f"--pid={worker}", "-f", "/dev/null"], timeout=60, check=True)


@pytest.mark.parametrize("variable", CA_VARIABLES)
@pytest.mark.parametrize("endpoint", ["binance", "binance_mirror"])
def test_one_configuration_serves_sync_and_async_clients(
    upstream, loop, monkeypatch, endpoint, variable
):
    for name in CA_VARIABLES:
        monkeypatch.delenv(name)
    monkeypatch.setenv(variable, str(upstream.ca_file))
    config = ccxt_child.configuration(endpoint)
    synchronous = ccxt.binance(config)
    assert len(synchronous.publicGetKlines({"symbol": "BTCUSDT", "interval": "1h"})) == 500
    synchronous.session.close()

    async def ask():
        exchange = ccxt.async_support.binance(config)
        exchange.timeout_on_exit = 0
        try:
            return await exchange.publicGetKlines({"symbol": "BTCUSDT", "interval": "1h"})
        finally:
            await exchange.close()

    assert len(loop.run(ask())) == 500
    assert upstream.candle_calls(endpoint) == 2


def test_hosts_that_need_no_proxy_are_not_asked_through_one(upstream, loop, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "api.binance.com")
    monkeypatch.setenv("no_proxy", "api.binance.com")
    exchange = ccxt_child.open_exchange("binance")
    reached = []

    async def refuse(host, *_, **__):
        reached.append(host)
        raise OSError(f"no way to {host}")

    async def ask():
        exchange.open()
        exchange.tcp_connector._resolve_host = refuse
        try:
            await ccxt_child.asked(exchange.publicGetPing())
        except ccxt_child.Refused as refused:
            return refused.answer
        finally:
            await exchange.close()

    assert loop.run(ask())["kind"] == "unavailable"
    assert reached == ["api.binance.com"]
    assert upstream.connections == 0
