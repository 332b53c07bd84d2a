"""Why the risk is what it is: from the usual risk to today's, one step for each input."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from assay_frontend.api.crypto_models import Contribution, Signal
from assay_frontend.components.named_bars import NamedBar, mark_end, mark_start, named_bars_figure
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import number, percent, risk_percent
from assay_frontend.theme.palette import Palette

SHOWN = 8
_VISIBLE = 0.005  # a smaller effect's bar could not be seen
_NOISE = 1e-9
_SMALLEST = 1e-6  # a risk of exactly 0 or 1 has no log-odds


@dataclass(frozen=True, slots=True)
class Step:
    """One input moves the risk from `start` to `end` (0 to 1); `effect` is the same in log-odds.

    `name` is None for all smaller inputs together.
    """

    name: str | None
    value: float | None
    effect: float
    start: float
    end: float


def log_odds(share: float) -> float:
    kept = min(max(share, _SMALLEST), 1 - _SMALLEST)
    return math.log(kept / (1 - kept))


def share_of(odds: float) -> float:
    """The inverse of `log_odds`."""
    return 1 / (1 + math.exp(-odds)) if odds >= 0 else math.exp(odds) / (1 + math.exp(odds))


def base_risk(signal: Signal) -> float:
    """Where the steps begin: the risk less all that the inputs add to it."""
    items = signal.explanation.contributions if signal.explanation else ()
    return share_of(log_odds(signal.risk_score) - math.fsum(item.effect for item in items))


def steps_of(signal: Signal, *, shown: int = SHOWN, least: float = _VISIBLE) -> list[Step]:
    """The strongest first, those that hardly count in one; the last ends at the risk score."""
    items = signal.explanation.contributions if signal.explanation else ()
    ranked = sorted(items, key=lambda item: abs(item.effect), reverse=True)
    named: list[tuple[str | None, Contribution]] = [
        (item.name, item) for item in ranked[:shown] if abs(item.effect) >= least
    ]
    rest = math.fsum(item.effect for item in ranked[len(named) :])
    if abs(rest) > _NOISE or not named:
        named.append((None, Contribution("", None, rest)))
    steps = []
    at = log_odds(signal.risk_score) - math.fsum(item.effect for item in items)
    for name, item in named:
        after = at + item.effect
        steps.append(Step(name, item.value, item.effect, share_of(at), share_of(after)))
        at = after
    return steps


def step_name(t: Translator, step: Step) -> str:
    return t("coin.why.rest") if step.name is None else t.named("contribution", step.name)


def points(t: Translator, step: Step) -> str:
    """By how many percentage points the step moves the risk."""
    change = 100 * (step.end - step.start)
    return number(t, change if abs(change) >= 0.05 else 0.0, 1, signed=abs(change) >= 0.05)


def step_sentence(t: Translator, step: Step) -> str:
    return t(
        "coin.why.step",
        name=step_name(t, step),
        points=points(t, step),
        start=percent(t, step.start, 1),
        end=percent(t, step.end, 1),
    )


def steps_figure(t: Translator, steps: Sequence[Step], colours: Palette) -> go.Figure:
    """Each step begins where the one above it ended; lengths are log-odds, so they add up."""
    bars = [
        NamedBar(
            name=step_name(t, step),
            start=log_odds(step.start),
            end=log_odds(step.end),
            text=points(t, step),
            words=step_sentence(t, step),
        )
        for step in steps
    ]
    figure = named_bars_figure(bars, colours, room=0.2)
    mark_start(figure, bars[0].start, risk_percent(t, steps[0].start), colours, rows=len(bars))
    mark_end(figure, bars[-1].end, risk_percent(t, steps[-1].end), colours)
    figure.update_layout(margin={"l": 2, "r": 2, "t": 24, "b": 24})
    return figure
