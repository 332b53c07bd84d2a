"""New sessions into the raw folder: what is there stays, what the source has since is added."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from assay.errors import InvalidBars, SourceUnavailable
from assay.market.bars import Bars
from assay.market.csv_bars import read_bars_csv, write_bars_csv
from assay.market.sources.base import DailySource
from assay.market.symbols import Symbol
from assay_training.whole_file import staged

# So many sessions are asked for again: a source corrects its newest ones, and fills its holes.
ASKED_AGAIN = 10


@dataclass(frozen=True, slots=True)
class Ingested:
    """A raw file after the source was asked: sessions that are new, and those corrected."""

    path: Path
    last_session: date
    new: int
    corrected: int

    def __str__(self) -> str:
        corrected = f", {self.corrected} corrected" if self.corrected else ""
        return f"{self.path.name} to {self.last_session}: {self.new} new{corrected}"


def ingest(
    source: DailySource, market: Symbol, path: Path, *, first: date, deadline_seconds: float
) -> Ingested:
    """Brings `path` up to what `source` has of `market`; the file changes whole or not at all.

    Where it holds nothing that can be read, all sessions since `first` are fetched. Raises what the
    source raises, or OSError.
    """
    kept = _kept(path)
    start = kept.session[-ASKED_AGAIN:][0].item() if len(kept) else first
    found = source.fetch(market.name, start=start, deadline_seconds=deadline_seconds).bars
    merged = _merged(kept, found)
    if not len(merged):
        raise SourceUnavailable(f"{source.name} has no session of {market.name} since {first}")
    if not len(kept) or merged.fingerprint() != kept.fingerprint():
        with staged(path) as place:
            write_bars_csv(place, merged)
    new = len(merged) - len(kept)
    return Ingested(path, merged.last_session, new, _differing(kept, found))


def _kept(path: Path) -> Bars:
    """The bars of `path`; none where the file is absent, or is no file of bars."""
    try:
        return read_bars_csv(path, daily=True).bars
    except InvalidBars:
        return Bars.empty()


def _merged(kept: Bars, found: Bars) -> Bars:
    """Both in order; where both have a session, what was found counts."""
    older = kept.take(~np.isin(kept.session, found.session))
    time = np.concatenate([older.time, found.time])
    prices = (
        np.concatenate(columns)
        for columns in zip(older.columns()[1:], found.columns()[1:], strict=True)
    )
    return Bars(time, *prices).take(np.argsort(time))


def _differing(kept: Bars, found: Bars) -> int:
    """How many sessions of both have other values now."""
    _, old, new = np.intersect1d(kept.time, found.time, return_indices=True)
    pairs = zip(kept.take(old).columns(), found.take(new).columns(), strict=True)
    return int(np.any([before != after for before, after in pairs], axis=0).sum())
