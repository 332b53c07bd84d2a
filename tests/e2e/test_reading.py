"""What a reader does on the dashboard: looks closer, shares a link, takes a file, bears a fault."""

from __future__ import annotations

import re
import time
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from browsing import BACKGROUND, DESK, PHONE, Open, Shade, faults_of, settled
from served import REPLAYED_DAYS, Served

Box = list[float]

BOXES = """items => items.map(item => item.getBoundingClientRect())
    .map(box => [box.left, box.top, box.right, box.bottom])"""
LEADERBOARD = ".assay-scores:has([data-name*=CRPS])"
MUTED: dict[Shade, str] = {"light": "rgb(90, 95, 102)", "dark": "rgb(169, 176, 183)"}
RECORDED = re.compile(r"of=signals.*last=60|last=60.*of=signals")

# From now on: how often the page is renewed, what moves or goes away, how faint a part becomes.
NOTE_FLICKER = """() => {
    const seen = window.seen = {renewals: 0, shifts: [], gone: [], faintest: 1};
    new PerformanceObserver(list => list.getEntries().forEach(
        entry => seen.shifts.push(entry.sources.map(source => source.node?.outerHTML)))
    ).observe({type: 'layout-shift'});
    const app = document.querySelector('[data-testid=stApp]');
    new MutationObserver(() => {
        if (app.dataset.testScriptState === 'running') seen.renewals += 1;
    }).observe(app, {attributeFilter: ['data-test-script-state']});
    const parts = [...document.querySelectorAll('h1, .figure, .main-svg')];
    const look = () => {
        for (const part of parts) {
            if (!part.isConnected) seen.gone.push(part.outerHTML);
            for (let box = part; box; box = box.parentElement)
                seen.faintest = Math.min(seen.faintest, getComputedStyle(box).opacity);
        }
        if (!seen.gone.length) requestAnimationFrame(look);
    };
    look();
}"""

pytestmark = [pytest.mark.slow, pytest.mark.browser]


def choose(page: Page, box: str, option: str) -> None:
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


def path_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def downloaded(page: Page, button: str) -> tuple[str, str]:
    """The file's name and its text."""
    with page.expect_download() as download:
        page.get_by_role("button", name=button, exact=True).click()
    return download.value.suggested_filename, download.value.path().read_text()


def test_a_reader_changes_window_and_language_and_may_share_the_address(
    replayed: Served, open_page: Open
) -> None:
    page = open_page(replayed, "/gold")
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text("Gold: the close of Tuesday 21 January 2025")
    page.get_by_role("radio", name="60", exact=True).click()
    expect(page.locator("[aria-label*='60 gold sessions']").first).to_be_attached()
    page.get_by_role("radio", name="Español").click()
    expect(heading).to_have_text("Oro: el cierre del martes 21 de enero de 2025")
    again = open_page(replayed, path_of(page.url))
    expect(again.get_by_role("heading", level=1)).to_have_text(
        "Oro: el cierre del martes 21 de enero de 2025"
    )
    expect(again.get_by_role("radio", name="60", exact=True)).to_be_checked()


def test_what_was_forecast_on_the_days_before_stands_beside_what_came(
    replayed: Served, open_page: Open
) -> None:
    page = open_page(replayed, "/track-record")
    name, text = downloaded(page, "Track record, CSV")
    assert name.endswith(".csv")
    head, *rows = text.splitlines()
    place = head.split(",").index("actual")
    assert [row.split(",")[place] != "" for row in rows].count(True) == len(REPLAYED_DAYS) - 1


def test_on_a_phone_every_cell_of_the_leaderboard_is_in_sight_with_its_name(
    replayed: Served, open_page: Open
) -> None:
    page = open_page(replayed, "/gold", size=PHONE)
    table = page.locator(LEADERBOARD)
    assert table.evaluate("box => box.scrollWidth <= box.clientWidth")
    cells = table.locator("td").evaluate_all(
        """cells => cells.map(cell => ({
            right: cell.getBoundingClientRect().right,
            name: getComputedStyle(cell, '::before').content,
        }))"""
    )
    assert len(cells) == 7 * 7
    assert max(cell["right"] for cell in cells) <= PHONE[0]
    names = {re.sub(r"\s", " ", cell["name"].strip('"')) for cell in cells}
    assert "p of the price error vs random walk" in names


