"""`assay-data list`, `gaps`, `quarantine` and `corrections`, for people and for programs."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest

from assay.market.bars import CheckedBars, SetAside, check_bars
from assay.market.keys import SeriesKey

BTC = SeriesKey("binance", "BTC/USDT", "1h")
ETH = SeriesKey("kraken", "ETH/EUR", "4h")
GOLD = SeriesKey("yahoo", "GC=F", "1d")
BAR = (10.0, 12.0, 8.0, 11.0, 5.0)


def loads(text):
    def refuse(constant):
        raise AssertionError(f"{constant} is no number of JSON")

    return json.loads(text, parse_constant=refuse)


@pytest.fixture
def filled(run):
    """Bars with a gap in each series; the sessions are a Thursday and the Tuesday after."""
    run.keep(BTC, [BAR] * 3, times=["2026-11-01T00", "2026-11-01T01", "2026-11-01T05"])
    run.keep(ETH, [BAR] * 2, times=["2026-11-01T00", "2026-11-01T04"])
    run.keep(GOLD, [BAR] * 2, times=["2026-11-12", "2026-11-17"], daily=True)
    return run


def test_an_empty_store_lists_nothing(run):
    ran = run("list")
    assert (ran.code, ran.out) == (0, "")
    assert "a new, empty database" in ran.err
    for command in ("list", "gaps", "quarantine", "corrections"):
        ran = run(command, "--json")
        assert ran.code == 0
        assert not any(loads(ran.out).values())


def test_list_tells_rows_first_and_last(filled):
    lines = filled("list").out.splitlines()
    assert [line.split() for line in lines] == [
        ["source", "symbol", "timeframe", "bars", "first", "last"],
        ["binance", "BTC/USDT", "1h", "3", "2026-11-01T00:00:00Z", "2026-11-01T05:00:00Z"],
        ["kraken", "ETH/EUR", "4h", "2", "2026-11-01T00:00:00Z", "2026-11-01T04:00:00Z"],
        ["yahoo", "GC=F", "1d", "2", "2026-11-12T00:00:00Z", "2026-11-17T00:00:00Z"],
    ]
    assert len({line.index("20") for line in lines[1:]}) == 1
    assert loads(filled("list", "--json").out)["series"][2] == {
        "source": "yahoo",
        "symbol": "GC=F",
        "timeframe": "1d",
        "rows": 2,
        "first": "2026-11-12T00:00:00Z",
        "last": "2026-11-17T00:00:00Z",
    }


def test_gaps_are_bars_of_an_exchange_and_sessions_of_gold(filled):
    out = filled("gaps").out
    assert "binance BTC/USDT 1h: 3 missing in 1 gaps" in out
    assert "kraken ETH/EUR 4h: no gap" in out
    assert "yahoo GC=F 1d: 2 missing in 2 gaps" in out  # the weekend is none
    found = {row["source"]: row for row in loads(filled("gaps", "--json").out)["series"]}
    assert found["binance"]["gaps"] == [
        {"start": "2026-11-01T02:00:00Z", "end": "2026-11-01T05:00:00Z", "bars": 3}
    ]
    assert found["kraken"]["missing"] == 0
    assert [gap["start"] for gap in found["yahoo"]["gaps"]] == [
        "2026-11-13T00:00:00Z",
        "2026-11-16T00:00:00Z",
    ]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), {"binance", "kraken", "yahoo"}),
        (("--exchange", "kraken"), {"kraken"}),
        (("--symbol", "btc_usdt"), {"binance"}),
        (("--symbol", "gc=f"), {"yahoo"}),
        (("--timeframe", "4h"), {"kraken"}),
        (("--exchange", "kraken", "--timeframe", "1h"), set()),
    ],
)
def test_gaps_of_some_series_only(filled, words, expected):
    rows = loads(filled("gaps", *words, "--json").out)["series"]
    assert {row["source"] for row in rows} == expected


@pytest.mark.parametrize("command", ["gaps", "quarantine", "corrections"])
@pytest.mark.parametrize(
    "words", [("--exchange", "mtgox"), ("--timeframe", "soon"), ("--symbol", "a b")]
)
def test_a_name_that_cannot_be_is_refused(filled, command, words):
    ran = filled(command, *words)
    assert (ran.code, ran.out) == (2, "")
    assert words[1] in ran.err


@pytest.fixture
def doubtful(run):
    """Two bad rows of Bitcoin, one of them seen twice, and one of gold."""
    store = run.store()
    nan = float("nan")
    bad = SetAside(0, "2026-11-01T02:00:00.000", "not a number", values=(1.5, nan, 1.0, 1.0, 0.0))
    low = SetAside(1, "2026-11-01T03:00:00.000", "high below low", values=(1.0, 1.0, 2.0, 1.0, 0.0))
    lost = SetAside(0, "NaT", "no time", values=(1.0, float("-inf"), 1.0, 1.0, 0.0))
    none = check_bars([], np.empty((0, 5))).bars
    for key, rows, at in (
        (BTC, (bad, low), datetime(2026, 11, 2, tzinfo=UTC)),
        (GOLD, (lost,), datetime(2026, 11, 3, tzinfo=UTC)),
        (BTC, (bad,), datetime(2026, 11, 4, tzinfo=UTC)),
    ):
        store.write(key, CheckedBars(none, rows, rows=len(rows)), at=at)
    store.close()
    return run


def test_quarantine_shows_reason_values_and_when(doubtful):
    found = loads(doubtful("quarantine", "--json").out)
    assert found["by_reason"] == {"high below low": 1, "no time": 1, "not a number": 1}
    assert found["quarantine"][0] == {
        "source": "binance",
        "symbol": "BTC/USDT",
        "timeframe": "1h",
        "time": "2026-11-01T02:00:00Z",
        "reason": "not a number",
        "open": 1.5,
        "high": "nan",
        "low": 1.0,
        "close": 1.0,
        "volume": 0.0,
        "first_seen": "2026-11-02T00:00:00Z",
        "last_seen": "2026-11-04T00:00:00Z",
        "times_seen": 2,
    }
    assert found["quarantine"][1]["time"] is None
    assert found["quarantine"][1]["high"] == "-inf"


def test_quarantine_for_people_has_a_summary_by_reason(doubtful):
    lines = doubtful("quarantine", "--limit", "2").out.splitlines()
    assert len(lines) == 1 + 2 + 1
    assert lines[-1] == "2 of 3 rows; 1 high below low, 1 no time, 1 not a number"
    lines = doubtful("quarantine", "--exchange", "yahoo").out.splitlines()
    assert lines[-1] == "1 of 1 rows; 1 no time"


def test_corrections_show_both_values(run):
    for close, day in ((11.0, 2), (11.5, 3)):
        run.keep(
            BTC,
            [(10.0, 12.0, 8.0, close, 5.0)],
            times=["2026-11-01T00"],
            at=datetime(2026, 11, day, tzinfo=UTC),
        )
    [found] = loads(run("corrections", "--json").out)["corrections"]
    assert (found["before"]["close"], found["after"]["close"]) == (11.0, 11.5)
    assert (found["open_time"], found["at"]) == ("2026-11-01T00:00:00Z", "2026-11-03T00:00:00Z")
    out = run("corrections", "--symbol", "BTCUSDT", "--limit", "1").out
    assert [line.split()[-6:] for line in out.splitlines()[1:]] == [
        ["before", "10.0", "12.0", "8.0", "11.0", "5.0"],
        ["after", "10.0", "12.0", "8.0", "11.5", "5.0"],
    ]
    assert run("corrections", "--exchange", "kraken").out == ""


@pytest.mark.parametrize("limit", ["0", "-1", "many", "1.5"])
def test_a_limit_is_a_whole_number_above_zero(run, limit):
    ran = run("quarantine", f"--limit={limit}")
    assert ran.code == 2
    assert "is no whole number above zero" in ran.err


def test_a_database_that_is_none_is_a_sentence_and_status_1(run):
    run.folder.mkdir()
    run.database.write_bytes(b"this is no database, " * 100)
    for command in ("list", "gaps", "fetch"):
        ran = run(command)
        assert (ran.code, ran.out) == (1, "")
        assert ran.err.count("\n") == 1
        assert "assay.db" in ran.err
