"""Load over kept-alive connections: by wrk where it is installed, else by asyncio.

On POST /predict, or on any path: GET, or POST where there is a body.

Both say requests a second and the latency that 50 and 99 % of the requests stayed under.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from processes import BODY

_UNIT_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0}
_SCRIPT = """
wrk.method = "POST"
wrk.body = '%s'
wrk.headers["Content-Type"] = "application/json"
"""


@dataclass(frozen=True, slots=True)
class Load:
    """What a server took: requests a second, latencies in milliseconds."""

    per_second: float
    p50_ms: float
    p99_ms: float


def tool() -> str:
    """What generates the load here."""
    return "wrk" if shutil.which("wrk") else "asyncio"


def put_load(
    port: int,
    *,
    connections: int,
    seconds: float,
    path: str | None = None,
    body: bytes | None = None,
) -> Load:
    """Load on the server on `port`; all answers must be 200s. On GET `path`, on POST `path` where
    there is a `body`, and on POST /predict where no path is named.
    """
    if path is None:
        path, body = "/predict", BODY
    if tool() == "wrk":
        return _by_wrk(port, path, body, connections=connections, seconds=seconds)
    return asyncio.run(_by_asyncio(port, path, body, connections=connections, seconds=seconds))


def _by_wrk(port: int, path: str, body: bytes | None, *, connections: int, seconds: float) -> Load:
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        options = ["-t1", f"-c{connections}", f"-d{round(seconds)}s", "--latency"]
        if body is not None:
            script = Path(folder) / "post.lua"
            script.write_text(_SCRIPT % body.decode())
            options += ["-s", str(script)]
        told = subprocess.run(
            ["wrk", *options, f"http://127.0.0.1:{port}{path}"],
            capture_output=True,
            check=True,
            text=True,
        ).stdout
    if "Non-2xx" in told or "Socket errors" in told:
        raise SystemExit(told)
    return Load(
        float(re.search(r"Requests/sec:\s+([\d.]+)", told)[1]),  # type: ignore[index]  # always printed
        _latency_ms(told, 50),
        _latency_ms(told, 99),
    )


def _latency_ms(told: str, percent: int) -> float:
    found = re.search(rf"^\s+{percent}%\s+([\d.]+)(us|ms|s)$", told, re.MULTILINE)
    if found is None:
        raise SystemExit(told)
    return float(found[1]) * _UNIT_MS[found[2]]


async def _by_asyncio(
    port: int, path: str, body: bytes | None, *, connections: int, seconds: float
) -> Load:
    latencies: list[float] = []
    ends = time.perf_counter() + seconds
    request = _get(path) if body is None else _post(path, body)
    await asyncio.gather(
        *(_keep_asking(port, request, ends, latencies) for _ in range(connections))
    )
    latencies.sort()
    at = {percent: latencies[len(latencies) * percent // 100] for percent in (50, 99)}
    return Load(len(latencies) / seconds, 1000 * at[50], 1000 * at[99])


def _get(path: str) -> bytes:
    return b"GET %b HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" % path.encode()


def _post(path: str, body: bytes) -> bytes:
    return (
        b"POST %b HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (path.encode(), len(body), body)
    )


async def _keep_asking(port: int, request: bytes, ends: float, latencies: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while (began := time.perf_counter()) < ends:
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        if not head.startswith(b"http/1.1 200"):
            raise SystemExit(head.decode())
        length = re.search(rb"content-length: (\d+)", head)
        await reader.readexactly(int(length[1]) if length else 0)
        latencies.append(time.perf_counter() - began)
    writer.close()
    await writer.wait_closed()
