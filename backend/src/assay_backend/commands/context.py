"""What the commands work with: settings, clock, sources, database."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from assay.clock import Clock, SystemClock
from assay.market.sources.base import DailySource, ExchangeSource
from assay.market.sources.exchange import ExchangesSource
from assay.market.sources.yahoo import YahooSource
from assay.store import Store, open_store
from assay.store.engine import parse_url, sqlite_file
from assay_backend.settings import Settings, load_settings

__all__ = ["BadInput", "Context", "from_environment", "say", "speak_as"]


_PROGRAM: ContextVar[str] = ContextVar("program", default="assay-data")


class BadInput(Exception):
    """An argument that parsed but cannot be meant; the message says which, and what to do."""


@dataclass(frozen=True, slots=True)
class Context:
    """The composition root of a command; the sources are made only where they are asked."""

    settings: Settings
    clock: Clock
    exchanges: Callable[[Clock], ExchangeSource] = ExchangesSource
    daily: Callable[[Clock], DailySource] = YahooSource
    retry_pause_seconds: float = 1.0

    @contextmanager
    def store(self, *, new: bool = True) -> Iterator[Store]:
        """The database, made where there is none yet and it may be `new`. Raises StorageError, and
        BadInput where there is none and should be.
        """
        url = self.settings.sqlalchemy_url
        parsed = parse_url(url)
        is_new = parsed.get_backend_name() == "sqlite" and not sqlite_file(parsed).exists()
        if is_new and not new:
            raise BadInput(
                f"{sqlite_file(parsed)}: there is no database; ASSAY_DATA_DIR or "
                "ASSAY_DATABASE_URL says where it is"
            )
        store = open_store(url, named_by=self.settings.database_setting)
        if is_new:
            say(f"{sqlite_file(parsed)}: a new, empty database")
        try:
            yield store
        finally:
            store.close()


def from_environment() -> Context:
    """What the environment says. Raises BadSettings."""
    return Context(load_settings(), SystemClock())


def say(text: str) -> None:
    """A line for people, kept apart from what the command prints."""
    sys.stderr.write(f"{_PROGRAM.get()}: {text}\n")


@contextmanager
def speak_as(program: str) -> Iterator[None]:
    """What is said within the block is said by `program`."""
    token = _PROGRAM.set(program)
    try:
        yield
    finally:
        _PROGRAM.reset(token)
