"""Every page on simulated and on replayed bars: both shades, sizes and languages.

Nothing is cut and no rule of WCAG 2.2 A and AA is broken. Pictures stay in `test-pages`.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from browsing import BACKGROUND, DESK, PHONE, Open, Shade, faults_of, settled
from served import Served

PICTURES = Path(__file__).parents[2] / "test-pages"
SIGNALS = "/track-record?of=signals"
WHOLE_CRYPTO = "/crypto?backtest=year&compare=ETH/USDT"  # which nobody replays: a refusal there
TITLES = {
    "/": {"en": "Overview", "es": "Resumen"},
    "/gold": {"en": "Gold", "es": "Oro"},
    WHOLE_CRYPTO: {"en": "Crypto", "es": "Cripto"},
    "/track-record": {"en": "Track record", "es": "Historial"},
    SIGNALS: {"en": "Track record", "es": "Historial"},
    "/models": {"en": "Models", "es": "Modelos"},
    "/status": {"en": "Status", "es": "Estado"},
}

pytestmark = [pytest.mark.slow, pytest.mark.browser]


@pytest.fixture(scope="module", params=["simulated", "replayed"])
def served(request: pytest.FixtureRequest) -> Served:
    found: Served = request.getfixturevalue(request.param)
    return found


Look = tuple[tuple[int, int], Shade]

# Each page on both sources, in both languages, and in both shades of both sizes.
LOOKS: dict[str, tuple[str, Look]] = {
    "simulated": ("en", (DESK, "light")),
    "replay": ("es", (PHONE, "dark")),
}
OTHER_LOOKS: dict[str, tuple[str, Look]] = {
    "simulated": ("es", (PHONE, "light")),
    "replay": ("en", (DESK, "dark")),
}


@pytest.mark.parametrize("path", TITLES)
def test_a_page_fits_its_screen_breaks_no_rule_of_wcag_and_needs_no_mouse(
    served: Served, open_page: Open, path: str
) -> None:
    page = drawn(served, open_page, path, LOOKS[served.source])
    assert out_of_the_keyboards_reach(page) == {}
    open_all_tables(page)
    assert faults_of(page) == {}


@pytest.mark.parametrize("path", TITLES)
def test_it_does_so_in_the_other_looks_too(served: Served, open_page: Open, path: str) -> None:
    page = drawn(served, open_page, path, OTHER_LOOKS[served.source])
    open_all_tables(page)
    assert faults_of(page) == {}


def drawn(served: Served, open_page: Open, path: str, look: tuple[str, Look]) -> Page:
    """The whole page, of which a picture is kept."""
    language, (size, shade) = look
    locale = {"en": "en-GB", "es": "es-MX"}[language]
    page = open_page(served, path, locale=locale, size=size, shade=shade)
    expect(page).to_have_title(f"Assay · {TITLES[path][language]}")
    expect(page.locator("html")).to_have_attribute("lang", language)
    expect(page.locator(".stApp")).to_have_css("background-color", BACKGROUND[shade])
    expect(page.get_by_role("heading", level=1)).not_to_be_empty()
    expect(page.get_by_text("Traceback")).to_have_count(0)
    settled(page)
    keep_picture(page, f"{picture_name(path)}-{served.source}-{language}-{size[0]}-{shade}")
    return page


def open_all_tables(page: Page) -> None:
    """The numbers behind the charts, which wait folded."""
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    settled(page)


def picture_name(path: str) -> str:
    name = urlsplit(path).path.strip("/") or "overview"
    return f"{name}-signals" if path == SIGNALS else name


def keep_picture(page: Page, name: str) -> None:
    """The whole page, as high as it is."""
    size = page.viewport_size
    assert size is not None
    height = page.evaluate("document.querySelector('.stMain').scrollHeight")
    page.set_viewport_size({"width": size["width"], "height": height})
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png")
    page.set_viewport_size(size)


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
LINK_WITHOUT_RING = """(link => link.tagName === 'A'
    && getComputedStyle(link).outlineStyle === 'none' ? link.textContent : null
)(document.activeElement)"""
FOCUSED = "document.activeElement.closest('[data-control]')?.dataset.control"


def out_of_the_keyboards_reach(page: Page) -> dict[int, str]:
    """Controls that no Tab leads to; there have to be some that one does, and links show it."""
    controls = page.evaluate(CONTROLS)
    assert len(controls) > 8
    reached, unseen = set(), set()
    for _ in range(len(controls) + 15):
        page.keyboard.press("Tab")
        reached |= {page.evaluate(FOCUSED)}
        unseen |= {page.evaluate(LINK_WITHOUT_RING)}
    assert unseen == {None}
    return {i: name for i, name in enumerate(controls) if str(i) not in reached}
