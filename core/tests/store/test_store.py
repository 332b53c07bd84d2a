"""What is written is there, once, with its provenance, and failures have our own name."""

import json
import threading
from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from assay.errors import StorageError
from assay.market.bars import Bars, CheckedBars, SetAside, check_bars
from assay.market.keys import SeriesKey
from assay.market.markets import Market, MarketList
from assay.store import Written, open_store, schema
from assay.store.store import CHUNK_ROWS

AT = datetime(2025, 4, 15, 21, 30, 0, 250_000, tzinfo=UTC)
LATER = AT + timedelta(days=1)
GOLD = SeriesKey("yahoo", "GC=F", "1d")
BITCOIN = SeriesKey("binance", "BTC/USDT", "1m")


def bars_of(*closes, first="2025-04-14"):
    days = np.datetime64(first, "ms") + np.arange(len(closes)) * np.timedelta64(1, "D")
    same = np.ones((5, len(closes))) * np.array([[10.0], [20.0], [5.0], [0.0], [100.0]])
    same[3] = closes
    return CheckedBars(Bars(days, *same))


def minutes(count, *, first="2025-01-01"):
    time = np.datetime64(first, "ms") + np.arange(count) * np.timedelta64(1, "m")
    columns = np.random.default_rng(count).uniform(1.0, 9.0, (5, count))
    return CheckedBars(Bars(time, *columns))


def aside(*rows):
    return CheckedBars(
        Bars.empty(),
        tuple(
            SetAside(number, time, reason, values=values)
            for number, (time, reason, values) in enumerate(rows)
        ),
        rows=len(rows),
    )


def bad(day, *values, reason="not a number"):
    return (f"2025-04-{day:02}T00:00:00.000", reason, values)


def all_rows(store):
    with store._engine.connect() as connection:
        return connection.execute(select(schema.bars).order_by(schema.bars.c.open_time_ms)).all()


def test_bars_come_back_as_they_were_also_after_a_restart(store, url):
    written = minutes(100)
    assert store.write(BITCOIN, written, at=AT) == Written(new=100)
    assert store.read_bars(BITCOIN).fingerprint() == written.bars.fingerprint()
    store.close()
    again = open_store(url)
    assert again.read_bars(BITCOIN).fingerprint() == written.bars.fingerprint()
    again.close()


def test_sources_symbols_and_timeframes_are_kept_apart(store):
    store.write(GOLD, bars_of(1.0), at=AT)
    store.write(GOLD._replace(source="kraken"), bars_of(2.0, 2.5), at=AT)
    store.write(GOLD._replace(symbol="^GSPC"), bars_of(3.0), at=AT)
    store.write(GOLD._replace(timeframe="1h"), bars_of(4.0), at=AT)
    assert store.read_bars(GOLD).close.tolist() == [1.0]
    assert store.sources("GC=F", "1d") == ("kraken", "yahoo")
    assert store.sources("GC=F", "1m") == ()
    assert len(store.read_bars(GOLD._replace(symbol="SI=F"))) == 0
    assert len(store.read_bars(GOLD._replace(symbol="SI=F"), last=5)) == 0


def test_a_correction_replaces_the_values_and_keeps_both_and_when_the_bar_was_first_seen(store):
    assert store.write(GOLD, bars_of(11.0, 12.0), at=AT) == Written(new=2)
    assert store.write(GOLD, bars_of(11.0, 12.5, 13.0), at=LATER) == Written(new=1, corrected=1)
    first, later = (round(at.timestamp() * 1000) for at in (AT, LATER))
    seen = [(row.close, row.first_seen_ms, row.updated_ms) for row in all_rows(store)]
    assert seen == [(11.0, first, first), (12.5, first, later), (13.0, later, later)]
    (correction,) = store.corrections(GOLD)
    assert correction.key == GOLD
    assert correction.open_time == datetime(2025, 4, 15, tzinfo=UTC)
    assert correction.at == LATER
    assert correction.before == (10.0, 20.0, 5.0, 12.0, 100.0)
    assert correction.after == (10.0, 20.0, 5.0, 12.5, 100.0)


@pytest.mark.parametrize("column", range(5))
def test_a_change_of_any_one_value_is_a_correction(store, column):
    before = minutes(50).bars
    store.write(BITCOIN, CheckedBars(before), at=AT)
    time, *columns = (values.copy() for values in before.columns())
    columns[column][[3, 40]] += 1e-9
    after = Bars(time, *columns)
    assert store.write(BITCOIN, CheckedBars(after), at=LATER) == Written(corrected=2)
    assert store.read_bars(BITCOIN).fingerprint() == after.fingerprint()
    assert store.write(BITCOIN, CheckedBars(after), at=LATER) == Written()


