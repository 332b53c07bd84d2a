"""A CONNECT proxy that is also every TLS host behind it, certified by a CA of its own.

Unmodified clients reach it through the environment alone: `HTTPS_PROXY` names the proxy,
`CURL_CA_BUNDLE` and its like the CA. What a host answers is a plain function from `Request` to
`Reply`; a reply also says in which `manner` it travels, so that wires can fail too.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import socketserver
import ssl
import struct
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self
from urllib.parse import parse_qsl, urlsplit

import trustme

Manner = Literal["whole", "silent", "drip", "cut", "reset"]

OPEN_PORTS = ("80", "443", "8080")  # those that a Hugging Face Space lets out
CA_VARIABLES = ("CURL_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
DRIP_SECONDS = 0.2
SILENCE_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Request:
    host: str
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str] = field(default_factory=dict)  # names in lower case


@dataclass(frozen=True, slots=True)
class Reply:
    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    manner: Manner = "whole"

    def wire(self) -> bytes:
        """The bytes of the whole answer."""
        lines = [
            f"HTTP/1.1 {self.status} -",
            f"Content-Type: {self.content_type}",
            f"Content-Length: {len(self.body)}",
            "Connection: close",
            *(f"{name}: {value}" for name, value in self.headers.items()),
        ]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + self.body


Responder = Callable[[Request], Reply]


class Upstream:
    """Serves `hosts` on a free loopback port between `with` and its end; counts requests."""

    def __init__(self, hosts: Sequence[str], respond: Responder) -> None:
        self.hosts = tuple(hosts)
        self._respond = respond
        self._lock = threading.Lock()
        self._requests: list[Request] = []
        self._connections = 0
        self._open = 0
        self.stopped = threading.Event()

    @property
    def requests(self) -> list[Request]:
        """What has been asked so far, in order."""
        with self._lock:
            return list(self._requests)

    @property
    def connections(self) -> int:
        """How many TCP connections the proxy has accepted, asked through or not."""
        with self._lock:
            return self._connections

    @property
    def clients(self) -> int:
        """How many connections are open now."""
        with self._lock:
            return self._open

    def forget(self) -> None:
        """Begins to count anew."""
        with self._lock:
            self._requests.clear()
            self._connections = 0

    def calls(self, path_prefix: str = "/") -> int:
        """How many requests were for paths that begin so."""
        return sum(request.path.startswith(path_prefix) for request in self.requests)

    def environment(self) -> dict[str, str]:
        """What a process needs in its environment so that its clients come here."""
        proxy = f"http://127.0.0.1:{self._server.server_address[1]}"
        trusted = dict.fromkeys(CA_VARIABLES, str(self.ca_file))
        return {
            "HTTPS_PROXY": proxy,
            "https_proxy": proxy,
            "NO_PROXY": "",
            "no_proxy": "",
        } | trusted

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="upstream-"))
        self.ca_file = self._folder / "ca.pem"
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(self.ca_file))
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*self.hosts).configure_cert(self.tls)
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        shutil.rmtree(self._folder, ignore_errors=True)

    @contextlib.contextmanager
    def connected(self) -> Iterator[None]:
        with self._lock:
            self._connections += 1
            self._open += 1
        try:
            yield
        finally:
            with self._lock:
                self._open -= 1

    def answer(self, request: Request) -> Reply:
        with self._lock:
            self._requests.append(request)
        return self._respond(request)


class Together(Upstream):
    """Several upstreams behind one proxy; each goes on counting what it is asked."""

    def __init__(self, *members: Upstream) -> None:
        by_host = {host: member for member in members for host in member.hosts}
        super().__init__(tuple(by_host), lambda request: by_host[request.host].answer(request))


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True  # a client that was killed must not hold the test


def _handler(upstream: Upstream) -> type[socketserver.BaseRequestHandler]:
    class Handler(socketserver.BaseRequestHandler):
        request: socket.socket

        def handle(self) -> None:
            # the client has left or was killed: what these tests are about
            with upstream.connected(), contextlib.suppress(OSError, IndexError, ValueError):
                self.request.settimeout(10)
                host, _, port = _read_head(self.request).split()[1].rpartition(":")
                if port not in OPEN_PORTS:
                    self.request.sendall(b"HTTP/1.1 403 Forbidden\r\n\r\n")
                    return
                self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                with upstream.tls.wrap_socket(self.request, server_side=True) as secure:
                    secure.settimeout(10)
                    _send(secure, upstream.answer(_request(host, _read_head(secure))), upstream)

    return Handler


def _read_head(connection: socket.socket) -> str:
    head = b""
    while b"\r\n\r\n" not in head:
        if not (part := connection.recv(65536)):
            break
        head += part
    return head.decode("latin-1")


def _request(host: str, head: str) -> Request:
    first, *lines = head.strip().split("\r\n")
    method, target = first.split()[:2]
    parts = urlsplit(target)
    fields = (line.partition(":") for line in lines)
    headers = {name.lower(): value.strip() for name, _, value in fields}
    return Request(host, method, parts.path, dict(parse_qsl(parts.query)), headers)


def _has_left(connection: ssl.SSLSocket) -> bool:
    """Whether the client, which has nothing more to say, has hung up; takes a moment to tell."""
    connection.settimeout(SILENCE_SECONDS)
    try:
        return not connection.recv(1)
    except TimeoutError:
        return False


def _send(connection: ssl.SSLSocket, reply: Reply, upstream: Upstream) -> None:
    wire = reply.wire()
    if reply.manner == "silent":
        while not upstream.stopped.is_set() and not _has_left(connection):
            pass
    elif reply.manner == "reset":
        # lingering for no time makes the close a TCP reset
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    elif reply.manner == "cut":
        connection.sendall(wire[: len(wire) // 2])
    elif reply.manner == "drip":
        for at in range(len(wire)):
            connection.sendall(wire[at : at + 1])
            if upstream.stopped.wait(DRIP_SECONDS):
                return
    else:
        connection.sendall(wire)
