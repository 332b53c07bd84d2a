"""The page that a browser loads first: Streamlit's, with a few lines of ours before its own."""

from __future__ import annotations

import re
from pathlib import Path

from starlette.types import ASGIApp, Message, Receive, Scope, Send

SCRIPT = Path(__file__).with_name("first_page.js")
_TITLE = b"<title>Streamlit</title>"
_NO_SCRIPT = re.compile(rb"<noscript>.*?</noscript>", re.DOTALL)
WITHOUT_SCRIPT = """<noscript>
<p lang="en">This dashboard needs JavaScript. Assay's API tells the same without it, also as a page
to read: <code>/v1/report/daily</code>.</p>
<p lang="es">Este panel necesita JavaScript. La API de Assay dice lo mismo sin él, también como una
página para leer: <code>/v1/report/daily</code>.</p>
</noscript>"""
# Streamlit's menu speaks English only; the head of our pages has a switch for the theme
WITHOUT_MENU = "<style>.stMainMenu { display: none }</style>"
_CHANGED = {b"content-length", b"etag", b"last-modified"}


def first_page(html: bytes) -> bytes:
    """`html` with the script, the name, and what is told without scripts; as far as it has them."""
    script = SCRIPT.read_text(encoding="utf-8")
    html = _NO_SCRIPT.sub(WITHOUT_SCRIPT.encode(), html)
    head = f"<title>Assay</title><script>{script}</script>{WITHOUT_MENU}"
    return html.replace(_TITLE, head.encode(), 1)


class FirstPage:
    """ASGI middleware that changes HTML pages and nothing else."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _is_address(scope["path"]):
            await self._app(scope, receive, send)
            return
        kept = [pair for pair in scope["headers"] if pair[0] != b"accept-encoding"]
        await self._app({**scope, "headers": kept}, receive, _Rewriting(send))


def _is_address(path: str) -> bool:
    """Whether a page may stand there: files have an ending, and Streamlit's calls a folder."""
    return "." not in path.rpartition("/")[2] and "/_stcore/" not in path


class _Rewriting:
    """Holds an answer of HTML back until it is whole."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None
        self._body = bytearray()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and is_html(message):
            self._start = message
        elif message["type"] == "http.response.body" and self._start is not None:
            self._body += message.get("body", b"")
            if not message.get("more_body"):
                await self._finish(self._start)
        else:
            await self._send(message)

    async def _finish(self, start: Message) -> None:
        body = first_page(bytes(self._body)) if self._body else b""
        headers = [pair for pair in start["headers"] if pair[0].lower() not in _CHANGED]
        headers.append((b"content-length", b"%d" % len(body)))
        await self._send({**start, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})


def is_html(start: Message) -> bool:
    return start["status"] == 200 and any(
        name.lower() == b"content-type" and value.startswith(b"text/html")
        for name, value in start["headers"]
    )
