"""Daily bars from Yahoo Finance, fetched by yfinance in a child process that ends with the call.

The child keeps pandas out of the serving process, gives its memory back, and can be killed: a
total deadline holds whatever the upstream does. Certificates and proxies come from the environment
that the child inherits.
"""

from __future__ import annotations

import json
import logging
import shutil
import signal
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final, Protocol

import numpy as np

from assay.clock import Clock
from assay.errors import (
    BlockedRegion,
    MarketDataError,
    RateLimited,
    SourceUnavailable,
    UnknownSymbol,
)
from assay.market.bars import CheckedBars, check_bars
from assay.market.pacing import BLOCKED_SECONDS
from assay.market.sources.retry_after import retry_after_seconds
from assay.market.sources.yahoo_child import START_SECONDS
from assay.market.symbols import Symbol, check_symbol, daily_symbol

CHILD_MODULE: Final = "assay.market.sources.yahoo_child"
COLUMNS: Final = ("open", "high", "low", "close", "volume")
MOST_SAID: Final = 16 * 2**10

log = logging.getLogger(__name__)


class Run(Protocol):
    """Starts the child with `arguments`, and waits until it has ended."""

    def __call__(
        self, arguments: Sequence[str], *, timeout: float
    ) -> subprocess.CompletedProcess[bytes]:
        """Raises subprocess.TimeoutExpired, or OSError where it cannot be started."""
        ...


def run_child(arguments: Sequence[str], *, timeout: float) -> subprocess.CompletedProcess[bytes]:
    """A process of its own."""
    ended = subprocess.run(  # noqa: S603 - our own module; the symbol is on the allow-list
        [sys.executable, "-m", CHILD_MODULE, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=timeout,
        check=False,
    )
    if said := ended.stderr.decode(errors="replace").strip():
        log.info("%s: %s", CHILD_MODULE, said[-MOST_SAID:])
    return ended


class YahooSource:
    """yfinance's answers, checked. Safe to use from several threads."""

    name: Final = "yahoo"

    def __init__(self, clock: Clock, *, run: Run = run_child) -> None:
        self._clock = clock
        self._run = run
        # The child's cookies and time zones outlive it here, which halves its requests.
        self._cache_folder = tempfile.mkdtemp(prefix="assay-yahoo-")
        self.close = weakref.finalize(self, shutil.rmtree, self._cache_folder, ignore_errors=True)

    def fetch(self, symbol: str, *, start: date, deadline_seconds: float) -> CheckedBars:
        market = daily_symbol(check_symbol(symbol))
        now = self._clock.now()
        end = market.calendar.last_closed(now) + timedelta(days=1)
        request = [symbol, start.isoformat(), end.isoformat(), str(deadline_seconds)]
        try:
            answer = self._run(
                [*request, self._cache_folder], timeout=deadline_seconds + START_SECONDS
            )
        except subprocess.TimeoutExpired as error:
            raise _silence(symbol, deadline_seconds) from error
        except OSError as error:
            raise SourceUnavailable(
                f"The process that asks Yahoo cannot be started: {error}", symbol=symbol
            ) from error
        if answer.returncode == -signal.SIGALRM:
            raise _silence(symbol, deadline_seconds)
        return parse_answer(answer.stdout, market, now)


def parse_answer(answer: bytes, market: Symbol, now: datetime) -> CheckedBars:
    """What the child wrote, as bars of sessions that have closed at `now`.

    Raises RateLimited, BlockedRegion, UnknownSymbol or, for anything else that is not bars,
    SourceUnavailable.
    """
    try:
        document = json.loads(answer)
        if "error" in document:
            raise _error(document["error"], market, now)
        stamps = np.array(document["date"], dtype="datetime64[ms]")
        prices = np.array([document[name] for name in COLUMNS], dtype=np.float64).T
        checked = check_bars(
            stamps,
            prices,
            closed_until=np.datetime64(market.calendar.last_closed(now)),
            sessions=market.calendar.days,
            daily=True,
        )
    except (ValueError, KeyError, TypeError) as error:
        raise SourceUnavailable(
            f"Yahoo's answer for {market.name} is not bars: {answer[:80]!r}", symbol=market.name
        ) from error
    if not len(checked.bars):
        raise SourceUnavailable(
            f"Yahoo's answer for {market.name} holds no bar: {checked.summary()}",
            symbol=market.name,
        )
    return checked


def _silence(symbol: str, deadline_seconds: float) -> SourceUnavailable:
    return SourceUnavailable(
        f"Yahoo gave no answer for {symbol} within {deadline_seconds:.1f} s", symbol=symbol
    )


def _error(error: Mapping[str, Any], market: Symbol, now: datetime) -> MarketDataError:
    message = f"Yahoo, {market.name}: {error['message']}"
    if error["kind"] == "rate_limited":
        pause = retry_after_seconds(error["retry_after"], now)
        return RateLimited(message, retry_after_seconds=pause, symbol=market.name)
    if error["kind"] == "blocked":
        return BlockedRegion(message, retry_after_seconds=BLOCKED_SECONDS, symbol=market.name)
    if error["kind"] == "unknown_symbol":
        return UnknownSymbol(message, symbol=market.name)
    return SourceUnavailable(message, symbol=market.name)
