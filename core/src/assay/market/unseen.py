"""Which rows that are no bars are new, where no store tells."""

from __future__ import annotations

from assay.market.bars import CheckedBars, SetAside
from assay.market.keys import SeriesKey

MOST_REMEMBERED = 10_000

_Row = tuple[str, ...]


class UnseenRows:
    """Remembers the rows that were set aside, the newest MOST_REMEMBERED of them."""

    def __init__(self) -> None:
        self._seen: dict[_Row, None] = {}

    def reasons(self, key: SeriesKey, checked: CheckedBars) -> tuple[str, ...]:
        """The reasons against those implausible rows that were not seen before."""
        rows = dict.fromkeys(_identity(key, row) for row in checked.implausible)
        new = [row for row in rows if row not in self._seen]
        self._seen.update(rows)
        while len(self._seen) > MOST_REMEMBERED:
            del self._seen[next(iter(self._seen))]
        return tuple(reason for *_, reason in new)


def _identity(key: SeriesKey, row: SetAside) -> _Row:
    """A file's line is one row, in whichever timeframes its bars are asked for."""
    source, symbol, of = key
    part = of if row.line is None else f"line {row.line}"
    return source, symbol, part, row.time, row.reason
