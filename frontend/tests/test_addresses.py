"""Addresses that have a page, files, or neither."""

from __future__ import annotations

import pytest
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.testclient import TestClient

from assay_frontend.addresses import PAGES, Addresses

PAGE = "<title>Streamlit</title>"


async def streamlit(scope, receive, send):
    """Sends its page wherever it has nothing else."""
    found = scope["path"] == "/favicon.png"
    answer = PlainTextResponse("a file") if found else HTMLResponse(PAGE)
    await answer(scope, receive, send)


def get(address):
    return TestClient(Addresses(streamlit)).get(address, follow_redirects=False)


@pytest.mark.parametrize("path", ["/", *(f"/{name}" for name in PAGES[1:])])
def test_each_page_is_at_its_address_and_the_first_at_the_root(path):
    answer = get(f"{path}?lang=es")
    assert (answer.status_code, answer.text) == (200, PAGE)


@pytest.mark.parametrize(
    ("address", "overview"),
    [
        ("/nonexistent", "./?unknown=nonexistent"),
        ("/nonexistent?lang=es&last=3", "./?lang=es&last=3&unknown=nonexistent"),
        ("/Gold", "./?unknown=Gold"),
        ("/gold/old", "../?unknown=gold/old"),
        ("/a/b/c.html", "../../?unknown=a/b/c.html"),
        ("/se%C3%B1al%0A%3Cb%3E&x=1?", "./?unknown=se%C3%B1al%0A%3Cb%3E%26x%3D1"),
        ("/static", "./?unknown=static"),
        ("/overview", "./"),
        ("/overview?lang=es", "./?lang=es"),
        (f"/{'x' * 5000}", f"./?unknown={'x' * 200}"),
    ],
)
def test_any_other_leads_to_the_overview_below_whatever_stands_before_it(address, overview):
    answer = get(address)
    assert (answer.status_code, answer.text) == (307, "")
    assert answer.headers["location"] == overview


@pytest.mark.parametrize(
    "path", ["/favicon.png", "/_stcore/health", "/component/a/index.html", "/media/a.html"]
)
def test_files_and_streamlits_own_calls_pass(path):
    assert get(path).status_code == 200
