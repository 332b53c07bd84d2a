"""What the tests of the images run inside them, each by `python -c`: see `source_of`."""

from __future__ import annotations

import inspect
from collections.abc import Callable


def source_of(check: Callable[..., None], *arguments: object) -> str:
    """A program that calls `check`, which has to bring its own imports."""
    given = ", ".join(map(repr, arguments))
    return f"{inspect.getsource(check)}\n{check.__name__}({given})\n"


def tell_stale_bytecode() -> None:
    """Prints each module whose compiled form is missing or of another time, unless it has none."""
    import importlib.util
    import sysconfig
    from pathlib import Path

    site = Path(sysconfig.get_path("purelib"))
    for module in site.rglob("*.py"):
        compiled = Path(importlib.util.cache_from_source(str(module)))
        if not compiled.exists():
            try:
                compile(module.read_bytes(), str(module), "exec", dont_inherit=True)
            except (SyntaxError, ValueError):  # a template, or of another Python
                continue
            print(module.relative_to(site), "is not compiled")
        elif int.from_bytes(compiled.read_bytes()[8:12], "little") != int(module.stat().st_mtime):
            print(module.relative_to(site), "was compiled before it was changed")


def import_everything(*packages: str) -> None:
    """Every module of ours, so that each finds what it needs of the others."""
    import importlib
    import pkgutil

    for name in packages:
        for found in pkgutil.walk_packages(importlib.import_module(name).__path__, f"{name}."):
            if not found.name.endswith(("__main__", ".migrations.env")):
                importlib.import_module(found.name)


def make_exchanges() -> None:
    """One of each that is offered, and Yahoo's library."""
    import ccxt.async_support
    import yfinance

    from assay.market.venues import VENUES

    for name in VENUES:
        assert getattr(ccxt.async_support, name)().id == name
    assert yfinance.Ticker("GC=F").ticker == "GC=F"


def fit_and_export_a_network() -> None:
    """A small one, from Keras to the bytes that ONNX Runtime answers alike from."""
    from dataclasses import replace

    import numpy as np

    from assay.features.spec import FEATURES
    from assay_training.networks.families import FAMILIES
    from assay_training.networks.recipe import NetworkRecipe
    from assay_training.steps.export_network import export_network

    rng = np.random.default_rng(0)
    windows = rng.normal(size=(400, 4, len(FEATURES))).astype(np.float32)
    choices = replace(FAMILIES["LSTM"], lookback=4, width=4, epochs=1)
    recipe = NetworkRecipe(hyperparameters=choices, seeds=(1, 2))
    fitted = recipe.fit(windows, rng.standard_t(5.0, 400))
    print(len(export_network(fitted, windows[:50])), "bytes")


def load_the_page(address: str) -> None:
    """The first page of a server that is starting, and the scripts that it names."""
    import re
    import time
    import urllib.request
    from urllib.parse import urljoin

    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for _ in range(400):
        try:
            with direct.open(address, timeout=30) as answer:
                page = answer.read().decode()
            break
        except OSError:  # not there yet
            time.sleep(0.3)
    scripts = re.findall(r'<script[^>]* src="([^"]+\.js)"', page)
    assert scripts, page
    for script in scripts:
        with direct.open(urljoin(address, script), timeout=30) as answer:
            assert len(answer.read()) > 1000, script


def write_as_another_page(address: str) -> None:
    """As one of another site can: after a preflight, and with what a browser sends without one."""
    import urllib.error
    import urllib.request

    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def answer(method: str, origin: str, **headers: str) -> tuple[int, str | None]:
        body = b'{"name": "another"}' if method == "POST" else None
        asked = urllib.request.Request(address, body, {"Origin": origin, **headers}, method=method)
        try:
            with direct.open(asked, timeout=30) as had:
                return had.status, had.headers["Access-Control-Allow-Origin"]
        except urllib.error.HTTPError as error:
            return error.code, error.headers["Access-Control-Allow-Origin"]

    preflight = {"Access-Control-Request-Method": "POST"}
    own, other = "http://localhost:4200", "http://page.example"
    assert answer("OPTIONS", own, **preflight) == (200, own)
    assert answer("OPTIONS", other, **preflight) == (400, None)
    for kind in ("", "text/plain", "application/json"):
        assert answer("POST", other, **{"Content-Type": kind}) == (403, None), kind


def import_drivers_of_stores() -> None:
    import asyncpg
    import boto3
    import psycopg

    assert psycopg.pq.version() > 160000, asyncpg.__version__ + boto3.__version__


def kill_the_service() -> None:
    """As a machine short of memory would: the process below init, with nothing it could catch."""
    import os
    import signal
    from pathlib import Path

    for process in Path("/proc").glob("[0-9]*"):
        if (process / "cmdline").read_bytes().startswith(b"python\0-m\0assay_backend\0"):
            os.kill(int(process.name), signal.SIGKILL)
            return
    raise SystemExit("no backend runs here")


def ask_until_nobody_listens(host: str, port: int) -> None:
    """Sixteen at once, half of them on connections that they keep. Prints how many were answered
    once all have been, and at the end; then what failed.
    """
    import http.client
    import threading

    answered, failed, everyone = [0] * 16, [], threading.Barrier(17)

    def ask_on(caller: int) -> None:
        headers = {} if caller % 2 else {"Connection": "close"}
        while True:
            connection = http.client.HTTPConnection(host, port, timeout=60)
            try:
                connection.connect()
            except OSError:
                return  # nobody listens, and the name may be gone too
            try:
                while True:
                    connection.request("POST", "/predict", headers=headers)
                    answer = connection.getresponse()
                    answer.read()
                    if answer.status != 200:
                        failed.append(answer.status)
                    answered[caller] += 1
                    if answered[caller] == 1:
                        everyone.wait()
                    if answer.will_close:
                        break
            except (OSError, http.client.HTTPException) as error:
                failed.append(repr(error))
                return

    callers = [threading.Thread(target=ask_on, args=(caller,)) for caller in range(16)]
    for caller in callers:
        caller.start()
    everyone.wait()
    print(sum(answered), flush=True)
    for caller in callers:
        caller.join()
    print(sum(answered), *failed)
