"""Which language sentences are in: the best of those there are by Accept-Language (RFC 9110)."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, Literal

Language = Literal["en", "es"]

LANGUAGES: Final[tuple[Language, ...]] = ("en", "es")
USUAL: Final[Language] = "en"
LONGEST_HEADER: Final = 400


@lru_cache(maxsize=256)
def best_language(accept_language: str | None) -> Language:
    """The language with the greatest weight, the first one named among equals; else English.

    >>> best_language("es-MX,es;q=0.9,en;q=0.8"), best_language("de, en;q=0.5, *;q=0.1")
    ('es', 'en')
    """
    best, best_weight = USUAL, 0.0
    for entry in (accept_language or "")[:LONGEST_HEADER].split(","):
        tag, _, parameters = entry.strip().partition(";")
        weight = _weight(parameters)
        name = tag.strip().lower().partition("-")[0]
        for language in LANGUAGES:
            if name == language and weight > best_weight:
                best, best_weight = language, weight
    return best


def _weight(parameters: str) -> float:
    """`q=0.8`; 1 where there is none, 0 where it is none."""
    name, _, value = parameters.partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        weight = float(value)
    except ValueError:
        return 0.0
    return weight if 0.0 <= weight <= 1.0 else 0.0
