"""What tests of the dashboard in Chromium share."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from typing import Any, Literal
from urllib.parse import urlsplit

from playwright.sync_api import Page, expect

DESK, PHONE = (1440, 1000), (360, 780)
Shade = Literal["light", "dark"]
BACKGROUND: dict[Shade, str] = {"light": "rgb(251, 250, 247)", "dark": "rgb(20, 24, 28)"}

AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]

# Text on a ground that it stands out from by less than 4.5: axe leaves much undecided.
FAINT = """() => {
    const channels = colour => colour.match(/[\\d.]+/g).map(Number);
    const light = colour => {
        const [red, green, blue] = channels(colour).map(value => value / 255)
            .map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05;
    };
    const ground = item => {
        const colour = item && getComputedStyle(item).backgroundColor;
        return !item ? 'rgb(255, 255, 255)'
            : (channels(colour)[3] ?? 1) > 0.5 ? colour : ground(item.parentElement);
    };
    const text = item => [...item.childNodes].some(
        part => part.nodeType === Node.TEXT_NODE && part.textContent.trim());
    return [...document.querySelectorAll('.stApp :not(svg *, :disabled, :disabled *)')]
        .filter(item => text(item) && item.checkVisibility({visibilityProperty: true}))
        .filter(item => {
            const [low, high] = [light(getComputedStyle(item).color), light(ground(item))]
                .sort((one, other) => one - other);
            return high / low < 4.5;
        }).map(item => item.outerHTML);
}"""

Open = Callable[..., Page]


def watch(page: Page, troubles: list[object]) -> None:
    """Puts into `troubles` what fails, the console's errors, and who is asked outside."""

    def asked(request: Any) -> None:
        if urlsplit(request.url).hostname not in {"127.0.0.1", None, ""}:
            troubles.append(("outside", request.url))

    def failed(request: Any) -> None:
        if request.failure != "net::ERR_ABORTED":  # what a page that is left asked for
            troubles.append((request.url, request.failure))

    page.on("request", asked)
    page.on("websocket", asked)
    page.on("requestfailed", failed)
    page.on("console", lambda said: troubles.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on(
        "response",
        lambda answer: (
            troubles.append((answer.url, answer.status)) if answer.status >= 400 else None
        ),
    )


def until_drawn(page: Page) -> None:
    """The footer stands, which comes last, and each chart has its picture."""
    page.wait_for_selector(".assay-footer", timeout=60_000)
    page.wait_for_function(
        "[...document.querySelectorAll('.stPlotlyChart')]"
        ".every(box => box.querySelector('.main-svg'))",
        timeout=60_000,
    )


def settled(page: Page) -> None:
    """Waits until all is drawn: what is drawn anew meanwhile loses its place, or its open list."""
    app = page.get_by_test_id("stApp")
    for _ in range(3):  # one run may follow on another
        expect(app).to_have_attribute("data-test-script-state", "notRunning", timeout=30_000)
        page.wait_for_timeout(200)
    page.wait_for_function("document.getAnimations().every(each => each.playState !== 'running')")


def faults_of(page: Page) -> dict[str, object]:
    """What axe finds (it has to have looked at something), faint text, and a scroll to the side."""
    page.evaluate(AXE)
    found: dict[str, Any] = page.evaluate("tags => axe.run(document, {runOnly: tags})", WCAG)
    assert len(found["passes"]) > 15
    faults: dict[str, object] = {
        fault["id"]: [node["target"] for node in fault["nodes"]] for fault in found["violations"]
    }
    if faint := page.evaluate(FAINT):
        faults["faint text"] = faint
    widest = page.evaluate(
        "Math.max(...['html', '.stMain', '.stMainBlockContainer']"
        ".map(name => document.querySelector(name).scrollWidth))"
    )
    if widest > page.evaluate("innerWidth"):
        faults["scrolls to the side"] = widest
    return faults
