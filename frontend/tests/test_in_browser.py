"""The served dashboard in Chromium: every page, both shades, sizes and languages.

Nobody outside is asked, nothing fails, nothing is cut, and everything can be reached by keyboard.
Pictures of the pages stay in `test-pages`.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect, sync_playwright

CHROMIUM = shutil.which("chromium")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESK, PHONE = (1440, 1000), (360, 780)
AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
PICTURES = Path(__file__).parents[2] / "test-pages"

expect.set_options(timeout=20_000)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium on the path"),
]


@pytest.fixture(scope="module")
def dashboard(steady_backend, tmp_path_factory):
    """`python -m assay_frontend` on a free port, asking the loopback backend; its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environ = {
        **os.environ,
        "API_URL": steady_backend.url,
        "PORT": str(port),
        "ASSAY_DASHBOARD_REFRESH_SECONDS": "6",
    }
    for name in ("ASSAY_HOST", "SPACE_HOST", "ASSAY_HF_TOKEN", "ASSAY_DASHBOARD_COINS"):
        environ.pop(name, None)
    with (tmp_path_factory.mktemp("dashboard") / "server.log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "assay_frontend"], env=environ, stdout=log, stderr=log
        )
        try:
            wait_until_healthy(f"http://127.0.0.1:{port}/_stcore/health", server)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(timeout=30)


def wait_until_healthy(address, server):
    for _ in range(300):
        assert server.poll() is None, "the dashboard ended before it was healthy"
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    pytest.fail("the dashboard never became healthy")


@pytest.fixture(scope="module")
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def open_in_browser(dashboard, chromium):
    """Opens a path at a size and in a shade; gives the page and the hosts it asked.

    Whatever the test does, no request of the page may fail, and its console has no errors.
    """
    contexts, troubles = [], []

    def opened(path, *, size=DESK, shade="light", locale="en-GB"):
        context = chromium.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=shade,
            locale=locale,
            timezone_id="Europe/Berlin",
        )
        contexts.append(context)
        page = context.new_page()
        hosts = set()
        page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
        page.on(
            "requestfailed",
            lambda request: (
                troubles.append((request.url, request.failure))
                if request.failure != "net::ERR_ABORTED"  # what a page that is left asked for
                else None
            ),
        )
        page.on("console", lambda said: troubles.append(said.text) if said.type == "error" else 0)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on(
            "response",
            lambda answer: (
                troubles.append((answer.url, answer.status)) if answer.status >= 400 else None
            ),
        )
        page.goto(dashboard + path)
        page.wait_for_selector(".assay-footer", timeout=60_000)
        page.wait_for_function(
            "[...document.querySelectorAll('.stPlotlyChart')]"
            ".every(box => box.querySelector('.main-svg'))",
            timeout=60_000,
        )
        return page, hosts

    yield opened
    seen = list(troubles)  # closing breaks what is still open, which is no trouble
    for context in contexts:
        context.close()
    assert not seen


def widest_scroll(page):
    return page.evaluate(
        "Math.max(...['html', '.stMain', '.stMainBlockContainer']"
        ".map(name => document.querySelector(name).scrollWidth))"
    )


GOLD = "Gold: the close of Tuesday 15 April 2025"
ORO = "Oro: el cierre del martes 15 de abril de 2025"
RISK, RIESGO = (
    "BTC/USDT: risk over the next 24 hours",
    "BTC/USDT: el riesgo en las próximas 24 horas",
)
RECORD, HISTORIAL = "What was forecast, and what came of it", "Lo que se predijo y lo que ocurrió"
SIGNALS = "/track-record?of=signals"
WHO, QUIEN = (
    "Who makes gold's forecast: Log-linear Student-t",
    "Quién predice el oro: t de Student log-lineal",
)
WHOLE_CRYPTO = "/crypto?backtest=year&compare=ETH/USDT,SOL/USDT"


