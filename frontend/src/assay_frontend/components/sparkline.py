"""A line so small that it needs no axes: an SVG picture, with its text alternative."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence

from assay_frontend.components.text import html_text
from assay_frontend.theme.palette import Palette

_WIDTH, _HEIGHT, _EDGE = 240, 56, 4
_UNSTRETCHED = 'vector-effect="non-scaling-stroke"'
_AHEAD = 0.12  # of the width, for what is ahead


def sparkline_html(
    values: Sequence[float],
    colours: Palette,
    *,
    alt: str,
    ahead: tuple[float, float, float] | None = None,
) -> str:
    """`ahead` is a forecast's lower end, middle and upper end, drawn at the right.

    As a data address: st.html strips inline SVG.
    """
    encoded = b64encode(sparkline_svg(values, colours, ahead=ahead).encode()).decode()
    return (
        f'<img class="assay-spark" src="data:image/svg+xml;base64,{encoded}" '
        f'alt="{html_text(alt)}">'
    )


def sparkline_svg(
    values: Sequence[float],
    colours: Palette,
    *,
    ahead: tuple[float, float, float] | None = None,
) -> str:
    shown = [*values, *(ahead or ())]
    low, high = min(shown), max(shown)
    end = _WIDTH * (1 - _AHEAD) if ahead else _WIDTH - _EDGE

    def across(place: int) -> float:
        return _EDGE + (end - _EDGE) * place / max(1, len(values) - 1)

    def down(value: float) -> float:
        share = (value - low) / (high - low) if high > low else 0.5
        return _EDGE + (_HEIGHT - 2 * _EDGE) * (1 - share)

    points = " ".join(f"{across(i):.1f},{down(value):.1f}" for i, value in enumerate(values))
    last = down(values[-1])
    parts = [
        f'<polyline points="{points}" fill="none" stroke="{colours.random_walk}" '
        f'stroke-width="1.6" stroke-linejoin="round" {_UNSTRETCHED}/>'
    ]
    if ahead:
        lower, middle, upper = map(down, ahead)
        right = _WIDTH - _EDGE
        parts += [
            f'<path d="M{end:.1f},{last:.1f} L{right},{upper:.1f} L{right},{lower:.1f} Z" '
            f'fill="{colours.fan}" fill-opacity="0.35"/>',
            f'<path d="M{end:.1f},{last:.1f} L{right},{middle:.1f}" stroke="{colours.fan}" '
            f'stroke-width="2" {_UNSTRETCHED}/>',
        ]
    else:
        parts.append(
            f'<path d="M{end:.1f},{last:.1f} h0.01" stroke="{colours.fan}" stroke-width="6" '
            f'stroke-linecap="round" {_UNSTRETCHED}/>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'preserveAspectRatio="none">{"".join(parts)}</svg>'
    )
