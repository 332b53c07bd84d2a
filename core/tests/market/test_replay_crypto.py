"""Files as exchanges: what had closed by the clock, and longer bars made of it."""

import asyncio
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from assay.clock import FixedClock
from assay.errors import InvalidBars, UnknownExchange, UnknownSymbol, UnknownTimeframe
from assay.market.csv_bars import read_bars_csv
from assay.market.keys import SeriesKey
from assay.market.markets import Market
from assay.market.sources.replay_crypto import ReplayedExchanges, last_close, replay_files
from assay.market.timeframes import timeframe

BTC = Market("BTC/USDT", "BTCUSDT")
KEY = SeriesKey("binance", "BTC/USDT", "1h")
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)  # a Sunday


def write(path, hours, *, step=timedelta(hours=1)):
    """Row n opens at n, closes at n + 1, reaches half beyond either side, and has volume 10."""
    rows = [
        f"{(BEGIN + n * step).isoformat()},{100 + n},{101.5 + n},{99.5 + n},{101 + n},10"
        for n in hours
    ]
    path.write_text("\n".join(["timestamp,open,high,low,close,volume", *rows, ""]))
    return path


@pytest.fixture
def hourly(tmp_path):
    return write(tmp_path / "btc.csv", range(60))


def source_of(files, *, hours=1_000):
    return ReplayedExchanges(files, FixedClock(BEGIN + timedelta(hours=hours)))


def fetch(source, of, *, start="2000-01-01", endpoint="binance", market=BTC):
    return asyncio.run(
        source.bars(
            endpoint,
            market,
            timeframe(of),
            start=np.datetime64(start, "ms"),
            deadline_seconds=1.0,
        )
    )


def rows(fetched):
    return [
        (str(time.astype("datetime64[h]")), *values)
        for time, *values in zip(*fetched.checked.bars.columns(), strict=True)
    ]


def test_markets_are_those_there_are_files_of(hourly):
    source = source_of({KEY: hourly, KEY._replace(timeframe="1d"): hourly})
    found = asyncio.run(source.markets("binance_mirror", deadline_seconds=1.0))
    assert (found.exchange, found.markets) == ("binance", (BTC,))
    assert asyncio.run(source.markets("kraken", deadline_seconds=1.0)).markets == ()
    assert source.source_of("binance") == "replay"
    with pytest.raises(UnknownExchange, match="nowhere"):
        asyncio.run(source.markets("nowhere", deadline_seconds=1.0))


@pytest.mark.parametrize(("hours", "closed"), [(0.5, 0), (1, 1), (1.99, 1), (60, 60), (90, 60)])
def test_only_bars_that_had_closed_are_there(hourly, hours, closed):
    fetched = fetch(source_of({KEY: hourly}, hours=hours), "1h")
    assert len(fetched.checked.bars) == closed
    assert fetched.complete


def test_longer_bars_are_made_of_the_files(hourly):
    assert rows(fetch(source_of({KEY: hourly}), "1d")) == [
        ("2026-03-01T00", 100, 124.5, 99.5, 124, 240),
        ("2026-03-02T00", 124, 148.5, 123.5, 148, 240),
    ]
    assert fetch(source_of({KEY: hourly}), "4h").checked.bars.open.tolist() == list(
        range(100, 160, 4)
    )


@pytest.mark.parametrize(("hours", "days"), [(23.9, 0), (24, 1), (47, 1), (48, 2), (500, 2)])
def test_a_longer_bar_is_there_once_it_has_closed_and_the_file_reaches_its_end(hourly, hours, days):
    assert len(fetch(source_of({KEY: hourly}, hours=hours), "1d").checked.bars) == days


def test_a_longer_bar_that_began_before_the_file_is_not_there(tmp_path):
    path = write(tmp_path / "late.csv", range(5, 60))
    assert [row[0] for row in rows(fetch(source_of({KEY: path}), "1d"))] == ["2026-03-02T00"]


