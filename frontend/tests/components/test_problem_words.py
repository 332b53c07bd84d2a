"""What went wrong with the API, as a reader is told it."""

from __future__ import annotations

import pytest

from assay_frontend.api.errors import ApiProblem, ApiTimeout, ApiUnreachable, MalformedAnswer
from assay_frontend.components.problem_words import problem_details, problem_title
from assay_frontend.i18n import translator

EN, ES = translator("en"), translator("es")


@pytest.mark.parametrize(
    ("problem", "title"),
    [
        (ApiUnreachable("refused"), "cannot be reached"),
        (ApiTimeout(5), "no answer within 5 seconds"),
        (ApiTimeout(2.5), "no answer within 2.5 seconds"),
        (ApiTimeout(1), "no answer within 1 second."),
        (MalformedAnswer("no field"), "that this page cannot read"),
        (ApiProblem(status=404, title="Not Found"), "does not know this"),
        (ApiProblem(status=422, title="Unprocessable"), "cannot answer this choice"),
        (ApiProblem(status=500, title="Error"), "an error (500)"),
        (ApiProblem(status=503, title="Unavailable"), "cannot answer just now"),
    ],
)
def test_each_problem_has_words_of_its_own(problem, title):
    assert title in problem_title(EN, problem)
    assert problem_title(ES, problem) != problem_title(EN, problem)


def test_the_details_are_the_services_own_words_and_harmless():
    problem = ApiProblem(
        status=503,
        title="Unavailable",
        detail="no bars [here](x)",
        retry_after_seconds=30,
        request_id="01AB",
    )
    said, again, request = problem_details(EN, problem)
    assert said == r"It says: no bars \[here\]\(x\)."
    assert again == "It asks to be tried again in 30 seconds."
    assert request == "Request: 01AB."


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "in 1 second."), (29.1, "in 30 seconds."), (150, "in 2 minutes.")]
)
def test_a_wait_is_never_told_shorter_than_it_is(seconds, words):
    problem = ApiProblem(status=503, title="Unavailable", retry_after_seconds=seconds)
    assert problem_details(EN, problem)[1].endswith(words)


def test_a_service_that_said_nothing_is_not_quoted():
    assert problem_details(EN, ApiUnreachable("refused")) == []


@pytest.mark.parametrize("detail", ["no bars", "no bars.", "no bars. "])
def test_what_is_quoted_ends_once(detail):
    problem = ApiProblem(status=503, title="Unavailable", detail=detail)
    assert problem_details(EN, problem)[0].replace("\\", "") == "It says: no bars."


@pytest.mark.parametrize(
    ("t", "words"),
    [
        (
            EN,
            "There is no market “NO_PE” of Kraken here. Similar names: DOGE/USDT, UNI/USDT.",
        ),
        (
            ES,
            "Aquí no hay ningún mercado «NO_PE» de Kraken. Nombres parecidos: DOGE/USDT, UNI/USDT.",
        ),
    ],
    ids=["en", "es"],
)
def test_a_market_that_is_not_there_is_told_in_the_readers_language(t, words):
    problem = ApiProblem(
        status=404,
        title="Unknown symbol",
        detail="kraken has no market 'NO_PE'; near are DOGE/USDT, UNI/USDT",
        request_id="01-AB",
        symbol="NO_PE",
        exchange="kraken",
        near=("DOGE/USDT", "UNI/USDT"),
    )
    said = [problem_title(t, problem), *problem_details(t, problem)]
    assert " ".join(said).replace("\\", "") == words
    problem.near = ()
    assert problem_details(t, problem) == []
