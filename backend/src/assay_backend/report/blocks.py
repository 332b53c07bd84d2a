"""What a report is made of, whichever form it takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Tone = Literal["plain", "good", "notice", "warning"]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Sentences."""

    text: str
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list of sentences."""

    items: Sequence[str]
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True)
class Table:
    """`right` are the columns set to the right, as numbers are."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    right: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Figures:
    """Names and values that stand by themselves."""

    items: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture, by its name; `caption` says what it shows, also to those who cannot see it."""

    name: str
    caption: str


@dataclass(frozen=True, slots=True)
class Code:
    """A line to be kept as it is."""

    text: str


Block = Paragraph | Bullets | Table | Figures | Plot | Code


@dataclass(frozen=True, slots=True)
class Section:
    """A part with its title."""

    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True, slots=True)
class Report:
    """The whole, in one language."""

    language: str
    title: str
    subtitle: str
    sections: Sequence[Section]
    banner: str | None
    footer: str
