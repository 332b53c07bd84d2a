"""Why the range is as wide as it is: each input's effect, as a share of the width."""

from __future__ import annotations

import math
from collections.abc import Sequence

import plotly.graph_objects as go

from assay_frontend.api.models import FeatureEffect
from assay_frontend.components.figures import quiet_figure
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import percent
from assay_frontend.theme.palette import Palette

SHOWN = 8
_ROW_PIXELS = 56
_NAME_PIXELS = 21  # from a bar's middle to its name's: clear of the bar and of its number


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
    """Horizontal bars, the strongest on top, each named above itself: long names fit a phone."""
    rows = list(range(len(effects)))[::-1]
    changes = [width_change(item.effect) for item in effects]
    figure = quiet_figure(colours, height=_ROW_PIXELS * len(effects) + 44)
    figure.add_trace(
        go.Bar(
            x=changes,
            y=rows,
            orientation="h",
            width=0.3,
            marker={"color": [colours.down if c >= 0 else colours.up for c in changes]},
            text=[percent(t, c, _decimals(c), signed=True) for c in changes],
            textposition="outside",
            textfont={"color": colours.text},
            cliponaxis=False,
            hovertext=[effect_sentence(t, item) for item in effects],
            hoverinfo="text",
        )
    )
    for row, item in zip(rows, effects, strict=True):
        figure.add_shape(
            type="line",
            x0=0,
            x1=0,
            y0=row - 0.16,
            y1=row + 0.16,
            line={"color": colours.muted, "width": 1},
        )
        figure.add_annotation(
            text=t.named("feature", item.feature),
            xref="paper",
            x=0,
            y=row,
            yshift=_NAME_PIXELS,
            xanchor="left",
            showarrow=False,
            font={"size": 13, "color": colours.text},
        )
    low, high = min(0.0, *changes), max(0.0, *changes)
    room = 0.24 * max(high - low, 1e-4)
    figure.update_xaxes(
        range=[low - (room if low < 0 else 0.02 * room), high + room],
        visible=False,
    )
    figure.update_yaxes(showticklabels=False, showgrid=False, range=[-0.6, len(effects) - 0.3])
    figure.update_layout(margin={"l": 2, "r": 2, "t": 4, "b": 4})
    return figure
