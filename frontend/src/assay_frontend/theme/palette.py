"""The colours of the charts: Okabe-Ito, which colour-blind eyes tell apart."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

FOLDER = Path(__file__).parent
Shade = Literal["light", "dark"]


@dataclass(frozen=True, slots=True)
class Palette:
    """Hex colours; `background` and `text` are those of Streamlit's theme."""

    background: str
    panel: str
    text: str
    muted: str
    grid: str
    accent: str
    up: str
    down: str
    fan: str
    random_walk: str
    alarm_background: str
    alarm_text: str


_CHART_COLOURS: dict[Shade, dict[str, str]] = {
    "light": {
        "muted": "#5A5F66",
        "up": "#0072B2",
        "down": "#D55E00",
        "fan": "#0072B2",
        "random_walk": "#1F2429",
        "alarm_background": "#A33A00",
        "alarm_text": "#FFFFFF",
    },
    "dark": {
        "muted": "#A9B0B7",
        "up": "#56B4E9",
        "down": "#E69F00",
        "fan": "#56B4E9",
        "random_walk": "#E9E6DF",
        "alarm_background": "#E69F00",
        "alarm_text": "#14181C",
    },
}


@cache
def palette(shade: Shade) -> Palette:
    theme = tomllib.loads((FOLDER / "assay.toml").read_text(encoding="utf-8"))["theme"][shade]
    return Palette(
        background=theme["backgroundColor"],
        panel=theme["secondaryBackgroundColor"],
        text=theme["textColor"],
        grid=theme["borderColor"],
        accent=theme["primaryColor"],
        **_CHART_COLOURS[shade],
    )


def translucent(colour: str, opacity: float) -> str:
    """`#RRGGBB` as a CSS rgba() of the given opacity."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:g})"


_IN_STYLE_SHEET = (
    "background", "panel", "text", "muted", "grid", "accent", "up", "down", "alarm_background",
    "alarm_text",
)  # fmt: skip


def style_sheet(colours: Palette) -> str:
    """The page's CSS with the palette as custom properties."""
    properties = "".join(
        f"--assay-{name.replace('_', '-')}:{getattr(colours, name)};" for name in _IN_STYLE_SHEET
    )
    css = (FOLDER / "assay.css").read_text(encoding="utf-8")
    return f"<style>:root{{{properties}}}\n{css}</style>"
