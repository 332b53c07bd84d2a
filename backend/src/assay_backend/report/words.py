"""The report's words and figures in a language: one flat JSON file each, all with the same keys."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from importlib import resources

from assay_backend.languages import Language

NOTHING = "\N{EN DASH}"


@dataclass(frozen=True, slots=True)
class Words:
    """`words("key", name=value)` gives the sentence; a key that no file has is a KeyError."""

    language: Language
    messages: Mapping[str, str]

    def __call__(self, key: str, **values: object) -> str:
        return self.messages[key].format(**values)

    def counted(self, key: str, count: int, **values: object) -> str:
        """The sentence for one, or that for any other number."""
        return self(f"{key}.{'one' if count == 1 else 'other'}", count=self.number(count), **values)

    def number(self, value: float | None, decimals: int = 0, *, signed: bool = False) -> str:
        """`2,650.25`, or `2.650,25` in Spanish, with a minus sign that is one."""
        if value is None:
            return NOTHING
        text = f"{value:+,.{decimals}f}" if signed else f"{value:,.{decimals}f}"
        if float(text.replace(",", "")) == 0.0:
            text = text.lstrip("+-")
        if self.language == "es":
            text = text.translate(str.maketrans(",.", ".,"))
        return text.replace("-", "\N{MINUS SIGN}")

    def percent(self, share: float | None, decimals: int = 0, *, signed: bool = False) -> str:
        """A share of 1 as `31 %`, which no line breaks."""
        if share is None:
            return NOTHING
        return f"{self.number(100.0 * share, decimals, signed=signed)}\N{NO-BREAK SPACE}%"

    def instant(self, moment: datetime | str | None) -> str:
        """`2026-11-26 22:00`, in UTC."""
        if moment is None:
            return NOTHING
        if isinstance(moment, str):
            moment = datetime.fromisoformat(moment)
        return f"{moment:%Y-%m-%d %H:%M}"

    def day(self, day: date | str | None) -> str:
        """`Fri 2026-11-27`."""
        if day is None:
            return NOTHING
        if isinstance(day, str):
            day = date.fromisoformat(day)
        return f"{self.messages['weekdays'].split()[day.weekday()]} {day.isoformat()}"

    def age(self, seconds: float | None) -> str:
        """`3 min`, `5 h`, `2 d`: the largest unit of which there are two, or minutes."""
        if seconds is None:
            return NOTHING
        for unit, length in (("d", timedelta(days=1)), ("h", timedelta(hours=1))):
            if seconds >= 2 * length.total_seconds():
                return f"{self.number(seconds // length.total_seconds())} {unit}"
        return f"{self.number(seconds // 60)} min"

    def named(self, kind: str, name: str) -> str:
        """The word for a state or a reason; its own name where there is none."""
        return self.messages.get(f"{kind}.{name}", name)


@cache
def words_of(language: Language) -> Words:
    """The words of `language`."""
    path = resources.files(__package__).joinpath(f"{language}.json")
    return Words(language, json.loads(path.read_text("utf-8")))