@pytest.mark.parametrize("size", [DESK, (800, 1000)])
def test_on_a_desk_the_leaderboard_is_a_table_that_fits(
    replayed: Served, open_page: Open, size: tuple[int, int]
) -> None:
    page = open_page(replayed, "/gold?lang=es", size=size)
    table = page.locator(LEADERBOARD)
    assert table.evaluate("box => box.scrollWidth <= box.clientWidth")
    expect(table.locator("thead th").first).to_be_visible()


@pytest.mark.parametrize("size", [DESK, PHONE])
def test_the_names_of_the_effects_stand_clear_of_bars_and_numbers(
    replayed: Served, open_page: Open, size: tuple[int, int]
) -> None:
    page = open_page(replayed, "/gold", size=size)
    chart = page.locator(".st-key-effects .js-plotly-plot")
    expect(chart.locator(".annotation-text").nth(3)).to_be_attached()
    names: list[Box] = chart.locator(".annotation-text").evaluate_all(BOXES)
    drawn = chart.locator(".barlayer .point path, .barlayer .bartext").evaluate_all(BOXES)
    assert len(drawn) >= 2 * (len(names) - 2)
    assert not [(a, b) for a in names for b in drawn if overlap(a, b)]
    assert all(left >= 0 and right <= size[0] for left, _, right, _ in [*names, *drawn])


def overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def test_a_reader_downloads_bars_and_forecast_without_opening_anything(
    replayed: Served, open_page: Open
) -> None:
    page = open_page(replayed, "/gold")
    for button in ("Bars, CSV", "Forecast, CSV"):
        box = page.get_by_role("button", name=button).bounding_box()
        assert box is not None
        assert box["y"] < DESK[1]
    name, text = downloaded(page, "Bars, CSV")
    assert name == "gold-bars-replay-2025-01-17.csv"
    assert text.startswith("date,open,high,low,close,volume,source")
    name, text = downloaded(page, "Forecast, CSV")
    assert name == "gold-forecast-replay-2025-01-21.csv"
    assert text.startswith("symbol,origin,target,quantile")


def test_a_reader_goes_to_the_coins_types_a_market_and_may_share_the_address(
    simulated: Served, open_page: Open
) -> None:
    page = open_page(simulated, "/gold?lang=es")
    page.get_by_role("link", name="Cripto").click()
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text(re.compile("^BTC/USDT: el riesgo en las próximas"))
    assert urlsplit(page.url).path == "/crypto"
    assert "lang=es" in page.url
    page.get_by_role("combobox", name="Moneda").fill("sol-usdt")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("symbol=sol-usdt"))
    page.reload()
    expect(page.get_by_role("combobox", name="Moneda")).to_have_value("SOL/USDT")
    expect(heading).to_have_text(re.compile("^SOL/USDT: "))
    name, text = downloaded(page, "Señal, CSV")
    assert name == "sol-usdt-simulated-1h-signal.csv"
    assert "risk_score,0." in text


def test_a_reader_turns_to_the_signals_shares_the_link_and_downloads_the_record(
    replayed: Served, open_page: Open
) -> None:
    page = open_page(replayed, "/track-record")
    page.get_by_role("radio", name="Coin signals").click()
    page.get_by_role("radio", name="60", exact=True).click()
    expect(page).to_have_url(RECORDED)
    page.reload()
    expect(page.get_by_role("radio", name="Coin signals")).to_be_checked()
    name, text = downloaded(page, "Track record, CSV")
    assert name == "btc-usdt-replay-track-record.csv"
    head, *rows = text.splitlines()
    assert head.startswith("sequence,recorded_at,origin,due")
    assert len(rows) == len(REPLAYED_DAYS)


