"""The table of exchanges, held against ccxt."""

import importlib.util
import json
from pathlib import Path

import ccxt
import pytest

from assay.errors import UnknownExchange, UnknownTimeframe
from assay.market import venues
from assay.market.timeframes import timeframe
from assay.market.venues import VENUES, exchange_of, venue

SCRIPT = Path(__file__).parents[2] / "scripts" / "generate_venues.py"
TABLE = Path(venues.__file__).with_name("venues.json")


@pytest.fixture(scope="module")
def generator():
    spec = importlib.util.spec_from_file_location("generate_venues", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_is_what_ccxt_says_today(generator):
    assert json.loads(TABLE.read_text()) == generator.venues_table()


@pytest.mark.parametrize(
    ("exchange", "name", "value", "is_true"),
    [
        ("kraken", "1h", 60, True),
        ("kraken", "2w", 21600, False),  # 15 days
        ("bitstamp", "1d", "86400", True),
        ("bitstamp", "1w", "259200", False),  # 3 days
        ("bybit", "1w", "W", True),
        ("okx", "1h", "1H", True),
        ("binance", "1y", "1y", False),
    ],
)
def test_a_timeframe_is_listed_only_if_it_lasts_as_long_as_it_is_called(
    generator, exchange, name, value, is_true
):
    assert generator.lasts_as_named(exchange, name, value) is is_true


@pytest.mark.parametrize("name", VENUES)
def test_every_exchange_can_be_asked_for_what_the_table_says(name):
    exchange = venue(name)
    known = getattr(ccxt, name)()
    assert exchange.name == known.id
    assert {"1m", "1h", "1d"} <= set(exchange.timeframes) <= set(known.timeframes)
    assert all(exchange.timeframe(each) == timeframe(each) for each in exchange.timeframes)
    assert 300 <= exchange.page_bars <= 1500
    assert all(exchange_of(endpoint) is exchange for endpoint in exchange.endpoints)


def test_binance_has_a_second_place_to_answer_and_kraken_a_last_bar():
    assert venue("binance").endpoints == ("binance", "binance_mirror")
    assert {name: each.most_bars for name, each in VENUES.items() if each.most_bars} == {
        "kraken": 720
    }


def test_an_exchange_that_is_not_listed_is_refused_with_those_that_are():
    for ask in (venue, exchange_of):
        with pytest.raises(UnknownExchange, match="binance, kraken, coinbase") as caught:
            ask("mtgox" + 90 * "x")
        assert len(caught.value.fields["exchange"]) == 20


def test_a_timeframe_that_an_exchange_lacks_is_refused_with_those_it_has():
    with pytest.raises(UnknownTimeframe, match=r"Kraken has no timeframe '2h'.* 1h, 4h, 1d, 1w"):
        venue("kraken").timeframe("2h")
    with pytest.raises(UnknownTimeframe):
        venue("binance").timeframe("")
