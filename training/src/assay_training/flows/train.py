"""The training flow in Prefect: each step a task."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any, TypeVar

from prefect import Flow, Task
from prefect.cache_policies import NO_CACHE
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from assay.errors import TrainingError
from assay_training.flows.pipeline import run_training
from assay_training.flows.plan import TrainOptions, TrainResult
from assay_training.flows.surroundings import Surroundings

__all__ = ["TrainOptions", "TrainResult", "train", "training_flow"]

T = TypeVar("T")


class AsTasks:
    """Calls each step as a Prefect task; `each` submits to Dask where there is a cluster."""

    def __init__(self, *, elsewhere: bool) -> None:
        self.elsewhere = elsewhere

    def run(self, name: str, step: Callable[[], T]) -> T:
        result: T = as_task(name, step)()
        return result

    def each(self, steps: Sequence[tuple[str, Callable[[], T]]]) -> list[T]:
        if not self.elsewhere:
            return [self.run(name, step) for name, step in steps]
        futures = [as_task(name, step).submit() for name, step in steps]
        return [future.result() for future in futures]


def as_task(name: str, step: Callable[[], T]) -> Task[[], T]:
    """`step` as a task; nothing is cached or stored, since arrays are large and fits are seeded."""

    def call() -> T:
        return step()

    return Task(call, name=name, cache_policy=NO_CACHE, persist_result=False)


# Beside the flow's parameter, which Prefect writes down: these hold connections and locks.
_SURROUNDINGS: ContextVar[Surroundings | None] = ContextVar("surroundings", default=None)


def _assay_train(options: TrainOptions) -> TrainResult:
    runner = AsTasks(elsewhere=options.dask is not None)
    return run_training(options, _SURROUNDINGS.get(), runner=runner)


training_flow = Flow(
    _assay_train, name="assay-train", validate_parameters=False, persist_result=False
)


def train(options: TrainOptions, surroundings: Surroundings | None = None) -> TrainResult:
    """Runs the flow; raises what `run_training` raises, and TrainingError for a missing extra."""
    local: TaskRunner[Any] = ThreadPoolTaskRunner(max_workers=1)
    runner = dask_runner(options.dask) if options.dask else local
    token = _SURROUNDINGS.set(surroundings)
    try:
        return training_flow.with_options(task_runner=runner)(options)
    finally:
        _SURROUNDINGS.reset(token)


def dask_runner(address: str) -> TaskRunner[Any]:
    """Tasks on the Dask cluster at `address`; TrainingError where the extra is not installed."""
    try:
        from prefect_dask import DaskTaskRunner
    except ImportError as error:
        raise TrainingError(
            "--dask needs the optional extra: uv sync --extra dask (prefect-dask is not installed)"
        ) from error
    runner: TaskRunner[Any] = DaskTaskRunner(address=address)
    return runner
