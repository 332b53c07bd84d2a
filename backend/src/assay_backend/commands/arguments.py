"""Arguments that several commands have, and which series they mean."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from assay.errors import UnknownSymbol
from assay.market.keys import SeriesKey
from assay.market.markets import Market, MarketList, check_spelling
from assay.market.sources.yahoo import YahooSource
from assay.market.symbols import DAILY_SYMBOLS, Symbol
from assay.market.timeframes import Timeframe, timeframe
from assay.market.venues import VENUES, venue
from assay.store import Store
from assay_backend.commands.context import BadInput, Context

Run = Callable[[argparse.Namespace, Context], int]
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

LINE_WIDTH = 90

DAILY_SOURCE = YahooSource.name
DAILY_TIMEFRAME = "1d"
DAILY_NAMES = ", ".join(symbol.name for symbol in DAILY_SYMBOLS)


def add_command(
    commands: Commands, name: str, run: Run, *, summary: str, about: str, examples: str
) -> argparse.ArgumentParser:
    """A subcommand that `run` carries out."""
    parser = commands.add_parser(
        name,
        help=summary,
        description=textwrap.fill(about, LINE_WIDTH),
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    return parser


def add_series(parser: argparse.ArgumentParser) -> None:
    """--exchange, --symbol and --timeframe."""
    parser.add_argument("--exchange", metavar="NAME", help=f"one of {', '.join(VENUES)}")
    parser.add_argument(
        "--symbol",
        metavar="SYMBOL",
        help=f"a market of that exchange, as in BTCUSDT or BTC/USDT, or a daily one ({DAILY_NAMES})"
        ", which needs no --exchange",
    )
    parser.add_argument("--timeframe", metavar="LENGTH", help="how long a bar lasts: 1m, 1h, 1d")


def add_json(parser: argparse.ArgumentParser) -> None:
    """--json."""
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def moment(text: str) -> datetime:
    """An aware instant from `2023-01-01` or ISO 8601; UTC where no zone is named."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no time like 2023-01-01 or 2023-01-01T12:00Z"
        ) from None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def positive(text: str) -> int:
    """A whole number above zero."""
    if not (text.isascii() and text.isdecimal()) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above zero")
    return int(text)


def file(text: str) -> Path:
    """A path that is not empty."""
    if not text:
        raise argparse.ArgumentTypeError("'' is no file's name")
    return Path(text)


def check_order(start: datetime | None, end: datetime | None, names: tuple[str, str]) -> None:
    """BadInput where nothing can lie between two moments."""
    if start is not None and end is not None and start >= end:
        raise BadInput(
            f"{names[0]} {start:%Y-%m-%dT%H:%MZ} is not before {names[1]} {end:%Y-%m-%dT%H:%MZ}: "
            "give an earlier start or a later end"
        )


def daily_market(symbol: str | None) -> Symbol | None:
    """The daily market of that name, in whatever case; None where it is none."""
    return next((each for each in DAILY_SYMBOLS if each.name == (symbol or "").upper()), None)


def daily_key(market: Symbol) -> SeriesKey:
    """The series that the service reads this market from."""
    return SeriesKey(DAILY_SOURCE, market.name, DAILY_TIMEFRAME)


def asked_daily(options: argparse.Namespace) -> Symbol | None:
    """The daily market that is asked for, if one is. BadInput where the rest does not fit it."""
    market = daily_market(options.symbol)
    if market is None:
        return None
    for name, value, only in (
        ("--exchange", options.exchange, DAILY_SOURCE),
        ("--timeframe", options.timeframe, DAILY_TIMEFRAME),
    ):
        if value not in (None, only):
            raise BadInput(
                f"{name} {value!r} does not go with {market.name}, a daily market of "
                f"{DAILY_SOURCE}: leave {name} out"
            )
    return market


def asked_exchange(options: argparse.Namespace) -> tuple[str, str, Timeframe]:
    """Exchange, the market as it was spelt, and timeframe; no I/O.

    Raises BadInput where one is not given, UnknownExchange, UnknownTimeframe or MalformedSymbol.
    """
    given = {name: getattr(options, name) for name in ("exchange", "symbol", "timeframe")}
    missing = [f"--{name}" for name, value in given.items() if not value]
    if missing:
        has = ", ".join(f"--{name} {value}" for name, value in given.items() if value) or "nothing"
        raise BadInput(
            f"{' and '.join(missing)} missing beside {has}: a series is named as in --exchange "
            f"binance --symbol BTC/USDT --timeframe 1h, a daily market by --symbol ({DAILY_NAMES})"
        )
    of = venue(options.exchange).timeframe(options.timeframe)
    check_spelling(options.symbol)
    return options.exchange, options.symbol, of


def asked_series(options: argparse.Namespace, store: Store) -> SeriesKey:
    """The series that is meant, found without asking any exchange."""
    market = asked_daily(options)
    if market is not None:
        return daily_key(market)
    exchange, spelling, of = asked_exchange(options)
    return SeriesKey(exchange, offline_symbol(store, exchange, spelling), of.name)


def offline_symbol(store: Store, exchange: str, spelling: str) -> str:
    """The normal form, by the markets that the database knows of.

    Raises UnknownSymbol where it has the exchange's list and that lacks the market, BadInput where
    it has no list and `spelling` does not tell base from quote.
    """
    listed = store.read_markets(exchange)
    names = {item.key.symbol for item in store.series(source=exchange)}
    markets = (listed[0].markets if listed else ()) + tuple(
        Market(name, name.replace("/", "")) for name in sorted(names)
    )
    try:
        return MarketList(exchange, markets).resolve(spelling).symbol
    except UnknownSymbol:
        if listed:
            raise
    asked = check_spelling(spelling)
    if "/" not in asked:
        raise BadInput(
            f"--symbol {spelling!r}: {exchange}'s list of markets is not stored yet, so write base "
            "and quote apart, as in BTC/USDT"
        )
    return asked


def matching(options: argparse.Namespace) -> Callable[[SeriesKey], bool]:
    """Whether a stored series is one that the given of --exchange, --symbol, --timeframe name."""
    if options.exchange not in (None, DAILY_SOURCE):
        venue(options.exchange)
    if options.timeframe is not None:
        timeframe(options.timeframe)
    if options.symbol is not None and daily_market(options.symbol) is None:
        check_spelling(options.symbol)

    def matches(key: SeriesKey) -> bool:
        return (
            options.exchange in (None, key.source)
            and options.timeframe in (None, key.timeframe)
            and (options.symbol is None or _letters(options.symbol) == _letters(key.symbol))
        )

    return matches


def _letters(symbol: str) -> str:
    return "".join(letter for letter in symbol.upper() if letter not in "/-_")
