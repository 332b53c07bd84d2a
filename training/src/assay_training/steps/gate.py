"""The gate: what has to be shown before a candidate may be served as champion.

The random walk is where it starts. Candidates come in order of simplicity, and each has to beat
the champion of the moment and every benchmark, so a tie goes to the simpler one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from arch.bootstrap import MCS, SPA

from assay.evaluation import scores
from assay.evaluation.coverage_tests import christoffersen, holm, kupiec
from assay.evaluation.leaderboard import RANDOM_WALK, Origins
from assay.evaluation.significance import better_p_value
from assay.evaluation.walk_forward import Recipe, WalkForward
from assay.forecast.distribution import INTERVAL_LEVELS, Floats

LEAST_ORIGINS = 1000
DM_LEVEL = 0.05
SPA_LEVEL = 0.10
MCS_SIZE = 0.10
SUB_PERIODS, SUB_PERIODS_WON = 4, 3
LEAST_SEEDS = 5
MOST_RMSE_RATIO = 1.0005
LEAST_RMSE_RATIO = 0.98
COVERAGE_STANDARD_ERRORS = 2.0
COVERAGE_TEST_LEVEL = 0.05
_REPLICATIONS = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A recipe with its out-of-sample forecasts at the gate's origins.

    `member_quantiles` holds one grid (n, 199) a seed where the recipe is random, else nothing.
    """

    name: str
    recipe: Recipe
    walk: WalkForward
    quantiles: Floats
    member_quantiles: tuple[Floats, ...] = ()


@dataclass(frozen=True, slots=True)
class Check:
    """One condition, whether it held, and the figure that says so."""

    candidate: str
    condition: str
    held: bool
    figure: str

    def __str__(self) -> str:
        return f"{self.candidate}: {self.condition}: {'yes' if self.held else 'NO'} ({self.figure})"


@dataclass(frozen=True, slots=True, eq=False)
class Decision:
    """Who is champion and why. `winner` is None where nobody may be published."""

    winner: Candidate | None
    kind: str
    checks: tuple[Check, ...] = field(default=())

    @property
    def reasons(self) -> list[str]:
        """The checks as sentences."""
        return [str(check) for check in self.checks]

    @property
    def verdict(self) -> str:
        """One sentence for people."""
        if self.kind == "promotion" and self.winner:
            return f"{self.winner.name} passed the gate."
        tried = len({check.candidate for check in self.checks}) > 1
        gate = "No new recipe passed the gate; " if tried else ""
        if self.winner:
            return (
                f"{gate}{self.winner.name}, the champion's own recipe, was refitted on the newer "
                "bars and passed the guardrails."
            )
        if self.kind == "refit":
            return (
                f"{gate}{self.checks[-1].candidate}, the champion's own recipe, did not pass the "
                "guardrails when it was refitted on the newer bars: gold stays as it was."
            )
        return "No candidate passed, and there is no champion to refit: gold stays as it was."


def decide(
    origins: Origins,
    benchmarks: dict[str, Floats],
    candidates: Sequence[Candidate],
    *,
    incumbent: str | None,
    seed: int,
) -> Decision:
    """Lets `candidates`, simplest first, through the gate one after the other.

    `incumbent` names the candidate whose recipe is champion now; without one the random walk is.
    """
    outcomes = origins.log_returns
    losses = {name: scores.crps(grid, outcomes) for name, grid in benchmarks.items()}
    losses |= {one.name: scores.crps(one.quantiles, outcomes) for one in candidates}
    by_name = {candidate.name: candidate for candidate in candidates}
    champion = incumbent if incumbent in by_name else RANDOM_WALK
    confidence_set = model_confidence_set(losses, seed=seed)
    checks: list[Check] = []
    promoted = None
    for candidate in candidates:
        if candidate.name == champion:
            continue
        rivals = [*benchmarks, champion]
        found = [
            *_gate(candidate, champion, rivals, losses, confidence_set, seed),
            *_seeds(candidate, losses[champion], outcomes),
            *guardrails(candidate, outcomes),
        ]
        checks += found
        if all(check.held for check in found):
            champion, promoted = candidate.name, candidate
    if promoted:
        return Decision(promoted, "promotion", tuple(checks))
    return _refit(by_name.get(champion), outcomes, checks)


def _refit(champion: Candidate | None, outcomes: Floats, checks: list[Check]) -> Decision:
    """The champion's own recipe on newer bars needs the guardrails only."""
    if champion is None:
        return Decision(None, "none", tuple(checks))
    found = guardrails(champion, outcomes)
    winner = champion if all(check.held for check in found) else None
    return Decision(winner, "refit", (*checks, *found))


