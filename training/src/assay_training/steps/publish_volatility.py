"""The volatility part of a bundle: which files it is fitted on, how well it does, where it goes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np

from assay.bundle.files import load_bundle, with_volatility, write_bundle
from assay.clock import Clock, iso_utc
from assay.errors import BundleError, TooLittleHistory
from assay.market.bars import Bars, CheckedBars
from assay.market.csv_bars import read_bars_csv
from assay.market.timeframes import timeframe
from assay.volatility.hours import DAY_HOURS
from assay.volatility.model import VolatilityModel
from assay_training.steps.evaluate_volatility import HourlyFile, evaluate_volatility
from assay_training.steps.fit_volatility import (
    LEAST_DAILY,
    LEAST_HOURLY,
    VolatilityBars,
    fit_volatility,
)
from assay_training.steps.volatility_report import ASSAY

FILE_NAMES: Final = ("btcusdt_1h.csv", "btcusd_1d.csv", "ethusd_1d.csv")
# Fitted on so much of the hours, and judged on the rest.
FIRST_SHARE = 0.6
LEAST_JUDGED_DAYS = 90

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class VolatilityFiles:
    """CSV files of Bitcoin's hours, and of Bitcoin's and Ether's days."""

    btc_hourly: Path
    btc_daily: Path
    eth_daily: Path

    @classmethod
    def within(cls, folder: Path) -> VolatilityFiles | None:
        """Those of `folder` by their usual names; None where not all are there."""
        found = cls(*(folder / name for name in FILE_NAMES))
        return found if all(path.is_file() for path in found.paths) else None

    @property
    def paths(self) -> tuple[Path, Path, Path]:
        return (self.btc_hourly, self.btc_daily, self.eth_daily)


@dataclass(frozen=True, slots=True, eq=False)
class VolatilityInput:
    """The bars of the files, and a line about each for people."""

    bars: VolatilityBars
    hourly: HourlyFile
    summaries: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class FittedVolatility:
    """The model, and what the bundle's metadata say of it."""

    model: VolatilityModel
    section: dict[str, Any]


def read_volatility_bars(files: VolatilityFiles, clock: Clock) -> VolatilityInput:
    """All three files, checked; bars that are not closed are left out.

    Raises InvalidBars or TooLittleHistory, each naming the file.
    """
    now = np.datetime64(clock.now().replace(tzinfo=None), "ms")
    checked = [
        read_bars_csv(path, timeframe=timeframe(name), now=now)
        for path, name in zip(files.paths, ("1h", "1d", "1d"), strict=True)
    ]
    for path, found, needed in zip(
        files.paths, checked, (LEAST_HOURLY, LEAST_DAILY, LEAST_DAILY), strict=True
    ):
        _check_length(path, found, needed)
    hourly, *daily = checked
    return VolatilityInput(
        bars=VolatilityBars(hourly.bars, tuple(found.bars for found in daily)),
        hourly=HourlyFile(files.btc_hourly, hourly),
        summaries=tuple(
            f"{path}: {found.summary()}" for path, found in zip(files.paths, checked, strict=True)
        ),
    )


def _check_length(path: Path, found: CheckedBars, needed: int) -> None:
    if len(found.bars) < needed:
        raise TooLittleHistory(
            f"{path}: the volatility model is fitted on {needed} bars or more, there are "
            f"{len(found.bars)}",
            needed=needed,
            available=len(found.bars),
            file=str(path),
        )


def fit_and_judge(
    found: VolatilityInput,
    clock: Clock,
    *,
    judged: bool = True,
    on_progress: Progress = lambda what, done, of: None,
) -> FittedVolatility:
    """The model fitted on all bars; where `judged`, with the figures of one that was fitted on the
    first 60 %.
    """
    model = fit_volatility(found.bars)
    hourly, daily = found.bars.hourly, found.bars.daily
    section = {
        "version": _version(model, hourly),
        "created_at": iso_utc(clock.now()),
        "trained_from": str(hourly.session[0]),
        "trained_to": str(hourly.last_session),
        "daily_from": str(min(bars.session[0] for bars in daily)),
        "daily_to": str(max(bars.session[-1] for bars in daily)),
        "coins": ["BTC hourly", "BTC daily", "ETH daily"],
        "data_fingerprint": _fingerprint(found.bars),
        "held_out": judge(found, on_progress=on_progress) if judged else None,
    }
    return FittedVolatility(model, section)


