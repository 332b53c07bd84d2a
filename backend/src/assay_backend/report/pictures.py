"""What the report's plots show, and the process that draws them."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from assay_backend.report.coins import (
    BASE_RATE,
    RELIABILITY_PLOT,
    RISK_PLOT,
    WEEK_PLOT,
    horizon_name,
)
from assay_backend.report.facts import HORIZONS_MIN, CoinFacts, Facts
from assay_backend.report.gold import COVERAGE_PLOT, GOLD_PLOT, interval_of
from assay_backend.report.words import Words

DRAWING_SECONDS = 30.0

Drawing = dict[str, Any]

log = logging.getLogger(__name__)


async def draw(drawings: Sequence[Drawing]) -> dict[str, str]:
    """SVG elements by name. The event loop goes on meanwhile, and the library is loaded elsewhere.

    Without the plots a report is still one: what prevents them is logged.
    """
    return await asyncio.to_thread(_drawn, drawings) if drawings else {}


def _drawn(drawings: Sequence[Drawing]) -> dict[str, str]:
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "assay_backend.report.plots"],
            input=json.dumps(drawings),
            capture_output=True,
            text=True,
            timeout=DRAWING_SECONDS,
            check=True,
        )
    except subprocess.TimeoutExpired:
        log.error("The plots were not drawn within %g s", DRAWING_SECONDS)  # noqa: TRY400 - says all
    except (subprocess.CalledProcessError, OSError) as error:
        said = getattr(error, "stderr", None) or str(error)
        log.error("The plots could not be drawn: %s", said[-2000:])  # noqa: TRY400 - the child's words
    else:
        pictures: dict[str, str] = json.loads(ended.stdout)
        return pictures
    return {}


def drawings(facts: Facts, words: Words) -> list[Drawing]:
    """What there is to draw, with its words."""
    said = [coin for coin in facts.coins if coin.signals]
    found = [
        _gold(facts, words),
        _coverage(facts, words),
        _risk(said, words),
        _week(said, words),
        _reliability(facts, words),
    ]
    return [drawing for drawing in found if drawing]


def _gold(facts: Facts, words: Words) -> Drawing | None:
    gold = facts.gold
    if gold is None or not facts.closes:
        return None
    interval = interval_of(gold)
    return {
        "name": GOLD_PLOT,
        "kind": "gold",
        "caption": words("gold.plot", day=words.day(gold["predicted_date"])),
        "names": [words("gold.plot.close"), words("gold.plot.forecast")],
        "sessions": [session for session, _ in facts.closes],
        "closes": [close for _, close in facts.closes],
        "target": gold["predicted_date"],
        "median": gold["prediction"],
        "lower": interval["lower"],
        "upper": interval["upper"],
    }


def _coverage(facts: Facts, words: Words) -> Drawing | None:
    coverage = facts.figures.gold["coverage"]
    if not facts.figures.gold["n"]:
        return None
    observed = [100.0 * rate["rate"] for rate in coverage.values()]
    nominal = [100.0 * float(level) for level in coverage]
    return {
        "name": COVERAGE_PLOT,
        "kind": "bars",
        "height": 260,
        "caption": words("past.plot"),
        "labels": [words.percent(float(level)) for level in coverage],
        "marked": [],
        "series": [
            {"name": words("past.plot.nominal"), "values": nominal},
            {"name": words("past.plot.observed"), "values": observed},
        ],
    }


def _risk(coins: Sequence[CoinFacts], words: Words) -> Drawing | None:
    if not coins:
        return None
    return {
        "name": RISK_PLOT,
        "kind": "bars",
        "height": 260,
        "caption": words("coins.plot.risk", base=words.percent(BASE_RATE)),
        "labels": [coin.key.symbol for coin in coins],
        "marked": [100.0 * BASE_RATE],
        "series": [
            {
                "name": horizon_name(minutes, words),
                "values": [100.0 * coin.signals[minutes]["risk_score"] for coin in coins],
            }
            for minutes in HORIZONS_MIN
        ],
    }


def _week(coins: Sequence[CoinFacts], words: Words) -> Drawing | None:
    hours = sorted({hour for coin in coins for hour, _ in coin.closes})
    if len(hours) < 2:
        return None
    labels = [f"{hour:%m-%d %H:%M}" if hour.hour else f"{hour:%m-%d}" for hour in hours]
    return {
        "name": WEEK_PLOT,
        "kind": "lines",
        "caption": words("coins.plot.week"),
        "labels": labels,
        "majors": [label for label, hour in zip(labels, hours, strict=True) if hour.hour == 0],
        "series": [{"name": coin.key.symbol, "values": _rebased(coin, hours)} for coin in coins],
    }


def _rebased(coin: CoinFacts, hours: Sequence[datetime]) -> list[float | None]:
    """Closes at `hours`, the first one as 100; None where there is none."""
    closes = dict(coin.closes)
    first = coin.closes[0][1]
    return [100.0 * closes[hour] / first if hour in closes else None for hour in hours]


def _reliability(facts: Facts, words: Words) -> Drawing | None:
    table = facts.figures.signals["reliability"]
    if not table:
        return None
    return {
        "name": RELIABILITY_PLOT,
        "kind": "reliability",
        "height": 420,
        "caption": words("signals.plot"),
        "names": [words("signals.plot.points"), words("signals.plot.right")],
        "points": [[100.0 * each["said"], 100.0 * each["happened"]] for each in table],
    }
