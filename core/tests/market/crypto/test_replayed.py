"""Files as exchanges behind the feed: what of them is no bar is told, as of live ones."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from assay.clock import FixedClock
from assay.market.crypto.deep import DAILY
from assay.market.crypto.feed import CryptoFeed
from assay.market.sources.replay_crypto import ReplayedExchanges
from upstream.scripted import BTC, ask

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
HOURS = 3_000
RECENT, OLD = 2_900, 100


@pytest.fixture
def feed(tmp_path):
    """Of a file with a row high below low among those the feed holds, and one far before them."""
    opened = [BEGIN + timedelta(hours=n) for n in range(HOURS)]
    rows = [f"{at.isoformat()},10,{9 if n in (RECENT, OLD) else 12},9.5,11,100"
            for n, at in enumerate(opened)]  # fmt: skip
    path = tmp_path / "btc.csv"
    path.write_text("\n".join(["timestamp,open,high,low,close,volume", *rows]))
    clock = FixedClock(BEGIN + timedelta(hours=HOURS))
    return CryptoFeed(ReplayedExchanges({BTC: path}, clock), None, clock)


def test_a_row_that_is_no_bar_is_counted_once_in_whichever_timeframes_it_is_asked_for(feed):
    async def run():
        await ask(feed)
        assert feed.status().counts == {"set_aside:high below low": 1}
        await ask(feed, 5, key=BTC._replace(timeframe="4h"))
        await ask(feed, 5, key=BTC._replace(timeframe=DAILY))
        assert feed.status().counts["set_aside:high below low"] == 2  # days reach back to the other
        assert not feed.status().stored
        await feed.close()

    asyncio.run(run())


def test_rows_of_the_past_count_once_it_is_read(feed):
    async def run():
        await feed.deep.past((await ask(feed)).held)
        assert feed.status().counts == {"set_aside:high below low": 2}
        await feed.close()

    asyncio.run(run())
