"""A gold forecast as it stands in the ledger: what was answered, and what scoring it takes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from assay.bundle.files import Bundle
from assay.errors import TooLittleHistory
from assay.forecast.benchmarks import random_walk_quantiles
from assay.forecast.distribution import Floats
from assay.forecast.pipeline import Forecast
from assay.market.series import MarketSnapshot
from assay.store.ledger_records import Entry, LedgerKind
from assay_backend.callers import Role

# A challenger's forecasts are a kind of their own, so that no score of the champion has them.
KINDS: dict[Role, LedgerKind] = {"champion": "gold_forecast", "challenger": "gold_challenger"}
DIGEST_LENGTH = 12
LONGEST_VERSION = 60  # of what the ledger has room for in a key
# A billionth of a log return: far below a tick of any price.
_DECIMALS = 9


def gold_entry(
    bundle: Bundle, forecast: Forecast, market: MarketSnapshot, document: dict[str, Any]
) -> Entry:
    """The forecast that `document` answers, one for each origin, bundle and source.

    The payload is `document` with one more member, `distribution`: the log-return quantiles at the
    199 levels of `assay.forecast.distribution.LEVELS`, and the random walk's. Raises ValueError
    where a number is not finite.
    """
    gold = market.gold
    payload = document | {
        "distribution": {
            "log_returns": _rounded(forecast.returns.quantiles),
            "random_walk": _random_walk(gold.bars.close),
        }
    }
    version, digest = bundle.metadata.version[:LONGEST_VERSION], bundle.digest[:DIGEST_LENGTH]
    return Entry(
        kind=KINDS[document["served_as"]],
        key=f"{forecast.origin.isoformat()}:{version}:{digest}:{gold.source}",
        payload=json.dumps(payload, allow_nan=False, separators=(",", ":")).encode(),
        origin=forecast.origin_time,
        due=forecast.target_close_time,
        subject=gold.symbol,
        source=gold.source,
    )


def _random_walk(close: Floats) -> list[float] | None:
    """The rival's quantiles at the same origin; None where its spread has too few sessions."""
    try:
        [quantiles] = random_walk_quantiles(close, np.array([len(close) - 1]))
    except TooLittleHistory:
        return None
    return _rounded(quantiles)


def _rounded(values: Sequence[float] | Floats) -> list[float]:
    return [round(float(value), _DECIMALS) for value in values]
