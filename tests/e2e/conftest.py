"""The running dashboard in Chromium: nobody outside is asked, and nothing fails unnoticed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from browsing import DESK, Open, until_drawn, watch
from served import Served, dashboard_of, replayed_api, simulated_api

expect.set_options(timeout=20_000)

CHROMIUM_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium of the system, silent towards the outside.

    It ends with the module: until then Playwright has an event loop running in this thread, in
    which no other test could run its own.
    """
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("no chromium on the PATH")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """On the simulated market."""
    folder = tmp_path_factory.mktemp("simulated")
    api = simulated_api(folder)
    dashboard = dashboard_of(api, folder, coins="BTC/USDT,ETH/USDT")
    try:
        api.start()
        dashboard.start()
        yield Served("simulated", api, dashboard)
    finally:
        dashboard.end()
        api.end()


@pytest.fixture(scope="module")
def lively(simulated: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """On the same market, looking for news every few seconds."""
    folder = tmp_path_factory.mktemp("lively")
    dashboard = dashboard_of(
        simulated.api, folder, coins="BTC/USDT", ASSAY_DASHBOARD_REFRESH_SECONDS="4"
    )
    try:
        dashboard.start()
        yield Served("simulated", simulated.api, dashboard)
    finally:
        dashboard.end()


@pytest.fixture(scope="session")
def replayed(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """On real bars as they were known on 17 January 2025, after some days of service."""
    folder = tmp_path_factory.mktemp("replayed")
    api = replayed_api(folder, real_data)
    dashboard = dashboard_of(api, folder, coins="BTC/USDT")
    try:
        dashboard.start()
        yield Served("replay", api, dashboard)
    finally:
        dashboard.end()
        api.end()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Opens a path of a dashboard as a new reader, and waits until all of it is drawn.

    Whatever the test does, no request of the page may fail or leave this machine, and its console
    has no errors.
    """
    contexts: list[BrowserContext] = []
    troubles: list[object] = []

    def opened(
        served: Served,
        path: str,
        *,
        size: tuple[int, int] = DESK,
        shade: Any = "light",
        locale: str = "en-GB",
    ) -> Page:
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=shade,
            locale=locale,
            reduced_motion="reduce",
            timezone_id="Europe/Berlin",
        )
        contexts.append(context)
        page = context.new_page()
        watch(page, troubles)
        page.goto(served.dashboard.url + path)
        until_drawn(page)
        return page

    yield opened
    seen = list(troubles)  # closing breaks what is still open, which is no trouble
    for context in contexts:
        context.close()
    assert not seen
