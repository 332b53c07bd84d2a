"""Which champion serves, which served before, and the way back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from assay.bundle import promotion
from assay.bundle.versions import Change
from assay.clock import Clock
from assay.errors import ChosenElsewhere, StorageError
from assay_backend.answers import Answer
from assay_backend.services.champion import ChampionService
from assay_backend.services.forecasts import ForecastService
from assay_backend.services.model_documents import (
    champion_document,
    change_document,
    version_document,
)

Document = dict[str, Any]

log = logging.getLogger(__name__)


class ModelService:
    """Reads what stands beside the champion, and swaps it for a former one; `trial` tells of the
    challenger, and `elsewhere` where the champion is chosen, if not here.
    """

    def __init__(
        self,
        champion: ChampionService,
        forecasts: ForecastService,
        folder: Path,
        clock: Clock,
        *,
        trial: Callable[[], Document | None],
        elsewhere: str | None = None,
    ) -> None:
        self._champion = champion
        self._forecasts = forecasts
        self._folder = folder
        self._clock = clock
        self._trial = trial
        self._elsewhere = elsewhere
        self._swapping = asyncio.Lock()
        self._made_from = ""
        self._answer: Answer | None = None

    async def document(self) -> Document:
        """Versions and history, as the folder has them now."""
        return await asyncio.to_thread(self._document)

    def _document(self) -> Document:
        state = self._champion.state
        served = state.bundle.digest if state.bundle else None
        target = promotion.rollback_target(self._folder)
        earlier = promotion.current_champion(target) if target and not self._elsewhere else None
        return {
            "champion": state.bundle.metadata.version if state.bundle else None,
            "rollback_to": earlier.version if earlier else None,
            "versions": [
                version_document(replace(each, serves=each.champion.digest == served))
                for each in promotion.versions(self._folder)
            ],
            "history": [change_document(each) for each in promotion.history(self._folder)],
            "canary": self._trial(),
            "problems": list(state.problems),
        }

    def champion(self) -> Answer:
        """All that the champion says of itself. Raises BundleError where there is none."""
        bundle = self._champion.require()
        if self._answer is None or self._made_from != bundle.digest:
            document, now = champion_document(bundle), self._clock.now()
            self._answer = Answer.of(document, bundle=bundle.digest, at=now)
            self._made_from = bundle.digest
        return self._answer

    async def rollback(self, *, version: str | None, by: str, why: str) -> Document:
        """Puts the earlier champion, or the kept one of `version`, in place and serves it.

        Requests go on being answered by the old one until the new one's forecast is ready. Raises
        UnknownVersion, NoEarlierVersion, ChosenElsewhere, another BundleError, or StorageError.
        """
        if self._elsewhere is not None:
            raise ChosenElsewhere(self._elsewhere, path=str(self._folder))
        async with self._swapping:
            change = await asyncio.to_thread(self._swap, version, by, why)
        return change_document(change)

    def _swap(self, version: str | None, by: str, why: str) -> Change:
        given: dict[str, Any] = {
            "by": by, "why": why, "clock": self._clock, "prove": self._champion.prove,
        }  # fmt: skip
        try:
            if version is None:
                change = promotion.rollback(self._folder, **given)
            else:
                change = promotion.promote(self._folder, version, **given)
        except OSError as error:
            raise StorageError(
                f"{self._folder} cannot be written ({error.strerror or error}): the champion "
                "stays; where training writes it, assay-train rollback does the same"
            ) from error
        log.warning("Champion %s, by %s: %s", change.version, by, why)
        self._champion.check()
        self._forecasts.refresh()
        return change
