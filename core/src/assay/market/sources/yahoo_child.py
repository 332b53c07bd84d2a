"""Asks Yahoo once and writes one line of JSON: columns, or an error. Run by `yahoo.py` only.

Usage: python -m assay.market.sources.yahoo_child SYMBOL START END DEADLINE_SECONDS CACHE_FOLDER
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import warnings
from datetime import date
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

YAHOO_HOST = "query2.finance.yahoo.com"
CONNECT_SECONDS = 2.0
# Starting Python and loading yfinance is not the upstream's time; a slow machine may take so long.
START_SECONDS = 10.0

_CHART_PATH = "/v8/finance/chart/"
_CURL_PROXY_PORT = 1080


class Refused(Exception):
    """Upstream will not give bars; nothing that could be asked again would change that."""

    def __init__(self, kind: str, message: str, *, retry_after: str | None = None) -> None:
        super().__init__(message)
        self.answer = {"kind": kind, "message": message, "retry_after": retry_after}


def first_hop(host: str = YAHOO_HOST) -> tuple[str, int]:
    """Where a connection to `host` begins: itself, or the proxy that the environment names."""
    proxies = getproxies()
    proxy = proxies.get("https") or proxies.get("all")
    if not proxy or proxy_bypass(host):
        return host, 443
    parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    return parts.hostname or host, parts.port or _CURL_PROXY_PORT


def check_reachable(address: tuple[str, int]) -> None:
    """Refused where nothing listens: cheaper to learn before a second of imports."""
    try:
        socket.create_connection(address, timeout=CONNECT_SECONDS).close()
    except OSError as error:
        host, port = address
        raise Refused("unavailable", f"{host}:{port} cannot be reached: {error}") from error


def download(symbol: str, start: date, end: date, *, seconds: float, cache_folder: str) -> str:
    """The columns of [start, end) as JSON; Refused where upstream does not give them."""
    warnings.simplefilter("ignore")  # yfinance's and pandas' own, not ours to act on
    import yfinance
    from curl_cffi.requests import Response, Session

    end_after(seconds)

    class FailFast(Session[Response]):
        """Ends at the first refusal of a chart; yfinance would ask six times more."""

        def request(self, method: Any, url: str, *args: Any, **kwargs: Any) -> Response:  # noqa: ANN401 - curl_cffi's own signature
            response = super().request(method, url, *args, **kwargs)
            if _CHART_PATH in url:
                raise_refusal(response.status_code, response.headers, response.text)
            return response

    yfinance.set_tz_cache_location(cache_folder)
    yfinance.config.debug.hide_exceptions = False
    ticker = yfinance.Ticker(symbol, session=FailFast(impersonate="chrome"))
    frame = ticker.history(
        start=start,
        end=end,
        interval="1d",
        auto_adjust=False,
        actions=False,
        keepna=True,  # rows without a price are counted by the parent
        timeout=seconds,
    )
    if frame.empty:
        raise Refused("unavailable", "an empty answer")
    return columns(frame)


def raise_refusal(status: int, headers: Any, text: str) -> None:  # noqa: ANN401 - a vendor's mapping
    """Refused for the statuses that another try with another cookie cannot cure."""
    if status in (418, 429):
        retry_after = headers.get("Retry-After")
        raise Refused("rate_limited", f"HTTP {status}, too many requests", retry_after=retry_after)
    if status == 451:
        raise Refused("blocked", "HTTP 451, not for this region")
    if status == 404 and '"Not Found"' in text:
        raise Refused("unknown_symbol", "HTTP 404, no such symbol")
    if status >= 500 or status == 404:
        raise Refused("unavailable", f"HTTP {status}")


def columns(frame: Any) -> str:  # noqa: ANN401 - a pandas frame, which has no type information
    """The frame as JSON: session dates, prices with null where there is none."""
    prices = {
        name.lower(): [None if value != value else float(value) for value in frame[name]]
        for name in ("Open", "High", "Low", "Close", "Volume")
    }
    return json.dumps({"date": [stamp.date().isoformat() for stamp in frame.index], **prices})


def answer(arguments: list[str]) -> str:
    """The line for the parent, whatever happens short of being killed."""
    symbol, start, end, seconds, cache_folder = arguments
    try:
        check_reachable(first_hop())
        return download(
            symbol,
            date.fromisoformat(start),
            date.fromisoformat(end),
            seconds=float(seconds),
            cache_folder=cache_folder,
        )
    except Refused as refused:
        return json.dumps({"error": refused.answer})
    except Exception as error:  # noqa: BLE001 - yfinance raises anything on a malformed answer
        message = f"{type(error).__name__}: {error}"[:200]
        return json.dumps({"error": Refused("unavailable", message).answer})


def end_after(seconds: float) -> None:
    """Ends this process by SIGALRM, whatever C code it is in and whether its parent lives."""
    signal.setitimer(signal.ITIMER_REAL, seconds)


def main() -> None:
    """Answers on stdout and ends. The upstream's time begins once yfinance is loaded."""
    end_after(float(sys.argv[4]) + START_SECONDS)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # no arithmetic here needs more
    stdout = sys.stdout
    sys.stdout = sys.stderr  # what libraries print must not mix with the answer
    stdout.write(answer(sys.argv[1:]) + "\n")
    stdout.flush()


if __name__ == "__main__":
    main()
