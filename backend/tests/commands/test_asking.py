"""Endpoints in turn, and again after a pause."""

import asyncio

import pytest

from assay.errors import BlockedRegion, RateLimited, SourceUnavailable, UnknownSymbol
from assay.market.venues import venue
from assay_backend.commands.asking import ATTEMPTS, Patient


def ask(answers, *, patient=None):
    """`answers` by endpoint, one after the other; gives what came, who was asked, what was told."""
    asked, told = [], []
    patient = patient or Patient(venue("binance"), pause_seconds=0.0, tell=told.append)
    answers = {endpoint: iter(given) for endpoint, given in answers.items()}

    async def question(endpoint):
        asked.append(endpoint)
        answer = next(answers[endpoint])
        if isinstance(answer, Exception):
            raise answer
        return answer

    try:
        came = asyncio.run(patient.ask(question))
    except (SourceUnavailable, UnknownSymbol) as error:
        came = error
    return came, asked, told


def down(count=ATTEMPTS):
    return [SourceUnavailable("down") for _ in range(count)]


def test_the_mirror_stands_in_at_once():
    assert ask({"binance": down(1), "binance_mirror": ["bars"]}) == (
        "bars",
        ["binance", "binance_mirror"],
        [],
    )


def test_all_are_asked_again_after_a_pause_that_is_told():
    came, asked, told = ask({"binance": [*down(1), "bars"], "binance_mirror": down(1)})
    assert came == "bars"
    assert asked == ["binance", "binance_mirror", "binance"]
    assert told == ["down; trying again in 0 s"]


def test_attempts_come_to_an_end_and_then_one_is_enough():
    patient = Patient(venue("kraken"), pause_seconds=0.0, tell=lambda text: None)
    came, asked, _ = ask({"kraken": down()}, patient=patient)
    assert (str(came), len(asked)) == ("down", ATTEMPTS)
    _, asked, _ = ask({"kraken": down()}, patient=patient)
    assert len(asked) == 1
    ask({"kraken": ["bars"]}, patient=patient)
    _, asked, _ = ask({"kraken": down()}, patient=patient)
    assert len(asked) == ATTEMPTS


@pytest.mark.parametrize(
    ("error", "calls"),
    [
        pytest.param(BlockedRegion("451"), 1, id="a region that is refused"),
        pytest.param(RateLimited("429", retry_after_seconds=7200.0), 1, id="a ban of hours"),
        pytest.param(UnknownSymbol("none such"), 1, id="a market that is not there"),
    ],
)
def test_what_cannot_help_is_not_tried_again(error, calls):
    patient = Patient(venue("kraken"), pause_seconds=0.0, tell=lambda text: None)
    came, asked, _ = ask({"kraken": [error] * 9}, patient=patient)
    assert came is error
    assert len(asked) == calls


def test_a_rate_limit_is_waited_out():
    came, asked, told = ask(
        {
            "binance": [RateLimited("slow down", retry_after_seconds=0.01), "bars"],
            "binance_mirror": [BlockedRegion("451")],
        }
    )
    assert (came, asked) == ("bars", ["binance", "binance_mirror", "binance"])
    assert told == ["slow down; trying again in 0 s"]
