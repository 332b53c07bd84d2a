"""The API and the dashboard as two processes, on simulated bars or on replayed days."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
from dataclasses import dataclass, field
from pathlib import Path

from asking import ask, direct, free_port

# Gold sessions that are replayed: enough for the ten outcomes from which on their course is drawn.
# The newest is the day that the pages show.
REPLAYED_DAYS = (
    "2025-01-02", "2025-01-03", "2025-01-06", "2025-01-07", "2025-01-08", "2025-01-10",
    "2025-01-13", "2025-01-14", "2025-01-15", "2025-01-16", "2025-01-17",
)  # fmt: skip
CAME_FROM_OUTSIDE = ("ASSAY_", "API_URL", "PORT", "SPACE_HOST")


@dataclass
class Process:
    """`python -m MODULE` on a port that it keeps, however often it is ended and started."""

    module: str
    health: str
    environment: dict[str, str]
    log: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Returns once it is healthy."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(CAME_FROM_OUTSIDE)}
        with self.log.open("ab") as sink:
            self.process = subprocess.Popen(
                [sys.executable, "-m", self.module],
                env=inherited | self.environment | {"PORT": str(self.port)},
                stdout=sink,
                stderr=sink,
            )
        for _ in range(600):
            assert self.process.poll() is None, self.log.read_text()
            try:
                with direct.open(self.url + self.health, timeout=5):
                    return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.1)
        raise AssertionError(f"{self.module} was never healthy:\n{self.log.read_text()}")

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=30)


@dataclass(frozen=True, slots=True)
class Served:
    """Both, running."""

    source: str
    api: Process
    dashboard: Process


def simulated_api(folder: Path) -> Process:
    return _api(folder, ASSAY_MARKET_SOURCE="simulated")


def replayed_api(folder: Path, real_data: Path) -> Process:
    """Started once for each of REPLAYED_DAYS, so that what was said has met its outcome."""
    coins = f"binance:BTC/USDT:1h={real_data / 'btcusdt_1h.csv'}"
    gold, sp500 = folder / "gold.csv", folder / "sp500.csv"
    api = _api(
        folder,
        ASSAY_MARKET_SOURCE="replay",
        ASSAY_REPLAY_GOLD_CSV=str(gold),
        ASSAY_REPLAY_SP500_CSV=str(sp500),
        ASSAY_REPLAY_CRYPTO_CSV=coins,
        ASSAY_CRYPTO_WATCH="binance:BTC/USDT:1h",
    )
    for day in REPLAYED_DAYS:
        _cut(real_data / "gold.csv", gold, last=day)
        _cut(real_data / "sp500.csv", sp500, last=day)
        api.start()
        ask(f"{api.url}/predict", {"predict_tomorrow": True})
        ask(f"{api.url}/v1/crypto/signal", {"symbol": "BTCUSDT", "horizon_min": 1440})
        if day != REPLAYED_DAYS[-1]:
            api.end()
    return api


def dashboard_of(api: Process, folder: Path, *, coins: str, **settings: str) -> Process:
    settings |= {"API_URL": api.url, "ASSAY_DASHBOARD_COINS": coins}
    return Process("assay_frontend", "/_stcore/health", settings, folder / "dashboard.log")


def _api(folder: Path, **settings: str) -> Process:
    settings["ASSAY_DATA_DIR"] = str(folder / "state")
    return Process("assay_backend", "/readyz", settings, folder / "api.log")


def _cut(whole: Path, target: Path, *, last: str) -> None:
    head, *rows = whole.read_text(encoding="utf-8").splitlines()
    kept = [row for row in rows if row.partition(",")[0] <= last]
    target.write_text("\n".join([head, *kept, ""]), encoding="utf-8")