def test_missing_rows_are_missing_from_the_longer_bar_and_a_bar_without_any_is_left_out(tmp_path):
    path = write(tmp_path / "holes.csv", [*range(6), 7, *range(12, 24)])
    assert rows(fetch(source_of({KEY: path}), "4h")) == [
        ("2026-03-01T00", 100, 104.5, 99.5, 104, 40),
        ("2026-03-01T04", 104, 108.5, 103.5, 108, 30),
        ("2026-03-01T12", 112, 116.5, 111.5, 116, 40),
        ("2026-03-01T16", 116, 120.5, 115.5, 120, 40),
        ("2026-03-01T20", 120, 124.5, 119.5, 124, 40),
    ]


def test_a_longer_bar_never_changes_once_it_is_there(tmp_path):
    path = write(tmp_path / "holes.csv", [*range(23), *range(26, 60)])  # the day's last is missing
    later = rows(fetch(source_of({KEY: path}), "1d"))
    assert rows(fetch(source_of({KEY: path}, hours=24), "1d")) == later[:1]


def test_a_start_cuts_the_history(hourly):
    found = fetch(source_of({KEY: hourly}), "1d", start="2026-03-01T00:00:00.001")
    assert [row[0] for row in rows(found)] == ["2026-03-02T00"]


def test_the_longest_file_that_will_do_is_read(tmp_path, hourly):
    daily = write(tmp_path / "days.csv", range(40), step=timedelta(days=1))
    source = source_of({KEY: hourly, KEY._replace(timeframe="1d"): daily}, hours=24 * 40)
    assert len(fetch(source, "1d").checked.bars) == 40
    assert [row[0] for row in rows(fetch(source, "1M"))] == ["2026-03-01T00"]
    assert [row[0][:10] for row in rows(fetch(source, "1w"))] == [
        "2026-03-02", "2026-03-09", "2026-03-16", "2026-03-23", "2026-03-30",
    ]  # fmt: skip
    assert len(fetch(source, "12h").checked.bars) == 5


def test_weeks_that_begin_on_other_days_stay_as_they_are(tmp_path):
    path = write(tmp_path / "weeks.csv", range(6), step=timedelta(weeks=1))
    source = source_of({KEY._replace(timeframe="1w"): path}, hours=24 * 50)
    assert len(fetch(source, "1w").checked.bars) == 6
    with pytest.raises(UnknownTimeframe, match=r"weeks\.csv: its bars of 1w begin off the calenda"):
        fetch(source, "2w")


def test_what_no_file_can_give_is_named(hourly):
    source = source_of({KEY: hourly})
    with pytest.raises(UnknownTimeframe, match=r"bars of 30m .* its files to replay hold 1h"):
        fetch(source, "30m")
    with pytest.raises(UnknownSymbol, match="no file of ETH/USDT at binance"):
        fetch(source, "1h", market=Market("ETH/USDT", "ETHUSDT"))
    with pytest.raises(UnknownSymbol, match="no file of BTC/USDT at kraken"):
        fetch(source, "1h", endpoint="kraken")


def test_rows_that_are_no_bars_are_set_aside_where_they_were_asked_for(tmp_path):
    path = write(tmp_path / "btc.csv", range(200))
    lines = path.read_text().splitlines()
    lines[5] = lines[5].replace(",10", ",-10")
    path.write_text("\n".join(lines))
    source = source_of({KEY: path})
    assert [(row.reason, row.line) for row in fetch(source, "1h").checked.set_aside] == [
        ("price not above zero", 6)
    ]
    assert fetch(source, "1h", start="2026-03-02").checked.set_aside == ()


def test_files_that_cannot_be_used_are_named(tmp_path, hourly):
    with pytest.raises(InvalidBars, match=r"absent\.csv: cannot be read"):
        fetch(source_of({KEY: tmp_path / "absent.csv"}), "1h")
    for asked in ("4h", "1m"):
        with pytest.raises(InvalidBars, match=r"btc\.csv: .* line 2, another timeframe"):
            fetch(source_of({KEY._replace(timeframe=asked): hourly}), asked)