def choose_by_keyboard(page: Page, switch: str, name: str) -> None:
    """Tab leads to the switch, an arrow within it, and Space takes."""
    group = page.get_by_role("radiogroup", name=switch)
    wanted = group.get_by_role("radio", name=name)
    for _ in range(15):
        if group.evaluate("item => item.contains(document.activeElement)"):
            break
        page.keyboard.press("Tab")
    for arrow in ("ArrowLeft", "ArrowRight"):
        if not wanted.evaluate("item => item === document.activeElement"):
            page.keyboard.press(arrow)
    page.keyboard.press("Space")
    expect(wanted).to_be_checked()


def expect_drawn_in(page: Page, shade: Shade) -> None:
    """All of it: what Streamlit colours, what the style sheet does, and the charts."""
    expect(page.locator(".stApp")).to_have_css("background-color", BACKGROUND[shade])
    expect(page.locator(".assay-brand span")).to_have_css("color", MUTED[shade])
    expect(page.locator(".xtick text").first).to_have_css("fill", MUTED[shade])


def test_a_theme_chosen_by_keyboard_holds_on_every_page_and_over_reloads(
    simulated: Served, open_page: Open
) -> None:
    page = open_page(simulated, "/gold", locale="es-ES")
    expect(page.get_by_test_id("stMainMenu")).to_be_hidden()
    expect_drawn_in(page, "light")
    for name, shade in (("Oscuro", "dark"), ("Claro", "light"), ("Oscuro", "dark")):
        choose_by_keyboard(page, "Tema", name)
        expect_drawn_in(page, shade)
        assert page.evaluate("document.activeElement.textContent") == name
    page.get_by_role("link", name="Cripto").click()
    expect(page).to_have_url(re.compile("/crypto"))
    expect_drawn_in(page, "dark")
    page.goto(f"{simulated.dashboard.url}/gold?lang=en")
    expect_drawn_in(page, "dark")
    page.reload()
    expect_drawn_in(page, "dark")
    expect(page.get_by_role("radio", name="Dark")).to_be_checked()
    page.emulate_media(color_scheme="dark")
    page.emulate_media(color_scheme="light")
    expect_drawn_in(page, "dark")


def test_until_one_is_chosen_and_after_choosing_the_same_the_browsers_theme_is_followed(
    simulated: Served, open_page: Open
) -> None:
    page = open_page(simulated, "/gold", shade="dark")
    expect_drawn_in(page, "dark")
    page.emulate_media(color_scheme="light")
    expect_drawn_in(page, "light")
    expect(page.get_by_role("radio", name="Light")).to_be_checked()
    page.get_by_role("radio", name="Dark").click()
    expect_drawn_in(page, "dark")
    page.get_by_role("radio", name="Light").click()
    expect_drawn_in(page, "light")
    page.emulate_media(color_scheme="dark")
    expect_drawn_in(page, "dark")
    page.reload()
    expect_drawn_in(page, "dark")


