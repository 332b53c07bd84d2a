"""A Yahoo in memory that does as it is told."""

from datetime import UTC, datetime

import pytest

from assay.errors import SourceUnavailable
from assay.market.bars import CheckedBars
from assay.market.sources.simulated import SimulatedSource

CLOSE = datetime(2025, 4, 15, 21, tzinfo=UTC)  # of gold's session on a Tuesday


class ScriptedYahoo:
    """A source named yahoo whose bars are simulated, and whose trouble is scripted."""

    name = "yahoo"

    def __init__(self, clock):
        self._market = SimulatedSource(clock, seed=1)
        self.calls = []
        self.errors = []
        self.change = lambda _symbol, bars: bars
        self.set_aside = ()

    def fetch(self, symbol, *, start, deadline_seconds):
        self.calls.append((symbol, start, deadline_seconds))
        if self.errors and (error := self.errors.pop(0)):
            raise error
        bars = self._market.fetch(symbol, start=start, deadline_seconds=1.0).bars
        bars = self.change(symbol, bars)
        return CheckedBars(bars, self.set_aside, rows=len(bars) + len(self.set_aside))


def down(*_):
    return SourceUnavailable("Yahoo is down")


def fail(feed, upstream, *errors, expect=SourceUnavailable):
    upstream.errors = list(errors)
    with pytest.raises(expect) as caught:
        feed.refresh()
    return caught.value
