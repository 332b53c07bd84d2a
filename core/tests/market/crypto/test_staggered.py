"""The first success counts, a silent one costs a moment, and a final error ends it all."""

import asyncio

import pytest

from assay.errors import SourceUnavailable, UnknownSymbol
from assay.market.crypto.staggered import AllFailed, first_success


def attempt(name, log, *, error=None, silent=False):
    async def run():
        log.append(name)
        try:
            if silent:
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            log.append(f"{name} given up")
            raise
        if error is not None:
            raise error
        return name

    return run


def run(*attempts, delay_seconds=0.02, final=()):
    timed = [(attempt, delay_seconds) for attempt in attempts]
    return asyncio.run(first_success(timed, final=final))


def test_the_second_is_not_asked_where_the_first_answers():
    log = []
    assert run(attempt("a", log), attempt("b", log)) == "a"
    assert log == ["a"]


def test_the_next_is_asked_where_one_fails():
    log = []
    failing = attempt("a", log, error=SourceUnavailable("down"))
    assert run(failing, attempt("b", log), delay_seconds=60.0) == "b"


def test_a_silent_one_is_overtaken_and_given_up():
    log = []
    assert run(attempt("a", log, silent=True), attempt("b", log)) == "b"
    assert log == ["a", "b", "a given up"]


def test_all_errors_are_told_in_order():
    log = []
    errors = [SourceUnavailable("one"), SourceUnavailable("two")]
    with pytest.raises(AllFailed, match="one; two") as caught:
        run(*(attempt("x", log, error=error) for error in errors))
    assert caught.value.errors == errors


def test_without_attempts_all_have_failed():
    with pytest.raises(AllFailed):
        run()


def test_a_final_error_ends_it_at_once():
    log = []
    gone = attempt("a", log, error=UnknownSymbol("gone"))
    with pytest.raises(UnknownSymbol):
        run(gone, attempt("b", log), final=(UnknownSymbol,))
    assert log == ["a"]


def test_a_bug_is_not_taken_for_a_failure():
    with pytest.raises(ZeroDivisionError):
        run(attempt("a", [], error=ZeroDivisionError()), attempt("b", []))
