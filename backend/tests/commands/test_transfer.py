"""`assay-data import` and `export`."""

import os
import subprocess
import sys

import numpy as np
import pytest

from assay.market.keys import SeriesKey
from assay.market.markets import Market, MarketList
from assay_backend.commands import stored

BTC = SeriesKey("binance", "BTC/USDT", "1h")
GOLD = SeriesKey("yahoo", "GC=F", "1d")
SERIES = ("--exchange", "binance", "--symbol", "BTC/USDT", "--timeframe", "1h")
DAYS = [
    ("2026-11-12", 4100.0, 4120.5, 4090.0, 4110.1, 7),
    ("2026-11-13", 4110.0, 4130.5, 4100.0, 4120.2, 0),
    ("2026-11-16", 4120.0, 4140.5, 4110.0, 4130.3, 9),
]


def equal(left, right):
    return left.fingerprint() == right.fingerprint()


def test_a_file_comes_into_the_store_and_out_again_exactly(run, csv_file, hourly_rows, tmp_path):
    file = csv_file(hourly_rows(300))
    ran = run("import", file, *SERIES)
    assert ran.code == 0, ran.err
    assert "300 rows, 300 bars, 0 set aside" in ran.out
    assert "stored: 300 new, 0 corrected, 0 there already; 0 new in quarantine" in ran.out
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    assert run("export", *SERIES, "--out", first).code == 0
    bars = run.bars(BTC)
    np.testing.assert_array_equal(bars.volume, np.arange(300) / 3)
    run.database.unlink()
    assert run("import", first, *SERIES).code == 0
    assert equal(run.bars(BTC), bars)
    run("export", *SERIES, "--out", second)
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("part_bars", [1, 7, 300])
def test_a_long_export_in_parts_is_one_file(
    run, csv_file, hourly_rows, tmp_path, monkeypatch, part_bars
):
    rows = hourly_rows(40)
    run("import", csv_file(rows[:10] + rows[25:]), *SERIES)
    whole, parts = tmp_path / "whole.csv", tmp_path / "parts.csv"
    run("export", *SERIES, "--out", whole)
    monkeypatch.setattr(stored, "PART_BARS", part_bars)
    run("export", *SERIES, "--out", parts)
    assert parts.read_bytes() == whole.read_bytes()
    assert len(parts.read_text().splitlines()) == 26
    gaps = run("gaps", *SERIES).out
    assert gaps.endswith("binance BTC/USDT 1h: 15 missing in 1 gaps\n")


def test_part_of_a_series_is_exported(run, csv_file, hourly_rows, tmp_path):
    run("import", csv_file(hourly_rows(48)), *SERIES)
    out = tmp_path / "part.csv"
    run(
        "export", *SERIES, "--start", "2026-11-01T05:00", "--end", "2026-11-01T08:00Z", "--out", out
    )
    lines = out.read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == [
        "timestamp", "2026-11-01T05:00:00Z", "2026-11-01T06:00:00Z", "2026-11-01T07:00:00Z",
    ]  # fmt: skip


def test_rows_that_are_no_bars_are_told_by_reason_and_can_be_listed(run, csv_file, hourly_rows):
    rows = hourly_rows(400)
    rows[3] = (rows[3][0], 100, 90, 95, 100, 1)
    rows[7] = (rows[7][0], 0, 90, 0, 80, 1)
    rows.append(("2026-11-18T22:30:00Z", 1, 1, 1, 1, 1))
    ran = run("import", csv_file(rows), *SERIES)
    assert ran.code == 0, ran.err
    for words in ("1 high below low", "1 price not above zero", "1 off the timeframe's grid"):
        assert words in ran.out
    assert "3 new in quarantine" in ran.out


def test_a_file_with_too_many_such_rows_is_refused_with_its_line(run, csv_file, hourly_rows):
    rows = hourly_rows(100)
    for number in (3, 5):
        rows[number] = (rows[number][0], 100, 90, 95, 100, 1)
    file = csv_file(rows)
    ran = run("import", file, *SERIES)
    assert ran.code == 2
    sentence = ran.err.splitlines()[-1]
    assert str(file) in sentence
    assert "line 5, high below low: '2026-11-01T03:00:00Z,100,90,95,100,1'" in sentence
    store = run.store()
    assert store.series() == ()
    assert store.quarantine_counts() == {}
    store.close()


def test_the_bar_that_forms_is_not_imported(run, csv_file, hourly_rows):
    ran = run("import", csv_file(hourly_rows(3, start="2026-11-18T21:00")), *SERIES)
    assert ran.code == 0, ran.err
    assert "1 not closed yet" in ran.out
    assert len(run.bars(BTC)) == 2


def test_other_values_correct_and_the_same_change_nothing(run, csv_file, hourly_rows):
    rows = hourly_rows(10)
    run("import", csv_file(rows), *SERIES)
    rows[2] = (*rows[2][:5], 77)
    ran = run("import", csv_file(rows), *SERIES)
    assert "0 new, 1 corrected, 9 there already" in ran.out


