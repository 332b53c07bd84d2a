"""The main job from end to end: start, ask, look, stop."""

from __future__ import annotations

import json
import os
import signal
import socket
import urllib.request
from collections.abc import Callable
from datetime import date
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, expect

# fmt: off
PROMISED = {
    "prediction", "predicted_date", "today_date", "model_name", "model_type", "model_version",
    "symbol", "currency", "last_close", "expected_return", "probability_up", "intervals",
    "benchmark", "skill", "explanation", "origin", "source", "as_of", "age_seconds", "stale",
}
# fmt: on

pytestmark = [pytest.mark.slow, pytest.mark.browser]


def ask_for_tomorrow(backend: str) -> dict:
    request = urllib.request.Request(
        f"{backend}/predict",
        data=b'{"predict_tomorrow": true}',
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200
        return json.load(answer)


def assert_is_a_forecast(forecast: dict) -> None:
    assert forecast.keys() >= PROMISED
    assert (forecast["symbol"], forecast["currency"]) == ("GC=F", "USD")
    assert forecast["source"] == "simulated"
    assert date.fromisoformat(forecast["predicted_date"]) > date.fromisoformat(
        forecast["today_date"]
    )
    assert 0 < forecast["probability_up"] < 1
    assert forecast["benchmark"] == {
        "name": "random_walk",
        "prediction": pytest.approx(forecast["last_close"]),
    }
    by_level = {interval["level"]: interval for interval in forecast["intervals"]}
    lows = [by_level[level]["lower"] for level in (0.95, 0.8, 0.5)]
    highs = [by_level[level]["upper"] for level in (0.5, 0.8, 0.95)]
    edges = [*lows, forecast["prediction"], *highs]
    assert edges == sorted(edges)


def listens(address: str) -> bool:
    parts = urlsplit(address)
    with socket.socket() as probe:
        return probe.connect_ex((str(parts.hostname), int(parts.port or 80))) == 0


def test_a_person_starts_assay_sees_tomorrows_price_and_stops_it(
    start_assay: Callable, browser: Browser
) -> None:
    assay = start_assay().until_ready()
    assert assay.backend in assay.output()
    assert assay.dashboard in assay.output()

    forecast = ask_for_tomorrow(assay.backend)
    assert_is_a_forecast(forecast)

    page = browser.new_page()
    asked: set[str] = set()
    page.on("request", lambda request: asked.add(request.url))
    page.on("websocket", lambda channel: asked.add(channel.url))
    page.goto(assay.dashboard)
    expect(page.get_by_text("Simulated market", exact=False).first).to_be_visible(timeout=30_000)
    price = f"{forecast['prediction']:,.2f}"
    expect(page.get_by_text(price, exact=False).first).to_be_visible(timeout=30_000)
    page.wait_for_load_state("networkidle")
    own = urlsplit(assay.dashboard).netloc
    outside = {url for url in asked if not url.startswith(("data:", "blob:"))}
    assert {urlsplit(url).netloc for url in outside} == {own}
    page.close()

    os.kill(assay.process.pid, signal.SIGINT)
    assert assay.wait() == 0
    assert assay.left_behind() == []
    assert not listens(assay.backend)
    assert not listens(assay.dashboard)
