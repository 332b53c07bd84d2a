"""How the steps of a run are called, and what a run is given beside its options."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from assay.clock import Clock, SystemClock
from assay_training.flows.plan import Plan, TrainOptions
from assay_training.networks.families import FAMILIES
from assay_training.progress import Progress
from assay_training.settings import TrainingSettings, load_settings
from assay_training.tracking import Careful, MlflowTracker, Tracker

REFIT_STEPS = 7
STEPS = REFIT_STEPS + len(FAMILIES)

T = TypeVar("T")


class Runner(Protocol):
    """Calls a step under its name; `each` may call several at once."""

    def run(self, name: str, step: Callable[[], T]) -> T:
        """What `step` returns."""
        ...

    def each(self, steps: Sequence[tuple[str, Callable[[], T]]]) -> list[T]:
        """What each of `steps` returns, in their order."""
        ...

    @property
    def elsewhere(self) -> bool:
        """Whether `each` runs in other processes, which cannot report progress."""
        ...


class Plainly:
    """Calls each step where it stands."""

    elsewhere = False

    def run(self, name: str, step: Callable[[], T]) -> T:
        return step()

    def each(self, steps: Sequence[tuple[str, Callable[[], T]]]) -> list[T]:
        return [step() for _, step in steps]


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
