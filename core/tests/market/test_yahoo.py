"""What the child's answer becomes, and how the child finds its way; no upstream is asked here."""

import json
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.clock import FixedClock
from assay.errors import (
    BlockedRegion,
    MarketDataError,
    RateLimited,
    SourceUnavailable,
    UnknownSymbol,
)
from assay.market.sources import yahoo_child
from assay.market.sources.retry_after import retry_after_seconds
from assay.market.sources.yahoo import YahooSource, parse_answer
from assay.market.symbols import GOLD, SP500

NOW = datetime(2025, 4, 15, 20, 30, tzinfo=UTC)  # ^GSPC has closed for the day, GC=F has not


def answer(*rows, **changes):
    names = ("date", "open", "high", "low", "close", "volume")
    document = {name: [row[at] for row in rows] for at, name in enumerate(names)}
    return json.dumps(document | changes).encode()


MONDAY = ("2025-04-14", 10.0, 12.0, 9.0, 11.0, 100.0)
TUESDAY = ("2025-04-15", 11.0, 13.0, 10.0, 12.0, 100.0)


def test_the_row_of_a_session_that_still_trades_is_set_aside():
    body = answer(MONDAY, TUESDAY)
    assert parse_answer(body, GOLD, NOW).bars.last_session == date(2025, 4, 14)
    assert parse_answer(body, SP500, NOW).bars.last_session == date(2025, 4, 15)
    assert parse_answer(body, GOLD, NOW + timedelta(minutes=30)).bars.session.tolist() == [
        date(2025, 4, 14),
        date(2025, 4, 15),
    ]


def test_nulls_and_weekend_quotes_are_set_aside_and_counted():
    sunday = ("2025-04-13", 10.0, 12.0, 9.0, 11.0, 100.0)
    friday = ("2025-04-11", None, None, None, None, None)
    thursday = ("2025-04-10", 10.0, 12.0, 9.0, 11.0, None)
    checked = parse_answer(answer(thursday, friday, sunday, MONDAY), GOLD, NOW)
    assert checked.bars.session.tolist() == [date(2025, 4, 10), date(2025, 4, 14)]
    assert checked.bars.volume.tolist() == [0.0, 100.0]
    assert [aside.reason for aside in checked.set_aside] == ["not a number", "not a session"]


def test_a_price_out_of_scale_is_set_aside():
    days = ("2025-04-07", "2025-04-08", "2025-04-09", "2025-04-10")
    rows = [(day, *MONDAY[1:]) for day in days]
    rows[1] = (days[1], 10.0, 1e308, 9.0, 1e308, 100.0)
    checked = parse_answer(answer(*rows, MONDAY), GOLD, NOW)
    assert len(checked.bars) == 4
    assert [aside.reason for aside in checked.set_aside] == ["price out of scale"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"7",
        b"<html>Will be right back</html>",
        answer(MONDAY)[:-9],
        answer(),
        answer(TUESDAY),  # not closed: nothing is left
        answer(MONDAY, close=[]),
        answer(MONDAY, close=["eleven"]),
        answer(MONDAY, date=["soon"]),
        answer(MONDAY, date=None),
        json.dumps({"date": ["2025-04-14"]}).encode(),
        json.dumps({"error": {}}).encode(),
        b"\xff\xfe",
    ],
)
def test_what_is_not_bars_is_an_unavailable_source(body):
    with pytest.raises(SourceUnavailable) as caught:
        parse_answer(body, GOLD, NOW)
    assert not isinstance(caught.value, RateLimited)
    assert caught.value.fields["symbol"] == "GC=F"


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("rate_limited", RateLimited),
        ("blocked", BlockedRegion),
        ("unknown_symbol", UnknownSymbol),
        ("unavailable", SourceUnavailable),
    ],
)
def test_the_childs_errors_are_ours(kind, error):
    body = {"error": {"kind": kind, "message": "as Yahoo put it", "retry_after": "30"}}
    with pytest.raises(MarketDataError, match="GC=F: as Yahoo put it") as caught:
        parse_answer(json.dumps(body).encode(), GOLD, NOW)
    assert type(caught.value) is error
    if isinstance(caught.value, RateLimited):
        assert caught.value.retry_after_seconds == 30.0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        ("0", 1.0),
        ("-5", 1.0),
        ("1e9", 6 * 3600.0),
        (None, 300.0),
        ("", 300.0),
        ("soon", 300.0),
        ("nan", 300.0),
        ("inf", 300.0),
        (format_datetime(NOW + timedelta(seconds=90)), 90.0),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(NOW - timedelta(days=1)), 1.0),
    ],
)
def test_retry_after_is_read_in_all_its_forms_and_kept_within_bounds(header, seconds):
    assert retry_after_seconds(header, NOW) == seconds


@settings(deadline=None)
@given(st.text(max_size=40))
def test_no_retry_after_breaks_it(header):
    assert 1.0 <= retry_after_seconds(header, NOW) <= 6 * 3600.0


@pytest.mark.parametrize(
    ("environment", "hop"),
    [
        ({}, ("query2.finance.yahoo.com", 443)),
        ({"HTTPS_PROXY": "http://127.0.0.1:3128"}, ("127.0.0.1", 3128)),
        ({"https_proxy": "http://user:word@proxy.example:8080/"}, ("proxy.example", 8080)),
        ({"HTTPS_PROXY": "proxy.example:3128"}, ("proxy.example", 3128)),
        ({"HTTPS_PROXY": "http://[::1]:3128"}, ("::1", 3128)),
        ({"HTTPS_PROXY": "http://proxy.example"}, ("proxy.example", 1080)),
        ({"ALL_PROXY": "socks5://127.0.0.1:9050"}, ("127.0.0.1", 9050)),
        ({"HTTP_PROXY": "http://127.0.0.1:3128"}, ("query2.finance.yahoo.com", 443)),
        (
            {"HTTPS_PROXY": "http://127.0.0.1:3128", "NO_PROXY": "localhost,.yahoo.com"},
            ("query2.finance.yahoo.com", 443),
        ),
        ({"HTTPS_PROXY": "http://127.0.0.1:3128", "NO_PROXY": "example.com"}, ("127.0.0.1", 3128)),
    ],
)
def test_the_first_hop_is_the_one_that_curl_takes(monkeypatch, environment, hop):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert yahoo_child.first_hop() == hop


def test_a_name_that_is_no_market_never_reaches_a_process(monkeypatch):
    monkeypatch.setattr("sys.executable", "/nonexistent/python")
    source = YahooSource(FixedClock(NOW))
    for symbol in ("GC=F; rm", "SI=F"):
        with pytest.raises(UnknownSymbol):
            source.fetch(symbol, start=date(2025, 4, 1), deadline_seconds=1.0)
    with pytest.raises(SourceUnavailable, match="cannot be started"):
        source.fetch("GC=F", start=date(2025, 4, 1), deadline_seconds=1.0)


def test_the_childs_cache_is_private_and_goes_with_the_source():
    source = YahooSource(FixedClock(NOW))
    folder = Path(source._cache_folder)
    assert folder.stat().st_mode & 0o077 == 0
    source.close()
    assert not folder.exists()
