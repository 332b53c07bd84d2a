"""The steps of the daily flow as plain functions; each may be called again without harm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.bundle.files import load_bundle
from assay.calendars import NEW_YORK
from assay.clock import Clock
from assay.errors import StorageError
from assay.market.sources.base import DailySource
from assay.market.symbols import GOLD
from assay_training.flows.day_state import DayState, refit_is_due
from assay_training.settings import WEEKDAYS, TrainingSettings
from assay_training.steps.evaluate import evaluate_bundle, figures
from assay_training.steps.load import RAW_NAMES, ingest_pair, read_pair
from assay_training.steps.service import Service, ServiceAway
from assay_training.tracking import Tracker
from assay_training.whole_file import write_text

if TYPE_CHECKING:
    from assay_training.flows.plan import TrainOptions, TrainResult

REPORTS = "reports"
FORMS = {"md": "text/markdown", "html": "text/html"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DaySurroundings:
    """What a daily run is given: where it works, whom it asks, and how a refit is made."""

    settings: TrainingSettings
    clock: Clock
    source: DailySource
    service: Service
    tracker: Tracker
    train: Callable[[TrainOptions], TrainResult]
    out: Path
    quick: bool = False

    @property
    def data(self) -> Path:
        return self.settings.data_dir

    @property
    def raw(self) -> Path:
        return self.data / "raw"

    @property
    def session(self) -> date:
        """The gold session that the run is about: the newest that has closed."""
        return GOLD.calendar.last_closed(self.clock.now())


@dataclass(frozen=True, slots=True)
class Done:
    """What a step did, for people and as figures; not `changed` where there was nothing to do."""

    detail: str
    figures: dict[str, float] = field(default_factory=dict)
    changed: bool = True


def ingest_bars(around: DaySurroundings) -> Done:
    """New sessions into the raw folder."""
    deadline = around.settings.download_deadline_seconds
    found = ingest_pair(around.source, around.raw, deadline_seconds=deadline)
    changed = any(each.new or each.corrected for each in found)
    return Done("; ".join(map(str, found)), changed=changed)


def score_champion(around: DaySurroundings) -> Done:
    """The champion, frozen, on the sessions since its training, beside every benchmark."""
    bundle = load_bundle(around.out)
    bars = read_pair(*(around.raw / name for name in RAW_NAMES))
    trained_to, last = bundle.metadata.trained_to, bars.gold.last_session
    if last.isoformat() <= trained_to:
        return Done(f"no session since {trained_to}, to which it was trained", changed=False)
    state, scored = DayState.read(around.data), f"{bundle.metadata.version} {last}"
    if state.scored == scored:
        return Done(f"{bundle.metadata.version} was scored up to {last} before", changed=False)
    start = date.fromisoformat(trained_to) + timedelta(days=1)
    report = evaluate_bundle(bundle, bars.gold, bars.sp500, start=start, end=last)
    replace(state, scored=scored).write(around.data)
    champion = next(row for row in report["rows"] if row["name"] == "champion")
    return Done(
        f"{bundle.metadata.version} on {report['n']} sessions up to {last}: "
        f"CRPS {champion['crps']:.5f}, RMSE {_ratio(champion)} of the random walk's",
        {"sessions": float(report["n"])} | figures(report["rows"]),
    )


def _ratio(row: dict[str, Any]) -> str:
    ratio = row["rmse_ratio_rw"]
    return "-" if ratio is None else f"{ratio:.4f}"


def check_ledger(around: DaySurroundings) -> Done:
    """What the service says of its ledger and its track record; that it is away is no fault here.

    Raises StorageError where a row of the ledger is not what was written.
    """
    try:
        ledger = around.service.document("/v1/ledger/verify")
        record = around.service.document("/v1/gold/track-record")
    except ServiceAway as error:
        return Done(str(error), {"service.answers": 0.0}, changed=False)
    if ledger.get("intact") is not True:
        raise StorageError(
            f"the ledger of {around.service.address} is not what was written, first in row "
            f"{ledger.get('first_bad')}"
        )
    rows, n = int(ledger.get("rows", 0)), int(record.get("n", 0))
    skill = record.get("summary", {}).get("skill", {})
    told = {f"track_record.{name}": value for name, value in skill.items() if value is not None}
    return Done(
        f"intact, {rows} rows; {n} forecasts came due",
        {"service.answers": 1.0, "ledger.rows": float(rows), "track_record.n": float(n)} | told,
        changed=False,
    )


def refit_champion(around: DaySurroundings) -> Done:
    """Once a week the champion's own recipe on all bars; it stays where the guardrails say no."""
    today = around.clock.now().astimezone(NEW_YORK).date()
    state, weekday = DayState.read(around.data), around.settings.refit_weekday
    champion = load_bundle(around.out).metadata
    last = state.refitted_on or date.fromisoformat(champion.created_at[:10])
    if not refit_is_due(today, last=last, weekday=WEEKDAYS.index(weekday)):
        return Done(f"not due: the last was on {last}, the next is on {weekday}", changed=False)
    gold, sp500 = (around.raw / name for name in RAW_NAMES)
    if read_pair(gold, sp500).gold.last_session.isoformat() <= champion.trained_to:
        return Done(f"no session since {champion.trained_to} to learn from", changed=False)
    from assay_training.flows.plan import TrainOptions  # with TensorFlow, which takes seconds

    options = TrainOptions(
        gold_csv=gold, sp500_csv=sp500, out=around.out, quick=around.quick, refit=True
    )
    result = around.train(options)
    replace(DayState.read(around.data), refitted_on=today).write(around.data)
    published = f" Published {result.metadata.version}." if result.metadata else ""
    return Done(f"{result.decision.verdict}{published}")


def save_report(around: DaySurroundings) -> Done:
    """The service's daily report, once for each session."""
    paths = {form: around.data / REPORTS / f"{around.session}.{form}" for form in FORMS}
    missing = {form: path for form, path in paths.items() if not path.is_file()}
    if not missing:
        return Done(f"{paths['md']} was written before", changed=False)
    for form, path in missing.items():
        write_text(path, around.service.text("/v1/report/daily", FORMS[form]))
    return Done(f"written to {paths['md']} and .html")
