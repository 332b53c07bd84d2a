"""The steps of training in their order, free of any orchestrator.

How a step is called is left to the runner: plainly, or as a Prefect task.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from assay.bundle.metadata import ModelMetadata
from assay.evaluation.leaderboard import Origins
from assay.evaluation.walk_forward import origins_at
from assay.features.build import FeatureMatrix, build_features
from assay.forecast.distribution import Floats
from assay_training.flows.candidates import (
    evaluation_of,
    fit_final,
    log_linear_candidate,
)
from assay_training.flows.families import FamilyResult, recipe_json, search_family
from assay_training.flows.incumbent import own_recipe, published_in
from assay_training.flows.plan import TrainOptions, TrainResult
from assay_training.flows.runners import Plainly, Runner
from assay_training.flows.surroundings import Surroundings
from assay_training.networks.families import FAMILIES
from assay_training.steps.benchmarks import benchmark_forecasts
from assay_training.steps.evaluate import figures
from assay_training.steps.gate import Candidate, Decision, decide
from assay_training.steps.load import TrainingBars, load_training_bars
from assay_training.steps.publish import Evaluation, publish
from assay_training.steps.publish_volatility import (
    FittedVolatility,
    VolatilityFiles,
    VolatilityInput,
    fit_and_judge,
    objections,
    publish_volatility,
    published_volatility,
    read_volatility_bars,
)

T = TypeVar("T")


def run_training(
    options: TrainOptions,
    surroundings: Surroundings | None = None,
    *,
    runner: Runner | None = None,
) -> TrainResult:
    """Trains, judges, and publishes what passes.

    Raises MarketDataError for bars that cannot be used, TrainingError where a fit or an export
    fails, OSError where the bundle cannot be written. What is tracked cannot fail the run.
    """
    around = surroundings or Surroundings.usual(options)
    with around.progress:
        run = _Run(options, around, runner or Plainly())
        try:
            result = run.result()
        except BaseException:
            around.tracker.finish(failed=True)
            raise
        around.tracker.finish()
    return result


@dataclass(frozen=True, slots=True)
class _Run:
    options: TrainOptions
    around: Surroundings
    runner: Runner

    def result(self) -> TrainResult:
        published = published_in(self.options.out, self.around.progress.say)
        own = own_recipe(self.options.out, published) if self.options.refit else None
        bars, coins = self._load(), self._load_coins()
        matrix, rows = self._features(bars)
        benchmarks, linear = self._benchmarks(matrix, rows)
        families = self._families(matrix, rows, published, own)
        trials = tuple(trial for family in families for trial in family.trials)
        candidates = [linear, *(family.candidate() for family in families)]
        origins = origins_at(matrix, rows)
        judged = [one for one in candidates if own in (None, one.name)]
        decision = self._decide(origins, benchmarks, judged, published)
        evaluation = evaluation_of(origins, benchmarks, candidates)
        self._log(evaluation)
        metadata = self._publish(decision, matrix, bars, evaluation, coins)
        stays = metadata is None and self.options.challenger is None
        alone = self._publish_volatility(coins) if stays else None
        return TrainResult(decision, metadata, evaluation, trials, alone)

    def _step(self, title: str, step: Callable[[], T]) -> T:
        self.around.progress.step(title)
        return self.runner.run(title, step)

    def _load(self) -> TrainingBars:
        options, around = self.options, self.around
        bars = self._step(
            "load bars",
            lambda: load_training_bars(
                options.gold_csv,
                options.sp500_csv,
                raw_dir=around.settings.data_dir / "raw",
                clock=around.clock,
                deadline_seconds=around.settings.download_deadline_seconds,
            ),
        )
        for summary in bars.summaries:
            around.progress.say(summary)
        return bars

    def _load_coins(self) -> VolatilityInput | None:
        """The bars that the volatility model is fitted on; None where there are none."""
        raw = self.around.settings.data_dir / "raw"
        files = self.options.volatility_files or VolatilityFiles.within(raw)
        if files is None:
            return None
        coins = read_volatility_bars(files, self.around.clock)
        for summary in coins.summaries:
            self.around.progress.say(summary)
        return coins

    def _features(self, bars: TrainingBars) -> tuple[FeatureMatrix, NDArray[np.intp]]:
        matrix = self._step("build features", lambda: build_features(bars.gold, bars.sp500))
        rows = self.around.plan.rows(matrix)
        first, last = matrix.session[rows[0] + 1], matrix.session[rows[-1] + 1]
        self.around.progress.say(f"{len(rows)} origins, targets {first} to {last}")
        self.around.tracker.start(
            f"{'quick' if self.options.quick else 'full'}"
            f"{' refit' if self.options.refit else ''} {last}",
            {
                "seed": self.options.seed,
                "quick": self.options.quick,
                "gold": bars.gold.fingerprint(),
                "sp500": bars.sp500.fingerprint(),
                "origins": len(rows),
                "first_target": first,
                "last_target": last,
            },
        )
        return matrix, rows

    def _benchmarks(
        self, matrix: FeatureMatrix, rows: NDArray[np.intp]
    ) -> tuple[dict[str, Floats], Candidate]:
        update = self.around.progress.update
        return self._step(
            "forecast with the benchmarks",
            lambda: (
                benchmark_forecasts(
                    matrix.close, rows, on_progress=partial(update, "garch_t, refits")
                ),
                log_linear_candidate(matrix, rows, partial(update, "log_linear_t, folds")),
            ),
        )

    def _families(
        self,
        matrix: FeatureMatrix,
        rows: NDArray[np.intp],
        published: ModelMetadata | None,
        own: str | None,
    ) -> list[FamilyResult]:
        """Tunes each family, or its `own` alone, and walks it forward; all at once where the runner
        can.
        """
        kept = published.promotion.get("recipe") if published else None
        steps: list[tuple[str, Callable[[], FamilyResult]]] = []
        for name, default in FAMILIES.items():
            if own not in (None, name):
                continue
            progress = None if self.runner.elsewhere else self.around.progress
            step = partial(
                search_family,
                default,
                matrix,
                rows,
                self.around.plan,
                seed=self.options.seed,
                kept=kept,
                on_start=progress.step if progress else None,
                on_progress=progress.update if progress else None,
            )
            steps.append((f"tune and walk forward {name}", step))
            if progress is None:
                self.around.progress.step(f"tune and walk forward {name}, on the cluster")
        found = self.runner.each(steps)
        for family in found:
            self.around.progress.say(str(family))
            self.around.tracker.trials(family.trials)
        return found

    def _decide(
        self,
        origins: Origins,
        benchmarks: dict[str, Floats],
        candidates: list[Candidate],
        published: ModelMetadata | None,
    ) -> Decision:
        decision = self._step(
            "judge at the gate",
            lambda: decide(
                origins,
                benchmarks,
                candidates,
                incumbent=published.type if published else None,
                seed=self.options.seed,
            ),
        )
        self.around.progress.say(decision.verdict)
        return decision

    def _log(self, evaluation: Evaluation) -> None:
        self.around.tracker.metrics(figures(evaluation.rows))

    def _publish(
        self,
        decision: Decision,
        matrix: FeatureMatrix,
        bars: TrainingBars,
        evaluation: Evaluation,
        coins: VolatilityInput | None,
    ) -> ModelMetadata | None:
        """Fits the winner on all bars, exports and publishes it; registers it as the champion."""
        out = self.options.published_to
        if decision.winner is None:
            return None
        volatility = self._volatility(coins)
        recipe = decision.winner.recipe
        fit, model = self._step("fit and export the winner", lambda: fit_final(recipe, matrix))
        metadata = self._step(
            "publish and register the bundle",
            lambda: publish(
                out,
                decision=decision,
                fit=fit,
                model=model,
                gold=bars.gold,
                sp500=bars.sp500,
                evaluation=evaluation,
                recipe=recipe_json(recipe),
                volatility=volatility,
                clock=self.around.clock,
            ),
        )
        if self.options.challenger is None:
            self.around.tracker.register(out, version=metadata.version)
        self.around.progress.say(f"{metadata.type} {metadata.version} in {out}")
        return metadata

    def _publish_volatility(self, coins: VolatilityInput | None) -> str | None:
        """Puts the fitted model into the champion's bundle, which stays otherwise; its version."""
        out = self.options.out
        published = published_in(out, self.around.progress.say)
        if published is None:
            return None
        fitted = self._fitted_volatility(coins)
        if fitted is None:
            return None
        self._step("publish the volatility model", lambda: publish_volatility(out, fitted))
        self.around.tracker.register(out, version=published.version)
        version = str(fitted.section["version"])
        self.around.progress.say(f"volatility {version} in {out}, whose champion stays")
        return version

    def _volatility(self, coins: VolatilityInput | None) -> FittedVolatility | None:
        """Fitted on `coins`; the published one where there is none to publish."""
        return self._fitted_volatility(coins) or self._kept_volatility()

    def _kept_volatility(self) -> FittedVolatility | None:
        out = self.options.out
        kept = self._step("keep the volatility model", lambda: published_volatility(out))
        version = kept.section.get("version", "as published") if kept else "none"
        self.around.progress.say(f"volatility model kept: {version}")
        return kept

    def _fitted_volatility(self, coins: VolatilityInput | None) -> FittedVolatility | None:
        """Fitted on `coins`; None without any, or where it does not pass the guardrails."""
        around = self.around
        if coins is None:
            around.progress.say("no hourly and daily bars of coins to fit on")
            return None
        fitted = self._step(
            "fit the volatility model",
            lambda: fit_and_judge(
                coins,
                around.clock,
                judged=not self.options.quick,
                on_progress=around.progress.update,
            ),
        )
        around.progress.say(f"volatility {fitted.section['version']}")
        if against := objections(fitted):
            around.progress.say(f"not published: {', '.join(against)}")
            return None
        return fitted
