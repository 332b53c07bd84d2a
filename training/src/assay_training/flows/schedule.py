"""The daily flow in Prefect: each step a task with retries, served on a schedule."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from prefect import State, Task, flow, get_client, get_run_logger
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import TaskRun
from prefect.runner import Runner
from prefect.schedules import Cron, Schedule
from prefect.states import Completed, Failed
from prefect.types.entrypoint import EntrypointType

from assay.calendars import NEW_YORK
from assay.errors import BlockedRegion, SourceUnavailable
from assay_training.flows.daily import DailyOptions, run_day, usual_surroundings
from assay_training.steps.service import ServiceAway

DEPLOYMENT = "daily"
RETRY_AFTER_SECONDS = [30.0, 300.0]

T = TypeVar("T")


class AsRetriedTasks:
    """Calls each step as a Prefect task, again after a while where that can help."""

    elsewhere = False

    def run(self, name: str, step: Callable[[], T]) -> T:
        def call() -> T:
            return step()

        task = Task(
            call,
            name=name,
            retries=len(RETRY_AFTER_SECONDS),
            retry_delay_seconds=RETRY_AFTER_SECONDS,
            retry_condition_fn=_may_pass,
            cache_policy=NO_CACHE,
            persist_result=False,
        )
        return task()

    def each(self, steps: Sequence[tuple[str, Callable[[], T]]]) -> list[T]:
        return [self.run(name, step) for name, step in steps]


def can_pass(error: BaseException) -> bool:
    """Whether what stopped a step may be gone a little later: an upstream that did not answer."""
    return isinstance(error, SourceUnavailable | ServiceAway) and not isinstance(
        error, BlockedRegion
    )


def _may_pass(_: Task[Any, Any], __: TaskRun, state: State[Any]) -> bool:
    error = state.result(raise_on_failure=False)
    return isinstance(error, BaseException) and can_pass(error)


@flow(name="assay-daily", persist_result=False)
def daily_flow(
    gold: str | None = None,
    sp500: str | None = None,
    out: str = "data/processed",
    quick: bool = False,
) -> State[Any]:
    """Ingest, score, look at the ledger, refit once a week, report; safe to run again."""
    options = DailyOptions(
        gold_csv=Path(gold) if gold else None,
        sp500_csv=Path(sp500) if sp500 else None,
        out=Path(out),
        quick=quick,
    )
    say = get_run_logger().info
    day = run_day(usual_surroundings(options, say), runner=AsRetriedTasks(), say=say)
    made: Callable[..., State[Any]] = Failed if day.failed else Completed
    return made(message=day.verdict)


def schedule_of(cron: str) -> Schedule:
    """`cron` in New York's time, where gold closes. Raises ValueError for what is no cron line."""
    return Cron(cron, timezone=NEW_YORK.key)


class Server(Runner):
    """Prefect's, but that a SIGTERM ends it as Ctrl-C does: its own handler awaits nothing."""

    def handle_sigterm(self, *_: object, **__: object) -> None:
        signal.raise_signal(signal.SIGINT)


def serve(options: DailyOptions, schedule: Schedule) -> None:
    """Runs the flow now, for what was missed, and then on `schedule`, until a signal ends it.

    Needs the Prefect server that PREFECT_API_URL names.
    """
    # A program that a shell started in its background is born deaf to it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(options, schedule))


async def _serve(options: DailyOptions, schedule: Schedule) -> None:
    server = Server(name="assay-daily", limit=1, pause_on_shutdown=False)
    parameters = {
        "gold": str(options.gold_csv.absolute()) if options.gold_csv else None,
        "sp500": str(options.sp500_csv.absolute()) if options.sp500_csv else None,
        "out": str(options.out.absolute()),
        "quick": options.quick,
    }
    deployment = await server.aadd_flow(
        daily_flow,
        name=DEPLOYMENT,
        schedule=schedule,
        concurrency_limit=1,
        parameters=parameters,
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    async with get_client() as client:
        await client.create_flow_run_from_deployment(deployment, name="catch up")
    await server.start()
