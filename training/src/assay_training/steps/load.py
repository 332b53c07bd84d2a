"""Bars for training: from two CSV files, or from Yahoo into the raw folder and on from there."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from assay.clock import Clock
from assay.errors import InvalidBars, TooLittleHistory
from assay.evaluation.walk_forward import LEAST_TRAINING_ROWS
from assay.market.bars import Bars
from assay.market.csv_bars import read_bars_csv, write_bars_csv
from assay.market.sources.base import DailySource
from assay.market.sources.yahoo import YahooSource
from assay.market.symbols import GOLD, SP500, Symbol

FIRST_SESSION = date(2000, 8, 30)  # Yahoo's first GC=F row
SP500_FIRST_SESSION = date(1999, 1, 4)
# 60-day momentum, and the longest window a network may look back on.
WARM_UP_SESSIONS = 100
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
    """Reads both CSVs; one that is not named is downloaded into `raw_dir` first.

    `source` is Yahoo unless given. Raises InvalidBars for files that hold no usable bars or do not
    overlap, TooLittleHistory for too few, SourceUnavailable and its kin for a failed download.
    """
    paths = []
    for csv, symbol, name, start in (
        (gold_csv, GOLD, "gold.csv", FIRST_SESSION),
        (sp500_csv, SP500, "sp500.csv", SP500_FIRST_SESSION),
    ):
        if csv is None:
            source = source or YahooSource(clock)
            csv = raw_dir / name
            _download(source, symbol, csv, start=start, deadline_seconds=deadline_seconds)
        paths.append(csv)
    bars = read_pair(*paths)
    _check_length(paths[0], bars)
    return bars


def read_pair(gold_csv: Path, sp500_csv: Path) -> TrainingBars:
    """Both series from their files; InvalidBars where they have no session in common."""
    gold, sp500 = read_bars_csv(gold_csv), read_bars_csv(sp500_csv)
    _check_overlap([gold_csv, sp500_csv], gold.bars, sp500.bars)
    summaries = (f"{gold_csv}: {gold.summary()}", f"{sp500_csv}: {sp500.summary()}")
    return TrainingBars(gold.bars, sp500.bars, summaries)


def _download(
    source: DailySource, symbol: Symbol, path: Path, *, start: date, deadline_seconds: float
) -> None:
    """Replaces `path` by the bars of `symbol`, whole or not at all."""
    bars = source.fetch(symbol.name, start=start, deadline_seconds=deadline_seconds).bars
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, staged = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    try:
        write_bars_csv(Path(staged), bars)
        Path(staged).replace(path)
    finally:
        Path(staged).unlink(missing_ok=True)


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
