"""How the steps of a flow are called; free of what the steps need, which takes seconds to load."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

T = TypeVar("T")


class Runner(Protocol):
    """Calls a step under its name; `each` may call several at once."""

    def run(self, name: str, step: Callable[[], T]) -> T:
        """What `step` returns."""
        ...

    def each(self, steps: Sequence[tuple[str, Callable[[], T]]]) -> list[T]:
        """What each of `steps` returns, in their order."""
        ...

    @property
    def elsewhere(self) -> bool:
        """Whether `each` runs in other processes, which cannot report progress."""
        ...


class Plainly:
    """Calls each step where it stands."""

    elsewhere = False

    def run(self, name: str, step: Callable[[], T]) -> T:
        return step()

    def each(self, steps: Sequence[tuple[str, Callable[[], T]]]) -> list[T]:
        return [step() for _, step in steps]
