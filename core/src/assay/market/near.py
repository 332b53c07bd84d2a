"""Names that are like the one that was asked for, found without comparing it with every name."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["NearNames"]

LEAST_ALIKE = 0.6
MOST_COMPARED = 40
MOST_REMEMBERED = 256

_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class NearNames:
    """Which of `names`, in capital letters and digits, are like another one; they stand for the
    markets `BASE/QUOTE` that they map to.

    Comparing takes tens of microseconds a name, and exchanges have thousands: so only those are
    compared that share enough letters, in whatever order, and answers are remembered.
    """

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = tuple(names)
        self._symbols = tuple(names.values())
        self._lengths = np.array([len(name) for name in self._names], np.int16)
        self._letters = _counts(self._names)
        self._quotes = frozenset(symbol.rpartition("/")[2] for symbol in self._symbols)
        self.of = lru_cache(MOST_REMEMBERED)(self._of)

    def _of(self, joined: str, quote: str | None, most: int) -> list[str]:
        """At most `most` markets, those with the `quote` that was asked for first, then the most
        alike. Where it is None it is the longest that `joined` ends with.
        """
        asked = quote or self._quote_of(joined)
        matcher = difflib.SequenceMatcher()
        matcher.set_seq2(joined)
        best: dict[str, float] = {}
        for at in self._sharing_letters(joined):
            matcher.set_seq1(self._names[at])
            alike, symbol = matcher.ratio(), self._symbols[at]
            if alike >= LEAST_ALIKE:
                best[symbol] = max(alike, best.get(symbol, 0.0))

        def rank(symbol: str) -> tuple[bool, float]:
            return symbol.rpartition("/")[2] != asked, -best[symbol]

        return sorted(best, key=rank)[:most]

    def _quote_of(self, joined: str) -> str | None:
        ends = [quote for quote in self._quotes if joined.endswith(quote) and quote != joined]
        return max(ends, key=len, default=None)

    def _sharing_letters(self, joined: str) -> list[int]:
        """The positions of names that could be alike enough, the likeliest first."""
        shared = np.minimum(self._letters, _counts((joined,))).sum(axis=1)
        at_most: NDArray[np.float64] = 2.0 * shared / (self._lengths + len(joined))
        likely = np.argsort(-at_most, kind="stable")[:MOST_COMPARED]
        found: list[int] = likely[at_most[likely] >= LEAST_ALIKE].tolist()
        return found


def _counts(names: tuple[str, ...]) -> NDArray[np.int16]:
    """How often each name has each of `_LETTERS`, shape (names, letters)."""
    table = np.array(names, np.str_)
    characters = table.view(np.uint32).reshape(len(names), table.itemsize // 4)
    columns = [np.count_nonzero(characters == ord(letter), axis=1) for letter in _LETTERS]
    return np.array(columns, np.int16).T
