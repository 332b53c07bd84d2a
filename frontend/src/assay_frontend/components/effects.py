"""Why the range is as wide as it is: from the usual width to today's, a step for each input."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import plotly.graph_objects as go

from assay_frontend.api.models import FeatureEffect
from assay_frontend.components.named_bars import NamedBar, mark_end, mark_start, named_bars_figure
from assay_frontend.components.numbers import Column, Numbers
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import MISSING, number, percent
from assay_frontend.theme.palette import Palette

SHOWN = 8


def width_change(effect: float) -> float:
    """The share by which an effect on the log of the spread changes the width: +0.10 is +0.105."""
    return math.expm1(effect)


def strongest_first(effects: Sequence[FeatureEffect]) -> list[FeatureEffect]:
    return sorted(effects, key=lambda item: abs(item.effect), reverse=True)


def effect_sentence(t: Translator, item: FeatureEffect) -> str:
    return t(f"why.{_side(item)}", **_told(t, item))


def strongest_sentence(t: Translator, item: FeatureEffect) -> str:
    return t(f"why.most.{_side(item)}", **_told(t, item))


def _side(item: FeatureEffect) -> str:
    return "wider" if item.effect >= 0 else "narrower"


def _told(t: Translator, item: FeatureEffect) -> dict[str, str]:
    change = width_change(item.effect)
    return {"feature": input_name(t, item), "share": percent(t, abs(change), _decimals(change))}


def input_name(t: Translator, item: FeatureEffect) -> str:
    """What the input says today: of a yes-or-no input that is no, that it is not so."""
    if _is_answer(item) and not item.value:
        denied = t.named("feature.no", item.feature)
        if denied != item.feature:
            return denied
    return t.named("feature", item.feature)


def _is_answer(item: FeatureEffect) -> bool:
    """Calendar inputs are yes or no, as 1 and 0."""
    return item.feature.startswith("next_") and item.value in {0.0, 1.0}


def _decimals(change: float) -> int:
    return 0 if abs(change) >= 0.095 else 1


@dataclass(frozen=True, slots=True)
class WidthStep:
    """One input moves the log of the range's width from `start` to `end`, both 0 where it has its
    usual value; `item` is None for all weaker inputs together.
    """

    item: FeatureEffect | None
    start: float
    end: float


def width_steps(effects: Sequence[FeatureEffect], *, shown: int = SHOWN) -> list[WidthStep]:
    """The strongest first, the rest in one; each begins where the one before it ended."""
    ranked = strongest_first(effects)
    sizes = [(item, item.effect) for item in ranked[:shown]]
    rest: list[tuple[FeatureEffect | None, float]] = [*sizes]
    if len(ranked) > shown:
        rest.append((None, math.fsum(item.effect for item in ranked[shown:])))
    steps, at = [], 0.0
    for item, effect in rest:
        steps.append(WidthStep(item, at, at + effect))
        at += effect
    return steps


def step_words(t: Translator, step: WidthStep) -> str:
    if step.item is not None:
        return effect_sentence(t, step.item)
    change = width_change(step.end - step.start)
    return f"{t('coin.why.rest')}: {percent(t, change, _decimals(change), signed=True)}."


def effects_figure(t: Translator, steps: Sequence[WidthStep], colours: Palette) -> go.Figure:
    """From the usual width to today's; lengths are logarithms, so they add up."""
    figure = named_bars_figure([_bar(t, step) for step in steps], colours, room=0.2)
    mark_start(figure, steps[0].start, t("why.usual"), colours, rows=len(steps))
    mark_end(figure, steps[-1].end, today_words(t, steps), colours)
    figure.update_layout(margin={"l": 2, "r": 2, "t": 24, "b": 24})
    return figure


def today_words(t: Translator, steps: Sequence[WidthStep]) -> str:
    """How much wider than usual the range is."""
    change = width_change(steps[-1].end)
    return t("why.today", share=percent(t, change, _decimals(change), signed=True))


def _bar(t: Translator, step: WidthStep) -> NamedBar:
    change = width_change(step.end - step.start)
    item = step.item
    return NamedBar(
        name=t("coin.why.rest") if item is None else input_name(t, item),
        start=step.start,
        end=step.end,
        text=percent(t, change, _decimals(change), signed=True),
        words=step_words(t, step),
    )


def effects_numbers(t: Translator, effects: Sequence[FeatureEffect], *, file: str) -> Numbers:
    """Every input, as they are given."""
    return Numbers.of(
        [
            Column(
                "feature", [item.feature for item in effects], t("table.feature"),
                partial(t.named, "feature"),
            ),
            Column("", effects, t("table.value"), partial(feature_value, t)),
            Column("value", [item.value for item in effects]),
            Column("log_effect", [item.effect for item in effects]),
            Column(
                "width_change", [width_change(item.effect) for item in effects],
                t("table.effect"), partial(percent, t, decimals=1, signed=True),
            ),
        ],
        file=file,
    )  # fmt: skip


def feature_value(t: Translator, item: FeatureEffect) -> str:
    """Calendar inputs are yes or no; the others are plain numbers."""
    if item.value is None:
        return MISSING
    if _is_answer(item):
        return t("word.yes") if item.value else t("word.no")
    return number(t, item.value, 2)
