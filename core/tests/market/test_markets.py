"""What a person types, and the market that it means."""

import difflib
import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import MalformedSymbol, UnknownSymbol
from assay.market.markets import LONGEST_SPELLING, MOST_NEAR, Market, MarketList, check_spelling

BINANCE = MarketList(
    "binance",
    (
        Market("BTC/USDT", "BTCUSDT"),
        Market("ETH/USDT", "ETHUSDT"),
        Market("ETH/BTC", "ETHBTC"),
        Market("BTC/USDC", "BTCUSDC"),
        Market("BTC/FDUSD", "BTCFDUSD"),
        Market("1000SATS/USDT", "1000SATSUSDT"),
    ),
)
KRAKEN = MarketList(
    "kraken",
    (
        Market("BTC/USD", "XXBTZUSD"),
        Market("BTC/USDT", "XBTUSDT"),
        Market("ETH/BTC", "XETHXXBT"),
        Market("DOGE/USD", "XDGUSD"),
        Market("DOGE/BTC", "XXDGXXBT"),
    ),
)
OKX = MarketList("okx", (Market("BTC/USDT", "BTC-USDT"), Market("BTC/USD", "BTC-USD")))


@pytest.mark.parametrize(
    ("markets", "spelling", "symbol"),
    [
        (BINANCE, "BTCUSDT", "BTC/USDT"),
        (BINANCE, "BTC/USDT", "BTC/USDT"),
        (BINANCE, "btc-usdt", "BTC/USDT"),
        (BINANCE, "Btc_Usdt", "BTC/USDT"),
        (BINANCE, "ETHBTC", "ETH/BTC"),
        (BINANCE, "btcusdc", "BTC/USDC"),
        (BINANCE, "1000satsusdt", "1000SATS/USDT"),
        (KRAKEN, "XXBTZUSD", "BTC/USD"),
        (KRAKEN, "BTCUSD", "BTC/USD"),
        (KRAKEN, "btc/usd", "BTC/USD"),
        (KRAKEN, "XBTUSD", "BTC/USD"),
        (KRAKEN, "xbt/usdt", "BTC/USDT"),
        (KRAKEN, "ETHXBT", "ETH/BTC"),
        (KRAKEN, "eth-xbt", "ETH/BTC"),
        (KRAKEN, "XDGUSD", "DOGE/USD"),
        (KRAKEN, "XDG/XBT", "DOGE/BTC"),
        (BINANCE, "XBTUSDT", "BTC/USDT"),
        (OKX, "BTC-USDT", "BTC/USDT"),
        (OKX, "BTCUSD", "BTC/USD"),
    ],
)
def test_each_spelling_means_its_own_market(markets, spelling, symbol):
    assert markets.resolve(spelling).symbol == symbol


@pytest.mark.parametrize(
    ("markets", "spelling"),
    [
        (BINANCE, "BTCUSD"),  # not USDT, whatever one may have meant
        (BINANCE, "BTC/USD"),
        (BINANCE, "USDT/BTC"),
        (BINANCE, "BT/CUSDT"),  # parted elsewhere, and so another pair
        (BINANCE, "B-TCUSDT"),
        (KRAKEN, "ETHUSDT"),
        (KRAKEN, "XBT/EUR"),
        (BINANCE, "AXBT/USDT"),
        (OKX, "BTC/USDC"),
    ],
)
def test_no_other_market_is_taken_for_the_one_asked(markets, spelling):
    with pytest.raises(UnknownSymbol) as caught:
        markets.resolve(spelling)
    assert caught.value.fields["exchange"] == markets.exchange
    assert caught.value.fields["symbol"] == spelling


def test_a_refusal_names_near_markets_and_the_exchange():
    with pytest.raises(UnknownSymbol, match=r"binance has no market 'BTCUSD'; near are .*BTC/USDT"):
        BINANCE.resolve("BTCUSD")
    with pytest.raises(UnknownSymbol) as caught:
        BINANCE.resolve("QQQQ/WWWW")
    assert caught.value.fields["near"] == []
    assert caught.value.message.endswith("no market 'QQQQ/WWWW'")


