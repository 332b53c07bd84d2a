"""Bars for training: from two CSV files, or from Yahoo into the raw folder and on from there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from assay.clock import Clock
from assay.errors import InvalidBars, TooLittleHistory
from assay.evaluation.walk_forward import LEAST_TRAINING_ROWS
from assay.market.bars import Bars, CheckedBars
from assay.market.csv_bars import read_bars_csv
from assay.market.sources.base import DailySource
from assay.market.sources.yahoo import YahooSource
from assay.market.symbols import GOLD, SP500, Symbol
from assay_training.steps.ingest import Ingested, ingest

RAW_NAMES = ("gold.csv", "sp500.csv")
FIRST_SESSIONS = (date(2000, 8, 30), date(1999, 1, 4))  # the former is Yahoo's first GC=F row
# 60-day momentum, and the longest window a network may look back on.
WARM_UP_SESSIONS = 100
# Longer than either market has been shut while the other traded.
MOST_DAYS_BEHIND = np.timedelta64(10, "D")
LEAST_SESSIONS = LEAST_TRAINING_ROWS + WARM_UP_SESSIONS + 500 + 250


@dataclass(frozen=True, slots=True, eq=False)
class TrainingBars:
    """Gold and S&P 500, and a line about each file for people to read."""

    gold: Bars
    sp500: Bars
    summaries: tuple[str, ...]


def load_training_bars(
    gold_csv: Path | None,
    sp500_csv: Path | None,
    *,
    raw_dir: Path,
    clock: Clock,
    source: DailySource | None = None,
    deadline_seconds: float = 60.0,
) -> TrainingBars:
    """Reads both CSVs; one that is not named is brought up to date in `raw_dir` first.

    `source` is Yahoo unless given. Raises InvalidBars for files that hold no usable bars or do not
    overlap, TooLittleHistory for too few, SourceUnavailable and its kin for a failed download.
    """
    gold, sp500 = (raw_dir / name for name in RAW_NAMES)
    if gold_csv is None or sp500_csv is None:
        ingest_pair(source or YahooSource(clock), raw_dir, deadline_seconds=deadline_seconds)
    paths = [gold_csv or gold, sp500_csv or sp500]
    bars = read_pair(*paths)
    _check_length(paths[0], bars)
    return bars


def ingest_pair(
    source: DailySource, raw_dir: Path, *, deadline_seconds: float
) -> tuple[Ingested, Ingested]:
    """Brings the raw files of gold and of the S&P 500 up to what `source` has."""
    gold, sp500 = (
        ingest(source, market, raw_dir / name, first=first, deadline_seconds=deadline_seconds)
        for market, name, first in zip((GOLD, SP500), RAW_NAMES, FIRST_SESSIONS, strict=True)
    )
    return gold, sp500


def read_pair(gold_csv: Path, sp500_csv: Path) -> TrainingBars:
    """Both series from their files; InvalidBars where they have no session in common.

    Rows on weekdays that the calendar does not know stay, since real exceptions happen; the
    summaries say how many there are, and where the S&P 500 ends well before gold.
    """
    gold, sp500 = (read_bars_csv(path, daily=True) for path in (gold_csv, sp500_csv))
    _check_overlap([gold_csv, sp500_csv], gold.bars, sp500.bars)
    summaries = [_summary(gold_csv, gold, GOLD), _summary(sp500_csv, sp500, SP500)]
    behind = gold.bars.session[-1] - sp500.bars.session[-1]
    if behind > MOST_DAYS_BEHIND:
        summaries.append(
            f"{sp500_csv}: ends {sp500.bars.last_session}, {behind.astype(int)} days before "
            f"{gold_csv}, which ends {gold.bars.last_session}"
        )
    return TrainingBars(gold.bars, sp500.bars, tuple(summaries))


def check_sp500_reaches(sp500_csv: Path, bars: TrainingBars, *, start: date, end: date) -> None:
    """InvalidBars where a target session from `start` to `end` has an origin without S&P 500.

    Stale features would be filled in from the last session there is, and the scores be wrong.
    """
    origin, target = bars.gold.session[:-1], bars.gold.session[1:]
    asked = origin[(target >= np.datetime64(start)) & (target <= np.datetime64(end))]
    at = np.searchsorted(bars.sp500.session, asked, side="right") - 1
    behind = asked - bars.sp500.session[np.maximum(at, 0)]
    alone = asked[(at < 0) | (behind > MOST_DAYS_BEHIND)]
    if len(alone):
        raise InvalidBars(
            f"{sp500_csv}: the S&P 500 of {_span(bars.sp500)} has no session within "
            f"{MOST_DAYS_BEHIND.astype(int)} days before the origin {alone[0]}, which scoring from "
            f"{start} to {end} needs",
            file=str(sp500_csv),
            value=_span(bars.sp500),
        )


def _summary(path: Path, checked: CheckedBars, market: Symbol) -> str:
    session = checked.bars.session
    unknown = np.flatnonzero(~np.isin(session, market.calendar.days))
    if not len(unknown):
        return f"{path}: {checked.summary()}"
    first = unknown[0]
    return (
        f"{path}: {checked.summary()}, {len(unknown)} on days that the calendar does not know "
        f"(the first on line {checked.lines[first]}, {session[first]})"
    )


def _check_overlap(paths: list[Path], gold: Bars, sp500: Bars) -> None:
    common = np.intersect1d(gold.session, sp500.session)
    if len(common):
        return
    raise InvalidBars(
        f"{paths[0]} ({_span(gold)}) and {paths[1]} ({_span(sp500)}) have no session in common; "
        "both must cover the same years",
        file=str(paths[0]),
        value=_span(gold),
    )


def _check_length(path: Path, bars: TrainingBars) -> None:
    """Counts gold's sessions from the S&P's first on: earlier ones have no features."""
    usable = int(np.sum(bars.gold.session >= bars.sp500.session[0]))
    if usable >= LEAST_SESSIONS:
        return
    raise TooLittleHistory(
        f"{path}: {len(bars.gold)} rows hold {usable} gold sessions that the S&P 500 covers; "
        f"training needs at least {LEAST_SESSIONS}: {LEAST_TRAINING_ROWS + WARM_UP_SESSIONS} to "
        "fit on, the rest to tune and to evaluate",
        needed=LEAST_SESSIONS,
        available=usable,
        file=str(path),
    )


def _span(bars: Bars) -> str:
    return f"{bars.session[0]} to {bars.last_session}"
