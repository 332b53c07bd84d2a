"""What the answers about coins may lack, and how they are asked for."""

from __future__ import annotations

import copy

import pytest

from assay_frontend.api.client import AssayClient
from assay_frontend.api.crypto_models import CoinBars, Signal, read_signals
from assay_frontend.api.errors import ApiProblem, MalformedAnswer
from assay_frontend.markets import CoinChoice

OPTIONAL = {
    "tail_loss_probability", "tail_loss_return", "measure", "last_close", "fallbacks",
    "model_version", "volatility_version", "target_time", "created_at", "origin", "as_of",
    "age_seconds", "explain",
}  # fmt: skip
UNREAD = {"signal_id"}
REQUIRED = [
    "symbol", "exchange", "timeframe", "horizon_min", "risk_score", "vol_regime", "nowcast_ret",
    "volatility", "source", "stale",
]  # fmt: skip
EMPTY_WHERE_MISSING = {"value_at_risk", "expected_shortfall"}


def test_the_lists_name_every_field(coin):
    assert OPTIONAL | UNREAD | set(REQUIRED) | EMPTY_WHERE_MISSING == set(coin.signal)


def test_a_signal_is_read_into_typed_fields(coin):
    signal = Signal.parse(coin.signal)
    assert (signal.horizon_minutes, signal.risk_score, signal.quote) == (1440, 0.31, "USDT")
    assert signal.value_at_risk == ((0.95, 0.0361), (0.99, 0.0622))
    assert signal.volatility.threshold == 0.0287
    assert len(signal.explanation.contributions) == 9


@pytest.mark.parametrize("name", sorted(OPTIONAL | EMPTY_WHERE_MISSING))
@pytest.mark.parametrize("null", [False, True])
def test_a_field_that_the_contract_leaves_open_may_be_missing(coin, name, null):
    document = copy.deepcopy(coin.signal)
    del document[name]
    if null:
        document[name] = None
    assert Signal.parse(document).risk_score == 0.31


@pytest.mark.parametrize("name", REQUIRED)
def test_a_required_field_that_is_missing_is_named(coin, name):
    del coin.signal[name]
    with pytest.raises(MalformedAnswer, match=rf"signal\.{name} is missing"):
        Signal.parse(coin.signal)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("risk_score", 1.2),
        ("risk_score", -0.1),
        ("horizon_min", "60"),
        ("volatility", {"horizon": -1.0, "annualized": 1.0}),
        ("volatility", {"horizon": 0.1, "annualized": 1.0, "lower": 0.2, "upper": 0.1}),
        ("volatility", {"horizon": 0.1, "annualized": 1.0, "percentile": 64}),
        ("value_at_risk", {"high": 0.1}),
        ("fallbacks", "gaps"),
        ("fallbacks", [1]),
        ("explain", {"contributions": [{"name": "x"}]}),
    ],
)
def test_a_field_of_the_wrong_kind_is_malformed(coin, name, value):
    with pytest.raises(MalformedAnswer, match=name):
        Signal.parse({**coin.signal, name: value})


@pytest.mark.parametrize("document", [{}, None, "text", [3]])
def test_recent_signals_are_a_list_of_objects(document):
    with pytest.raises(MalformedAnswer, match="signals"):
        read_signals(document)


def test_recent_signals_come_newest_first(coin):
    assert [each.symbol for each in read_signals(coin.recent)] == [
        "BTC/USDT",
        "ETH/USDT",
        "BTC/USDT",
    ]


def test_bars_are_sorted_and_need_their_times(coin):
    document = coin.bars("1h", 3)
    document["data"].reverse()
    opened = [bar.opened for bar in CoinBars.parse(document).bars]
    assert opened == sorted(opened)
    del document["data"][0]["time"]
    with pytest.raises(MalformedAnswer, match=r"ohlcv\.data\[0\]\.time is missing"):
        CoinBars.parse(document)


def test_a_signal_is_asked_for_in_the_readers_language_and_with_its_reasons(backend):
    choice = CoinChoice("kraken", "a&b=1/#", "4h", 480)
    AssayClient(backend.url).signal(choice, language="es")
    path, headers = backend.requests[-1]
    assert path == (
        "/v1/crypto/signal?symbol=a%26b%3D1%2F%23&exchange=kraken&timeframe=4h"
        "&horizon_min=480&explain=true"
    )
    assert headers["Accept-Language"] == "es"


def test_bars_are_asked_for_by_market_and_number(backend):
    bars = AssayClient(backend.url).coin_bars("binance", "BTC/USDT", "1h", limit=7)
    assert len(bars.bars) == 7
    assert backend.requests[-1][0] == (
        "/v1/crypto/ohlcv?symbol=BTC%2FUSDT&exchange=binance&timeframe=1h&limit=7"
    )


def test_an_unknown_market_is_told_with_its_neighbours(backend, replies):
    backend.replies["/v1/crypto/signal"] = replies.problem(
        status=404, title="Unknown symbol", detail="no market 'BTCUSDC'; near are BTC/USDT"
    )
    with pytest.raises(ApiProblem) as caught:
        AssayClient(backend.url).signal(CoinChoice(), language="en")
    assert (caught.value.status, caught.value.detail) == (
        404,
        "no market 'BTCUSDC'; near are BTC/USDT",
    )
