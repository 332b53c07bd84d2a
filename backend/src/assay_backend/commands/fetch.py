"""`fetch`: bars from the exchanges and from Yahoo into the store."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from assay.clock import iso_utc
from assay.errors import MarketDataError, SourceUnavailable, UnknownExchange, UnknownSymbol
from assay.market.bars import CheckedBars
from assay.market.crypto.history import DEADLINE_SECONDS, History
from assay.market.crypto.plan import USUAL_BARS, Bounds, is_reach_short, spans_to_fetch
from assay.market.crypto.series import instant
from assay.market.keys import SeriesKey
from assay.market.markets import Market, MarketList
from assay.market.sources.base import ExchangeSource
from assay.market.symbols import DAILY_SYMBOLS, Symbol
from assay.market.timeframes import timeframe
from assay.market.venues import VENUES
from assay.store import Store, Written
from assay_backend.commands.arguments import (
    Commands,
    add_command,
    add_series,
    asked_daily,
    asked_exchange,
    check_order,
    moment,
)
from assay_backend.commands.asking import Patient
from assay_backend.commands.brought import Brought
from assay_backend.commands.context import BadInput, Context, say
from assay_backend.commands.daily import bring_daily
from assay_backend.commands.progress import Progress
from assay_backend.commands.stored import missing_in, stored_series

READY_ATTEMPTS = 6
PAGES_AT_ONCE = 10
LIST_IS_OLD = timedelta(hours=24)
# How far back gaps are looked for that an interrupted fetch may have left.
BARS_SEARCHED = 20_000


def add_commands(commands: Commands) -> None:
    """Adds `fetch`."""
    parser = add_command(
        commands,
        "fetch",
        _fetch,
        summary="download bars into the store; without arguments, all that is watched",
        about="Downloads closed bars into the store and continues after those that are there. With "
        "no series named, everything on the watch list (ASSAY_CRYPTO_WATCH), gold and the S&P "
        "500 are brought up to date. Ctrl-C stops it; what was had stays, and the same "
        "command goes on.",
        examples="  assay-data fetch\n"
        "  assay-data fetch --exchange binance --symbol BTCUSDT --timeframe 1h --since 2023-01-01\n"
        "  assay-data fetch --exchange kraken --symbol ETH/USD --timeframe 1d --gaps\n"
        "  assay-data fetch --symbol GC=F",
    )
    add_series(parser)
    parser.add_argument(
        "--since",
        type=moment,
        metavar="TIME",
        help="also older bars than those stored, from then on; where nothing is stored the default "
        f"is the newest {USUAL_BARS:,} bars, of a daily market all there are",
    )
    parser.add_argument("--until", type=moment, metavar="TIME", help="only bars opened before")
    parser.add_argument("--gaps", action="store_true", help="ask again for what is missing between")
    parser.set_defaults(
        stopped="stopped; what was had is stored, and the same command goes on from there"
    )


@dataclass(frozen=True, slots=True)
class _Jobs:
    """What to bring; symbols of `exchanges` are as they were spelt."""

    exchanges: tuple[SeriesKey, ...] = ()
    daily: tuple[Symbol, ...] = ()

    def __len__(self) -> int:
        return len(self.exchanges) + len(self.daily)


def _fetch(options: argparse.Namespace, context: Context) -> int:
    mode = context.settings.market_source
    if mode in ("simulated", "replay"):
        raise BadInput(
            f"ASSAY_MARKET_SOURCE is {mode}: there is nothing to fetch, since only live bars are "
            "stored; set it to live or auto"
        )
    check_order(options.since, options.until, ("--since", "--until"))
    check_order(options.since, context.clock.now(), ("--since", "now,"))
    jobs = _jobs(options, context)
    bounds = Bounds(options.since, options.until, options.gaps)
    with context.store() as store:
        work = _Work(context, store, bounds, only=len(jobs) == 1)
        for market in jobs.daily:
            with work.failing_alone():
                work.report(*bring_daily(context, store, market, bounds))
        if jobs.exchanges:
            asyncio.run(work.bring_exchanges(jobs.exchanges))
    return 1 if work.failed else 0


def _jobs(options: argparse.Namespace, context: Context) -> _Jobs:
    if options.exchange is None and options.symbol is None and options.timeframe is None:
        return _Jobs(context.settings.crypto_watch, DAILY_SYMBOLS)
    market = asked_daily(options)
    if market is not None:
        return _Jobs(daily=(market,))
    exchange, spelling, of = asked_exchange(options)
    allowed = context.settings.crypto_exchanges
    if exchange not in allowed:
        raise UnknownExchange(
            f"--exchange {exchange} is not on the list of ASSAY_CRYPTO_EXCHANGES: "
            f"{', '.join(allowed) or 'none is'}",
            exchange=exchange,
        )
    return _Jobs(exchanges=(SeriesKey(exchange, spelling, of.name),))


@dataclass(slots=True)
class _Work:
    """One run; a series that fails leaves the others alone, unless it is the `only` one."""

    context: Context
    store: Store
    bounds: Bounds
    only: bool
    failed: int = 0
    _patients: dict[str, Patient] = field(default_factory=dict)

    @contextlib.contextmanager
    def failing_alone(self) -> Iterator[None]:
        try:
            yield
        except MarketDataError as error:
            if self.only:
                raise
            self.failed += 1
            say(error.message)

    def report(self, key: SeriesKey, brought: Brought) -> None:
        """A line about what came."""
        written: Written = brought.written
        aside = ", ".join(f"{count:,} {reason}" for reason, count in sorted(brought.aside.items()))
        of = stored_series(self.store, key)
        has = f"{of.rows:,} from {iso_utc(of.first)} to {iso_utc(of.last)}" if of else "none"
        print(
            f"{key}: {written.new:,} new, {written.corrected:,} corrected"
            + (f", set aside {aside}" if aside else "")
            + f"; stored {has}",
            flush=True,
        )

    async def bring_exchanges(self, series: tuple[SeriesKey, ...]) -> None:
        source = self.context.exchanges(self.context.clock)
        source.start()
        try:
            for key in series:
                with self.failing_alone():
                    await _ready(source)
                    await self._bring(source, key)
        finally:
            await source.close()

    async def _bring(self, source: ExchangeSource, asked: SeriesKey) -> None:
        venue = VENUES[asked.source]
        if asked.source not in self._patients:
            pause = self.context.retry_pause_seconds
            self._patients[asked.source] = Patient(venue, pause_seconds=pause, tell=say)
        patient = self._patients[asked.source]
        market = await self._market(source, patient, asked)
        key = asked._replace(symbol=market.symbol)
        of, now = timeframe(key.timeframe), self.context.clock.now()
        if is_reach_short(self.bounds.since, of=of, venue=venue, now=now):
            say(f"{venue.title} gives no more than its newest {venue.most_bars:,} bars")
        stored = stored_series(self.store, key)
        gaps = missing_in(self.store, stored, start=self._look_from(key, now)) if stored else []
        spans = spans_to_fetch(stored, gaps, self.bounds, of=of, venue=venue, now=now)
        brought = Brought()

        async def keep(checked: CheckedBars) -> None:
            brought.note(self.store.write(key, checked, at=self.context.clock.now()), checked)

        history = History(
            source,
            self.context.clock,
            key=key,
            market=market,
            ask=patient.ask,
            keep=keep,
            most=PAGES_AT_ONCE * venue.page_bars,
        )
        with Progress(str(key), total=sum(span.count(of) for span in spans)) as progress:
            patient.tell = progress.say
            for span in spans:
                await history.bring(span, progress.add)
        if history.beginning and self.bounds.since is not None:
            say(f"{key}: {venue.title} gave no older bars; its history is taken to begin there")
        self.report(key, brought)

    def _look_from(self, key: SeriesKey, now: datetime) -> datetime | None:
        if self.bounds.gaps or self.bounds.since is not None:
            return self.bounds.since
        newest = self.store.read_bars(key, last=BARS_SEARCHED)
        found: datetime = instant(newest.time[0])
        return found

    async def _market(self, source: ExchangeSource, patient: Patient, asked: SeriesKey) -> Market:
        """By the stored list while that is young, by the exchange's own otherwise."""
        now = self.context.clock.now()
        stored = self.store.read_markets(asked.source)
        if stored is not None and now - stored[1] < LIST_IS_OLD:
            with contextlib.suppress(UnknownSymbol):  # listed since, perhaps
                return stored[0].resolve(asked.symbol)

        async def ask(endpoint: str) -> MarketList:
            return await source.markets(endpoint, deadline_seconds=DEADLINE_SECONDS)

        found = await patient.ask(ask)
        markets = MarketList(asked.source, found.markets)
        self.store.write_markets(markets, at=now)
        return markets.resolve(asked.symbol)


async def _ready(source: ExchangeSource) -> None:
    """Waits longer than a service may: a slow machine takes its time to start the process."""
    for _ in range(READY_ATTEMPTS - 1):
        with contextlib.suppress(SourceUnavailable):
            return await source.ready()
    return await source.ready()
