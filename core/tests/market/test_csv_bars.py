"""CSV in every form people have it, and one sentence with file, line and value where it is not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.errors import InvalidBars
from assay.market.bars import Bars, check_bars
from assay.market.csv_bars import (
    BLOCK_ROWS,
    parse_session,
    parse_time,
    read_bars_csv,
    write_bars_csv,
)
from assay.market.timeframes import timeframe

HEADER = "date,open,high,low,close,volume\n"
ROW = "2025-04-14,10,12,9,11,100\n"


@pytest.fixture
def csv_of(tmp_path):
    def write(content):
        path = tmp_path / "bars.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.mark.parametrize(
    "content",
    [
        HEADER + ROW,
        "Date,Open,High,Low,Close,Volume\r\n2025-04-14,10,12,9,11,100\r\n",
        "TIMESTAMP,OPEN,HIGH,LOW,CLOSE,VOLUME\n2025-04-14T00:00:00Z,10,12,9,11,100",
        "\ufeff" + HEADER + ROW,
        HEADER + "14/04/2025,10,12,9,11,100\n",
        HEADER + "2025-04-14 00:00:00,10,12,9,11,100\n",
        HEADER + "2025-04-14T02:00:00+02:00,10,12,9,11,100\n",
        HEADER + "\n\n" + ROW + "\n,,,,,\n",
        "volume,close,low,high,open,adj close,date\n100,11,9,12,10,8,2025-04-14\n",
        'date, "open",high ,low,close,volume\n"2025-04-14"," 10 ",12,9,11,100\n',
        HEADER + "2025-04-14,10,12,9,11,100,of no interest\n",
    ],
    ids=["plain", "capitals and CRLF", "timestamp with Z", "byte order mark", "DD/MM/YYYY",
         "date and time", "offset", "blank lines", "other order", "quotes and spaces", "long row"],
)  # fmt: skip
def test_a_bar_is_read_from_any_usual_form(csv_of, content):
    bars = read_bars_csv(csv_of(content)).bars
    assert bars.time.tolist() == [np.datetime64("2025-04-14", "ms").item()]
    assert [column[0] for column in bars.columns()[1:]] == [10.0, 12.0, 9.0, 11.0, 100.0]


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        ("", 1, ["the file is empty", "date, open, high, low, close, volume"]),
        ("\n \n", 1, ["the file is empty"]),
        ("\nday,open,high,low,close,volume\n", 2, ["lacks the column date (or timestamp)"]),
        ("date,open,high,low,volume\n", 1, ["lacks the column close", "date, open, high"]),
        ("day,open,high,low,close,volume\n", 1, ["date (or timestamp)", "it has day"]),
        (HEADER, 1, ["holds no rows"]),
        (HEADER + "\n \n", 1, ["holds no rows"]),
        (HEADER + ROW + "soon,10,12,9,11,100\n", 3, ["no readable date", "'soon'"]),
        (HEADER + "\n\n" + ROW + "\n04/16/2025,1,1,1,1,1\n", 6, ["'04/16/2025'"]),
        (HEADER + ROW + "2025-02-30,10,12,9,11,100\n", 3, ["'2025-02-30'"]),
        (HEADER + "31/02/2025,10,12,9,11,100\n", 2, ["'31/02/2025'"]),
        (HEADER + "0001-01-01T00:00+05:00,10,12,9,11,100\n", 2, ["'0001-01-01T00:00+05:00'"]),
        (HEADER + ",10,12,9,11,100\n", 2, ["no readable date", "''"]),
        (
            HEADER + ROW + "\n\n2025-04-15,10,9,12,11,100\n",
            5,
            ["1 of 2 rows", "high below low", "'2025-04-15,10,9,12,11,100'"],
        ),
        (HEADER + ROW + "2025-04-15,10,12,9,n/a,100\n", 3, ["not a number", "n/a"]),
        (HEADER + ROW + "2025-04-15,10\n", 3, ["not a number", "'2025-04-15,10'"]),
        (HEADER + ROW + "2025-04-15,0,12,9,11,100\n", 3, ["price not above zero"]),
        (HEADER + ROW + '"2025-04-15,10,12,9,11,1\n' + ROW, 3, ["a quote opens there"]),
        (HEADER + ROW + '2025-04-15,10,12,9,11,"1\n' + ROW * 9_000, 3, ["cannot be read"]),
        (HEADER + ROW + '2025-04-15,10,12,9,11,"1\n', 3, ["a quote opens there"]),
    ],
)
def test_an_unusable_file_is_refused_in_one_sentence(csv_of, content, line, words):
    path = csv_of(content)
    with pytest.raises(InvalidBars) as caught:
        read_bars_csv(path)
    for word in [
        str(path),
        f"line {line}" if "rows below" not in str(caught.value) else "",
        *words,
    ]:
        assert word in caught.value.message
    assert caught.value.fields["file"] == str(path)
    assert caught.value.fields["line"] == line
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("content", [b"\xff\xfe\x00d", b"date,open\xe9,high\n"])
def test_bytes_that_are_no_utf8_are_refused(csv_of, content):
    with pytest.raises(InvalidBars, match=r"bars\.csv: cannot be read"):
        read_bars_csv(csv_of(content))


def test_an_absent_file_and_a_folder_are_refused_by_name(tmp_path):
    for path in (tmp_path / "absent.csv", tmp_path):
        with pytest.raises(InvalidBars, match="cannot be read") as caught:
            read_bars_csv(path)
        assert str(path) in caught.value.message


@pytest.mark.parametrize(("bad_rows", "refused"), [(1, False), (2, True)])
def test_up_to_one_percent_of_rows_may_be_implausible(csv_of, bad_rows, refused):
    days = np.datetime64("2024-01-01") + np.arange(150)
    rows = [f"{day},10,12,9,11,1\n" for day in days]
    for at in range(bad_rows):
        rows[at * 10] = f"{days[at * 10]},10,9,12,11,1\n"
    path = csv_of(HEADER + "".join(rows))
    if refused:
        with pytest.raises(InvalidBars, match="2 of 150 rows are implausible, more than 1%"):
            read_bars_csv(path)
    else:
        checked = read_bars_csv(path)
        assert (len(checked.bars), len(checked.set_aside)) == (149, 1)


def test_an_error_carries_no_more_than_a_piece_of_what_it_found(csv_of):
    with pytest.raises(InvalidBars) as caught:
        read_bars_csv(csv_of(HEADER + "x" * 10_000 + ",1,1,1,1,1\n"))
    assert len(caught.value.message) < 300


PRICE = st.floats(1e-6, 1e9)


@settings(deadline=None)
@given(st.lists(st.tuples(PRICE, PRICE, PRICE, PRICE, st.floats(0, 1e15)), min_size=1, max_size=20))
def test_bars_written_are_the_bars_read(tmp_path_factory, rows):
    prices = np.array([(o, max(o, h, c), min(o, lo, c), c, v) for o, h, lo, c, v in rows])
    times = np.datetime64("2025-01-01", "ms") + np.arange(len(rows)) * np.timedelta64(1, "D")
    bars = check_bars(times, prices).bars
    path = tmp_path_factory.mktemp("csv") / "bars.csv"
    write_bars_csv(path, bars)
    assert read_bars_csv(path).bars.fingerprint() == bars.fingerprint()


@pytest.mark.parametrize("text", ["", "x", "2025-13-01", "1/2/25", "20250230"])
def test_what_is_no_date_raises(text):
    with pytest.raises(ValueError, match=r".*"):
        parse_time(text)


@pytest.mark.parametrize(
    "text",
    ["2025-03-03", "03/03/2025", "2025-03-03T00:00:00+02:00", "2025-03-03 23:59:59-11:00",
     "2025-03-03T00:00:00Z"],
)  # fmt: skip
def test_the_session_of_a_daily_row_is_the_date_as_it_is_written(csv_of, text):
    assert parse_session(text) == np.datetime64("2025-03-03")
    bars = read_bars_csv(csv_of(HEADER + f"{text},10,12,9,11,100\n"), daily=True).bars
    assert bars.time.tolist() == [np.datetime64("2025-03-03", "ms").item()]


def test_daily_rows_of_one_day_at_different_times_are_one_bar(csv_of):
    days = WEEKDAYS[:150]
    rows = [f"{day}T00:00:00Z,10,12,9,11,1\n" for day in days]
    rows.append(f"{days[3]} 21:00,10,12,9,10,1\n")
    checked = read_bars_csv(csv_of(HEADER + "".join(rows)), daily=True)
    assert checked.bars.session.tolist() == days.tolist()
    assert checked.bars.close[3] == 10.0
    assert [(item.reason, item.line) for item in checked.set_aside] == [("duplicate time", 5)]


WEEKDAYS = np.busday_offset(np.datetime64("2024-01-01"), np.arange(300), roll="forward")


@pytest.mark.parametrize(
    "day", ["0001-01-02", "1970-01-02", "2029-12-31", "2030-01-02", "9999-12-31", "2024-01-06"]
)
def test_one_absurd_day_in_hundreds_is_counted_and_more_are_refused_with_their_line(csv_of, day):
    rows = [f"{weekday},10,12,9,11,1\n" for weekday in WEEKDAYS]
    absurd = f"{day},10,12,9,11,1\n"
    checked = read_bars_csv(csv_of(HEADER + "".join([*rows, absurd])), daily=True)
    assert (len(checked.bars), [item.line for item in checked.set_aside]) == (300, [302])
    with pytest.raises(InvalidBars, match=rf"4 of 304 rows .* is line 302, .*'{day},10") as caught:
        read_bars_csv(csv_of(HEADER + "".join([*rows, *[absurd] * 4])), daily=True)
    assert caught.value.fields["line"] == 302


def test_a_file_of_nothing_but_earlier_history_holds_no_usable_row(csv_of):
    with pytest.raises(InvalidBars, match=r"no usable row: .*1 before the calendar.*line 2"):
        read_bars_csv(csv_of(HEADER + "1998-12-31,10,12,9,11,1\n"), daily=True)


def test_the_lines_of_bars_are_theirs_after_blanks_and_sorting(csv_of):
    content = HEADER + "\n2025-04-15,10,12,9,11,1\n\n2025-04-14,10,12,9,11,1\n"
    assert read_bars_csv(csv_of(content)).lines == (5, 3)


MINUTES = np.datetime64("2025-03-30T00:30:00", "ms") + np.arange(90) * np.timedelta64(1, "m")


@pytest.mark.parametrize(
    "written",
    [
        lambda at: str(at)[:16],
        lambda at: str(at)[:19].replace("T", " "),
        lambda at: str(at)[:19] + "Z",
        lambda at: str(at)[:16] + "Z",
        lambda at: str(at)[:23],
        lambda at: str(at)[:23] + "Z",
        lambda at: str(at)[:19] + "+00:00",
        lambda at: str(at + np.timedelta64(330, "m"))[:19] + "+05:30",
        lambda at: str(at)[:23] + "000",
        lambda at: f"  {str(at)[:19]} ",
        lambda at: str(at.astype("int64")),
        lambda at: str(at.astype("int64") // 1000),
    ],
)
def test_times_are_read_alike_all_at_once_and_one_by_one(csv_of, written):
    rows = [f"{written(at)},10,12,9,11,100\n" for at in MINUTES]
    at_once = read_bars_csv(csv_of(HEADER + "".join(rows))).bars
    assert at_once.time.tolist() == MINUTES.tolist()
    one_by_one = read_bars_csv(csv_of(HEADER + "01/01/2020,10,12,9,11,100\n" + "".join(rows))).bars
    assert one_by_one.time[1:].tolist() == MINUTES.tolist()


@settings(deadline=None)
@given(
    texts=st.lists(st.datetimes().map(lambda at: at.isoformat()[:19]), min_size=2, max_size=5),
    row=st.integers(0, 4),
    at=st.integers(0, 18),
    typed=st.sampled_from("09T :-+Z/x."),
)
def test_a_slip_in_one_time_comes_to_the_same_however_the_others_are_read(
    tmp_path_factory, texts, row, at, typed
):
    row %= len(texts)
    texts[row] = texts[row][:at] + typed + texts[row][at + 1 :]
    path = tmp_path_factory.mktemp("csv") / "bars.csv"
    path.write_text(HEADER + "".join(f"{text},10,12,9,11,100\n" for text in texts))
    try:
        expected = sorted({parse_time(text) for text in texts})
    except (ValueError, OverflowError):
        with pytest.raises(InvalidBars, match=f"line {row + 2} has no readable date"):
            read_bars_csv(path)
    else:
        assert read_bars_csv(path, most_set_aside=1.0).bars.time.tolist() == [
            stamp.item() for stamp in expected
        ]


def test_lines_are_told_right_in_a_long_file(csv_of):
    many = 2 * BLOCK_ROWS + 10
    stamps = np.datetime64("2020-01-01T00:00:00") + np.arange(many) * np.timedelta64(60, "s")
    rows = [f"{at},10,12,9,11,100\n" for at in stamps]
    rows[BLOCK_ROWS - 1] += "\n ,\n"
    assert read_bars_csv(csv_of(HEADER + "".join(rows))).lines == tuple(
        line for line in range(2, many + 4) if line not in (BLOCK_ROWS + 2, BLOCK_ROWS + 3)
    )
    for spoilt, words in (
        (f"{stamps[-1]}x,10,12,9,11,100\n", "no readable date"),
        (f'{stamps[-1]},10,12,9,11,"100\n', "a quote opens there"),
    ):
        rows[-1] = spoilt
        with pytest.raises(InvalidBars, match=f"line {many + 3} .*{words}"):
            read_bars_csv(csv_of(HEADER + "".join(rows)))


def test_what_comes_first_in_a_file_is_told_first(csv_of):
    both = HEADER + "soon,10,12,9,11,100\n" + ROW + '2025-04-15,10,12,9,11,"1\n' + ROW * 9_000
    with pytest.raises(InvalidBars, match="line 2 has no readable date"):
        read_bars_csv(csv_of(both))


@pytest.mark.parametrize("step", [60_000, 250])
def test_intraday_bars_written_are_the_bars_read(tmp_path, step):
    count = BLOCK_ROWS + 5
    times = np.datetime64("2025-01-01", "ms") + np.arange(count) * np.timedelta64(step, "ms")
    low = np.random.default_rng(step).uniform(1.0, 2.0, count)
    bars = check_bars(times, np.column_stack([low, low * 1.5, low, low * 1.1, low * 1e6])).bars
    path = tmp_path / "bars.csv"
    write_bars_csv(path, bars, daily=False)
    first = path.read_text().splitlines()[:2]
    assert first[0] == "timestamp,open,high,low,close,volume"
    assert first[1].startswith("2025-01-01T00:00:00" + {60_000: "Z,", 250: ".000Z,"}[step])
    assert read_bars_csv(path).bars.fingerprint() == bars.fingerprint()


def test_rows_off_a_timeframe_or_still_forming_are_set_aside(csv_of):
    stamps = np.datetime64("2025-01-01T00:00:00") + np.arange(200) * np.timedelta64(60, "s")
    texts = [f"{at},10,12,9,11,100\n" for at in stamps]
    texts[7] = "2025-01-01T00:07:30,10,12,9,11,100\n"
    checked = read_bars_csv(
        csv_of(HEADER + "".join(texts)), timeframe=timeframe("1m"), now=stamps[-1] + 59
    )
    assert [(item.line, item.reason) for item in checked.set_aside] == [
        (9, "off the timeframe's grid"),
        (201, "not closed yet"),
    ]


@pytest.mark.parametrize("daily", [True, False])
def test_no_bars_are_a_header(tmp_path, daily):
    path = tmp_path / "bars.csv"
    write_bars_csv(path, Bars.empty(), daily=daily)
    assert len(path.read_text().splitlines()) == 1
