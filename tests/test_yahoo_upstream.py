"""Unmodified yfinance in its own process, reached by environment alone; its days and its bars.

How it fails is in test_yahoo_faults.py.
"""

import os
import signal
import subprocess
import sys
from datetime import UTC, date, datetime

import numpy as np
import pytest

from assay.clock import FixedClock
from assay.errors import SourceUnavailable
from assay.market.feed import GoldFeed
from assay.market.keys import SeriesKey
from assay.market.sources.simulated import FIRST_SESSION, SimulatedSource
from assay.market.sources.yahoo import CHILD_MODULE, YahooSource
from assay.store import open_store
from upstream.forks import Forks
from upstream.wire import CA_VARIABLES
from upstream.yahoo import NOW, YahooUpstream

pytestmark = pytest.mark.slow

CLOCK = FixedClock(NOW)
LAST = date(2025, 6, 12)
AMPLE_SECONDS = 60.0


@pytest.fixture(scope="module")
def standing():
    with YahooUpstream() as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment().items():
            patch.setenv(name, value)
        yield server


@pytest.fixture
def upstream(standing):
    standing.now, standing.fault, standing.damages = NOW, None, ()
    standing.forget()
    return standing


@pytest.fixture(scope="module")
def forks(standing):
    with Forks() as process:
        yield process


@pytest.fixture
def store(tmp_path):
    opened = open_store(f"sqlite:///{tmp_path / 'assay.db'}")
    yield opened
    opened.close()


@pytest.fixture
def source():
    yahoo = YahooSource(CLOCK)
    yield yahoo
    yahoo.close()


def fetch(source, *, deadline_seconds=AMPLE_SECONDS, symbol="GC=F"):
    return source.fetch(symbol, start=date(2025, 5, 1), deadline_seconds=deadline_seconds)


def test_bars_come_through_and_are_stored(upstream, store, source):
    feed = GoldFeed(source, store, CLOCK, mode="live", deadline_seconds=AMPLE_SECONDS)
    assert feed.refresh() is True
    snapshot = feed.snapshot()
    for series in (snapshot.gold, snapshot.sp500):
        expected = SimulatedSource(CLOCK).fetch(
            series.symbol, start=FIRST_SESSION, deadline_seconds=1.0
        )
        assert series.bars.fingerprint() == expected.bars.fingerprint()
        assert (series.source, series.stale, series.gaps) == ("yahoo", False, ())
        stored = store.read_bars(SeriesKey("yahoo", series.symbol, "1d"))
        assert stored.fingerprint() == expected.bars.fingerprint()
    assert upstream.chart_calls() <= 4
    assert len(upstream.requests) <= 8


@pytest.mark.parametrize(
    ("damages", "lost"),
    [
        (
            ("nulls", "zero", "negative", "high-below-low"),
            ["2025-06-05", "2025-06-06", "2025-06-09", "2025-06-10"],
        ),
        # yfinance itself drops one row beyond the end that was asked for, and no second one
        (("duplicate", "future", "unfinished", "unsorted"), ["2025-06-13"]),
    ],
)
def test_bad_rows_spoil_no_others(upstream, forks, damages, lost):
    upstream.damages = damages
    checked = fetch(YahooSource(CLOCK, run=forks))
    true = SimulatedSource(CLOCK).fetch("GC=F", start=date(2025, 5, 1), deadline_seconds=1.0).bars
    kept = true.take(~np.isin(true.session, np.array(lost, dtype="datetime64[D]")))
    assert checked.bars.fingerprint() == kept.fingerprint()
    assert [item.time[:10] for item in checked.set_aside] == lost


def test_a_passing_failure_is_tried_again(upstream, store, forks):
    upstream.fault = "503-html"

    def recover(_seconds):
        upstream.fault = None

    feed = GoldFeed(
        YahooSource(CLOCK, run=forks),
        store,
        CLOCK,
        mode="live",
        deadline_seconds=AMPLE_SECONDS,
        sleep=recover,
    )
    assert feed.refresh() is True
    assert feed.snapshot().gold.bars.last_session == LAST


