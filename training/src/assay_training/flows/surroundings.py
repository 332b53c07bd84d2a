"""What a training run is given beside its options."""

from __future__ import annotations

from dataclasses import dataclass

from assay.clock import Clock, SystemClock
from assay_training.flows.plan import Plan, TrainOptions
from assay_training.networks.families import FAMILIES
from assay_training.progress import Progress
from assay_training.settings import TrainingSettings, load_settings
from assay_training.tracking import Careful, MlflowTracker, Tracker

REFIT_STEPS = 7
STEPS = REFIT_STEPS + len(FAMILIES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a run is given beside its options."""

    settings: TrainingSettings
    clock: Clock
    tracker: Tracker
    progress: Progress
    plan: Plan

    @classmethod
    def usual(cls, options: TrainOptions) -> Surroundings:
        """Built from the environment: the composition root of a training run."""
        settings = load_settings()
        progress = Progress(steps=REFIT_STEPS if options.refit else STEPS)
        tracker = Careful(
            MlflowTracker(settings), warn=progress.say, setting=settings.mlflow_setting
        )
        return cls(
            settings=settings,
            clock=SystemClock(),
            tracker=tracker,
            progress=progress,
            plan=Plan.of(options),
        )
