"""What chance alone does: how far a share of a few cases may lie from the truth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

WINDOW = 60
LEAST = 10
_TAIL = 0.025


def chance_band(n: int, share: float) -> tuple[int, int]:
    """The fewest and most of `n` cases that happen 19 of 20 times where each has chance `share`.

    The exact binomial distribution, a tail of 2.5 % at either side; `share` is in (0, 1).
    """
    below, low, high = 0.0, 0, n
    found = False
    for hits in range(n + 1):
        below += math.exp(_log_binomial(n, hits, share))
        if not found and below > _TAIL:
            low, found = hits, True
        if below >= 1 - _TAIL:
            high = hits
            break
    return low, high


def against_chance(hits: int, n: int, share: float) -> Literal["below", "fits", "above"]:
    """Whether chance alone explains so many hits, each with chance `share`."""
    low, high = chance_band(n, share)
    return "below" if hits < low else "above" if hits > high else "fits"


def uneven_p(counts: Sequence[int]) -> float | None:
    """p-value that cases fall evenly into all parts (chi-squared); None where they are too few for
    that, under five a part.
    """
    expected = sum(counts) / len(counts)
    if expected < 5:
        return None
    return _chi_squared_tail(
        sum((count - expected) ** 2 / expected for count in counts), len(counts) - 1
    )


def lean(counts: Sequence[int]) -> float:
    """Where the cases' mean lies over the parts, in standard errors from the middle."""
    n, parts = sum(counts), len(counts)
    mean = sum(i * count for i, count in enumerate(counts)) / n
    return (mean - (parts - 1) / 2) / math.sqrt((parts**2 - 1) / 12 / n)


def _chi_squared_tail(x: float, freedom: int) -> float:
    """Above `x`, by the finite series that whole degrees of freedom have."""
    odd = freedom % 2
    tail = math.erfc(math.sqrt(x / 2)) if odd else 0.0
    term = math.exp(-x / 2) * (math.sqrt(2 * x / math.pi) if odd else 1.0)
    for i in range(freedom // 2):
        tail += term
        term *= x / (2 * i + 2 + odd)
    return tail


def kupiec_p(hits: int, n: int, level: float) -> float | None:
    """p-value that losses beyond a value at risk come at `level`; None of none.

    `hits` of `n` losses lay beyond it, `level` in (0, 1) is how often they should. Twice the log
    of the likelihood ratio against the share that was seen, chi-squared with one degree of
    freedom, whose tail is erfc(sqrt(x / 2)); Kupiec 1995.
    """
    if n == 0:
        return None
    seen = hits / n
    ratio = _times_log(hits, seen / level) + _times_log(n - hits, (1 - seen) / (1 - level))
    return math.erfc(math.sqrt(max(ratio, 0.0)))


def _times_log(count: int, ratio: float) -> float:
    return count * math.log(ratio) if count else 0.0


def _log_binomial(n: int, hits: int, share: float) -> float:
    ways = math.lgamma(n + 1) - math.lgamma(hits + 1) - math.lgamma(n - hits + 1)
    return ways + hits * math.log(share) + (n - hits) * math.log1p(-share)


def trailing_shares(flags: Sequence[bool], window: int = WINDOW) -> list[float | None]:
    """For each case the share of true ones among it and those before, `window` at most.

    None for the first ones, of which `LEAST` are not there yet.
    """
    sums = [0]
    for flag in flags:
        sums.append(sums[-1] + flag)
    shares: list[float | None] = []
    for i in range(1, len(sums)):
        start = max(0, i - window)
        shares.append((sums[i] - sums[start]) / (i - start) if i - start >= LEAST else None)
    return shares
