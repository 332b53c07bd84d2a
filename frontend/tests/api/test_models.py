"""What may be missing from an answer, and what may not."""

from __future__ import annotations

import copy

import pytest

from assay_frontend.api.errors import MalformedAnswer
from assay_frontend.api.models import Evaluation, Forecast, History, at_level

OPTIONAL = [
    "model_name",
    "model_version",
    "symbol",
    "currency",
    "expected_return",
    "probability_up",
    "quantiles",
    "benchmark",
    "skill",
    "explanation",
    "origin",
    "next_origin",
    "as_of",
    "age_seconds",
]
REQUIRED = [
    "prediction",
    "predicted_date",
    "today_date",
    "last_close",
    "intervals",
    "model_type",
    "source",
    "stale",
]


def test_the_two_lists_name_every_field(market):
    assert set(OPTIONAL) | set(REQUIRED) == set(market.forecast)


@pytest.mark.parametrize("name", OPTIONAL)
@pytest.mark.parametrize("null", [False, True])
def test_an_optional_field_may_be_missing_or_null(market, name, null):
    document = copy.deepcopy(market.forecast)
    del document[name]
    if null:
        document[name] = None
    assert Forecast.parse(document).median == 3231.4


@pytest.mark.parametrize("name", REQUIRED)
def test_a_required_field_that_is_missing_is_named(market, name):
    del market.forecast[name]
    with pytest.raises(MalformedAnswer, match=rf"forecast\.{name} is missing"):
        Forecast.parse(market.forecast)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("prediction", "3231.4"),
        ("prediction", True),
        ("prediction", -1),
        ("prediction", 0),
        ("predicted_date", "tomorrow"),
        ("as_of", "2025-04-14T21:00:00"),
        ("intervals", {}),
        ("intervals", [{"level": 0.8, "lower": 2.0, "upper": 1.0}]),
        ("intervals", [{"level": 80, "lower": 1.0, "upper": 2.0}]),
        ("stale", "false"),
        ("skill", []),
        ("quantiles", {"a tenth": 1.0}),
        ("explanation", [{"feature": "x"}]),
    ],
)
def test_a_field_of_the_wrong_kind_is_malformed(market, name, value):
    market.forecast[name] = value
    with pytest.raises(MalformedAnswer, match=name):
        Forecast.parse(market.forecast)


@pytest.mark.parametrize("document", [None, [], "text", 3])
@pytest.mark.parametrize("kind", [Forecast, History, Evaluation])
def test_a_document_that_is_no_object_is_malformed(kind, document):
    with pytest.raises(MalformedAnswer, match="not an object"):
        kind.parse(document)


def test_without_a_benchmark_the_random_walk_is_the_last_close(market):
    del market.forecast["benchmark"]
    assert Forecast.parse(market.forecast).random_walk == 3230.4


def test_a_bar_without_volume_is_still_a_bar(market):
    market.history["data"][0]["volume"] = None
    assert History.parse(market.history).bars[0].volume is None


@pytest.mark.parametrize(
    ("model_type", "network"), [("MLP", True), ("LSTM", True), ("log_linear_t", False)]
)
def test_a_benchmark_is_told_from_a_network(market, model_type, network):
    assert Forecast.parse({**market.forecast, "model_type": model_type}).is_network is network


def test_levels_are_found_as_numbers(market):
    pairs = Forecast.parse(market.forecast).skill.coverage
    assert at_level(pairs, 0.80) == 0.79
    assert at_level(pairs, 0.9) is None
