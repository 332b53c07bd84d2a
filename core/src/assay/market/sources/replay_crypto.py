"""Exchanges' bars of CSV files, as they were known at the instant the clock shows."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np

from assay.clock import Clock
from assay.errors import InvalidBars, MarketDataError, UnknownSymbol, UnknownTimeframe
from assay.market.bars import Bars, CheckedBars
from assay.market.csv_bars import read_bars_csv
from assay.market.keys import SeriesKey
from assay.market.markets import Market, MarketList, check_spelling
from assay.market.resample import divides, resample
from assay.market.sources.base import Fetched
from assay.market.timeframes import Timeframe, timeframe
from assay.market.venues import exchange_of, venue

__all__ = ["ReplayedExchanges", "last_close", "replay_files"]

_FORM: Final = "exchange:BASE/QUOTE:timeframe=path, as in binance:BTC/USDT:1h=data/btc.csv"
_READING = threading.Lock()


@dataclass(frozen=True, slots=True)
class ReplayedExchanges:
    """The markets of `files`, up to the last bars that had closed by `clock`.

    A file gives bars of its own timeframe, and of every longer one that is made of whole bars of
    it. Such a bar is given where the file reaches from its open to its close; rows missing within
    are missing from it, and where all are it is left out, to be seen as a gap. A file is read once
    for as long as it does not change.
    """

    files: Mapping[SeriesKey, Path]
    clock: Clock
    name: str = "replay"

    def source_of(self, exchange: str) -> str:
        """Always this source's own name."""
        return self.name

    async def markets(self, endpoint: str, *, deadline_seconds: float) -> MarketList:
        """Those there is a file of; maybe none."""
        exchange = exchange_of(endpoint).name
        symbols = dict.fromkeys(key.symbol for key in self.files if key.source == exchange)
        return MarketList(
            exchange, tuple(Market(symbol, symbol.replace("/", "")) for symbol in symbols)
        )

    async def bars(
        self,
        endpoint: str,
        market: Market,
        timeframe: Timeframe,
        *,
        start: np.datetime64,
        end: np.datetime64 | None = None,
        deadline_seconds: float,
    ) -> Fetched:
        """UnknownTimeframe where no file is fine enough, InvalidBars where it cannot be used."""
        key = self._file_for(exchange_of(endpoint).name, market, timeframe)
        now: np.datetime64 = np.datetime64(self.clock.now().replace(tzinfo=None), "ms")
        now = now if end is None else min(now, end)
        checked = await asyncio.to_thread(_read, self.files[key], key.timeframe)
        made_of = _timeframe(key)
        if timeframe != made_of:
            _check_grid(self.files[key], checked.bars, made_of)
        closed = _closed(checked.bars, timeframe, now, made_of=made_of)
        wanted = closed.take(closed.time >= start)
        aside = tuple(row for row in checked.set_aside if np.datetime64(row.time) >= start)
        return Fetched(CheckedBars(wanted, aside, rows=len(wanted) + len(aside)))

    def start(self) -> None:
        """There is nothing to prepare."""

    async def ready(self) -> None:
        """It always is."""

    async def close(self) -> None:
        """Nothing is kept open."""

    def _file_for(self, exchange: str, market: Market, of: Timeframe) -> SeriesKey:
        """The market's file with the longest bars that those of `of` are made of."""
        keys = [key for key in self.files if key[:2] == (exchange, market.symbol)]
        if not keys:
            raise UnknownSymbol(
                f"there is no file of {market.symbol} at {exchange} to replay",
                symbol=market.symbol,
                exchange=exchange,
                near=[],
            )
        fine = [key for key in keys if divides(_timeframe(key), of)]
        if not fine:
            there = ", ".join(key.timeframe for key in keys)
            raise UnknownTimeframe(
                f"bars of {of.name} cannot be made for {market.symbol} at {exchange}: its files "
                f"to replay hold {there}",
                name=of.name,
                exchange=exchange,
            )
        return max(fine, key=lambda key: _timeframe(key).milliseconds)


def replay_files(setting: str) -> dict[SeriesKey, Path]:
    """The files that `setting` names, between commas or on lines of their own.

    ValueError, in a sentence for people, where an entry does not have the form or is given twice.

    >>> [f"{key} in {path.name}" for key, path in replay_files("kraken:btc/usd:1h=a.csv").items()]
    ['kraken BTC/USD 1h in a.csv']
    """
    found: dict[SeriesKey, Path] = {}
    for entry in filter(None, map(str.strip, re.split(r"[,\n]", setting))):
        key, path = _entry(entry)
        if key in found:
            raise ValueError(f"{entry!r}: there is another file of {key}; name one")
        found[key] = path
    return found


def last_close(files: Mapping[SeriesKey, Path]) -> datetime:
    """When the newest bar of all files closed.

    Raises InvalidBars where one of them cannot be used, ValueError where there are none.
    """
    if not files:
        raise ValueError(f"there is no file to replay; name some: {_FORM}")
    closes = [
        _timeframe(key).ends(_read(path, key.timeframe).bars.time[-1])
        for key, path in files.items()
    ]
    newest: datetime = max(closes).item()
    return newest.replace(tzinfo=UTC)


def _entry(entry: str) -> tuple[SeriesKey, Path]:
    name, equals, path = (part.strip() for part in entry.partition("="))
    parts = [part.strip() for part in name.split(":")]
    if not (equals and path and len(parts) == 3):
        raise ValueError(f"{entry!r} names no file to replay; write {_FORM}")
    exchange, symbol, of = parts[0].lower(), parts[1].upper(), parts[2]
    try:
        venue(exchange).timeframe(of)
        check_spelling(symbol)
    except MarketDataError as error:
        raise ValueError(f"{entry!r}: {error.message}") from error
    if symbol.count("/") != 1:
        raise ValueError(f"{entry!r}: write {parts[1]!r} with a stroke, as in BTC/USDT")
    return SeriesKey(exchange, symbol, of), Path(path)


def _timeframe(key: SeriesKey) -> Timeframe:
    return timeframe(key.timeframe)


def _closed(bars: Bars, of: Timeframe, now: np.datetime64, *, made_of: Timeframe) -> Bars:
    """Bars of `of` that had closed by `now`, whichever rows there are of later."""
    if not len(bars):
        return bars
    first, last = bars.time[0], made_of.ends(bars.time[-1])
    found = bars if of == made_of else resample(bars, of)
    whole = (found.time >= first) & (of.ends(found.time) <= min(last, now))
    return found.take(np.asarray(whole))


def _check_grid(path: Path, bars: Bars, of: Timeframe) -> None:
    """Exchanges may begin weeks on any day: then nothing longer is made of them."""
    if len(bars) and of.last_open(bars.time[0]) != bars.time[0]:
        raise UnknownTimeframe(
            f"{path}: its bars of {of.name} begin off the calendar's grid, as {bars.time[0]} does, "
            f"so no longer ones are made of them; there is {of.name}",
            name=of.name,
        )


def _read(path: Path, of: str) -> CheckedBars:
    try:
        status = path.stat()
    except OSError as error:
        raise InvalidBars(f"{path}: cannot be read: {error.strerror}", file=str(path)) from error
    with _READING:  # whoever comes second finds what the first has read
        return _read_once(path, of, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=32)
def _read_once(path: Path, of: str, changed_ns: int, size: int) -> CheckedBars:
    """The last two tell versions of the file apart."""
    checked = read_bars_csv(path, timeframe=timeframe(of))
    return CheckedBars(checked.bars, checked.set_aside, rows=checked.rows)