def judge(
    found: VolatilityInput,
    *,
    on_progress: Progress = lambda what, done, of: None,
    evaluate: Callable[..., dict[str, Any]] = evaluate_volatility,
) -> dict[str, Any] | None:
    """The report of a model fitted on the first 60 % of the hours, frozen, on the days after them.

    Its daily bars end there too. None where that leaves under a year to fit on, or under 90 days.
    """
    bars = found.bars
    start = _first_judged(bars.hourly)
    before = VolatilityBars(
        _before(bars.hourly, start), tuple(_before(daily, start) for daily in bars.daily)
    )
    days = (bars.hourly.last_session - start).days
    if len(before.hourly) < LEAST_HOURLY or days < LEAST_JUDGED_DAYS:
        return None
    if any(len(daily) < LEAST_DAILY for daily in before.daily):
        return None
    report = evaluate(
        fit_volatility(before), found.hourly, start=start, end=None, on_progress=on_progress
    )
    kept = {key: value for key, value in report.items() if key != "forecasts"}
    for name in ("risk", "risk_1h"):
        kept[name] = {key: value for key, value in kept[name].items() if key != "reliability"}
    return kept


def _first_judged(hourly: Bars) -> date:
    """The first whole day after 60 % of the hours."""
    moment = hourly.time[int(FIRST_SHARE * len(hourly))] + np.timedelta64(DAY_HOURS - 1, "h")
    found: date = moment.astype("datetime64[D]").item()
    return found


def _before(bars: Bars, start: date) -> Bars:
    return bars.take(bars.session < np.datetime64(start))


def _version(model: VolatilityModel, hourly: Bars) -> str:
    """The last day trained on, and a hash of all that a forecast depends on."""
    body = json.dumps(model.to_json(), sort_keys=True).encode()
    return f"{hourly.last_session}-{hashlib.sha256(body).hexdigest()[:8]}"


def _fingerprint(bars: VolatilityBars) -> str:
    """SHA-256 over all series."""
    each = "".join(found.fingerprint() for found in (bars.hourly, *bars.daily))
    return hashlib.sha256(each.encode()).hexdigest()


def objections(fitted: FittedVolatility) -> list[str]:
    """The guardrails of a refit that `fitted` does not pass: on the days held out it is to beat
    HAR-OLS and GARCH-t by QLIKE. None where it was not judged.
    """
    held_out = fitted.section["held_out"]
    if held_out is None:
        return []
    own = next(row for row in held_out["rows"] if row["name"] == ASSAY)
    ratios = {"HAR-OLS": own["qlike_ratio_har"], "GARCH-t": own["qlike_ratio_garch_t"]}
    return [
        f"its QLIKE is {ratio:.3f} of {rival}'s"
        for rival, ratio in ratios.items()
        if ratio is not None and ratio >= 1.0
    ]


def publish_volatility(out: Path, fitted: FittedVolatility) -> str:
    """Puts `fitted` into the bundle in `out`, gold's part untouched; returns the new digest.

    The bundle is loaded before and after. Raises BundleError where there is none to put it in,
    OSError where it cannot be written.
    """
    load_bundle(out)
    digest = write_bundle(out, with_volatility(out, fitted.model, fitted.section))
    load_bundle(out)
    return digest


def published_volatility(out: Path) -> FittedVolatility | None:
    """What the bundle in `out` holds; None where it holds none, or cannot be read."""
    try:
        bundle = load_bundle(out)
    except BundleError:
        return None
    if bundle.volatility is None:
        return None
    return FittedVolatility(bundle.volatility, bundle.metadata.volatility)