def test_corrections_are_listed_newest_first_of_one_series_or_of_all(store):
    silver = GOLD._replace(symbol="SI=F")
    for key in (GOLD, silver):
        for day, close in enumerate((11.0, 12.0, 13.0)):
            store.write(key, bars_of(close), at=AT + timedelta(days=day))
    assert [item.after[3] for item in store.corrections(GOLD)] == [13.0, 12.0]
    assert [item.key for item in store.corrections()] == [silver, silver, GOLD, GOLD]
    assert [item.after[3] for item in store.corrections(limit=1)] == [13.0]
    assert store.corrections(BITCOIN) == ()


def test_bars_that_fill_a_hole_are_new_and_those_around_it_untouched(store):
    whole = minutes(300).bars
    hole = slice(100, 200)
    outside = np.ones(300, dtype=bool)
    outside[hole] = False
    assert store.write(BITCOIN, CheckedBars(whole.take(outside)), at=AT).new == 200
    assert store.write(BITCOIN, CheckedBars(whole.take(hole)), at=AT) == Written(new=100)
    assert store.write(BITCOIN, CheckedBars(whole.take(slice(None, None, 50))), at=AT) == Written()
    assert store.read_bars(BITCOIN).fingerprint() == whole.fingerprint()


def test_two_bars_far_apart_are_compared_with_nothing_in_between(store, monkeypatch):
    monkeypatch.setattr("assay.store.bar_rows.READ_BLOCK_ROWS", 64)
    many = minutes(1_000).bars
    store.write(BITCOIN, CheckedBars(many), at=AT)
    ends = many.take(np.array([0, 500, 999]))
    ends.close[1] += 1.0
    assert store.write(BITCOIN, CheckedBars(ends), at=LATER) == Written(corrected=1)
    assert [item.before[3] for item in store.corrections()] == [many.close[500]]


def test_start_end_and_last_cut_the_history_whatever_zone_they_are_given_in(store):
    store.write(GOLD, bars_of(1.0, 2.0, 3.0, 4.0), at=AT)
    start = datetime(2025, 4, 15, 2, tzinfo=timezone(timedelta(hours=2)))
    end = datetime(2025, 4, 16, 20, tzinfo=timezone(timedelta(hours=-4)))
    assert store.read_bars(GOLD, start=start).close.tolist() == [2.0, 3.0, 4.0]
    assert store.read_bars(GOLD, end=end).close.tolist() == [1.0, 2.0, 3.0]
    assert store.read_bars(GOLD, start=start, end=end).session.tolist() == [
        date(2025, 4, 15),
        date(2025, 4, 16),
    ]
    assert store.read_bars(GOLD, last=2).close.tolist() == [3.0, 4.0]
    assert store.read_bars(GOLD, end=end, last=1).close.tolist() == [3.0]
    assert store.read_bars(GOLD, last=99).close.tolist() == [1.0, 2.0, 3.0, 4.0]


def test_nothing_is_written_of_nothing(store):
    assert store.write(GOLD, CheckedBars(Bars.empty()), at=AT) == Written()
    assert all_rows(store) == []
    assert store.series() == ()


def test_naive_instants_are_refused(store):
    naive = AT.replace(tzinfo=None)
    for refused in (
        lambda: store.write(GOLD, bars_of(1.0), at=naive),
        lambda: store.read_bars(GOLD, start=naive),
        lambda: store.read_bars(GOLD, end=naive),
        lambda: store.write_markets(MarketList("kraken", ()), at=naive),
        lambda: store.prune(timeframe="1m", before=naive),
    ):
        with pytest.raises(ValueError, match="aware"):
            refused()


@settings(deadline=None, max_examples=25)
@given(
    writes=st.lists(
        st.dictionaries(st.integers(0, 12), st.floats(5.0, 20.0), min_size=1), max_size=4
    )
)
def test_the_last_write_of_each_bar_counts_and_every_change_is_kept(tmp_path_factory, writes):
    store = open_store(f"sqlite:///{tmp_path_factory.mktemp('store') / 'assay.db'}")
    expected, changes, written = {}, [], Written()
    for closes in writes:
        days = np.datetime64("2025-01-01", "ms") + np.array(list(closes)) * np.timedelta64(1, "D")
        prices = np.array([(10.0, 20.0, 5.0, close, 0.0) for close in closes.values()])
        written += store.write(GOLD, check_bars(days, prices), at=AT)
        changes += [
            (expected[day], close)
            for day, close in sorted(closes.items())
            if expected.get(day, close) != close
        ]
        expected |= closes
    found = store.read_bars(GOLD)
    assert found.close.tolist() == [expected[day] for day in sorted(expected)]
    assert written == Written(new=len(expected), corrected=len(changes))
    kept = [(item.before[3], item.after[3]) for item in store.corrections()]
    assert kept[::-1] == changes
    assert [item.rows for item in store.series()] == ([len(expected)] if expected else [])
    store.close()


