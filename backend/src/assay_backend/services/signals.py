"""Signals as ready-made bytes: rendered once for all who ask for the same, recorded each time."""

from __future__ import annotations

import asyncio
import hashlib
import json
import uuid
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from assay.clock import Clock
from assay.errors import SourceUnavailable, UnknownTimeframe
from assay.market.crypto.deep import DAILY, HOURLY
from assay.market.crypto.feed import CryptoFeed, ExchangeSeries
from assay.market.keys import SeriesKey
from assay.store.ledger_records import Entry
from assay.volatility.assessment import Assessment
from assay.volatility.lateness import late
from assay_backend.answers import Answer
from assay_backend.languages import Language
from assay_backend.schemas.signals import SignalRequest
from assay_backend.services.coins import Coin, CoinService
from assay_backend.services.signal_documents import Begin, explanation_document, signal_document

MOST_KEPT_BYTES: Final = 32 * 1024 * 1024


class Asked(NamedTuple):
    """What a signal is about; `language` is that of the explanation, None without one."""

    request: SignalRequest
    language: Language | None


@dataclass(slots=True, eq=False)
class Prepared:
    """A signal but for its id and its age: `lasting` and `explain` are members of a JSON object.

    `as_of` is the end of the newest bar used, `bar_closed` that of the newest one of those asked
    for. `answer` is what a GET was sent last.
    """

    made_from: _MadeFrom
    lasting: bytes
    explain: bytes
    etag: str
    as_of: datetime
    bar_closed: datetime
    origin: datetime
    due: datetime
    subject: str
    source: str
    answer: Answer | None = None

    def payload(self, signal_id: bytes, now: datetime) -> bytes:
        """What the ledger keeps: the answer without `explain`."""
        return self._head(b'"%b"' % signal_id, now) + self.lasting + b"}"

    def body(self, payload: bytes) -> bytes:
        """The answer, of its payload."""
        return payload[:-1] + self.explain + b"}" if self.explain else payload

    def unrecorded(self, now: datetime) -> bytes:
        """The answer to one who is only looking."""
        return self._head(b"null", now) + self.lasting + self.explain + b"}"

    def _head(self, signal_id: bytes, now: datetime) -> bytes:
        age_seconds = round((now - self.as_of).total_seconds(), 3)
        created = now.isoformat(timespec="milliseconds").removesuffix("+00:00").encode()
        return b'{"signal_id":%b,"created_at":"%bZ","age_seconds":%b' % (
            signal_id, created, repr(age_seconds).encode(),
        )  # fmt: skip


class Recorded(NamedTuple):
    """A signal that is to be recorded, and the answer that says so."""

    entry: Entry
    body: bytes


_Name = tuple[SeriesKey, int, int, Language | None]
_HOUR = timedelta(hours=1)


class _MadeFrom(NamedTuple):
    """What an answer depends on; `hours_late` is 0 while it is in time."""

    bars: int
    stale: bool
    coin: int
    hours_late: int


