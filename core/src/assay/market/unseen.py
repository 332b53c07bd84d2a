"""Which rows that are no bars are new, where no store tells."""

from __future__ import annotations

from assay.market.bars import CheckedBars
from assay.market.keys import SeriesKey

MOST_REMEMBERED = 10_000

_Row = tuple[SeriesKey, str, str]


class UnseenRows:
    """Remembers the rows that were set aside, the newest MOST_REMEMBERED of them."""

    def __init__(self) -> None:
        self._seen: dict[_Row, None] = {}

    def reasons(self, key: SeriesKey, checked: CheckedBars) -> tuple[str, ...]:
        """The reasons against those implausible rows that were not seen before."""
        rows = dict.fromkeys((key, row.time, row.reason) for row in checked.implausible)
        new = [row for row in rows if row not in self._seen]
        self._seen.update(rows)
        while len(self._seen) > MOST_REMEMBERED:
            del self._seen[next(iter(self._seen))]
        return tuple(reason for _, _, reason in new)
