"""How forecasts have fared so far, over the outcomes of many; None stands for what is undefined."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HitRate:
    """How often something happened: `hits` of `n`, `rate` None where n is 0."""

    n: int
    hits: int

    @classmethod
    def of(cls, happened: Sequence[bool | None]) -> HitRate:
        """Counts, leaving out what is None.

        >>> HitRate.of([True, False, None]).rate
        0.5
        """
        known = [each for each in happened if each is not None]
        return cls(len(known), sum(known))

    @property
    def rate(self) -> float | None:
        """Hits over n, 0 to 1."""
        return self.hits / self.n if self.n else None


def mean(values: Sequence[float]) -> float | None:
    """The arithmetic mean, None of nothing."""
    return math.fsum(values) / len(values) if values else None


def root_mean_square(values: Sequence[float]) -> float | None:
    """The root of the mean of squares, in the unit of `values`; None of nothing.

    >>> root_mean_square([3.0, -3.0])
    3.0
    """
    squares = mean([value * value for value in values])
    return None if squares is None else math.sqrt(squares)


def skill(losses: Sequence[float], rival: Sequence[float]) -> float | None:
    """1 - sum of losses / sum of the rival's, on the same days; above 0 is better than the rival.

    None where there is no day, or the rival lost nothing.

    >>> skill([1.0, 2.0], [2.0, 2.0])
    0.25
    """
    if len(losses) != len(rival):
        raise ValueError(
            f"{len(losses)} losses and {len(rival)} of the rival are not the same days"
        )
    theirs = math.fsum(rival)
    return 1.0 - math.fsum(losses) / theirs if theirs > 0.0 else None
