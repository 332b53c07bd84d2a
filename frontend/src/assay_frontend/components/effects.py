"""Why the range is as wide as it is: each input's effect, as a share of the width."""

from __future__ import annotations

import math
from collections.abc import Sequence

import plotly.graph_objects as go

from assay_frontend.api.models import FeatureEffect
from assay_frontend.components.named_bars import NamedBar, named_bars_figure
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import percent
from assay_frontend.theme.palette import Palette

SHOWN = 8


def width_change(effect: float) -> float:
    """The share by which an effect on the log of the spread changes the width: +0.10 is +0.105."""
    return math.expm1(effect)


def strongest_first(effects: Sequence[FeatureEffect]) -> list[FeatureEffect]:
    return sorted(effects, key=lambda item: abs(item.effect), reverse=True)


def effect_sentence(t: Translator, item: FeatureEffect) -> str:
    return _sentence(t, "why", item)


def strongest_sentence(t: Translator, item: FeatureEffect) -> str:
    return _sentence(t, "why.most", item)


def _sentence(t: Translator, prefix: str, item: FeatureEffect) -> str:
    change = width_change(item.effect)
    name = t.named("feature", item.feature)
    share = percent(t, abs(change), _decimals(change))
    return t(f"{prefix}.{'wider' if change >= 0 else 'narrower'}", feature=name, share=share)


def _decimals(change: float) -> int:
    return 0 if abs(change) >= 0.095 else 1


def effects_figure(t: Translator, effects: Sequence[FeatureEffect], colours: Palette) -> go.Figure:
    """The strongest on top, each from the width that its usual value would give."""
    return named_bars_figure([_bar(t, item) for item in effects], colours)


def _bar(t: Translator, item: FeatureEffect) -> NamedBar:
    change = width_change(item.effect)
    return NamedBar(
        name=t.named("feature", item.feature),
        start=0.0,
        end=change,
        text=percent(t, change, _decimals(change), signed=True),
        words=effect_sentence(t, item),
    )
