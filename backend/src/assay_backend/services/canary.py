"""A challenger on trial: it answers part of the callers, marked, and is scored apart."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from prometheus_client.metrics_core import Metric
from starlette.requests import Request

from assay.bundle.files import Bundle
from assay.bundle.promotion import Version
from assay.bundle.versions import ChampionId
from assay.clock import Clock
from assay.store.ledger_records import Entry, LedgerRow
from assay_backend.answers import Answer
from assay_backend.callers import Role, caller_of, is_chosen
from assay_backend.services.champion import ChampionService
from assay_backend.services.counters import Counters
from assay_backend.services.families import counters
from assay_backend.services.figures import TrackFigures
from assay_backend.services.forecasts import ForecastService, prove_on_bars
from assay_backend.services.market import MarketFeed
from assay_backend.services.model_documents import version_document
from assay_backend.services.recording import ForecastRecorder

# What the counters are called of forecasts answered while a challenger was on trial.
_ANSWERED: dict[Role, str] = {"champion": "canary_champion", "challenger": "canary_challenger"}

Document = dict[str, Any]


class Canary:
    """The bundle in `folder` beside the champion; `share` of the callers get its forecast.

    Whatever is wrong with it, the champion answers everybody, as it does where both have the same
    model for gold. Its forecasts are recorded for each session, whoever asks. `append` is the
    ledger's.
    """

    def __init__(
        self,
        folder: Path,
        champion: ChampionService,
        feed: MarketFeed,
        append: Callable[[Sequence[Entry]], Awaitable[list[LedgerRow]]],
        tally: Counters,
        clock: Clock,
        *,
        share: float,
    ) -> None:
        self.share = share
        self._champion = champion
        self._challenger = ChampionService(
            folder, prove=partial(prove_on_bars, feed, clock), role="challenger"
        )
        self._forecasts = ForecastService(self._challenger, feed, clock, role="challenger")
        self._recorder = ForecastRecorder(self._forecasts, append, clock)
        self._counters = tally

    @property
    def on_trial(self) -> Bundle | None:
        """The challenger, while there is one whose model is not the champion's."""
        challenger, champion = self._challenger.state.bundle, self._champion.state.bundle
        if challenger is None or champion is None:
            return None
        same = challenger.metadata.version == champion.metadata.version
        return None if same else challenger

    def answer(self, request: Request) -> Answer | None:
        """The challenger's forecast for a caller who gets it; None where the champion answers."""
        answer = self._forecasts.ready_answer
        if answer is None or self.on_trial is None:
            return None
        chosen = is_chosen(caller_of(request), self.share)
        self._counters.count(_ANSWERED["challenger" if chosen else "champion"])
        return answer if chosen else None

    def check(self) -> bool:
        """Reads the folder again where a file has changed; True where that changed anything."""
        return self._challenger.check()

    def outdated(self) -> bool:
        """Whether `refresh` would change anything; cheap."""
        return self._challenger.state.bundle is not None and self._forecasts.outdated()

    def refresh(self) -> None:
        """Makes its forecast anew where challenger or bars have changed; blocks."""
        self._forecasts.refresh()

    async def record(self) -> None:
        """Brings its forecast into the ledger, unless that was done."""
        if self.on_trial is not None:
            await self._recorder.record()

    def collect(self) -> Iterator[Metric]:
        """How many forecasts were answered by whom, for Prometheus, once that is known."""
        if self._counters.known:
            yield counters(
                "gold_forecasts_answered",
                "While a challenger was on trial",
                ["role"],
                (([role], self._counters.total(name)) for role, name in _ANSWERED.items()),
            )

    def problems(self) -> list[str]:
        """Why the challenger in the folder answers nobody, or cannot forecast."""
        found = list(self._challenger.state.problems)
        if self.on_trial is not None and (fault := self._forecasts.fault()):
            found.append(fault)
        return [f"challenger: {problem}" for problem in found]

    def brief(self) -> Document:
        """For `GET /health`."""
        bundle = self.on_trial
        return {
            "share": self.share,
            "model_version": bundle.metadata.version if bundle else None,
            "answers": bundle is not None and self._forecasts.ready_answer is not None,
        }

    def document(self, figures: TrackFigures) -> Document:
        """For `GET /v1/models`: what is on trial, and how it has fared."""
        bundle, answers = self.on_trial, self.brief()["answers"]
        known = None if bundle is None else figures.challengers.get(bundle.metadata.version)
        return {
            "share": self.share,
            "challenger": None if bundle is None else _version(bundle),
            "answers": answers,
            "track_record": known,
            "problems": self.problems(),
        }


def _version(bundle: Bundle) -> Document:
    found = ChampionId(bundle.digest, bundle.metadata.to_json())
    return version_document(Version(found, Path(), serves=False))
