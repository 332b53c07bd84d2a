"""Reads fields of decoded JSON, and says which one is wrong."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from assay_frontend.api.errors import MalformedAnswer


@dataclass(frozen=True, slots=True)
class Fields:
    """A JSON object and the place it stands at; a null counts as missing."""

    data: Mapping[str, object]
    where: str

    @classmethod
    def of(cls, value: object, where: str) -> Fields:
        if not isinstance(value, Mapping):
            raise MalformedAnswer(f"{where} is not an object")
        return cls(value, where)

    def _required(self, name: str) -> object:
        value = self.data.get(name)
        if value is None:
            raise MalformedAnswer(f"{self.where}.{name} is missing")
        return value

    def _wrong(self, name: str, kind: str) -> MalformedAnswer:
        return MalformedAnswer(f"{self.where}.{name} is not {kind}: {self.data.get(name)!r:.80}")

    def number(self, name: str) -> float:
        value = self._required(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._wrong(name, "a number")
        if not math.isfinite(value):
            raise self._wrong(name, "finite")
        return float(value)

    def price(self, name: str) -> float:
        value = self.number(name)
        if value <= 0:
            raise self._wrong(name, "a price")
        return value

    def amount(self, name: str) -> float:
        value = self.number(name)
        if value < 0:
            raise self._wrong(name, "zero or more")
        return value

    def share(self, name: str) -> float:
        value = self.number(name)
        if not 0 <= value <= 1:
            raise self._wrong(name, "from 0 to 1")
        return value

    def count(self, name: str) -> int:
        value = self.number(name)
        if value < 0 or value != int(value):
            raise self._wrong(name, "a count")
        return int(value)

    def text(self, name: str) -> str:
        value = self._required(name)
        if not isinstance(value, str):
            raise self._wrong(name, "a text")
        return value

    def flag(self, name: str) -> bool:
        value = self._required(name)
        if not isinstance(value, bool):
            raise self._wrong(name, "true or false")
        return value

    def session(self, name: str) -> date:
        try:
            return date.fromisoformat(self.text(name)[:10])
        except ValueError as error:
            raise self._wrong(name, "a date") from error

    def instant(self, name: str) -> datetime:
        try:
            value = datetime.fromisoformat(self.text(name))
        except ValueError as error:
            raise self._wrong(name, "a time") from error
        if value.tzinfo is None:
            raise self._wrong(name, "a time with its zone")
        return value.astimezone(UTC)

    def items(self, name: str) -> list[Fields]:
        value = self._required(name)
        if not isinstance(value, list):
            raise self._wrong(name, "a list")
        return [Fields.of(item, f"{self.where}.{name}[{i}]") for i, item in enumerate(value)]

    def count_list(self, name: str) -> tuple[int, ...]:
        """A list of counts; empty where missing."""
        value = self.data.get(name)
        if value is None:
            return ()
        whole = isinstance(value, list) and all(type(item) is int and item >= 0 for item in value)
        if not isinstance(value, list) or not whole:
            raise self._wrong(name, "a list of counts")
        return tuple(value)

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts; empty where missing."""
        value = self.data.get(name)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self._wrong(name, "a list of texts")
        return tuple(value)

    def numbers(self, name: str) -> tuple[float, ...]:
        values = self._list(name)
        return tuple(Fields({name: v}, f"{self.where}.{name}").number(name) for v in values)

    def instants(self, name: str) -> tuple[datetime, ...]:
        values = self._list(name)
        return tuple(Fields({name: v}, f"{self.where}.{name}").instant(name) for v in values)

    def _list(self, name: str) -> list[object]:
        value = self._required(name)
        if not isinstance(value, list):
            raise self._wrong(name, "a list")
        return value

    def child(self, name: str) -> Fields:
        return Fields.of(self._required(name), f"{self.where}.{name}")

    def has(self, name: str) -> bool:
        return self.data.get(name) is not None

    def number_or_none(self, name: str) -> float | None:
        return self.number(name) if self.has(name) else None

    def text_or_none(self, name: str) -> str | None:
        return self.text(name) if self.has(name) else None

    def session_or_none(self, name: str) -> date | None:
        return self.session(name) if self.has(name) else None

    def instant_or_none(self, name: str) -> datetime | None:
        return self.instant(name) if self.has(name) else None

    def flag_or_none(self, name: str) -> bool | None:
        return self.flag(name) if self.has(name) else None

    def count_or_none(self, name: str) -> int | None:
        return self.count(name) if self.has(name) else None

    def children(self, name: str) -> dict[str, Fields]:
        """An object of objects, by name, nulls left out; empty where missing."""
        if not self.has(name):
            return {}
        child = self.child(name)
        return {key: child.child(key) for key in child.data if child.has(key)}

    def counts(self, name: str) -> dict[str, int]:
        """An object of counts, by name; empty where missing."""
        if not self.has(name):
            return {}
        child = self.child(name)
        return {key: child.count(key) for key in child.data}

    def flags_by_level(self, name: str) -> tuple[tuple[float, bool], ...]:
        """An object such as {"0.8": true} as pairs, smallest level first; empty where missing."""
        if not self.has(name):
            return ()
        child = self.child(name)
        return tuple((level, child.flag(key)) for level, key in self._levels(name, child))

    def numbers_by_level(self, name: str) -> tuple[tuple[float, float], ...]:
        """An object such as {"0.8": 0.79} as pairs, smallest level first; empty where missing."""
        if not self.has(name):
            return ()
        child = self.child(name)
        levels = self._levels(name, child)
        return tuple((level, child.number(key)) for level, key in levels if child.has(key))

    def _levels(self, name: str, child: Fields) -> list[tuple[float, str]]:
        try:
            return sorted((float(key), key) for key in child.data)
        except ValueError as error:
            raise self._wrong(name, "keyed by level") from error
