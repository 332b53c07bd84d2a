"""Which bars readers get: an exchange's own, a stand-in exchange's, or simulated ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from assay.market.bars import Bars
from assay.market.crypto.keeping import Keeper
from assay.market.crypto.series import ExchangeSeries, HeldSeries
from assay.market.keys import SeriesKey

MOST_BARS = 5000


class Shelf:
    """Series in memory, each of one exchange.

    `simulated` bars are shown while no live bar was `had_live`, and never beside or after live
    ones. `failover` are the exchanges that may stand in, best first.
    """

    def __init__(
        self,
        keeper: Keeper,
        failover: Sequence[str],
        *,
        source_of: Callable[[str], str],
        had_live: bool,
    ) -> None:
        self._keeper = keeper
        self._failover = tuple(failover)
        self._source_of = source_of
        self.had_live = had_live
        self._held: dict[SeriesKey, HeldSeries] = {}
        self._simulated: dict[SeriesKey, HeldSeries] = {}
        self._versions = 0

    def get(self, key: SeriesKey) -> HeldSeries | None:
        """The exchange's own bars."""
        return self._held.get(key)

    def hold(self, key: SeriesKey, bars: Bars, *, reach: int, endpoint: str | None) -> None:
        """Makes these the exchange's own bars."""
        self._versions += 1
        source, newest = self._source_of(key.source), bars.take(slice(-MOST_BARS, None))
        self._held[key] = HeldSeries(key, newest, source, reach, self._versions, endpoint)

    def hold_simulated(self, key: SeriesKey, bars: Bars, *, source: str, reach: int) -> None:
        """Makes these the bars that are shown for want of live ones."""
        self._versions += 1
        self._simulated[key] = HeldSeries(key, bars, source, reach, self._versions)

    def live_came(self) -> None:
        """From now on nothing simulated is shown."""
        self.had_live = True
        self._simulated.clear()

    async def load(self, key: SeriesKey) -> None:
        """What the store has of the series, its stand-ins' bars included."""
        for each in self._keys(key):
            if each not in self._held:
                bars = await self._keeper.read(each, last=MOST_BARS)
                if len(bars):
                    self.hold(each, bars, reach=len(bars), endpoint=None)

    def others(self, exchange: str) -> list[str]:
        """The exchanges that may stand in for `exchange`."""
        return [name for name in self._failover if name != exchange]

    def choose(
        self, key: SeriesKey, limit: int, now: datetime, *, shallow: bool = False
    ) -> ExchangeSeries | None:
        """The exchange's own bars while they are fresh, else fresh ones of a stand-in, else stale
        ones. Unless `shallow`, none that do not reach back `limit` bars.
        """
        stale: HeldSeries | None = None
        for held in self._candidates(key):
            if not shallow and not held.reaches(limit):
                continue
            if not held.is_stale(now):
                return ExchangeSeries(key.source, limit, held, stale=False)
            stale = stale or held
        return ExchangeSeries(key.source, limit, stale, stale=True) if stale else None

    def newest(self, key: SeriesKey) -> HeldSeries | None:
        """Of all bars that could be shown, those that go furthest."""
        return max(self._candidates(key), key=lambda held: held.as_of, default=None)

    def keep_only(self, keys: Iterable[SeriesKey]) -> None:
        """Drops what belongs to none of these, nor stands in for it."""
        wanted = {(key.symbol, key.timeframe) for key in keys}
        for held in (self._held, self._simulated):
            for key in [key for key in held if (key.symbol, key.timeframe) not in wanted]:
                del held[key]

    def _candidates(self, key: SeriesKey) -> list[HeldSeries]:
        if not self.had_live:
            return [self._simulated[key]] if key in self._simulated else []
        return [self._held[each] for each in self._keys(key) if each in self._held]

    def _keys(self, key: SeriesKey) -> list[SeriesKey]:
        return [key, *(key._replace(source=name) for name in self.others(key.source))]
