"""What little history costs: the volatility model, fitted on the first 60 % of a coin's hours, on
the rest, given only so many hours, or days in their stead.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from assay.clock import SystemClock
from assay.evaluation.volatility_scores import qlike
from assay.market.bars import Bars
from assay.market.resample import resample
from assay.market.timeframes import timeframe
from assay.volatility.hours import hours_of
from assay.volatility.model import VolatilityModel
from assay.volatility.past import realized_until
from assay.volatility.state import CoinState
from assay_training.steps.fit_volatility import VolatilityBars, fit_volatility
from assay_training.steps.publish_volatility import VolatilityFiles, read_volatility_bars

DAY = 24
# Hours given, days given.
PASTS = ((10**9, 0), (2_000, 0), (720, 0), (200, 0), (50, 0), (50, 400), (0, 400), (0, 60))
HORIZONS = (1, 24, 168)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="the three CSVs")
    parser.add_argument("--every", type=int, default=2, metavar="DAYS", help="between origins")
    options = parser.parse_args()
    files = VolatilityFiles.within(options.data)
    if files is None:
        raise SystemExit(f"{options.data} does not hold the three CSV files")
    bars = read_volatility_bars(files, SystemClock()).bars
    cut = int(0.6 * len(bars.hourly)) // DAY * DAY
    start = bars.hourly.time[cut]
    early = (daily.take(daily.time < start) for daily in bars.daily)
    model = fit_volatility(VolatilityBars(bars.hourly.take(slice(cut)), tuple(early)))
    ends = np.flatnonzero((bars.hourly.time >= start) & ends_a_day(bars.hourly))
    origins = ends[: -(max(HORIZONS) // DAY) : options.every]
    print(f"{len(origins)} origins from {start}; risk skill is Brier's, against always .2\n")
    print(f"{'hours':>8}{'days':>6}" + "".join(f"{f'{h} h QLIKE':>12}{'sd':>7}{'covered':>9}"
          f"{'risk skill':>12}" for h in HORIZONS))  # fmt: skip
    for hours, days in PASTS:
        row = row_of(model, bars.hourly, origins, hours, days)
        print(f"{min(hours, len(bars.hourly)):8}{days:6}" + row)


def ends_a_day(hourly: Bars) -> np.ndarray:
    return (hourly.time.astype("int64") // 3_600_000 + 1) % DAY == 0


def row_of(model: VolatilityModel, hourly: Bars, origins: np.ndarray, hours: int, days: int) -> str:
    grid = hours_of(hourly)
    daily = resample(hourly, timeframe("1d"))
    realized = {horizon: realized_until(grid, horizon) for horizon in HORIZONS}
    seen: dict[int, list[tuple[float, ...]]] = {horizon: [] for horizon in HORIZONS}
    for at in origins.tolist():
        past = hourly.take(slice(max(at + 1 - hours, 0), at + 1))
        closed = daily.take(daily.time < hourly.time[at] + np.timedelta64(1 - DAY + 1, "h"))
        state = CoinState.of(model, past, closed.take(slice(max(len(closed) - days, 0), None)))
        for horizon in HORIZONS:
            found = state.assess(60 * horizon)
            outcome = realized[horizon][grid.bars[at] + horizon]
            inside = found.lower**2 <= outcome <= found.upper**2
            above = outcome > found.threshold_volatility**2
            seen[horizon].append((outcome, found.volatility**2, inside, found.risk_score, above))
    return "".join(cells(np.array(rows)) for rows in seen.values())


def cells(rows: np.ndarray) -> str:
    realized, forecast, inside, score, above = rows[np.isfinite(rows[:, 0]) & (rows[:, 0] > 0)].T
    happened = above.astype(bool)
    against = 1.0 - np.mean((score - happened) ** 2) / np.mean((0.2 - happened) ** 2)
    loss, spread = qlike(forecast, realized).mean(), np.log(realized / forecast).std()
    return f"{loss:12.3f}{spread:7.2f}{inside.mean():9.2f}{against:12.3f}"


if __name__ == "__main__":
    main()
