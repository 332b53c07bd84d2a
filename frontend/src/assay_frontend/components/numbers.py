"""The numbers behind a picture: a table to read, and the same as a file to keep."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay_frontend.components.tables import Table, csv_text
from assay_frontend.i18n.formats import MISSING

About = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Column:
    """`name` heads it in the file, `title` in the table; it is left out where it has none there.

    `words` make a value readable; None has none.
    """

    name: str
    values: Sequence[Any]
    title: str = ""
    words: Callable[[Any], str] = str


@dataclass(frozen=True, slots=True)
class Numbers:
    """The file's name says where its bars came from: a file outlives the page's banner."""

    table: Table
    csv: str
    file: str

    @classmethod
    def of(
        cls,
        columns: Sequence[Column],
        *,
        file: str,
        newest_first: bool = False,
        about: About | None = None,
    ) -> Numbers:
        """Rows as they come; the table may turn them round, the file never does.

        `about` stands in every row of the file: what the figures are about, which the page tells.
        """
        table = {
            column.title: [_words(column, value) for value in column.values]
            for column in columns
            if column.title
        }
        if newest_first:
            table = {title: cells[::-1] for title, cells in table.items()}
        kept = [column for column in columns if column.name]
        same = about or {}
        rows = [
            (*row, *same.values()) for row in zip(*(column.values for column in kept), strict=True)
        ]
        return cls(table, csv_text([*(column.name for column in kept), *same], rows), file)

    @property
    def rows(self) -> int:
        return len(next(iter(self.table.values()), []))


def _words(column: Column, value: object) -> str:
    return MISSING if value is None else column.words(value)
