"""The page that a browser loads first."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import streamlit

from assay_frontend.first_page import FirstPage, first_page

HTML = b"<html><head><title>Streamlit</title><script src=x></script></head></html>"


def answer_to(path, *, body=HTML, content_type=b"text/html; charset=utf-8", status=200):
    """What a browser gets of an app that answers with `body` in two parts; and the app's scope."""
    sent, seen = [], []

    async def app(scope, receive, send):
        seen.append(scope)
        headers = [(b"content-type", content_type), (b"etag", b'"1"'), (b"content-length", b"9")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        half = len(body) // 2
        await send({"type": "http.response.body", "body": body[:half], "more_body": True})
        await send({"type": "http.response.body", "body": body[half:]})

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "path": path,
        "headers": [(b"accept-encoding", b"gzip"), (b"host", b"x")],
    }
    asyncio.run(FirstPage(app)(scope, None, send))
    return sent[0], b"".join(m.get("body", b"") for m in sent[1:]), seen[0]


@pytest.mark.parametrize("path", ["/", "/crypto", "/track-record"])
def test_a_page_gets_the_script_before_streamlits_own(path):
    start, body, scope = answer_to(path)
    assert body == first_page(HTML)
    assert b"<title>Assay</title><script>" in body
    assert body.index(b"BACKEND_BASE_URL") < body.index(b"<script src=x>")
    assert b"<style>.stMainMenu { display: none }</style>" in body
    assert dict(start["headers"])[b"content-length"] == str(len(body)).encode()
    assert b"etag" not in dict(start["headers"])
    assert scope["headers"] == [(b"host", b"x")]


def test_without_scripts_streamlits_page_speaks_of_assay_in_both_languages():
    page = Path(streamlit.__file__).with_name("static") / "index.html"
    body = first_page(page.read_bytes()).decode()
    assert body.count("<noscript>") == body.count("</noscript>") == 1
    told = body.partition("<noscript>")[2].partition("</noscript>")[0]
    for part in ("needs JavaScript", "necesita JavaScript", "/v1/report/daily"):
        assert part in told
    assert "agent" not in told


@pytest.mark.parametrize(
    ("path", "changes"),
    [
        ("/static/js/index.js", {"content_type": b"text/javascript"}),
        ("/static/page.html", {}),
        ("/_stcore/health", {}),
        ("/crypto", {"content_type": b"application/json"}),
        ("/crypto", {"status": 404}),
    ],
)
def test_all_else_passes_untouched(path, changes):
    start, body, _ = answer_to(path, **changes)
    assert body == HTML
    assert dict(start["headers"])[b"etag"] == b'"1"'


def test_a_document_without_streamlits_title_stays_as_it_is():
    assert first_page(b"<title>Other</title>") == b"<title>Other</title>"
