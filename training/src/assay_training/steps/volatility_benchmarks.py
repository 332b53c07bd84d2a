"""The rivals of next-day variance that are fitted by likelihood: GARCH-t, plain and by weekday."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from arch import arch_model
from numpy.typing import NDArray

from assay.calendars import Days
from assay.features.transforms import Floats

_PERCENT = 100.0
# Fits start from the day before's; now and then from the beginning, lest one stay in a corner.
_FRESH_EVERY = 50

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, eq=False)
class GarchForecasts:
    """Variance of the next day's log return, and its tail's degrees of freedom, at each origin."""

    variance: Floats
    df: Floats


def garch_t(
    log_return: Floats,
    rows: NDArray[np.intp],
    *,
    refit_every: int = 1,
    on_progress: OnProgress = lambda done, of: None,
) -> GarchForecasts:
    """GARCH(1,1) with Student-t errors and a constant mean, by `arch`; Bollerslev 1987.

    Forecasts at days `rows` (increasing) for the day after each, fitted on all returns up to it and
    again every `refit_every` of them; between, the parameters stay and the state moves on.
    """
    share = np.ones(len(log_return))
    return _walk(log_return, rows, lambda row: (share, 1.0), refit_every, on_progress)


def weekday_garch_t(
    day: Days,
    log_return: Floats,
    realized: Floats,
    rows: NDArray[np.intp],
    *,
    target: Days,
    refit_every: int = 1,
    on_progress: OnProgress = lambda done, of: None,
) -> GarchForecasts:
    """`garch_t` of returns over the root of their weekday's share of variance, times the target's.

    A weekday's share is its mean realized variance over that of all days, both up to the origin;
    `day`, `log_return` and `realized` are of one shape, `target` is that of `rows`.
    """
    weekday = _weekdays(day)
    at = dict(zip(rows.tolist(), _weekdays(target).tolist(), strict=True))

    def shares(row: int) -> tuple[Floats, float]:
        known = realized[: row + 1]
        counts = np.bincount(weekday[: row + 1], minlength=7)
        sums = np.bincount(weekday[: row + 1], weights=known, minlength=7)
        share = np.where(counts > 0, sums / np.maximum(counts, 1), known.mean()) / known.mean()
        return share[weekday], float(share[at[row]])

    return _walk(log_return, rows, shares, refit_every, on_progress)


def _walk(
    log_return: Floats,
    rows: NDArray[np.intp],
    shares: Callable[[int], tuple[Floats, float]],
    refit_every: int,
    on_progress: OnProgress,
) -> GarchForecasts:
    """`shares` gives, at an origin, each day's share of variance and that of the target."""
    variance, df = np.empty(len(rows)), np.empty(len(rows))
    parameters: Floats | None = None
    for number, row in enumerate(rows.tolist()):
        share, ahead = shares(row)
        known = _PERCENT * log_return[: row + 1] / np.sqrt(share[: row + 1])
        if parameters is None or number % refit_every == 0:
            fresh = number % (_FRESH_EVERY * refit_every) == 0
            parameters = _fitted(known, None if fresh else parameters)
        variance[number] = ahead * _next_variance(known, parameters) / _PERCENT**2
        df[number] = parameters[-1]
        on_progress(number + 1, len(rows))
    return GarchForecasts(variance, df)


def _fitted(returns: Floats, start: Floats | None) -> Floats:
    """mu, omega, alpha, beta, nu; from `start` on where that is given."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a hard fit is judged by its scores, not by its warnings
        found = _model(returns).fit(disp="off", show_warning=False, starting_values=start)
    parameters: Floats = np.asarray(found.params, dtype=np.float64)
    return parameters


def _next_variance(returns: Floats, parameters: Floats) -> float:
    """Of omega + alpha (r - mu)^2 + beta v after the last return, in percent squared."""
    mean, omega, alpha, beta, _ = parameters.tolist()
    state = _model(returns).fix(parameters).conditional_volatility[-1] ** 2
    return float(omega + alpha * (returns[-1] - mean) ** 2 + beta * state)


def _model(returns: Floats) -> Any:  # noqa: ANN401 - arch ships no types
    return arch_model(returns, mean="Constant", vol="GARCH", p=1, q=1, dist="t", rescale=False)


def _weekdays(day: Days) -> NDArray[np.int64]:
    """Monday 0 to Sunday 6; 1970-01-01 was a Thursday."""
    weekday: NDArray[np.int64] = (day.astype("datetime64[D]").astype(np.int64) + 3) % 7
    return weekday
