"""What is asked of the worker process, and what its answers become; no exchange is asked here."""

import asyncio
import math
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.clock import FixedClock
from assay.errors import (
    BlockedRegion,
    MarketDataError,
    RateLimited,
    SourceUnavailable,
    UnknownExchange,
    UnknownSymbol,
)
from assay.market.markets import Market
from assay.market.sources.exchange import (
    ExchangesSource,
    as_times,
    bars_request,
    check_rows,
    windows,
)
from assay.market.timeframes import timeframe
from assay.worker import Worker, WorkerLost

NOW = datetime(2026, 11, 18, 12, 20, tzinfo=UTC)
NOW_MS = np.datetime64(NOW.replace(tzinfo=None), "ms")
BTC = Market("BTC/USDT", "BTCUSDT")
H1 = timeframe("1h")
HOUR_MS = 3_600_000
NOON_MS = int(NOW.timestamp()) * 1000 // HOUR_MS * HOUR_MS
AN_HOUR_AGO = NOON_MS - HOUR_MS
START = np.datetime64("2026-11-18T02:00", "ms")


class Answering:
    """In place of the process: one answer, whatever is asked."""

    def __init__(self, answer):
        self.answer = answer
        self.asked = []

    async def ask(self, request, *, seconds):
        self.asked.append((request, seconds))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def source_that_answers(answer):
    source = ExchangesSource(FixedClock(NOW))
    source._worker = Answering(answer)
    return source


def bars(answer, endpoint="binance"):
    source = source_that_answers(answer)
    return asyncio.run(source.bars(endpoint, BTC, H1, start=START, deadline_seconds=3.0))


def markets(answer, endpoint="binance"):
    return asyncio.run(source_that_answers(answer).markets(endpoint, deadline_seconds=3.0))


@given(st.integers(0, 10**6), st.integers(0, 10**4), st.integers(1, 3000))
def test_windows_cover_a_span_once_the_newest_first(begin, length, span):
    found = windows(begin, begin + length, span=span)
    assert sum(end - start for start, end in found) == length
    assert all(0 < end - start <= span for start, end in found)
    assert [start for start, _ in found[:-1]] == [end for _, end in found[1:]]
    if found:
        assert (found[-1][0], found[0][1]) == (begin, begin + length)


@pytest.mark.parametrize(
    ("endpoint", "name", "count", "calls", "first"),
    [
        ("binance", "1h", 5000, 5, 5000),
        ("binance_mirror", "1h", 1001, 2, 1001),
        ("kraken", "1h", 5000, 1, 720),
        ("coinbase", "1h", 1000, 4, 1000),
        ("bybit", "1w", 999, 1, 999),  # one more is asked for, before them
        ("bybit", "1w", 1000, 2, 1000),
        ("binance", "1h", 0, 0, None),
    ],
)
def test_a_request_asks_for_bars_up_to_the_one_that_forms(endpoint, name, count, calls, first):
    of = timeframe(name)
    forming = of.last_open(NOW_MS)
    request = bars_request(endpoint, BTC, of, start=of.shifted(forming, -count), until=NOW_MS)
    assert len(request["windows"]) == calls
    assert (request["symbol"], request["market"]) == ("BTC/USDT", "BTCUSDT")
    if calls:
        assert request["windows"][0][1] == int(forming.astype("int64"))
        assert request["windows"][-1][0] == int(of.shifted(forming, -first).astype("int64"))


def test_no_bar_is_asked_for_where_none_can_have_closed():
    source = source_that_answers(AssertionError("nobody is to be asked"))
    start = np.datetime64("2026-11-18T12:00", "ms")
    fetched = asyncio.run(source.bars("kraken", BTC, H1, start=start, deadline_seconds=1.0))
    assert (len(fetched.checked.bars), fetched.complete) == (0, True)


def test_an_endpoint_that_is_on_no_list_is_never_asked():
    answer = AssertionError("nobody is to be asked")
    for ask in (bars, markets):
        with pytest.raises(UnknownExchange):
            ask(answer, "mtgox")


def test_rows_become_bars_and_what_is_none_is_set_aside():
    rows = [
        [AN_HOUR_AGO - HOUR_MS, 10.0, 12.0, 9.0, 11.0, 5.0],
        [AN_HOUR_AGO, 10.0, 12.0, 9.0, 11.0, None],
        [NOON_MS, 10.0, 12.0, 9.0, 11.0, 5.0],
        [None, None, None, None, None, None],
        [1e300, 10.0, 12.0, 9.0, 11.0, 5.0],
    ]
    fetched = bars({"rows": rows, "complete": False})
    checked = fetched.checked
    assert checked.bars.time.astype("int64").tolist() == [AN_HOUR_AGO - HOUR_MS, AN_HOUR_AGO]
    assert checked.bars.volume.tolist() == [5.0, 0.0]
    assert [aside.reason for aside in checked.set_aside] == ["not closed yet", "no time", "no time"]
    assert fetched.complete is False


def test_bars_that_close_after_the_end_asked_for_are_left_out():
    rows = [[AN_HOUR_AGO - ago * HOUR_MS, 10.0, 12.0, 9.0, 11.0, 5.0] for ago in (3, 2, 1, 0)]
    source = source_that_answers({"rows": rows, "complete": True})
    end = np.datetime64("2026-11-18T10:30", "ms")
    fetched = asyncio.run(
        source.bars("kraken", BTC, H1, start=START, end=end, deadline_seconds=1.0)
    )
    [(request, _)] = source._worker.asked
    assert request["windows"][0][1] == int(np.datetime64("2026-11-18T10", "ms").astype("int64"))
    assert fetched.checked.bars.time[-1] == np.datetime64("2026-11-18T09", "ms")
    assert fetched.checked.set_aside == ()


