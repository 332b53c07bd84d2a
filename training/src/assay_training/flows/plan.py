"""What is asked of a training run, how much work that means, and what comes out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assay.bundle.metadata import ModelMetadata
from assay.errors import TooLittleHistory
from assay.evaluation.walk_forward import LEAST_TRAINING_ROWS, origin_rows
from assay.features.build import FeatureMatrix
from assay_training.steps.gate import Decision
from assay_training.steps.publish import Evaluation
from assay_training.steps.publish_volatility import VolatilityFiles
from assay_training.steps.tune import Trial

FIRST_TARGET = date(2010, 1, 1)  # gold's ranges are to be trusted from here on
LONGEST_LOOKBACK = 40
LEAST_TUNING_ROOM = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions:
    """The arguments of `assay-train run`; gold's and the S&P's CSVs left out are downloaded.

    Without `volatility_files` those of the raw folder are used, and where there are none the
    published volatility model stays. A `refit` tries the champion's own recipe and no other.
    With a folder `challenger` what passed goes there, on trial, and the bundle in `out` stays.
    """

    gold_csv: Path | None = None
    sp500_csv: Path | None = None
    volatility_files: VolatilityFiles | None = None
    out: Path = Path("data/processed")
    quick: bool = False
    max_evals: int | None = None
    seed: int = 0
    dask: str | None = None
    refit: bool = False
    challenger: Path | None = None

    @property
    def published_to(self) -> Path:
        """Where the bundle goes of what passed."""
        return self.challenger or self.out


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much work is done: `origins` (None: all since 2010), trials a family, members, refits.

    `refit_every` is in origins; tuning uses fewer members than the walk-forward.
    """

    origins: int | None
    tuning_origins: int
    max_evals: int
    members: int
    tuning_members: int
    refit_every: int

    @classmethod
    def of(cls, options: TrainOptions) -> Plan:
        """A quick run takes two minutes on two cores, a full one a quarter of an hour."""
        if options.quick:
            return cls(
                origins=1000,
                tuning_origins=250,
                max_evals=options.max_evals or 1,
                members=5,
                tuning_members=2,
                refit_every=500,
            )
        return cls(
            origins=None,
            tuning_origins=750,
            max_evals=options.max_evals or 8,
            members=8,
            tuning_members=4,
            refit_every=250,
        )

    def rows(self, matrix: FeatureMatrix) -> NDArray[np.intp]:
        """The evaluation's origins: their targets are known, and there is room to tune before.

        Raises TooLittleHistory where that leaves none.
        """
        usable = np.flatnonzero(matrix.usable)
        needed = LONGEST_LOOKBACK + LEAST_TRAINING_ROWS + LEAST_TUNING_ROOM
        if len(usable) <= needed + 1:
            raise TooLittleHistory(
                f"training needs more than {needed + 1} sessions with features, there are "
                f"{len(usable)} of {len(matrix)}",
                needed=needed + 2,
                available=len(usable),
            )
        if self.origins is None:
            rows = origin_rows(matrix, start=FIRST_TARGET, end=matrix.session[-1].item())
        else:
            rows = np.arange(len(matrix) - 1)[-self.origins :]
        kept: NDArray[np.intp] = rows[rows >= usable[0] + needed]
        return kept


@dataclass(frozen=True, slots=True, eq=False)
class TrainResult:
    """The decision, the published bundle's metadata (None: the champion stays), and the record.

    `volatility` is the version of the volatility model that was put into the champion's bundle,
    where that stays.
    """

    decision: Decision
    metadata: ModelMetadata | None
    evaluation: Evaluation
    trials: tuple[Trial, ...]
    volatility: str | None = None
