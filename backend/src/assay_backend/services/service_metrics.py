"""What runs, how it is doing, and when its regular work was last done."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import get_args

from prometheus_client.core import InfoMetricFamily
from prometheus_client.metrics_core import Metric

from assay.clock import Clock
from assay_backend.services.champion import ChampionService
from assay_backend.services.families import gauge, one_of
from assay_backend.services.health import HealthService, Status
from assay_backend.services.report import ReportService
from assay_backend.services.scoring import ScoringService
from assay_backend.services.verification import VerificationService


class ServiceMetrics:
    """From memory; whoever scrapes has the ledger checked once an hour. For one event loop.

    What was not done yet is as old as the process, so that what never succeeds shows.
    """

    def __init__(
        self,
        champion: ChampionService,
        health: HealthService,
        verification: VerificationService,
        scoring: ScoringService,
        report: ReportService,
        clock: Clock,
        *,
        commit: str,
    ) -> None:
        self._champion = champion
        self._health = health
        self._verification = verification
        self._scoring = scoring
        self._report = report
        self._clock = clock
        self._commit = commit
        self._started = clock.now()

    def collect(self) -> Iterator[Metric]:
        """What Prometheus scrapes."""
        now = self._clock.now()
        yield from self._of_health()
        yield from self._of_champion()
        yield from self._of_ledger_check(now)
        scored = self._scoring.passed_at or self._started
        says = "Since outcomes were last looked for, or the start"
        yield gauge("scoring_age_seconds", says, _seconds(now, scored))
        if made := self._report.made_at:  # when somebody asks, so it is never late
            says = "Since this process last made the daily report"
            yield gauge("report_age_seconds", says, _seconds(now, made))

    def _of_health(self) -> Iterator[Metric]:
        report = self._health.report()
        yield InfoMetricFamily(
            "assay_build",
            "What is running",
            {
                "version": report["version"],
                "commit": self._commit,
                "market_source": report["market_source"],
            },
        )
        yield one_of("health", "As /health says", "status", get_args(Status), report["status"])
        yield gauge("problems", "Problems that /health names", len(report["problems"]))

    def _of_champion(self) -> Iterator[Metric]:
        """A new version is another series: one for each promotion, some fifty a year."""
        bundle = self._champion.state.bundle
        yield gauge("champion_loaded", "Whether there is a champion", float(bundle is not None))
        if bundle is not None:
            data = bundle.metadata
            names = {"name": data.name, "type": data.type, "version": data.version}
            yield InfoMetricFamily("assay_champion", "Who makes gold's forecast", names)

    def _of_ledger_check(self, now: datetime) -> Iterator[Metric]:
        checked = self._verification.checked_lately()
        if checked is not None:
            yield gauge("ledger_intact", "What the last check found", float(checked.found.intact))
        at, says = checked.at if checked else self._started, "Since that check, or the start"
        yield gauge("ledger_check_age_seconds", says, _seconds(now, at))


def _seconds(now: datetime, at: datetime) -> float:
    return (now - at).total_seconds()