def test_rows_that_are_all_bad_are_no_bar_and_no_error():
    checked = bars({"rows": [[None] * 6] * 40, "complete": True}).checked
    assert (len(checked.bars), len(checked.set_aside)) == (0, 40)
    assert len(bars({"rows": [], "complete": True}).checked.bars) == 0


@given(st.lists(st.floats() | st.none(), min_size=6, max_size=6))
def test_no_row_breaks_the_check(row):
    checked = check_rows([row], H1, now=NOW_MS)
    assert len(checked.bars) + len(checked.set_aside) == 1


@given(st.floats())
def test_a_number_is_an_instant_or_none(milliseconds):
    [time] = as_times(np.array([milliseconds]))
    if math.isnan(milliseconds) or abs(milliseconds) > 8.64e15:
        assert np.isnat(time)
    else:
        assert time == np.datetime64(int(milliseconds), "ms")


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"rows": None, "complete": True},
        {"rows": [[1, 2]], "complete": True},
        {"rows": [["soon"] * 6], "complete": True},
        {"rows": []},
        {"markets": 7},
        {"markets": [["BTC/USDT"]]},
        {"markets": []},
        {"markets": [["BTC/USDT:USDT", "BTCUSDT"], ["BTC/USDT", "../BTC"], ["币安/USDT", "X"]]},
    ],
)
def test_an_answer_that_cannot_be_read_is_an_unavailable_source(answer):
    ask = markets if "markets" in answer else bars
    with pytest.raises(SourceUnavailable) as caught:
        ask(answer)
    assert caught.value.fields["exchange"] == "binance"


def test_markets_that_nobody_can_spell_are_left_out():
    listed = markets(
        {
            "markets": [
                ["BTC/USDT", "BTC-USDT"],
                ["币安人生/USDT", "BIANRENSHENG-USDT"],
                ["ETH/USDT", "ETH/../USDT"],
                ["1000SATS/USDT", "1000SATS-USDT"],
            ]
        },
        "binance_mirror",
    )
    assert [market.symbol for market in listed.markets] == ["BTC/USDT", "1000SATS/USDT"]
    assert listed.exchange == "binance"


@pytest.mark.parametrize(
    ("error", "kind", "wait"),
    [
        ({"kind": "unavailable"}, SourceUnavailable, 60.0),
        ({"kind": "unknown_symbol"}, UnknownSymbol, None),
        ({"kind": "blocked"}, BlockedRegion, 24 * 3600.0),
        ({"kind": "rate_limited", "retry_after": "30", "until_ms": None}, RateLimited, 30.0),
        ({"kind": "rate_limited", "retry_after": None, "until_ms": None}, RateLimited, 300.0),
        (
            {
                "kind": "rate_limited",
                "retry_after": "30",
                "until_ms": str(int(NOW.timestamp() + 90) * 1000),
            },
            RateLimited,
            90.0,
        ),
        ({"kind": "rate_limited", "retry_after": None, "until_ms": "1"}, RateLimited, 1.0),
    ],
)
def test_the_processes_errors_are_ours(error, kind, wait):
    with pytest.raises(MarketDataError, match="binance BTC/USDT: in its words") as caught:
        bars({"error": error | {"message": "in its words"}})
    assert type(caught.value) is kind
    assert getattr(caught.value, "retry_after_seconds", None) == wait
    assert caught.value.fields["exchange"] == "binance"
    assert caught.value.fields["symbol"] == "BTC/USDT"


def test_a_lost_process_is_an_unavailable_source():
    with pytest.raises(SourceUnavailable, match="asks binance: it ended"):
        bars(WorkerLost("it ended before it answered"))


def test_a_process_that_cannot_start_is_lost_and_tried_again():
    async def ask():
        worker = Worker("assay.no_such_module")
        for _ in range(2):
            with pytest.raises(WorkerLost, match="ended with status 1 before it was ready"):
                await worker.ask({}, seconds=60.0)
        await worker.close()
        with pytest.raises(WorkerLost, match="closed"):
            await worker.ask({}, seconds=60.0)

    asyncio.run(ask())


def test_what_a_process_says_is_logged_here(caplog):
    with pytest.raises(WorkerLost):
        asyncio.run(Worker("assay.no_such_module").ask({}, seconds=60.0))
    assert {record.name for record in caplog.records} == {"assay.worker"}
    assert "assay.no_such_module: " in caplog.text
    assert "No module named assay.no_such_module" in caplog.text


def test_no_python_is_a_lost_process(monkeypatch):
    monkeypatch.setattr("sys.executable", "/nonexistent/python")
    with pytest.raises(WorkerLost, match="cannot be started"):
        asyncio.run(Worker("json").ask({}, seconds=60.0))


def test_a_source_may_be_closed_before_it_was_ready_or_started():
    async def close(started):
        source = ExchangesSource(FixedClock(NOW))
        if started:
            source.start()
            await asyncio.sleep(0.05)
        await source.close()

    for started in (True, False):
        asyncio.run(close(started))
