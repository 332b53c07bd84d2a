"""Scripts and styles on their way to the browser."""

from __future__ import annotations

import asyncio
import gzip

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from assay_frontend.packed import Packed

SCRIPT = b"let answer = 42;\n" * 500


class Served:
    """A middleware around an app that counts what it is asked."""

    def __init__(self, body=SCRIPT, status=200):
        self.asked = 0
        self._body, self._status = body, status
        self._packed = Packed(self._app)

    async def _app(self, scope, receive, send):
        self.asked += 1
        headers = [(b"content-type", b"text/javascript"), (b"content-length", b"1")]
        await send({"type": "http.response.start", "status": self._status, "headers": headers})
        await send({"type": "http.response.body", "body": self._body[:100], "more_body": True})
        await send({"type": "http.response.body", "body": self._body[100:]})

    def get(self, path, *, method="GET", **headers):
        sent = []

        async def send(message):
            sent.append(message)

        raw = [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
        scope = {"type": "http", "method": method, "path": path, "headers": raw}
        asyncio.run(self._packed(scope, None, send))
        body = b"".join(message.get("body", b"") for message in sent[1:])
        return sent[0]["status"], dict(sent[0]["headers"]), body


def test_a_script_is_packed_once_and_kept():
    served = Served()
    for _ in range(2):
        status, headers, body = served.get("/static/js/index.a1.js", accept_encoding="gzip, br")
        assert status == 200
        assert gzip.decompress(body) == SCRIPT
        assert headers[b"content-encoding"] == b"gzip"
        assert headers[b"content-length"] == str(len(body)).encode()
        assert headers[b"vary"] == b"Accept-Encoding"
    assert served.asked == 1


@pytest.mark.parametrize(
    ("path", "method", "headers"),
    [
        ("/static/js/index.a1.js", "GET", {}),
        ("/static/js/index.a1.js", "HEAD", {"accept_encoding": "gzip"}),
        ("/static/js/index.a1.js", "GET", {"accept_encoding": "gzip", "range": "bytes=0-9"}),
        ("/static/media/font.a1.woff2", "GET", {"accept_encoding": "gzip"}),
        ("/static/js/../../secret.js", "GET", {"accept_encoding": "gzip"}),
        ("/crypto", "GET", {"accept_encoding": "gzip"}),
    ],
)
def test_all_else_passes_as_it_is(path, method, headers):
    _, found, body = Served().get(path, method=method, **headers)
    assert body == SCRIPT
    assert b"content-encoding" not in found


def test_what_is_missing_or_tiny_is_not_packed():
    status, headers, body = Served(b"gone", 404).get("/static/js/x.js", accept_encoding="gzip")
    assert (status, body) == (404, b"gone")
    assert b"content-encoding" not in headers
    assert Served(b"1;").get("/static/js/x.js", accept_encoding="gzip")[2] == b"1;"


def test_a_reader_who_goes_away_costs_the_others_nothing(tmp_path):
    (tmp_path / "index.a1.js").write_bytes(SCRIPT)
    packed = Packed(Starlette(routes=[Mount("/static/js", StaticFiles(directory=tmp_path))]))
    sent = []

    async def gone():
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/static/js/index.a1.js",
        "headers": [(b"accept-encoding", b"gzip")],
        "asgi": {
            "spec_version": "2.3"
        },  # uvicorn's: the application looks whether one is still there
    }
    asyncio.run(packed(scope, gone, send))
    asyncio.run(packed(scope, gone, send))
    for start, body in (sent[:2], sent[2:]):
        assert dict(start["headers"])[b"content-length"] == str(len(body["body"])).encode()
        assert gzip.decompress(body["body"]) == SCRIPT
