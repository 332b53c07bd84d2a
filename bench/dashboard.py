"""The dashboard in Chromium, beside the backend on the simulated market.

python bench/dashboard.py [--runs 5] [--bundle data/processed]

Cold loads (an empty browser cache) of each page to its first meaningful number, reloads, a change
of window, 5,000 candles, bytes over the wire, and ten sessions that are open at once: reloads in
turn, and all at the same moment, with the server's memory and its part of the processors' time.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from processes import backend

ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
SESSIONS = 10
# Where each page's first number stands.
FIRST_NUMBER = {
    "/": ".assay-hero .figure",
    "/gold": ".assay-hero .figure",
    "/crypto": ".figure",
    "/track-record": ".assay-hero h1",
    "/models": ".assay-hero .figure",
    "/status": ".assay-hero h1",
}
CANDLES = ".st-key-coin_candles"
# Milliseconds from the navigation's start until the number stands.
NOTE_FIRST_NUMBER = """
const look = () => document.querySelector("SELECTOR")
    ? (window.firstNumber = performance.now()) : requestAnimationFrame(look);
look();
"""
# The chart names its 5,000 bars, and each of them has body and wicks in one of the two shapes.
ALL_DRAWN = """selector => {
    const box = document.querySelector(selector);
    if (!box?.querySelector("[aria-label*='5000 bars'], [aria-label*='5,000 bars']")) return false;
    const paths = [...box.querySelectorAll('.shapelayer path')];
    const parts = paths.map(path => path.getAttribute('d').split('M').length - 1);
    return parts.reduce((sum, count) => sum + count, 0) >= 3 * 5000;
}"""


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    seconds: float
    aim: float


@contextlib.contextmanager
def dashboard(api_port: int) -> Iterator[tuple[str, int]]:
    """Its address and its process id, once healthy."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = os.environ | {"API_URL": f"http://127.0.0.1:{api_port}", "PORT": str(port)}
    server = subprocess.Popen(
        [sys.executable, "-m", "assay_frontend"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        address = f"http://127.0.0.1:{port}"
        for _ in range(300):
            with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
                urllib.request.urlopen(f"{address}/_stcore/health", timeout=2).close()
                break
            time.sleep(0.1)
        yield address, server.pid
    finally:
        server.terminate()
        server.wait(timeout=30)


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def show(page: Page, url: str, number: str) -> None:
    page.goto(url, wait_until="commit")
    page.wait_for_selector(number, timeout=60_000)


def cold(browser: Browser, address: str, path: str) -> tuple[float, int]:
    """Seconds to the first number, and bytes until the page is whole."""
    context = browser.new_context()
    page = context.new_page()
    session = context.new_cdp_session(page)
    received = [0]
    session.send("Network.enable")
    session.on(
        "Network.loadingFinished",
        lambda event: received.__setitem__(0, received[0] + int(event["encodedDataLength"])),
    )
    session.on(
        "Network.webSocketFrameReceived",
        lambda event: received.__setitem__(0, received[0] + len(event["response"]["payloadData"])),
    )
    seconds = timed(lambda: show(page, address + path, FIRST_NUMBER[path]))
    whole(page)
    context.close()
    return seconds, received[0]


def whole(page: Page) -> None:
    page.wait_for_selector(".assay-footer", timeout=60_000)
    page.wait_for_timeout(1500)


def reload(context: BrowserContext, address: str, path: str) -> float:
    page = context.new_page()
    show(page, address + path, FIRST_NUMBER[path])
    whole(page)

    def again() -> None:
        page.reload(wait_until="commit")
        page.wait_for_selector(FIRST_NUMBER[path], timeout=60_000)

    seconds = timed(again)
    page.close()
    return seconds


def interaction(context: BrowserContext, address: str) -> float:
    """From a click on another window to the chart that shows it."""
    page = context.new_page()
    show(page, f"{address}/gold", FIRST_NUMBER["/gold"])
    whole(page)

    def change() -> None:
        page.get_by_role("radio", name="60", exact=True).click()
        page.wait_for_selector("[aria-label*='60 gold sessions']", state="attached")

    seconds = timed(change)
    page.close()
    return seconds


def candles(context: BrowserContext, address: str) -> float:
    """From a click on 5,000 bars, which the backend has at hand, to as many candles."""
    page = context.new_page()
    show(page, f"{address}/crypto?lang=en", FIRST_NUMBER["/crypto"])
    whole(page)

    def change() -> None:
        page.get_by_role("radio", name="5000", exact=True).click()
        page.wait_for_function(ALL_DRAWN, arg=CANDLES, timeout=60_000)

    seconds = timed(change)
    page.close()
    return seconds


@dataclass(frozen=True, slots=True)
class Crowd:
    """Seconds of each reload while all sessions are open, in turn and all at the same moment, and
    the server's processor seconds for the latter.
    """

    in_turn: list[float]
    at_once: list[float]
    server_seconds: float


def together(browser: Browser, address: str, pid: int) -> Crowd:
    """Each page notes by its own clock when its first number stands: one thread drives them all."""
    pages = []
    for place in range(SESSIONS):
        page = browser.new_context().new_page()
        path = list(FIRST_NUMBER)[place % len(FIRST_NUMBER)]
        page.add_init_script(NOTE_FIRST_NUMBER.replace("SELECTOR", FIRST_NUMBER[path]))
        show(page, address + path, FIRST_NUMBER[path])
        pages.append(page)
    for page in pages:
        whole(page)
    in_turn = []
    for page in pages:
        page.reload(wait_until="commit")
        in_turn.append(first_number(page))
        whole(page)
    before = processor_seconds(pid)
    for page in pages:
        page.evaluate("setTimeout(() => location.reload(), 500)")
    pages[0].wait_for_timeout(1500)
    at_once = [first_number(page) for page in pages]
    for page in pages:
        whole(page)
    spent = processor_seconds(pid) - before
    for page in pages:
        page.context.close()
    return Crowd(in_turn, at_once, spent)


def first_number(page: Page) -> float:
    page.wait_for_function("window.firstNumber !== undefined", timeout=60_000)
    seconds: float = page.evaluate("window.firstNumber") / 1000
    return seconds


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    told = subprocess.run(
        ["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, check=True, text=True
    )
    return int(told.stdout) / 1024


class Peak:
    """The largest resident memory of a process while it runs."""

    def __init__(self, pid: int) -> None:
        self.mb = 0.0
        self._pid = pid
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(0.2):
            self.mb = max(self.mb, resident_mb(self._pid))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--bundle", type=Path, default=Path("data/processed"))
    options = parser.parse_args()
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("bench/dashboard.py needs chromium on the path")
    with (
        backend(options.bundle, asked="/readyz") as api,
        dashboard(api.port) as (address, pid),
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        report(browser, address, pid, options.runs)
        browser.close()


def report(browser: Browser, address: str, pid: int, runs: int) -> None:
    rows, sizes = [], {}
    for path in FIRST_NUMBER:
        loads = [cold(browser, address, path) for _ in range(runs)]
        rows.append(Row(f"cold load of {path}", median(s for s, _ in loads), 4.0))
        sizes[path] = max(size for _, size in loads)
    warm = browser.new_context()
    alone = [reload(warm, address, path) for path in FIRST_NUMBER for _ in range(runs)]
    rows.append(Row("reload", median(alone), 1.5))
    changes = [interaction(warm, address) for _ in range(runs)]
    rows.append(Row("another window of the chart", median(changes), 0.5))
    many = [candles(warm, address) for _ in range(runs)]
    rows.append(Row("5,000 candles", median(many), 1.0))
    warm.close()
    with Peak(pid) as peak:
        crowd = together(browser, address, pid)
    print("| what | seconds | aim |\n|---|---|---|")
    for row in rows:
        print(f"| {row.name} | {row.seconds:.2f} | {row.aim} |")
    ratio = median(crowd.in_turn) / median(alone)
    print(f"| reload among {SESSIONS} sessions | {median(crowd.in_turn):.2f} ({ratio:.2f}x) | 2x |")
    print(f"| {SESSIONS} reloads at once | {median(crowd.at_once):.2f} | |")
    print(f"\nOf those {SESSIONS} the server took {crowd.server_seconds:.1f} s of a processor.")
    told = ", ".join(f"{path} {size / 1e6:.1f}" for path, size in sizes.items())
    print(f"\nMB transferred by a cold load: {told} (aim: 4).")
    print(f"Memory of the dashboard with {SESSIONS} sessions: {peak.mb:.0f} MB (aim: 1,000).")


if __name__ == "__main__":
    main()
