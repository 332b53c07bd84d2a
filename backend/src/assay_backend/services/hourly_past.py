"""All of a coin's hours at hand, and the model that may be walked along them."""

from __future__ import annotations

from assay.bundle.files import VOLATILITY, Bundle
from assay.errors import BundleMissing, SourceUnavailable
from assay.market.bars import Bars
from assay.market.crypto.deep import HOURLY, MOST_HOURS
from assay.market.crypto.feed import MOST_BARS, CryptoFeed, ExchangeSeries
from assay.volatility.model import VolatilityModel
from assay_backend.services.champion import ChampionService


async def hourly_past(feed: CryptoFeed, exchange: str, symbol: str) -> tuple[ExchangeSeries, Bars]:
    """All hours at hand; where they are few, more are asked for in this request's time.

    Raises UnknownExchange, UnknownTimeframe, MalformedSymbol, UnknownSymbol or SourceUnavailable.
    """
    _, series = await feed.series(exchange, symbol, HOURLY, 1)
    past = (await feed.deep.past(series.held)).hourly
    if len(past) >= min(MOST_HOURS, MOST_BARS) or series.held.reaches(MOST_BARS):
        return series, past
    try:
        _, series = await feed.series(exchange, symbol, HOURLY, MOST_BARS)
    except SourceUnavailable:
        return series, past
    return series, (await feed.deep.past(series.held)).hourly


def champion_for_coins(
    champion: ChampionService, *, lacking: str
) -> tuple[Bundle, VolatilityModel]:
    """The champion and its volatility model; BundleMissing, with what is `lacking`, without one."""
    bundle = champion.require()
    if bundle.volatility is None:
        raise BundleMissing(
            f"the bundle {bundle.metadata.version} has no volatility model ({VOLATILITY}), so "
            f"there are no {lacking}; publish one that has",
            path=VOLATILITY,
        )
    return bundle, bundle.volatility
