"""Which addresses have a page; from any other a reader is led to the overview, which says so."""

from __future__ import annotations

from typing import Literal, get_args
from urllib.parse import quote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from assay_frontend.first_page import is_html

PageName = Literal["overview", "gold", "crypto", "track-record", "models", "status"]
# in the order of the links; the name is the address too, and `nav.<name>` its words
PAGES: tuple[PageName, ...] = get_args(PageName)
UNKNOWN = "unknown"
_MOST_CHARACTERS = 200
_FOLDERS = ("_stcore/", "app/", "component/", "media/", "static/")


class Addresses:
    """ASGI middleware: Streamlit sends its page at whatever address is not a file's."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not _has_page_or_files(scope["path"]):
            send = _LeadingOn(send, where_to(scope["path"], scope["query_string"]))
        await self._app(scope, receive, send)


def _has_page_or_files(path: str) -> bool:
    """Whether one of our pages is there, the first at the root, or Streamlit keeps files there."""
    name = path.removeprefix("/")
    return name in {"", *PAGES[1:]} or name.startswith(_FOLDERS)


def where_to(path: str, query: bytes) -> bytes:
    """The overview as seen from `path`, with the query and the name of what there is not."""
    name = path.removeprefix("/")
    root = "../" * name.count("/") or "./"
    told = "" if name == PAGES[0] else f"{UNKNOWN}={quote(name[:_MOST_CHARACTERS], safe='/')}"
    asked = "&".join(part for part in (query.decode("latin-1"), told) if part)
    return f"{root}?{asked}".removesuffix("?").encode("latin-1")


class _LeadingOn:
    """Sends a redirect to `target` in the place of a page."""

    def __init__(self, send: Send, target: bytes) -> None:
        self._send = send
        self._target = target
        self._leads_on = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and is_html(message):
            self._leads_on = True
            headers = [(b"location", self._target), (b"content-length", b"0")]
            await self._send({"type": "http.response.start", "status": 307, "headers": headers})
            await self._send({"type": "http.response.body", "body": b""})
        elif not self._leads_on:
            await self._send(message)