def test_a_coin_that_is_itself_called_so_is_meant_first():
    markets = MarketList("x", (Market("BTC/USD", "BTCUSD"), Market("XBT/USD", "XBTUSD")))
    assert markets.resolve("XBT/USD").symbol == markets.resolve("xbtusd").symbol == "XBT/USD"


@pytest.mark.parametrize("asked", ["DOG/USDT", "DOGUSDT", "dog-usdt"])
def test_near_markets_with_the_same_quote_come_first(asked):
    coins = ("DOG/USD", "DOG/USDC", "DOG/BTC", "DOGE/USDT", "DODO/USDT", "XYZ/USDT")
    markets = MarketList("x", tuple(Market(name, name.replace("/", "")) for name in coins))
    near = markets.near(asked)
    assert near[:2] == ["DOGE/USDT", "DODO/USDT"]
    assert set(near[2:]) >= {"DOG/USD", "DOG/USDC"}


def test_near_markets_are_those_that_a_comparison_with_every_name_finds():
    """Few names are compared, and the likeliest of them are among these."""
    rng = random.Random(7)
    bases = {"".join(rng.choices(string.ascii_uppercase, k=rng.randint(2, 6))) for _ in range(1500)}
    coins = [f"{base}/{quote}" for base in sorted(bases) for quote in ("USDT", "BTC")]
    joined = {name.replace("/", ""): name for name in coins}
    markets = MarketList("x", tuple(Market(name, short) for short, name in joined.items()))
    for name in rng.sample(coins, 60):
        at = rng.randrange(len(name) - 5)
        typo = (name[:at] + rng.choice("QXZ") + name[at + 1 :]).replace("/", "")
        if typo in joined:
            continue
        best = difflib.get_close_matches(typo, joined, n=1)
        assert joined[best[0]] in markets.near(typo)


def test_near_markets_are_few_and_each_named_once():
    coins = [Market(f"BTC{n}/USDT", f"BTC{n}-USDT") for n in range(40)]
    near = MarketList("okx", tuple(coins)).near("BTC/USDT")
    assert len(near) == len(set(near)) == MOST_NEAR


def test_the_exchanges_own_name_counts_before_letters_run_together():
    markets = MarketList("x", (Market("AB/CD", "OTHER"), Market("A/BCD", "ABCD")))
    assert markets.resolve("ABCD").symbol == "A/BCD"
    assert markets.resolve("AB/CD").symbol == "AB/CD"


def test_of_two_markets_with_the_same_letters_the_first_listed_is_meant():
    markets = MarketList("x", (Market("AB/CD", "1"), Market("A/BCD", "2")))
    assert markets.resolve("abcd").symbol == "AB/CD"


def test_an_empty_list_knows_nothing():
    with pytest.raises(UnknownSymbol):
        MarketList("x", ()).resolve("BTCUSDT")


@pytest.mark.parametrize(
    "spelling",
    [
        "", "/", "BTC/", "/USDT", "BTC//USDT", "BTC/USDT:USDT", "BTC USDT", "BTC/USDT/", "../etc",
        "BTC%2FUSDT", "BTC\n", "BTÇUSDT", "币安USDT", "BTC/USDT?x=1", "A" * (LONGEST_SPELLING + 1),
    ],
)  # fmt: skip
def test_what_can_name_no_market_is_refused_before_any_list_is_read(spelling):
    for ask in (check_spelling, BINANCE.resolve):
        with pytest.raises(MalformedSymbol) as caught:
            ask(spelling)
        assert len(caught.value.fields["symbol"]) <= LONGEST_SPELLING


@given(st.text(max_size=40))
def test_any_text_is_resolved_or_refused_in_words_of_ours(spelling):
    try:
        found = BINANCE.resolve(spelling)
    except (MalformedSymbol, UnknownSymbol):
        return
    assert found in BINANCE.markets


@given(
    st.sampled_from(BINANCE.markets + KRAKEN.markets),
    st.sampled_from(["/", "-", "_"]),
    st.sampled_from([str.lower, str.upper, str.title]),
)
def test_base_and_quote_are_found_however_written(market, separator, case):
    markets = BINANCE if market in BINANCE.markets else KRAKEN
    assert markets.resolve(case(market.symbol.replace("/", separator))).symbol == market.symbol
