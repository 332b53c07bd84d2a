"""Timeframes: how long a bar lasts, where bars begin, and how many are missing between two."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from assay.errors import UnknownTimeframe

Stamps = NDArray[np.datetime64]
Unit = Literal["s", "m", "h", "d", "w", "M"]

DAY_MS: Final = 86_400_000
SHORTEST_MONTH_MS: Final = 28 * DAY_MS
_UNIT_MS: Final[dict[str, int]] = {
    "s": 1_000, "m": 60_000, "h": 3_600_000, "d": DAY_MS, "w": 7 * DAY_MS, "M": 30 * DAY_MS,
}  # fmt: skip
_NAME = re.compile(r"([1-9]\d{0,2})([smhdwM])")


@dataclass(frozen=True, slots=True)
class Timeframe:
    """A bar's length by the name exchanges give it: `1m`, `4h`, `1d`, `1w`, `1M`.

    A month is a calendar month in UTC; every other length is fixed.
    """

    amount: int
    unit: Unit

    @property
    def name(self) -> str:
        return f"{self.amount}{self.unit}"

    @property
    def milliseconds(self) -> int:
        """The length; of a month, 30 days."""
        return self.amount * _UNIT_MS[self.unit]

    @property
    def seconds(self) -> float:
        """The same in seconds."""
        return self.milliseconds / 1000

    def ends(self, opens: Any) -> Any:  # noqa: ANN401 - a datetime64[ms], or an array of them
        """When bars opened at `opens` (datetime64[ms], UTC) close.

        >>> timeframe("1M").ends(np.datetime64("2026-02-01", "ms"))
        np.datetime64('2026-03-01T00:00:00.000')
        """
        return self.shifted(opens, 1)

    def shifted(self, opens: Any, bars: int) -> Any:  # noqa: ANN401 - as for `ends`
        """The opens of the bars that many later."""
        if self.unit == "M":
            return (opens.astype("datetime64[M]") + bars * self.amount).astype("datetime64[ms]")
        return opens + np.timedelta64(bars * self.milliseconds, "ms")

    def last_open(self, instant: np.datetime64) -> np.datetime64:
        """When the bar that `instant` (datetime64[ms]) falls into opened, by the epoch's grid.

        Weeks begin on Monday. Exchanges may set weeks and longer bars off this grid.
        """
        if self.unit == "M":
            month = int(instant.astype("datetime64[M]").astype("int64"))
            opened = np.datetime64(month // self.amount * self.amount, "M")
            return np.datetime64(opened.item(), "ms")
        monday = 4 * DAY_MS if self.unit == "w" else 0  # 1970-01-05
        since = int(instant.astype("datetime64[ms]").astype("int64")) - monday
        return np.datetime64(since // self.milliseconds * self.milliseconds + monday, "ms")

    def off_grid(self, opens: Stamps) -> NDArray[np.bool_]:
        """Which of `opens` (datetime64[ms], NaT allowed) begin no bar of this timeframe.

        Up to a day, bars begin at whole multiples since the epoch. Longer ones begin wherever most
        of `opens` do, months on a first day.
        """
        if self.unit == "M":
            return np.asarray(opens != opens.astype("datetime64[M]").astype("datetime64[ms]"))
        rest = opens.astype("int64") % self.milliseconds
        if self.milliseconds <= DAY_MS or not len(opens):
            return np.asarray(rest != 0)
        known, counts = np.unique(rest[~np.isnat(opens)], return_counts=True)
        usual = known[np.argmax(counts)] if len(known) else 0
        return np.asarray(rest != usual)

    def missing_after(self, opens: Stamps) -> NDArray[np.int64]:
        """How many bars are missing between each of `opens` and the next, shape (n - 1,)."""
        if self.unit == "M":
            at, length = opens.astype("datetime64[M]").astype("int64"), self.amount
        else:
            at, length = opens.astype("int64"), self.milliseconds
        missing: NDArray[np.int64] = np.maximum(np.diff(at) // length - 1, 0)
        return missing


@lru_cache(maxsize=256)
def timeframe(name: str) -> Timeframe:
    """The timeframe called `name`; UnknownTimeframe where that is none.

    >>> timeframe("4h").seconds
    14400.0
    """
    found = _NAME.fullmatch(name)
    if not found:
        raise UnknownTimeframe(f"{name[:20]!r} is no timeframe: 1m, 4h and 1d are", name=name[:20])
    return Timeframe(int(found[1]), found[2])  # type: ignore[arg-type]  # the pattern's units