class SignalService:
    """Makes signals of the feed's bars and the coins' states. For one event loop."""

    def __init__(self, feed: CryptoFeed, coins: CoinService, clock: Clock) -> None:
        self._feed = feed
        self._coins = coins
        self._clock = clock
        self._prepared: OrderedDict[_Name, Prepared] = OrderedDict()
        self.kept_bytes = 0

    async def prepare(self, asked: Asked) -> Prepared:
        """The signal; waits only where bars or the coin are not at hand.

        Raises UnknownExchange, UnknownTimeframe, MalformedSymbol, UnknownSymbol, SourceUnavailable,
        TooLittleHistory or BundleError.
        """
        return self.at_hand(asked) or await self._bring(asked)

    def at_hand(self, asked: Asked) -> Prepared | None:
        """The signal, where it needs no waiting; errors as for `prepare`."""
        request = asked.request
        key = self._feed.known(request.exchange, request.symbol, request.timeframe)
        series = self._feed.at_hand(key, request.limit) if key else None
        if key is None or series is None:
            return None
        hourly: ExchangeSeries | None = series
        if key.timeframe != HOURLY:
            hourly = self._feed.at_hand(key._replace(timeframe=HOURLY), 1)
        if hourly is None or hourly.held.key.source != series.held.key.source:
            return None
        coin = self._coins.at_hand(hourly.held)
        if coin is None:
            return None
        assessment = coin.assessed.get(request.horizon_minutes)
        return self._rendered(asked, key, series, hourly, coin, assessment) if assessment else None

    def record(self, prepared: Prepared) -> Recorded:
        """The signal with an id of its own, to be appended to the ledger before it is sent."""
        signal_id = uuid.uuid4().hex
        payload = prepared.payload(signal_id.encode(), self._clock.now())
        entry = Entry(
            kind="signal",
            key=signal_id,
            payload=payload,
            origin=prepared.origin,
            due=prepared.due,
            subject=prepared.subject,
            source=prepared.source,
        )
        return Recorded(entry, prepared.body(payload))

    def look(self, prepared: Prepared) -> Answer:
        """The signal for a GET: recorded nowhere, and the same bytes until something changes."""
        if prepared.answer is None:
            now = self._clock.now()
            prepared.answer = Answer.ready(prepared.unrecorded(now), etag=prepared.etag, at=now)
        return prepared.answer

    def now(self, prepared: Prepared) -> bytes:
        """The signal for one who follows it: recorded nowhere, its age as it is now."""
        return prepared.unrecorded(self._clock.now())

    # What is not at hand

    async def _bring(self, asked: Asked) -> Prepared:
        request = asked.request
        key, series, hourly = await self._series(request)
        coin = await self._coins.of(hourly.held, request.horizon_minutes)
        assessment = await self._coins.assess(coin, request.horizon_minutes)
        return self._rendered(asked, key, series, hourly, coin, assessment)

    async def _series(
        self, request: SignalRequest
    ) -> tuple[SeriesKey, ExchangeSeries, ExchangeSeries]:
        """The bars asked for, and the hourly ones of the same market at the same exchange."""
        ask = self._feed.series
        exchange, symbol, name, limit = (
            request.exchange, request.symbol, request.timeframe, request.limit,
        )  # fmt: skip
        if name == HOURLY:
            key, series = await ask(exchange, symbol, name, limit)
            return key, series, series
        (key, series), hourly = await asyncio.gather(
            ask(exchange, symbol, name, limit), self._hourly(exchange, symbol)
        )
        source = hourly.held.key.source
        if series.held.key.source != source:  # another exchange stood in for one of them
            _, series = await ask(source, key.symbol, name, limit)
            series = ExchangeSeries(exchange, limit, series.held, series.stale)
        if series.held.key.source != source:
            hourly = await self._hourly(series.held.key.source, key.symbol)
        if series.held.key.source != hourly.held.key.source:
            raise SourceUnavailable(
                f"No exchange has both bars of {name} and hourly ones of {key.symbol} right now",
                exchange=exchange,
                symbol=key.symbol,
            )
        return key, series, hourly

    async def _hourly(self, exchange: str, symbol: str) -> ExchangeSeries:
        """Hourly bars, or daily ones where the source has no shorter ones."""
        try:
            _, series = await self._feed.series(exchange, symbol, HOURLY, 1)
        except UnknownTimeframe:
            _, series = await self._feed.series(exchange, symbol, DAILY, 1)
        return series

    # Rendering

    def _rendered(
        self,
        asked: Asked,
        key: SeriesKey,
        series: ExchangeSeries,
        hourly: ExchangeSeries,
        coin: Coin,
        assessment: Assessment,
    ) -> Prepared:
        """The signal, rendered unless that was done for another caller."""
        request, language = asked
        name = (key, request.limit, request.horizon_minutes, language)
        begin = Begin.of(assessment, series, coin.close)
        made_from = _MadeFrom(
            bars=series.held.version,
            stale=series.stale or hourly.stale,
            coin=coin.version,
            hours_late=self._hours_late(assessment, begin, hourly),
        )
        kept = self._prepared.get(name)
        if kept is None or kept.made_from != made_from:
            kept = _render(series, coin, assessment, begin, made_from, language)
            self._keep(name, kept)
        else:
            self._prepared.move_to_end(name)
        return kept

    def _hours_late(self, assessment: Assessment, begin: Begin, hourly: ExchangeSeries) -> int:
        """Whole hours that the forecast has not seen, at least one, where newer ones are overdue or
        what it speaks of is over; else 0.
        """
        now = self._clock.now()
        if not hourly.stale and now < begin.target(assessment):
            return 0
        return max((now - assessment.origin) // _HOUR, 1)

    def _keep(self, name: _Name, prepared: Prepared) -> None:
        replaced = self._prepared.pop(name, None)
        self._prepared[name] = prepared
        self.kept_bytes += _size(prepared) - (_size(replaced) if replaced else 0)
        while self.kept_bytes > MOST_KEPT_BYTES:
            _, dropped = self._prepared.popitem(last=False)
            self.kept_bytes -= _size(dropped)


def _render(
    series: ExchangeSeries,
    coin: Coin,
    assessment: Assessment,
    begin: Begin,
    made_from: _MadeFrom,
    language: Language | None,
) -> Prepared:
    if made_from.hours_late:
        assessment = late(assessment, made_from.hours_late)
    as_of = max(series.held.as_of, coin.as_of)
    document = signal_document(
        assessment,
        series,
        begin,
        metadata=coin.bundle.metadata,
        as_of=as_of,
        stale=made_from.stale,
    )
    lasting, explain = _members(document), b""
    if language is not None:
        why = explanation_document(assessment, series, begin, language=language)
        explain = _members({"explain": why})
    identity = hashlib.sha256(coin.bundle.digest.encode() + lasting + explain).hexdigest()[:32]
    return Prepared(
        made_from=made_from,
        lasting=lasting,
        explain=explain,
        etag=f'W/"{identity}"',
        as_of=as_of,
        bar_closed=series.held.as_of,
        origin=begin.origin,
        due=begin.target(assessment),
        subject=str(series.held.key),
        source=series.held.source,
    )


def _members(document: dict[str, object]) -> bytes:
    """The members of a JSON object, to follow others; ValueError where one is not finite."""
    text = json.dumps(document, allow_nan=False, separators=(",", ":"), ensure_ascii=False)
    return b"," + text[1:-1].encode()


def _size(prepared: Prepared) -> int:
    return 2 * (len(prepared.lasting) + len(prepared.explain)) + 500
