"""The daily flow, free of any orchestrator: ingest, score, look at the ledger, refit, report.

Steps are told apart by what they did, had nothing to do, were left out since they need one that
failed, or failed; a failed one keeps no other from running that does not need it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from assay.clock import Clock, SystemClock
from assay.errors import AssayError
from assay.market.sources.replay import ReplaySource
from assay.market.sources.yahoo import YahooSource
from assay_training.flows.daily_steps import (
    DaySurroundings,
    Done,
    check_ledger,
    ingest_bars,
    refit_champion,
    save_report,
    score_champion,
)
from assay_training.flows.day_state import alone
from assay_training.flows.runners import Plainly, Runner
from assay_training.settings import load_settings
from assay_training.steps.service import Service
from assay_training.tracking import Careful, MlflowTracker

if TYPE_CHECKING:
    from assay_training.flows.plan import TrainOptions, TrainResult

LOG = logging.getLogger(__name__)

Did = Literal["done", "nothing to do", "left out", "failed"]
Step = Callable[[DaySurroundings], Done]

# In their order, with the step that each one needs.
STEPS: Final[tuple[tuple[str, Step, str | None], ...]] = (
    ("ingest", ingest_bars, None),
    ("score", score_champion, "ingest"),
    ("ledger", check_ledger, None),
    ("refit", refit_champion, "ingest"),
    ("report", save_report, None),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyOptions:
    """The arguments of `assay-train daily`; without CSVs new bars come from Yahoo."""

    gold_csv: Path | None = None
    sp500_csv: Path | None = None
    out: Path = Path("data/processed")
    quick: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one step."""

    step: str
    did: Did
    detail: str
    figures: dict[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.step}: {self.did}: {self.detail}"


@dataclass(frozen=True, slots=True)
class Day:
    """What came of a run about gold session `session`."""

    session: date
    outcomes: tuple[Outcome, ...]

    @property
    def failed(self) -> tuple[Outcome, ...]:
        return tuple(each for each in self.outcomes if each.did == "failed")

    @property
    def verdict(self) -> str:
        """One sentence for people."""
        if self.failed:
            return f"{self.session}: {'; '.join(map(str, self.failed))}"
        done = ", ".join(each.step for each in self.outcomes if each.did == "done")
        return f"{self.session}: {done or 'nothing to do'}"


def usual_surroundings(options: DailyOptions, say: Callable[[str], None]) -> DaySurroundings:
    """Built from the environment: the composition root of a daily run."""
    settings, clock = load_settings(), SystemClock()
    return DaySurroundings(
        settings=settings,
        clock=clock,
        source=_source(options, clock),
        service=Service(settings.api_url),
        tracker=Careful(MlflowTracker(settings), warn=say, setting=settings.mlflow_setting),
        train=_train,
        out=options.out,
        quick=options.quick,
    )


def run_day(
    around: DaySurroundings,
    *,
    runner: Runner | None = None,
    say: Callable[[str], None] = LOG.info,
) -> Day:
    """Runs every step that can run, and keeps a record of it in MLflow.

    A run for a session that was dealt with before does nothing again. Raises TooBusy where another
    run is at work, and OSError where the data folder cannot be written to.
    """
    with alone(around.data):
        outcomes: dict[str, Outcome] = {}
        for name, step, needed in STEPS:
            before = outcomes.get(needed or "")
            if before and before.did in ("failed", "left out"):
                outcomes[name] = Outcome(name, "left out", f"it needs {needed}, which failed")
            else:
                outcomes[name] = _outcome(name, partial(step, around), runner or Plainly())
            say(str(outcomes[name]))
        day = Day(around.session, tuple(outcomes.values()))
        _track(day, around)
    return day


def _outcome(name: str, step: Callable[[], Done], runner: Runner) -> Outcome:
    try:
        found = runner.run(name, step)
    except (AssayError, OSError) as error:
        return Outcome(name, "failed", str(error))
    except Exception as error:
        LOG.exception("The step %s failed by a fault of the program", name)
        return Outcome(name, "failed", f"{type(error).__name__}: {error}")
    return Outcome(name, "done" if found.changed else "nothing to do", found.detail, found.figures)


def _track(day: Day, around: DaySurroundings) -> None:
    """One run in MLflow for each day on which something was done, or failed."""
    if all(each.did == "nothing to do" for each in day.outcomes):
        return
    tracker = around.tracker
    tracker.start(f"daily {day.session}", {each.step: each.did for each in day.outcomes})
    tracker.metrics({name: value for each in day.outcomes for name, value in each.figures.items()})
    tracker.finish(failed=bool(day.failed))


def _train(options: TrainOptions) -> TrainResult:
    from assay_training.flows.pipeline import run_training  # with TensorFlow, which takes seconds

    return run_training(options)


def _source(options: DailyOptions, clock: Clock) -> ReplaySource | YahooSource:
    if options.gold_csv is None or options.sp500_csv is None:
        return YahooSource(clock)
    return ReplaySource(options.gold_csv, options.sp500_csv, clock)