@pytest.mark.parametrize("variable", CA_VARIABLES)
def test_each_usual_variable_can_name_the_certificates(upstream, source, monkeypatch, variable):
    for other in set(CA_VARIABLES) - {variable}:
        monkeypatch.delenv(other)
    assert fetch(source).bars.last_session == LAST


def test_an_unknown_authority_is_refused(upstream, source, monkeypatch):
    for variable in CA_VARIABLES:
        monkeypatch.delenv(variable)
    with pytest.raises(SourceUnavailable, match="certificate"):
        fetch(source)
    assert upstream.requests == []


def test_an_unreachable_proxy_is_noticed_without_loading_yfinance(upstream, source, monkeypatch):
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("PYTHONPROFILEIMPORTTIME", "1")
    with pytest.raises(SourceUnavailable, match=r"127\.0\.0\.1:9 cannot be reached"):
        fetch(source)
    assert upstream.connections == 0


def child(deadline_seconds, folder):
    arguments = ["GC=F", "2025-06-02", "2025-06-13", str(deadline_seconds), str(folder)]
    return [sys.executable, "-m", CHILD_MODULE, *arguments]


def test_a_child_whose_parent_has_died_ends_itself(upstream, tmp_path):
    upstream.fault = "blackhole"
    orphan = subprocess.run(child(1.0, tmp_path), capture_output=True, check=False)
    assert orphan.returncode == -signal.SIGALRM
    assert orphan.stdout == b""


def test_the_serving_process_never_loads_pandas(upstream, tmp_path):
    script = f"""
import sys
from datetime import date, datetime
from assay.clock import FixedClock
from assay.market.sources.yahoo import YahooSource
source = YahooSource(FixedClock(datetime.fromisoformat({NOW.isoformat()!r})))
bars = source.fetch("GC=F", start=date(2025, 6, 2), deadline_seconds={AMPLE_SECONDS}).bars
print(len(bars), sorted({{"pandas", "yfinance", "curl_cffi"}} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, env=os.environ
    )
    assert done.stdout == "9 []\n", done.stderr


@pytest.mark.parametrize(
    ("now", "last", "closed"),
    [
        # the Friday before clocks go forward in New York, and the Monday after
        (datetime(2025, 3, 7, 22, 30, tzinfo=UTC), date(2025, 3, 7), "22:00"),
        (datetime(2025, 3, 9, 12, 0, tzinfo=UTC), date(2025, 3, 7), "22:00"),
        (datetime(2025, 3, 10, 21, 30, tzinfo=UTC), date(2025, 3, 10), "21:00"),
        # an hour before that Monday's close its row is there, and no bar yet
        (datetime(2025, 3, 10, 20, 30, tzinfo=UTC), date(2025, 3, 7), "22:00"),
        # Good Friday, and the Monday after
        (datetime(2025, 4, 18, 23, 0, tzinfo=UTC), date(2025, 4, 17), "21:00"),
        (datetime(2025, 4, 21, 22, 30, tzinfo=UTC), date(2025, 4, 21), "21:00"),
    ],
)
def test_days_on_which_clocks_change_or_markets_rest(upstream, forks, store, now, last, closed):
    clock = FixedClock(now)
    upstream.now = now
    source = YahooSource(clock, run=forks)
    feed = GoldFeed(source, store, clock, mode="live", deadline_seconds=AMPLE_SECONDS)
    feed.refresh()
    gold = feed.snapshot().gold
    assert (gold.bars.last_session, f"{gold.as_of:%H:%M}") == (last, closed)
    assert (gold.stale, gold.gaps) == (False, ())
    stored = store.read_bars(SeriesKey("yahoo", "GC=F", "1d"))
    assert stored.last_session == last
