"""`assay-data` with a real store, and with exchanges and Yahoo in memory."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import pytest

from assay.market.bars import check_bars
from assay.market.keys import SeriesKey
from assay.store import open_store
from assay_backend.commands.context import Context
from assay_backend.commands.data import main
from assay_backend.settings import Settings
from upstream.scripted import ScriptedExchanges

BTC = SeriesKey("binance", "BTC/USDT", "1h")
GOLD = SeriesKey("yahoo", "GC=F", "1d")
HOUR = np.timedelta64(1, "h")


@dataclass
class Ran:
    code: int
    out: str
    err: str


@dataclass
class Command:
    """Runs `assay-data` with a context of its own; `settings` can be set before a run."""

    folder: object
    clock: object
    source: object
    capture: object
    exchanges: ScriptedExchanges
    settings: dict = field(default_factory=dict)

    def __call__(self, *words):
        settings = Settings(data_dir=self.folder, **self.settings)
        context = Context(
            settings,
            self.clock,
            exchanges=lambda clock: self.exchanges,
            daily=lambda clock: self.source,
            retry_pause_seconds=0.0,
        )
        try:
            code = main([str(word) for word in words], context=lambda: context)
        except SystemExit as ended:  # argparse's way
            code = ended.code
        return Ran(code, *self.capture.readouterr())

    @property
    def database(self):
        return self.folder / "assay.db"

    def store(self):
        return open_store(f"sqlite:///{self.database}")

    def bars(self, key, **bounds):
        store = self.store()
        try:
            return store.read_bars(key, **bounds)
        finally:
            store.close()

    def keep(self, key, rows, *, times, daily=False, at=None):
        """Stores `rows` (open, high, low, close, volume) without any command."""
        store = self.store()
        checked = check_bars(np.array(times, "datetime64[ms]"), np.array(rows), daily=daily)
        store.write(key, checked, at=at or self.clock.now())
        store.close()


@pytest.fixture
def run(tmp_path, clock, source, capsys):
    return Command(tmp_path / "state", clock, source, capsys, ScriptedExchanges(clock))


@pytest.fixture
def csv_file(tmp_path):
    def write(rows, *, name="bars.csv", time="timestamp"):
        path = tmp_path / name
        with path.open("w", newline="") as handle:
            writer = csv.writer(handle)
            writer.writerow([time, "open", "high", "low", "close", "volume"])
            writer.writerows(rows)
        return path

    return write


def hours(count, *, start="2026-11-01T00:00", price=100.0):
    """That many rows of a file, an hour apart."""
    first = datetime.fromisoformat(start).replace(tzinfo=UTC)
    return [
        (
            f"{np.datetime64(first.replace(tzinfo=None), 's') + number * HOUR}Z",
            price + number / 7,
            price + number / 7 + 2,
            price - 2,
            price + number / 7 + 1,
            number / 3,
        )
        for number in range(count)
    ]


@pytest.fixture
def hourly_rows():
    return hours
