"""`assay-data fetch` as a process, its unmodified clients on a Binance of loopback."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from assay.clock import SystemClock
from assay.market.keys import SeriesKey
from assay.store import open_store
from upstream.binance import BinanceUpstream

pytestmark = pytest.mark.slow

BTC = SeriesKey("binance", "BTC/USDT", "1m")
SERIES = ("--exchange", "binance", "--symbol", "BTCUSDT", "--timeframe", "1m")


@pytest.fixture
def upstream():
    with BinanceUpstream(clock=SystemClock()) as server:
        yield server


@pytest.fixture
def start(upstream, tmp_path):
    started = []

    def start(*words):
        settings = {"ASSAY_MARKET_SOURCE": "live", "ASSAY_DATA_DIR": str(tmp_path)}
        process = subprocess.Popen(
            [sys.executable, "-m", "assay_backend.commands.data", "fetch", *SERIES, *words],
            env=os.environ | upstream.environment() | settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def stored(tmp_path):
    store = open_store(f"sqlite:///{tmp_path / 'assay.db'}")
    bars = store.read_bars(BTC)
    store.close()
    return bars


def assert_every_minute(bars):
    assert np.all(np.diff(bars.time) == np.timedelta64(1, "m"))


def test_history_is_fetched_by_ccxt_and_refused_places_are_passed_over(start, upstream, tmp_path):
    upstream.faults["binance"] = "451"
    process = start("--since", "2026-11-01", "--until", "2026-11-15")
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    bars = stored(tmp_path)
    assert len(bars) == 14 * 1440
    assert_every_minute(bars)
    assert "20,160 new, 0 corrected" in out


def test_ctrl_c_leaves_what_was_had_and_the_same_command_brings_the_rest(start, tmp_path):
    words = ("--since", "2026-07-01", "--until", "2026-07-31")
    process = start(*words)
    for _ in range(2400):
        if (tmp_path / "assay.db").exists() and len(stored(tmp_path)):
            break
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does, to the whole group
    out, err = process.communicate(timeout=240)
    assert (process.returncode, out) == (130, ""), err
    assert err.splitlines()[-1].startswith("assay-data: stopped; what was had is stored")
    assert "Traceback" not in err
    had = stored(tmp_path)
    assert 0 < len(had) < 30 * 1440
    assert_every_minute(had)
    again = start(*words)
    _, err = again.communicate(timeout=280)
    assert again.returncode == 0, err
    assert len(stored(tmp_path)) == 30 * 1440
    assert_every_minute(stored(tmp_path))