def test_rows_that_are_no_bars_are_kept_as_they_came(store):
    nan, inf = float("nan"), float("inf")
    rows = aside(
        bad(14, 10.0, nan, inf, -inf, 0.1 + 0.2),
        bad(15, 10.0, 9.0, 12.0, 11.0, 100.0, reason="high below low"),
        ("NaT", "no time", ()),
    )
    assert store.write(GOLD, rows, at=AT) == Written(quarantined=3)
    kept = {item.reason: item for item in store.quarantine()}
    assert kept["not a number"].values == (10.0, "nan", "inf", "-inf", 0.1 + 0.2)
    assert np.array_equal(
        [float(value) for value in kept["not a number"].values],
        [10.0, nan, inf, -inf, 0.1 + 0.2],
        equal_nan=True,
    )
    assert (kept["no time"].time, kept["no time"].values) == ("NaT", ())
    assert kept["high below low"].time == "2025-04-15T00:00:00.000"
    assert (kept["high below low"].key, kept["high below low"].first_seen) == (GOLD, AT)
    json.dumps([item.values for item in kept.values()], allow_nan=False)
    assert len(store.read_bars(GOLD)) == 0
    assert store.series() == (), "a series without a bar has nothing to show"


def test_what_a_sound_source_may_send_is_no_matter_for_quarantine(store):
    forming = aside(
        bad(16, 1.0, reason="not closed yet"), bad(1, 1.0, reason="before the calendar")
    )
    assert store.write(GOLD, forming, at=AT) == Written()
    assert store.quarantine() == ()


def test_a_bad_row_that_comes_again_is_counted_and_not_repeated(store):
    nan = float("nan")
    assert store.write(GOLD, aside(bad(14, nan), bad(15, 0.0)), at=AT).quarantined == 2
    again = aside(bad(14, nan), bad(14, nan), bad(14, 1.0))
    assert store.write(GOLD, again, at=LATER).quarantined == 1
    other = GOLD._replace(symbol="SI=F")
    assert store.write(other, aside(bad(14, nan)), at=AT).quarantined == 1
    seen = {
        (item.key.symbol, item.time[8:10], item.values): (
            item.times_seen,
            item.first_seen,
            item.last_seen,
        )
        for item in store.quarantine()
    }
    assert seen == {
        ("GC=F", "14", ("nan",)): (3, AT, LATER),
        ("GC=F", "14", (1.0,)): (1, LATER, LATER),
        ("GC=F", "15", (0.0,)): (1, AT, AT),
        ("SI=F", "14", ("nan",)): (1, AT, AT),
    }


def test_the_quarantine_is_listed_by_series_and_reason_and_counted(store):
    store.write(GOLD, aside(bad(14, 1.0), bad(15, 2.0, reason="high below low")), at=AT)
    store.write(BITCOIN, aside(bad(16, 3.0), bad(17, 4.0)), at=LATER)
    assert [item.values for item in store.quarantine()] == [(4.0,), (3.0,), (2.0,), (1.0,)]
    assert [item.values for item in store.quarantine(GOLD)] == [(2.0,), (1.0,)]
    assert [item.values for item in store.quarantine(reason="not a number", limit=2)] == [
        (4.0,),
        (3.0,),
    ]
    assert [item.values for item in store.quarantine(GOLD, reason="not a number")] == [(1.0,)]
    assert store.quarantine_counts() == {"high below low": 1, "not a number": 3}
    assert store.quarantine_counts_by_series() == {BITCOIN: 2, GOLD: 2}


def test_the_quarantine_keeps_the_newest_rows_only(url):
    store = open_store(url, quarantine_rows=3)
    store.write(GOLD, aside(bad(1, 1.0), bad(2, 2.0), bad(3, 3.0)), at=AT)
    store.write(GOLD, aside(bad(1, 1.0)), at=LATER)
    store.write(GOLD, aside(bad(4, 4.0)), at=LATER)
    assert [item.values[0] for item in store.quarantine()] == [4.0, 1.0, 3.0]
    flood = aside(*(bad(5, float(number)) for number in range(1_000)))
    assert store.write(GOLD, flood, at=LATER).quarantined == 3
    assert [item.values[0] for item in store.quarantine()] == [999.0, 998.0, 997.0]
    store.close()


def test_bars_and_rows_set_aside_are_written_together_or_not_at_all(store):
    broken = aside(bad(1, 1.0), bad(2, "no number, nor anything else that a check sets aside"))
    with pytest.raises(TypeError):
        store.write(BITCOIN, CheckedBars(minutes(10).bars, broken.set_aside), at=AT)
    assert all_rows(store) == []
    assert store.series() == ()
    assert store.quarantine() == ()