def test_gold_is_imported_for_the_service_and_exported_by_session(run, csv_file, tmp_path):
    ran = run("import", csv_file(DAYS, time="date"), "--daily-market", "GC=F")
    assert ran.code == 0, ran.err
    assert run.bars(GOLD).close.tolist() == [4110.1, 4120.2, 4130.3]
    out = tmp_path / "gold.csv"
    assert run("export", "--symbol", "GC=F", "--out", out).code == 0
    assert out.read_text().splitlines()[:2] == [
        "date,open,high,low,close,volume",
        "2026-11-12,4100.0,4120.5,4090.0,4110.1,7.0",
    ]


def test_only_sessions_that_have_closed_come_in(run, csv_file, clock):
    clock.advance(hours=-4)  # 19:00, before gold's close
    rows = [*DAYS, ("2026-11-18", 1.0, 1.0, 1.0, 1.0, 0)]
    ran = run("import", csv_file(rows, time="date"), "--symbol", "GC=F")
    assert ran.code == 2  # far from its neighbours, and one of four
    rows[-1] = ("2026-11-18", 4120.0, 4140.5, 4110.0, 4130.3, 9)
    ran = run("import", csv_file(rows, time="date"), "--symbol", "GC=F")
    assert ran.code == 0, ran.err
    assert "1 not closed yet" in ran.out
    assert run.bars(GOLD).last_session.isoformat() == "2026-11-16"


def keep_list(run, *symbols):
    store = run.store()
    listed = MarketList("binance", tuple(Market(name, name.replace("/", "")) for name in symbols))
    store.write_markets(listed, at=run.clock.now())
    store.close()


def test_the_stored_list_of_markets_tells_what_a_spelling_means(run, csv_file, hourly_rows):
    file = csv_file(hourly_rows(3))
    joined = ("--exchange", "binance", "--symbol", "btcusdt", "--timeframe", "1h")
    ran = run("import", file, *joined)
    assert ran.code == 2
    assert "write base and quote apart, as in BTC/USDT" in ran.err
    keep_list(run, "BTC/USDT", "ETH/USDT")
    assert run("import", file, *joined).code == 0
    assert len(run.bars(BTC)) == 3
    ran = run("import", file, "--exchange", "binance", "--symbol", "BTC/UST", "--timeframe", "1h")
    assert ran.code == 2
    assert "near are BTC/USDT" in ran.err


def test_a_market_that_was_delisted_can_still_be_exported(run, csv_file, hourly_rows):
    run("import", csv_file(hourly_rows(3)), *SERIES)
    keep_list(run, "ETH/USDT")
    assert (
        run("export", "--exchange", "binance", "--symbol", "btcusdt", "--timeframe", "1h").code == 0
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("import", "{tmp}/none.csv", *SERIES), "none.csv: cannot be read"),
        (("import", "{tmp}", *SERIES), "cannot be read"),
        (("import", "{file}", "--exchange", "binance"), "--symbol and --timeframe missing"),
        (("import", "{file}", "--daily-market", "GC=F", "--symbol", "^GSPC"), "name two markets"),
        (("import", "{file}", "--daily-market", "SI=F"), "invalid choice: 'SI=F'"),
        (("export", *SERIES), "nothing is stored; `assay-data list` shows what is"),
        (("export", *SERIES, "--start", "x"), "'x' is no time like"),
    ],
)
def test_bad_input_is_a_sentence_and_status_2(run, csv_file, hourly_rows, tmp_path, words, says):
    file = csv_file(hourly_rows(3))
    ran = run(*(word.format(tmp=tmp_path, file=file) for word in words))
    assert ran.code == 2
    assert says in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--start", "2027-01-01"), "no bar in that time; those stored open from 2026-11-01T00:"),
        (("--start", "2026-11-02", "--end", "2026-11-02"), "is not before --end 2026-11-02T00:00Z"),
        (("--out", "/nowhere/x.csv"), "--out /nowhere/x.csv cannot be written: No such file"),
    ],
)
def test_an_export_that_cannot_be_is_a_sentence(run, csv_file, hourly_rows, words, says):
    run("import", csv_file(hourly_rows(3)), *SERIES)
    ran = run("export", *SERIES, *words)
    assert (ran.code, ran.out) == (2, "")
    assert says in ran.err


def test_a_failed_export_leaves_the_file_that_was_there(run, csv_file, hourly_rows, tmp_path):
    run("import", csv_file(hourly_rows(3)), *SERIES)
    folder = tmp_path / "here"
    folder.mkdir()
    ran = run("export", *SERIES, "--out", folder)
    assert ran.code == 2
    assert "cannot be written: Is a directory" in ran.err
    assert list(tmp_path.glob(".*.part")) == []


def test_a_reader_that_leaves_early_is_no_error(run, csv_file, hourly_rows, tmp_path):
    run("import", csv_file(hourly_rows(380)), *SERIES)
    environment = os.environ | {"ASSAY_DATA_DIR": str(run.folder), "PYTHONUNBUFFERED": "1"}
    words = [sys.executable, "-m", "assay_backend.commands.data", "export", *SERIES]
    started = subprocess.Popen(
        words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    started.stdout.close()
    told = started.stderr.read()
    started.stderr.close()
    assert started.wait(60) == 141
    assert told == b""