def test_a_file_is_read_once_until_it_changes(hourly):
    source = source_of({KEY: hourly})
    first, status = rows(fetch(source, "1h")), hourly.stat()
    hourly.write_text(hourly.read_text().replace(",10\n", ",20\n"))
    os.utime(hourly, ns=(status.st_atime_ns, status.st_mtime_ns))  # as if nothing had been written
    assert rows(fetch(source_of({KEY: hourly}), "1h")) == first
    write(hourly, range(70))
    assert len(fetch(source, "1h").checked.bars) == 70


def test_the_replay_clock_stands_at_the_end_of_the_newest_bar_of_all_files(tmp_path, hourly):
    other = write(tmp_path / "eth.csv", range(50))
    files = {KEY: hourly, SeriesKey("kraken", "ETH/USD", "1h"): other}
    assert last_close(files) == BEGIN + timedelta(hours=60)
    with pytest.raises(ValueError, match="there is no file to replay; name some: exchange:"):
        last_close({})
    with pytest.raises(InvalidBars, match=r"gone\.csv"):
        last_close({KEY: tmp_path / "gone.csv"})


def test_files_are_named_between_commas_or_on_lines():
    assert replay_files("binance:BTC/USDT:1h=/a b/c:d=e.csv, Kraken:eth/usd:1d = x.csv\n") == {
        KEY: Path("/a b/c:d=e.csv"),
        SeriesKey("kraken", "ETH/USD", "1d"): Path("x.csv"),
    }
    assert replay_files(" \n ") == {}


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("/data/btc.csv", "'/data/btc.csv' names no file to replay; write exchange:BASE/QUOTE"),
        ("binance:BTC/USDT:1h=", "names no file to replay"),
        ("BTC/USDT:1h=a.csv", "names no file to replay"),
        ("nowhere:BTC/USDT:1h=a.csv", "'nowhere' is no exchange here; there are binance"),
        ("binance:BTC/USDT:1x=a.csv", "Binance has no timeframe '1x'"),
        ("binance:BTCUSDT:1h=a.csv", "write 'BTCUSDT' with a stroke, as in BTC/USDT"),
        ("binance:../x:1h=a.csv", "cannot name a market"),
        ("binance:BTC/USDT:1h=a.csv,binance:btc/usdt:1h=b.csv", "another file of binance BTC/USDT"),
    ],
)
def test_what_names_no_file_is_told_in_a_sentence(setting, message):
    with pytest.raises(ValueError, match=message):
        replay_files(setting)


@pytest.mark.real_data
def test_real_hours_make_the_days_that_a_slow_loop_makes():
    folder = os.environ.get("ASSAY_REAL_DATA")
    if not folder or not Path(folder, "btcusdt_1h.csv").is_file():
        pytest.skip("ASSAY_REAL_DATA names no folder with btcusdt_1h.csv")
    files = {KEY: Path(folder, "btcusdt_1h.csv")}
    source = ReplayedExchanges(files, FixedClock(last_close(files)))
    hours, by_day = read_bars_csv(files[KEY]).bars, {}
    for row in zip(*hours.columns(), strict=True):
        by_day.setdefault(row[0].astype("datetime64[D]"), []).append(row[1:])
    if hours.time[-1].astype("datetime64[h]").astype(int) % 24 != 23:
        by_day.popitem()  # the last day is not over
    days = fetch(source, "1d").checked.bars
    assert len(days) == len(by_day) > 700
    for at, (day, of_day) in enumerate(by_day.items()):
        assert days.time[at] == day
        assert days.open[at] == of_day[0][0]
        assert days.high[at] == max(row[1] for row in of_day)
        assert days.low[at] == min(row[2] for row in of_day)
        assert days.close[at] == of_day[-1][3]
        assert days.volume[at] == pytest.approx(sum(row[4] for row in of_day))
