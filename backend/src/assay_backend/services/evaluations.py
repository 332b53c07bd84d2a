"""The champion's leaderboard as ready-made bytes."""

from __future__ import annotations

from assay.clock import Clock
from assay_backend.answers import Answer
from assay_backend.services.champion import ChampionService
from assay_backend.services.rendering import evaluation_document


class EvaluationService:
    """Renders the leaderboard once for each champion."""

    def __init__(self, champion: ChampionService, clock: Clock) -> None:
        self._champion = champion
        self._clock = clock
        self._made_from = ""
        self._answer: Answer | None = None

    def answer(self) -> Answer:
        """The leaderboard. Raises BundleError where there is no champion."""
        bundle = self._champion.require()
        if self._answer is None or self._made_from != bundle.digest:
            self._answer = Answer.of(
                evaluation_document(bundle), bundle=bundle.digest, at=self._clock.now()
            )
            self._made_from = bundle.digest
        return self._answer
