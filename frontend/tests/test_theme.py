"""Every colour pair on the page can be read (WCAG 2.2: text 4.5 to 1, graphics 3 to 1)."""

from __future__ import annotations

import tomllib

import pytest

from assay_frontend.theme.palette import FOLDER, palette, style_sheet, translucent

TEXT = [
    ("text", "background"),
    ("text", "panel"),
    ("muted", "background"),
    ("muted", "panel"),
    ("accent", "background"),
    ("accent", "panel"),
    ("alarm_text", "alarm_background"),
]
GRAPHICS = [("up", "background"), ("down", "background"), ("fan", "background")]
GRAPHICS += [("random_walk", "background"), ("alarm_background", "background")]


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_the_measure_itself_is_right():
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21.0)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.478, abs=0.001)


@pytest.mark.parametrize("shade", ["light", "dark"])
@pytest.mark.parametrize(("front", "back"), TEXT)
def test_text_can_be_read(shade, front, back):
    colours = palette(shade)
    assert contrast(getattr(colours, front), getattr(colours, back)) >= 4.5


@pytest.mark.parametrize("shade", ["light", "dark"])
@pytest.mark.parametrize(("front", "back"), GRAPHICS)
def test_lines_and_bars_can_be_seen(shade, front, back):
    colours = palette(shade)
    assert contrast(getattr(colours, front), getattr(colours, back)) >= 3.0


def test_a_warning_can_be_read():
    light = tomllib.loads((FOLDER / "assay.toml").read_text(encoding="utf-8"))["theme"]["light"]
    assert contrast(light["yellowTextColor"], light["yellowBackgroundColor"]) >= 7.0


@pytest.mark.parametrize("shade", ["light", "dark"])
def test_the_style_sheet_defines_each_colour_that_it_uses_and_asks_nobody(shade):
    css = style_sheet(palette(shade))
    used = {part.split(")")[0] for part in css.split("var(")[1:]}
    assert used
    assert all(f"{name}:" in css for name in used)
    assert "http" not in css
    assert "@import" not in css


def test_a_translucent_colour_keeps_its_channels():
    assert translucent("#0072B2", 0.22) == "rgba(0,114,178,0.22)"
