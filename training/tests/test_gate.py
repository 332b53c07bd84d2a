from __future__ import annotations

import numpy as np
import pytest

from assay.calendars import gold_calendar
from assay.evaluation.leaderboard import Origins
from assay.forecast.distribution import LEVELS, student_t_quantiles
from assay_training.steps.gate import Candidate, decide, guardrails, spa_p_value

N = 1200
UNIT = student_t_quantiles(LEVELS, 5.0)


def world(seed: int):
    """Returns of changing volatility: origins, and that volatility."""
    rng = np.random.default_rng(seed)
    volatility = 0.007 * np.exp(0.4 * np.sin(np.arange(N) / 60.0 + seed))
    returns = volatility * rng.standard_t(5, N)
    days = gold_calendar().days[3000 : 3001 + N]
    last = np.full(N, 1000.0)
    return Origins(days[:-1], days[1:], last, last * np.exp(returns)), volatility, rng


def noisy(volatility, rng, noise: float):
    """Quantiles of a forecaster whose log scale is off by persistent noise."""
    wrong = np.convolve(rng.normal(0, noise * 5, N), np.ones(25) / 25, "same")
    return (volatility * np.exp(wrong))[:, None] * UNIT


def candidate(name: str, grid, members=()) -> Candidate:
    return Candidate(name, recipe=None, walk=None, quantiles=grid, member_quantiles=members)


def benchmarks(volatility, rng):
    flat = np.full(N, volatility.mean())[:, None] * UNIT
    return {"random_walk": flat, "garch_t": noisy(volatility, rng, 0.35)}


def held(decision, condition: str) -> bool:
    return next(check.held for check in decision.checks if condition in check.condition)


def test_a_sharper_calibrated_candidate_is_promoted_with_reasons():
    origins, volatility, rng = world(1)
    better = candidate("log_linear_t", volatility[:, None] * UNIT)
    found = decide(origins, benchmarks(volatility, rng), [better], incumbent=None, seed=0)
    assert found.winner is better
    assert found.kind == "promotion"
    assert all(check.held for check in found.checks)
    assert any("Diebold-Mariano against random_walk: yes" in reason for reason in found.reasons)


def test_a_tie_goes_to_the_simpler_candidate():
    origins, volatility, rng = world(2)
    simple = candidate("log_linear_t", volatility[:, None] * UNIT)
    fancy = candidate("MLP", noisy(volatility, rng, 0.01), (volatility[:, None] * UNIT,) * 5)
    found = decide(origins, benchmarks(volatility, rng), [simple, fancy], incumbent=None, seed=0)
    assert found.winner is simple


@pytest.mark.parametrize("seeds", [3, 5])
def test_a_network_is_judged_by_its_median_seed(seeds):
    origins, volatility, rng = world(3)
    grid = volatility[:, None] * UNIT
    bad = tuple(grid * 2.0 for _ in range(seeds))
    found = decide(
        origins, benchmarks(volatility, rng), [candidate("MLP", grid, bad)], incumbent=None, seed=0
    )
    assert found.winner is None
    assert not held(found, "seeds")


def test_too_few_origins_promote_nothing():
    origins, volatility, rng = world(4)
    few = slice(0, 900)
    short = Origins(
        *(getattr(origins, name)[few] for name in ("origin", "target", "last_close", "actual"))
    )
    marks = {name: grid[few] for name, grid in benchmarks(volatility, rng).items()}
    found = decide(
        short,
        marks,
        [candidate("log_linear_t", volatility[few, None] * UNIT)],
        incumbent=None,
        seed=0,
    )
    assert found.winner is None
    assert not held(found, "at least 1000 origins")


def test_without_a_better_recipe_the_champion_s_own_is_refitted():
    origins, volatility, rng = world(5)
    own = candidate("log_linear_t", volatility[:, None] * UNIT)
    worse = candidate("MLP", noisy(volatility, rng, 0.3))
    found = decide(
        origins, benchmarks(volatility, rng), [own, worse], incumbent="log_linear_t", seed=0
    )
    assert found.winner is own
    assert found.kind == "refit"


def test_a_refit_that_breaks_a_guardrail_is_not_published():
    origins, volatility, rng = world(6)
    wide = candidate("log_linear_t", 1.5 * volatility[:, None] * UNIT)
    found = decide(origins, benchmarks(volatility, rng), [wide], incumbent="log_linear_t", seed=0)
    assert found.winner is None
    assert not held(found, "coverage at 90%")


def test_a_median_off_the_mark_breaks_the_guardrails():
    origins, volatility, _ = world(7)
    shifted = candidate("MLP", volatility[:, None] * UNIT + 0.002)
    checks = guardrails(shifted, origins.log_returns)
    assert not next(check for check in checks if "RMSE at most" in check.condition).held


def test_a_planted_answer_is_caught_as_a_leak():
    """A candidate that has seen a tenth of the answer beats every test, and is refused for it."""
    origins, volatility, rng = world(8)
    leak = 0.3 * origins.log_returns[:, None] + 0.95 * volatility[:, None] * UNIT
    found = decide(
        origins, benchmarks(volatility, rng), [candidate("MLP", leak)], incumbent=None, seed=0
    )
    assert found.winner is None
    assert not held(found, "leak")


@pytest.mark.slow
def test_where_nothing_can_be_known_at_most_one_run_in_twenty_promotes():
    """Random walks of constant volatility; candidates are that truth seen through noise."""
    promoted = 0
    for seed in range(30):
        rng = np.random.default_rng(1000 + seed)
        origins, _, _ = world(seed)
        flat = np.full(N, 0.007)
        returns = flat * rng.standard_t(5, N)
        simulated = Origins(
            origins.origin, origins.target, origins.last_close, 1000 * np.exp(returns)
        )
        rivals = {"random_walk": flat[:, None] * UNIT, "garch_t": noisy(flat, rng, 0.02)}
        tried = [candidate(name, noisy(flat, rng, 0.02)) for name in ("log_linear_t", "MLP")]
        promoted += decide(simulated, rivals, tried, incumbent=None, seed=seed).winner is not None
    assert promoted <= 1


def test_spa_finds_one_good_model_among_noise_and_none_where_there_is_none():
    rng = np.random.default_rng(9)
    champion = rng.gamma(2.0, 1.0, 800)
    noise = champion[:, None] + rng.normal(0, 0.5, (800, 6))
    assert spa_p_value(champion, noise, seed=1) > 0.05
    good = np.column_stack([noise, champion - 0.2 + rng.normal(0, 0.5, 800)])
    assert spa_p_value(champion, good, seed=1) < 0.01
    assert spa_p_value(champion, champion[:, None], seed=1) == 1.0
