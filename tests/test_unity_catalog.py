"""A champion of Databricks' Unity Catalog, asked of a double that speaks its calls on loopback.

The double knows what the real client of MLflow and Databricks asks, no more: which calls those are,
with which name, version and token, is what is tested here, not Databricks.
"""

from __future__ import annotations

import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from assay.bundle.files import load_bundle, write_bundle
from assay.bundle.manifest import MANIFEST
from assay.bundle.registered import ModelAddress, Registry, RegistryPlace
from assay.errors import RegistryUnavailable
from small_bundle import contents

pytestmark = pytest.mark.slow

NAME, TOKEN = "main.default.assay-gold", "a token of this test"
CALLS = "/api/2.0/mlflow/unity-catalog"
FILES, FOLDERS = "/api/2.0/fs/files", "/api/2.0/fs/directories"
VERSION = {"name": NAME, "version": "3", "creation_timestamp": 1_795_000_000_000}


class Workspace(ThreadingHTTPServer):
    """A workspace whose catalog has one model with one version, the bundle in `folder`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Calls)
        self.folder = folder
        self.url = f"http://127.0.0.1:{self.server_port}"

    def answer(self, method: str, path: str, query: dict[str, list[str]]) -> bytes | None:
        """None for what is not there."""
        where = f"/Models/{NAME.replace('.', '/')}/3/extra_files"
        if path == f"{CALLS}/registered-models/alias":
            known = query == {"name": [NAME], "alias": ["champion"]}
            return json.dumps({"model_version": VERSION}).encode() if known else None
        if path == f"{CALLS}/registered-models/get" and query == {"name": [NAME]}:
            return json.dumps({"registered_model": {"name": NAME, "aliases": [
                {"alias": "champion", "version": "3"}]}}).encode()  # fmt: skip
        if path == f"{FOLDERS}{where}":
            found = [
                {"path": f"{where}/{path.name}", "is_directory": False, "name": path.name}
                for path in self.folder.iterdir()
                if path.is_file()
            ]
            return json.dumps({"contents": found}).encode()
        if path.startswith(f"{FILES}{where}/"):
            return (self.folder / Path(path).name).read_bytes()
        return b"{}" if method == "POST" and path.startswith(CALLS) else None


class Calls(BaseHTTPRequestHandler):
    """Calls with the token are answered, others refused."""

    server: Workspace

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self.send(401, b'{"error_code": "UNAUTHENTICATED", "message": "Invalid token"}')
            return
        body = self.server.answer(self.command, parts.path, parse_qs(parts.query))
        missing = b'{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "it is not there"}'
        self.send(404 if body is None else 200, missing if body is None else body)

    do_POST = do_HEAD = do_GET

    def send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_) -> None:
        """Silent."""


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    write_bundle(tmp_path / "bundle", contents(0.5))
    served = Workspace(tmp_path / "bundle")
    threading.Thread(target=served.serve_forever, daemon=True).start()
    monkeypatch.setenv("DATABRICKS_HOST", served.url)
    monkeypatch.setenv("DATABRICKS_TOKEN", TOKEN)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield served
    served.shutdown()
    served.server_close()


def fetched(address: str, into: Path):
    """The version that `address` means there, and the folder of its bundle."""

    async def ask():
        place = RegistryPlace.of(tracking=None, registry=None, on_databricks=True)
        registry = Registry(place, ModelAddress.parse(address))
        try:
            found = await registry.look()
            return found, await registry.fetch(found, into)
        finally:
            await registry.close()

    return asyncio.run(ask())


def test_the_champion_of_a_catalog_is_had_without_any_clouds_library(workspace, tmp_path):
    found, place = fetched(f"models:/{NAME}@champion", tmp_path / "into")
    assert found.version == "3"
    assert {path.name for path in place.iterdir()} == {*contents(), MANIFEST}
    assert load_bundle(place).digest == load_bundle(workspace.folder).digest


@pytest.mark.parametrize(
    ("address", "token", "words"),
    [
        (f"models:/{NAME}@best", TOKEN, f"model '{NAME}' has no alias 'best' (aliases: champion)"),
        ("models:/main.default.gold@champion", TOKEN, "it has no model 'main.default.gold'"),
        (f"models:/{NAME}@champion", "another", "it refuses these credentials"),
    ],
)
def test_what_a_catalog_has_not_is_said(workspace, tmp_path, monkeypatch, address, token, words):
    monkeypatch.setenv("DATABRICKS_TOKEN", token)
    with pytest.raises(RegistryUnavailable) as raised:
        fetched(address, tmp_path)
    assert words in raised.value.message
