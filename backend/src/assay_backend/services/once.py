"""Idempotency: a request that comes again under its key gets its first answer again."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from assay.store.ledger_records import Entry, Remember
from assay_backend.services.ledger import AlreadyAnswered, LedgerService


class KeyReused(Exception):
    """The key came with another request before."""


class Named(NamedTuple):
    """SHA-256 of a caller's key with the endpoint, and of what the request means."""

    key_digest: bytes
    request_digest: bytes

    @classmethod
    def of(cls, key: str, *, endpoint: str, meaning: str) -> Named:
        """`meaning` is equal for requests that may share a key."""
        return cls(_digest(f"{endpoint}\n{key}"), _digest(meaning))


class Made(NamedTuple):
    """A new answer, and what the ledger is to keep with it."""

    entries: list[Entry]
    answer: bytes


class OnceService:
    """Sees to it that what has a key is done once, however often and wherever it is asked for."""

    def __init__(self, ledger: LedgerService) -> None:
        self._ledger = ledger

    async def answer(self, named: Named, make: Callable[[], Awaitable[Made]]) -> bytes:
        """The first answer under the key, which `make` makes where there is none yet.

        It is remembered in the transaction that records its entries. Where `make` raises nothing
        is remembered. Raises KeyReused where the request was another one, and StorageError.
        """
        remembered = await self._ledger.recall(named.key_digest)
        if remembered is None:
            made = await make()
            try:
                await self._ledger.append(made.entries, remember=Remember(*named, body=made.answer))
            except AlreadyAnswered as faster:  # its entries are in the ledger, and none of ours
                remembered = faster.remembered
            else:
                return made.answer
        if remembered.request_digest != named.request_digest:
            raise KeyReused
        return remembered.body


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