@pytest.mark.parametrize(
    ("path", "size", "shade", "locale", "title", "heading"),
    [
        ("/", DESK, "dark", "es-MX", "Assay · Resumen", "De un vistazo"),
        ("/", PHONE, "light", "en-GB", "Assay · Overview", "At a glance"),
        ("/gold", DESK, "light", "en-GB", "Assay · Gold", GOLD),
        ("/gold", PHONE, "dark", "es-ES", "Assay · Oro", ORO),
        (WHOLE_CRYPTO, DESK, "dark", "es-ES", "Assay · Cripto", RIESGO),
        (WHOLE_CRYPTO, PHONE, "light", "en-GB", "Assay · Crypto", RISK),
        ("/track-record", DESK, "light", "en-GB", "Assay · Track record", RECORD),
        ("/track-record", PHONE, "dark", "es-ES", "Assay · Historial", HISTORIAL),
        (SIGNALS, DESK, "dark", "es-MX", "Assay · Historial", HISTORIAL),
        (SIGNALS, PHONE, "light", "en-GB", "Assay · Track record", RECORD),
        ("/models", DESK, "dark", "en-GB", "Assay · Models", WHO),
        ("/models", PHONE, "light", "es-ES", "Assay · Modelos", QUIEN),
        ("/status", DESK, "light", "es-ES", "Assay · Estado", "Todo funciona"),
        ("/status", PHONE, "dark", "en-GB", "Assay · Status", "Everything works"),
    ],
)
def test_a_page_asks_no_outside_host_fits_the_screen_and_breaks_no_rule_of_wcag(
    open_in_browser, path, size, shade, locale, title, heading
):
    page, hosts = open_in_browser(path, size=size, shade=shade, locale=locale)
    assert hosts - {None, ""} == {"127.0.0.1"}
    assert widest_scroll(page) <= size[0]
    expect(page).to_have_title(title)
    background = {"light": "rgb(251, 250, 247)", "dark": "rgb(20, 24, 28)"}[shade]
    expect(page.locator(".stApp")).to_have_css("background-color", background)
    expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    expect(page.locator("html")).to_have_attribute("lang", locale[:2])
    kind = "-signals" if path == SIGNALS else ""
    name = urlsplit(path).path.strip("/") or "overview"
    keep_picture(page, f"{name}{kind}-{size[0]}-{shade}")
    assert not violations_of(page)


def keep_picture(page, name):
    """The whole page, as high as it is."""
    size = page.viewport_size
    height = page.evaluate("document.querySelector('.stMain').scrollHeight")
    page.set_viewport_size({"width": size["width"], "height": height})
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png")
    page.set_viewport_size(size)


def violations_of(page):
    """What axe finds against WCAG 2.2 A and AA; it has to have looked at something."""
    page.evaluate(AXE)
    found = page.evaluate("tags => axe.run(document, {runOnly: tags})", WCAG)
    assert len(found["passes"]) > 15
    return [(v["id"], [node["target"] for node in v["nodes"]]) for v in found["violations"]]


def settled(page):
    """Waits until all is drawn: what is drawn anew meanwhile loses its place, or its open list."""
    app = page.get_by_test_id("stApp")
    for _ in range(3):  # one run may follow on another
        expect(app).to_have_attribute("data-test-script-state", "notRunning", timeout=30_000)
        page.wait_for_timeout(300)


def choose(page, box, option):
    """Opens a list and takes `option`; once more where a part drawn above moved the list away."""
    wanted = page.get_by_role("option", name=option)
    for _ in range(4):
        settled(page)
        page.get_by_role("combobox", name=box).click()
        page.wait_for_timeout(500)
        if wanted.count():
            break
        page.keyboard.press("Escape")
    wanted.click()


CONTROLS = """() => {
    const shown = item => item.checkVisibility({visibilityProperty: true}) && !item.disabled;
    const items = [...document.querySelectorAll(
        'a[href], button, input, select, textarea, summary, [tabindex="0"]'
    )].filter(item => shown(item) && item.tabIndex >= 0
        && !item.closest('[aria-hidden=true], [data-testid=stStatusWidget]'));
    // within a group of choices, arrow keys lead on
    const units = [...new Set(items.map(item => item.closest('[role=radiogroup]') || item))];
    units.forEach((unit, i) => unit.dataset.control = i);
    return units.map(unit => unit.getAttribute('aria-label') || unit.textContent);
}"""
FOCUSED = "document.activeElement.closest('[data-control]')?.dataset.control"