def test_series_tell_how_many_bars_they_have_and_from_when_to_when(store):
    store.write(GOLD, bars_of(1.0, 2.0, 3.0), at=AT)
    store.write(GOLD, bars_of(9.0), at=AT)
    store.write(BITCOIN, minutes(90), at=AT)
    bitcoin, gold = store.series()
    assert (bitcoin.key, gold.key) == (BITCOIN, GOLD)
    assert (gold.rows, gold.first, gold.last) == (
        3,
        datetime(2025, 4, 14, tzinfo=UTC),
        datetime(2025, 4, 16, tzinfo=UTC),
    )
    assert (bitcoin.rows, bitcoin.last) == (90, datetime(2025, 1, 1, 1, 29, tzinfo=UTC))
    assert store.series(timeframe="1d") == (gold,)
    assert store.series(source="binance", symbol="BTC/USDT", timeframe="1m") == (bitcoin,)
    assert store.series(symbol="ETH/USDT") == ()


def test_a_long_import_tells_how_far_it_is_and_can_be_repeated(store):
    many = minutes(2 * CHUNK_ROWS + 1)
    checked = CheckedBars(many.bars, aside(bad(1, 1.0)).set_aside)
    told = []
    note = lambda done, total: told.append((done, total))  # noqa: E731 - a callback
    written = store.import_bars(BITCOIN, checked, at=AT, progress=note)
    assert written == Written(new=len(many.bars), quarantined=1)
    total = len(many.bars)
    assert told == [(CHUNK_ROWS, total), (2 * CHUNK_ROWS, total), (total, total)]
    assert store.import_bars(BITCOIN, checked, at=LATER) == Written()
    assert store.read_bars(BITCOIN).fingerprint() == many.bars.fingerprint()


def test_old_bars_of_a_timeframe_are_dropped_with_their_corrections(store, monkeypatch):
    monkeypatch.setattr("assay.store.store.CHUNK_ROWS", 40)
    many = minutes(200).bars
    store.write(BITCOIN, CheckedBars(many), at=AT)
    many.close[[10, 150]] += 1.0
    store.write(BITCOIN, CheckedBars(many), at=AT)
    store.write(GOLD, bars_of(1.0, first="2020-01-01"), at=AT)
    cut = datetime(2025, 1, 1, 1, 40, tzinfo=UTC)
    assert store.prune(timeframe="1m", before=cut) == 100
    assert store.prune(timeframe="1m", before=cut) == 0
    assert store.read_bars(BITCOIN).fingerprint() == many.take(slice(100, None)).fingerprint()
    assert [item.rows for item in store.series()] == [100, 1]
    assert [item.after[3] for item in store.corrections()] == [many.close[150]]
    assert store.prune(timeframe="1m", before=LATER) == 100
    assert [item.key for item in store.series()] == [GOLD]


def test_an_exchanges_markets_are_kept_until_it_sends_others(store, url):
    assert store.read_markets("kraken") is None
    listed = MarketList("kraken", (Market("BTC/USD", "XXBTZUSD"), Market("ÐOGE/€", "x'\"y")))
    store.write_markets(listed, at=AT)
    store.write_markets(MarketList("okx", ()), at=AT)
    assert store.read_markets("kraken") == (listed, AT)
    fewer = MarketList("kraken", listed.markets[:1])
    store.write_markets(fewer, at=LATER)
    store.close()
    again = open_store(url)
    assert again.read_markets("kraken") == (fewer, LATER)
    assert again.read_markets("okx") == (MarketList("okx", ()), AT)
    again.close()


def test_several_threads_write_at_once(store):
    faults = []

    def write(source):
        try:
            for day in range(1, 10):
                bars = bars_of(11.0, 12.0, first=f"2025-01-0{day}")
                store.write(GOLD._replace(source=source), bars, at=AT)
                store.write(GOLD, bars_of(float(day)), at=AT)
        except StorageError as error:
            faults.append(error)

    threads = [threading.Thread(target=write, args=(f"source{at}",)) for at in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert [item.rows for item in store.series()] == [10, 10, 10, 10, 1]
    assert len(all_rows(store)) == 4 * 10 + 1


def test_a_store_can_be_opened_twice(store, url):
    other = open_store(url)
    store.write(GOLD, bars_of(1.0, 2.0), at=AT)
    assert len(other.read_bars(GOLD)) == 2
    assert other.write(GOLD, bars_of(1.0, 2.5), at=LATER) == Written(corrected=1)
    assert store.read_bars(GOLD).close.tolist() == [1.0, 2.5]
    assert store.writable()
    other.close()