def _gate(
    candidate: Candidate,
    champion: str,
    rivals: list[str],
    losses: dict[str, Floats],
    confidence_set: set[str],
    seed: int,
) -> list[Check]:
    own, incumbent = losses[candidate.name], losses[champion]
    n = len(own)

    def check(condition: str, held: bool, figure: str) -> Check:
        return Check(candidate.name, condition, bool(held), figure)

    skills = {name: 1.0 - own.mean() / losses[name].mean() for name in dict.fromkeys(rivals)}
    weakest = min(skills, key=lambda name: skills[name])
    p = better_p_value(own, incumbent)
    spa = spa_p_value(incumbent, np.column_stack(list(losses.values())), seed=seed)
    in_set = candidate.name in confidence_set
    blocks = np.array_split(np.arange(n), SUB_PERIODS)
    won = sum(own[block].mean() < incumbent[block].mean() for block in blocks)
    return [
        check(f"at least {LEAST_ORIGINS} origins", n >= LEAST_ORIGINS, f"{n}"),
        check(
            "CRPS below champion and every benchmark",
            skills[weakest] > 0.0,
            f"least skill {skills[weakest]:+.4f}, against {weakest}",
        ),
        check(f"Diebold-Mariano against {champion}", p < DM_LEVEL, f"one-sided p {p:.4f}"),
        check(f"SPA against {champion}", spa < SPA_LEVEL, f"p {spa:.3f} over {len(losses)} tried"),
        check("in the 90 % model confidence set", in_set, "yes" if in_set else "no"),
        check(
            f"better in {SUB_PERIODS_WON} of {SUB_PERIODS} sub-periods",
            won >= SUB_PERIODS_WON,
            f"{won}",
        ),
    ]


def _seeds(candidate: Candidate, incumbent: Floats, outcomes: Floats) -> list[Check]:
    """A random recipe is judged by its median seed too, never by its best."""
    if not candidate.member_quantiles:
        return []
    means = [scores.crps(grid, outcomes).mean() for grid in candidate.member_quantiles]
    skill = 1.0 - float(np.median(means)) / float(incumbent.mean())
    return [
        Check(
            candidate.name,
            f"median of at least {LEAST_SEEDS} seeds below the champion",
            len(means) >= LEAST_SEEDS and skill > 0.0,
            f"{len(means)} seeds, skill {skill:+.4f}",
        )
    ]


def guardrails(candidate: Candidate, outcomes: Floats) -> list[Check]:
    """What a champion must never break: the median, and the ranges' coverage."""
    errors = scores.squared_error(candidate.quantiles, outcomes)
    ratio = float(np.sqrt(errors.sum() / (outcomes**2).sum()))
    checks = [
        Check(
            candidate.name,
            f"RMSE at most {MOST_RMSE_RATIO} of the random walk's",
            ratio <= MOST_RMSE_RATIO,
            f"{ratio:.5f}",
        ),
        Check(
            candidate.name,
            f"RMSE at least {LEAST_RMSE_RATIO} of the random walk's (below, suspect a leak)",
            ratio >= LEAST_RMSE_RATIO,
            f"{ratio:.5f}",
        ),
    ]
    p_values = {}
    for level in INTERVAL_LEVELS:
        missed = ~scores.covered(candidate.quantiles, outcomes, level)
        error = np.sqrt(level * (1.0 - level) / len(missed))
        away = float(1.0 - missed.mean() - level) / error
        checks.append(
            Check(
                candidate.name,
                f"coverage at {level:.0%} within two standard errors",
                abs(away) <= COVERAGE_STANDARD_ERRORS,
                f"{1.0 - missed.mean():.4f}, {away:+.2f} standard errors",
            )
        )
        p_values[f"Kupiec {level:.0%}"] = kupiec(missed, 1.0 - level)
        p_values[f"Christoffersen {level:.0%}"] = christoffersen(missed)
    adjusted = holm(p_values)
    worst = min(adjusted, key=lambda name: adjusted[name])
    checks.append(
        Check(
            candidate.name,
            "Kupiec and Christoffersen not rejected after Holm",
            adjusted[worst] >= COVERAGE_TEST_LEVEL,
            f"smallest adjusted p {adjusted[worst]:.3f}, {worst}",
        )
    )
    return checks


def spa_p_value(champion: Floats, losses: Floats, *, seed: int) -> float:
    """Consistent p-value of Hansen's (2005) studentised test of superior predictive ability.

    `losses` (n, m) of everything tried, against `champion` (n,). The differences are studentised
    here, by their HAC standard deviation: with `studentize=True` arch 8.0 compares raw means.
    """
    differences = champion[:, None] - losses
    differences = differences[:, differences.std(axis=0) > 0.0]
    if not differences.shape[1]:
        return 1.0
    studentised = differences / np.sqrt(_long_run_variance(differences))
    test = SPA(
        np.zeros(len(champion)), -studentised, reps=_REPLICATIONS, studentize=False, seed=seed
    )
    test.compute()
    return float(test.pvalues["consistent"])


def _long_run_variance(x: Floats) -> Floats:
    """Newey-West long-run variance of each column of `x` (n, m), with n^(1/3) lags."""
    centred = x - x.mean(axis=0)
    n = len(x)
    lags = int(n ** (1.0 / 3.0))
    variance: Floats = (centred**2).mean(axis=0)
    for k in range(1, lags + 1):
        variance = variance + 2.0 * (1.0 - k / (lags + 1)) * (
            (centred[k:] * centred[:-k]).sum(axis=0) / n
        )
    return np.maximum(variance, np.finfo(float).tiny)


def model_confidence_set(losses: dict[str, Floats], *, seed: int) -> set[str]:
    """Names in the 90 % model confidence set of Hansen, Lunde and Nason (2011)."""
    names = list(losses)
    test = MCS(
        np.column_stack([losses[name] for name in names]),
        size=MCS_SIZE,
        reps=_REPLICATIONS,
        seed=seed,
    )
    test.compute()
    kept = set(test.included)
    return {name for index, name in enumerate(names) if index in kept}