@pytest.mark.parametrize("path", ["/", "/gold", WHOLE_CRYPTO, SIGNALS, "/models", "/status"])
def test_the_keyboard_reaches_every_control(open_in_browser, path):
    page, _ = open_in_browser(path)
    settled(page)
    controls = page.evaluate(CONTROLS)
    assert len(controls) > 8
    reached = set()
    for _ in range(len(controls) + 15):
        page.keyboard.press("Tab")
        reached |= {page.evaluate(FOCUSED)}
    missed = {i: name for i, name in enumerate(controls) if str(i) not in reached}
    assert not missed


def test_a_reader_changes_window_and_language_and_may_share_the_address(open_in_browser):
    page, _ = open_in_browser("/gold")
    page.get_by_role("radio", name="60", exact=True).click()
    expect(page.locator("[aria-label*='60 gold sessions']").first).to_be_attached()
    assert "sessions=60" in page.url
    page.get_by_role("radio", name="Español").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "Oro: el cierre del martes 15 de abril de 2025"
    )
    assert "lang=es" in page.url
    assert "sessions=60" in page.url


def test_on_a_phone_every_cell_of_the_leaderboard_is_in_sight_with_its_name(open_in_browser):
    page, _ = open_in_browser("/gold", size=PHONE)
    table = page.locator(".assay-scores")
    assert table.evaluate("box => box.scrollWidth <= box.clientWidth")
    cells = table.locator("td").evaluate_all(
        """cells => cells.map(cell => ({
            right: cell.getBoundingClientRect().right,
            name: getComputedStyle(cell, '::before').content,
        }))"""
    )
    assert len(cells) == 7 * 7
    assert max(cell["right"] for cell in cells) <= PHONE[0]
    names = {cell["name"].strip('"') for cell in cells}
    assert {"80\xa0% ranges held", "p of the price error vs random walk"} <= names


@pytest.mark.parametrize("size", [DESK, (800, 1000)])
def test_on_a_desk_the_leaderboard_is_a_table_that_fits(open_in_browser, size):
    page, _ = open_in_browser("/gold?lang=es", size=size)
    table = page.locator(".assay-scores")
    assert table.evaluate("box => box.scrollWidth <= box.clientWidth")
    expect(table.locator("thead th").first).to_be_visible()


BOXES = """items => items.map(item => item.getBoundingClientRect())
    .map(box => [box.left, box.top, box.right, box.bottom])"""


@pytest.mark.parametrize("size", [DESK, PHONE])
def test_the_names_of_the_effects_stand_clear_of_bars_and_numbers(open_in_browser, size):
    page, _ = open_in_browser("/gold", size=size)
    chart = page.locator(".st-key-effects .js-plotly-plot")
    expect(chart.locator(".annotation-text")).to_have_count(11)
    names = chart.locator(".annotation-text").evaluate_all(BOXES)
    drawn = chart.locator(".barlayer .point path, .barlayer .bartext").evaluate_all(BOXES)
    assert len(names) == 11  # nine inputs, and both ends
    assert len(drawn) == 18
    assert not [(a, b) for a in names for b in drawn if overlap(a, b)]
    assert all(left >= 0 and right <= size[0] for left, _, right, _ in [*names, *drawn])


def overlap(one, other):
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def test_a_reader_downloads_bars_and_forecast_without_opening_anything(open_in_browser):
    page, _ = open_in_browser("/gold")
    for name, file, head in (
        ("Bars, CSV", "gold-bars-yahoo-2025-04-14.csv", "date,open,high,low,close,volume,source"),
        ("Forecast, CSV", "gold-forecast-yahoo-2025-04-15.csv", "symbol,origin,target,quantile"),
    ):
        button = page.get_by_role("button", name=name)
        assert button.bounding_box()["y"] < DESK[1]
        with page.expect_download() as download:
            button.click()
        assert download.value.suggested_filename == file
        assert download.value.path().read_text().startswith(head)