def test_the_document_tells_its_language(simulated: Served, open_page: Open) -> None:
    page = open_page(simulated, "/gold?lang=es")
    expect(page.locator("html")).to_have_attribute("lang", "es")
    page.get_by_role("radio", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")


@pytest.mark.parametrize("size", [DESK, PHONE])
def test_an_unknown_address_leads_to_the_overview_which_says_so(
    simulated: Served, open_page: Open, size: tuple[int, int]
) -> None:
    wrong = f"/nonexistent/**here**_{'x' * 60}.html"
    page = open_page(simulated, wrong, locale="es-ES", size=size)
    notice = page.get_by_text("no tiene ninguna página")
    expect(notice).to_have_text(
        f"La dirección {wrong[:40]}… no tiene ninguna página. Se muestra el resumen."
    )
    expect(page.get_by_role("heading", level=1)).to_have_text("De un vistazo")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert urlsplit(page.url).path == "/"
    assert faults_of(page) == {}
    page.get_by_role("link", name="Oro", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("^Oro"))
    expect(notice).to_have_count(0)
    assert page.url == f"{simulated.dashboard.url}/gold"


def test_a_known_address_with_a_slash_too_many_is_found(simulated: Served, open_page: Open) -> None:
    page = open_page(simulated, "/track-record/?of=signals&lang=es")
    expect(page).to_have_title("Assay · Historial")
    expect(page.get_by_role("radio", name="Criptomonedas")).to_be_checked()


def test_a_link_restores_the_view(simulated: Served, open_page: Open) -> None:
    page = open_page(simulated, "/crypto?lang=en")
    page.get_by_role("radio", name="90", exact=True).click()
    expect(page).to_have_url(re.compile("days=90"))
    page.get_by_role("button", name="Run the back-test").click()
    expect(page.locator(".st-key-equity")).to_be_attached()
    choose(page, "Compare with", "SOL/USDT")
    expect(page).to_have_url(re.compile("compare=SOL%2FUSDT"))
    again = open_page(simulated, path_of(page.url))
    expect(again.get_by_role("radio", name="90", exact=True)).to_be_checked()
    expect(again.locator(".st-key-equity")).to_be_attached()
    expect(again.locator(".assay-cards h3")).to_have_text(["BTC/USDT", "SOL/USDT"])
    _, text = downloaded(again, "Back-test, CSV")
    assert text.startswith("time,volatility_target,buy_and_hold")


@pytest.mark.parametrize(
    "path",
    [
        "/gold?sessions=7000&lang=xx",
        "/crypto?symbol=%3Cscript%3E&timeframe=9y&horizon=-1&exchange=nowhere&days=many",
        "/track-record?of=everything&last=-3",
    ],
)
def test_a_link_that_asks_for_nonsense_gets_a_notice_and_the_usual_view(
    simulated: Served, open_page: Open, path: str
) -> None:
    page = open_page(simulated, path)
    expect(page.locator(".assay-banner, [data-testid=stAlert]").first).to_be_visible()
    expect(page.get_by_role("heading", level=1)).not_to_be_empty()
    expect(page.get_by_text("Traceback")).to_have_count(0)


def test_a_card_of_the_overview_leads_to_its_coin(simulated: Served, open_page: Open) -> None:
    page = open_page(simulated, "/")
    page.get_by_role("link", name="ETH/USDT in detail").click()
    expect(page.get_by_role("combobox", name="Coin")).to_have_value("ETH/USDT")
    assert urlsplit(page.url).path == "/crypto"


def stay_within_the_hour() -> None:
    """A coin's figures change where another hour closes, and what they stand in with them."""
    left = 3600 - time.time() % 3600
    if left < 150:
        time.sleep(left + 20)


def test_pages_renew_themselves_without_a_flicker(lively: Served, open_page: Open) -> None:
    stay_within_the_hour()
    pages = [open_page(lively, path) for path in ("/", "/gold", "/crypto", "/track-record")]
    for page in pages:
        settled(page)
        page.mouse.wheel(0, 300)
        page.wait_for_timeout(500)
        page.evaluate(NOTE_FLICKER)
    for page in pages:
        page.wait_for_function("window.seen.renewals >= 2", timeout=60_000)
        seen = page.evaluate("window.seen")
        assert {**seen, "renewals": 2} == {"renewals": 2, "shifts": [], "gone": [], "faintest": 1}


def test_open_pages_outlive_the_backend_and_find_it_again(lively: Served, open_page: Open) -> None:
    away = "The forecasting service cannot be reached."
    pages = [open_page(lively, path) for path in ("/", "/crypto", "/status")]
    headings = [page.get_by_role("heading", level=1).inner_text() for page in pages[:2]]
    lively.api.end()
    try:
        for page in pages:
            expect(page.locator("strong", has_text=away).first).to_be_visible(timeout=60_000)
        assert [faults_of(page) for page in pages] == [{}] * len(pages)
        headings.append("How things stand is not known")  # the status page's is about now
        for page, heading in zip(pages, headings, strict=True):
            expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    finally:
        lively.api.start()
    for page in pages:
        expect(page.locator("strong", has_text=away)).to_have_count(0, timeout=60_000)
