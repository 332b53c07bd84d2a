"""The part of the Hugging Face Hub that publishing a Space asks, on loopback.

What is pushed is kept as the Hub keeps it: binary files by the large file protocol, the others in
the commit itself. `refuse` gives an error instead of an answer.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

TOKEN = "hf_MayWriteHere"
LARGE = re.compile(r"\.(onnx|whl)$")  # as a new Space's .gitattributes has it, and all binary files


@dataclass(slots=True)
class HubSpace:
    sdk: str
    visibility: str = "public"
    files: dict[str, bytes] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    commits: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Refusal:
    status: int
    says: str
    besides: dict[str, str] = field(default_factory=dict)


Answer = dict[str, Any] | list[Any] | Refusal


class Hub:
    """Serves between `with` and its end, at `address`."""

    def __init__(self, refuse: Callable[[str, str], Refusal | None] = lambda *_: None) -> None:
        self.spaces: dict[str, HubSpace] = {}
        self.asked: list[str] = []
        self._refuse = refuse
        self._large: dict[str, bytes] = {}

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, method: str, path: str, token: str, body: bytes) -> Answer:
        self.asked.append(f"{method} {path}")
        if stored := re.fullmatch("/large/([0-9a-f]{64})", path):  # a signed address: no token
            if hashlib.sha256(body).hexdigest() != stored[1]:
                return Refusal(400, "another content")
            self._large[stored[1]] = body
            return {}
        if token != f"Bearer {TOKEN}":
            return Refusal(401, "Invalid credentials in Authorization header")
        if refused := self._refuse(method, path):
            return refused
        for known, pattern, reply in self._routes():
            if method == known and (match := re.fullmatch(pattern, path)):
                return reply(*match.groups(), body)
        return Refusal(404, f"{method} {path} is not played here")

    def _routes(self) -> list[tuple[str, str, Callable[..., Answer]]]:
        space = "/api/spaces/([^/]+/[^/]+)"
        return [
            ("POST", "/api/repos/create", self._create),
            ("POST", "/api/validate-yaml", self._validate),
            ("GET", f"{space}(?:/revision/main)?", self._info),
            ("GET", f"{space}/tree/main", self._tree),
            ("PUT", f"{space}/settings", self._settings),
            ("POST", f"{space}/(variables|secrets)", self._keep_value),
            ("POST", f"{space}/preupload/main", self._preupload),
            ("POST", r"/spaces/([^/]+/[^/]+)\.git/info/lfs/objects/batch", self._batch),
            ("POST", f"{space}/commit/main", self._commit),
        ]

    def _create(self, body: bytes) -> Answer:
        asked = json.loads(body)
        name = f"{asked['organization']}/{asked['name']}"
        if name in self.spaces:
            there = {"url": f"{self.address}/spaces/{name}"}
            return Refusal(409, "You already created this space repo", there)
        assert asked["type"] == "space"
        attributes = b"*.onnx filter=lfs diff=lfs merge=lfs -text\n"
        self.spaces[name] = HubSpace(
            asked["sdk"], asked.get("visibility", "public"), {".gitattributes": attributes}
        )
        return {"url": f"{self.address}/spaces/{name}"}

    def _validate(self, body: bytes) -> Answer:
        asked = json.loads(body)
        assert asked["repoType"] == "space"
        assert asked["content"].startswith("---\n")
        return {"errors": [], "warnings": []}

    def _info(self, name: str, _: bytes) -> Answer:
        if name not in self.spaces:
            return Refusal(404, "Repository not found")
        space = self.spaces[name]
        return {
            "id": name,
            "sha": "0" * 40,
            "private": space.visibility == "private",
            "siblings": [{"rfilename": path} for path in space.files],
        }

    def _tree(self, name: str, _: bytes) -> Answer:
        return [
            {"type": "file", "path": path, "oid": "0" * 40, "size": len(content)}
            for path, content in self.spaces[name].files.items()
        ]

    def _settings(self, name: str, body: bytes) -> Answer:
        self.spaces[name].visibility = json.loads(body)["visibility"]
        return {}

    def _keep_value(self, name: str, kind: str, body: bytes) -> Answer:
        asked = json.loads(body)
        kept: dict[str, str] = getattr(self.spaces[name], kind)
        kept[asked["key"]] = asked["value"]
        return {key: {"value": value} for key, value in kept.items()}

    def _preupload(self, name: str, body: bytes) -> Answer:
        return {
            "files": [
                {
                    "path": file["path"],
                    "uploadMode": "lfs" if LARGE.search(file["path"]) else "regular",
                    "shouldIgnore": False,
                }
                for file in json.loads(body)["files"]
            ]
        }

    def _batch(self, name: str, body: bytes) -> Answer:
        objects = [
            {**wanted, "actions": {"upload": {"href": f"{self.address}/large/{wanted['oid']}"}}}
            for wanted in json.loads(body)["objects"]
        ]
        return {"transfer": "basic", "objects": objects}

    def _commit(self, name: str, body: bytes) -> Answer:
        space = self.spaces[name]
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            match line["key"]:
                case "header":
                    space.commits.append(value["summary"])
                case "file":
                    assert value["encoding"] == "base64"
                    space.files[value["path"]] = base64.b64decode(value["content"])
                case "lfsFile":
                    space.files[value["path"]] = self._large[value["oid"]]
                case "deletedFile":
                    del space.files[value["path"]]
        return {"commitUrl": f"{self.address}/spaces/{name}/commit/1", "commitOid": "1" * 40}


def _handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            path = self.path.partition("?")[0]
            answer = hub.answer(self.command, path, self.headers.get("Authorization", ""), body)
            refused = isinstance(answer, Refusal)
            text = json.dumps(
                {"error": answer.says, **answer.besides} if refused else answer
            ).encode()
            self.send_response(answer.status if refused else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = _serve

        def log_message(self, *_: object) -> None:
            pass

    return Handler