def test_a_reader_goes_to_the_coins_types_a_market_and_may_share_the_address(open_in_browser):
    page, _ = open_in_browser("/gold?lang=es")
    page.get_by_role("link", name="Cripto").click()
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text("BTC/USDT: el riesgo en las próximas 24 horas")
    assert urlsplit(page.url).path == "/crypto"
    assert "lang=es" in page.url
    page.get_by_role("combobox", name="Moneda").fill("pepe-usdt")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("symbol=pepe-usdt"))
    page.reload()
    expect(page.get_by_role("combobox", name="Moneda")).to_have_value("PEPE/USDT")
    with page.expect_download() as download:
        page.get_by_role("button", name="Señal, CSV").click()
    assert download.value.suggested_filename == "btc-usdt-binance-1h-signal.csv"
    assert "risk_score,0.31" in download.value.path().read_text()


def test_a_reader_turns_to_the_signals_shares_the_link_and_downloads_the_record(open_in_browser):
    page, _ = open_in_browser("/track-record")
    page.get_by_role("radio", name="Coin signals").click()
    expect(page.get_by_text("Can risk scores be taken at their word?")).to_be_visible()
    page.get_by_role("radio", name="60", exact=True).click()
    expect(page).to_have_url(re.compile(r"of=signals.*last=60|last=60.*of=signals"))
    page.reload()
    expect(page.get_by_text("Can risk scores be taken at their word?")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Track record, CSV").click()
    assert download.value.suggested_filename == "btc-usdt-binance-track-record.csv"
    assert download.value.path().read_text().startswith("sequence,recorded_at,origin,due")


def test_a_chosen_theme_holds_on_every_page_and_the_document_tells_its_language(open_in_browser):
    page, _ = open_in_browser("/gold?lang=es")
    app = page.locator(".stApp")
    expect(page.locator("html")).to_have_attribute("lang", "es")
    page.get_by_test_id("stMainMenu").click()
    page.get_by_test_id("stMainMenuItem-theme-Dark").click()
    expect(app).to_have_css("background-color", "rgb(20, 24, 28)")
    origin = page.url.partition("/gold")[0]
    page.goto(f"{origin}/crypto")
    expect(app).to_have_css("background-color", "rgb(20, 24, 28)")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.get_by_test_id("stMainMenu").click()
    page.get_by_test_id("stMainMenuItem-theme-System").click()
    expect(app).to_have_css("background-color", "rgb(251, 250, 247)")
    page.goto(f"{origin}/gold")
    expect(app).to_have_css("background-color", "rgb(251, 250, 247)")


def test_a_link_restores_the_view(open_in_browser):
    page, _ = open_in_browser("/crypto?lang=en")
    page.get_by_role("radio", name="90", exact=True).click()
    expect(page).to_have_url(re.compile("days=90"))
    page.get_by_role("button", name="Run the back-test").click()
    expect(page.locator(".st-key-equity")).to_be_attached()
    choose(page, "Compare with", "SOL/USDT")
    expect(page).to_have_url(re.compile("compare=SOL%2FUSDT"))
    again, _ = open_in_browser(path_of(page.url))
    expect(again.get_by_role("radio", name="90", exact=True)).to_be_checked()
    expect(again.locator(".st-key-equity")).to_be_attached()
    expect(again.locator(".assay-cards h3")).to_have_text(["BTC/USDT", "BTC/USDT"])
    with again.expect_download() as download:
        again.get_by_role("button", name="Back-test, CSV").click()
    assert download.value.path().read_text().startswith("time,volatility_target,buy_and_hold")


def path_of(url):
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def test_a_card_of_the_overview_leads_to_its_coin(open_in_browser):
    page, _ = open_in_browser("/")
    page.get_by_role("link", name="ETH/USDT in detail").click()
    expect(page.get_by_role("combobox", name="Coin")).to_have_value("ETH/USDT")
    assert urlsplit(page.url).path == "/crypto"


def test_a_page_outlives_the_backend_and_finds_it_again(open_in_browser, steady_backend):
    page, _ = open_in_browser("/gold")
    away = page.locator("strong", has_text="The forecasting service cannot be reached.")
    steady_backend.close()
    try:
        expect(away).to_be_visible(timeout=40_000)
        expect(page.get_by_text("last good answer")).to_be_visible()
        expect(page.get_by_role("heading", level=1)).to_have_text(GOLD)
    finally:
        steady_backend.return_from_away()
    expect(away).to_be_hidden(timeout=40_000)
    expect(page.get_by_role("heading", level=1)).to_have_text(GOLD)
