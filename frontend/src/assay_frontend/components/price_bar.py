"""What a chart of prices asks of a bar."""

from __future__ import annotations

from typing import Protocol


class PriceBar(Protocol):
    """Any closed bar."""

    @property
    def open(self) -> float: ...
    @property
    def high(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def close(self) -> float: ...
    @property
    def volume(self) -> float | None: ...
