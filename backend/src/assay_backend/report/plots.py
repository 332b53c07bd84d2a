"""The report's plots as SVG, drawn by a process of their own.

`python -m assay_backend.report.plots` takes a JSON array of drawings on stdin and gives a JSON
object of SVG elements by name on stdout. Only this process ever loads the library that draws.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pygal
from pygal.etree import etree
from pygal.style import Style

WIDTH = 900
# Okabe and Ito's, told apart by those who see few colours too.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
STYLE = {
    "background": "transparent",
    "plot_background": "transparent",
    "foreground": "#5b6670",
    "foreground_strong": "#1d2327",
    "foreground_subtle": "#d9dee3",
    "guide_stroke_color": "#e3e7eb",
    "guide_stroke_dasharray": "none",
    "major_guide_stroke_color": "#e3e7eb",
    "major_guide_stroke_dasharray": "none",
    "opacity": ".85",
    "opacity_hover": "1",
    "transition": "0s",
    "colors": COLOURS,
    "font_family": "system-ui, sans-serif",
    "label_font_size": 13,
    "major_label_font_size": 13,
    "legend_font_size": 13,
    "value_font_size": 12,
}
MARKED = {"major_guide_stroke_color": "#1d2327", "major_guide_stroke_dasharray": "4,4"}
STEP = 20  # percent
MOST_LABELS = 8

etree.to_etree()  # what lxml would make, where it happens to be installed, is another tree

Drawing = dict[str, Any]


def gold(drawing: Drawing) -> pygal.graph.graph.Graph:
    """A line of closes, and the median with its interval behind its end."""
    closes, lower, upper = drawing["closes"], drawing["lower"], drawing["upper"]
    chart = _chart(pygal.Line, drawing, dots_size=2.5)
    _thin_out_labels(chart, [*drawing["sessions"], drawing["target"]])
    chart.range = _around([*closes, lower, upper])
    chart.add(drawing["names"][0], [*closes, None])
    point = {"value": drawing["median"], "ci": {"low": lower, "high": upper}, "node": {"r": 4}}
    chart.add(drawing["names"][1], [*[None] * len(closes), point], stroke=False)
    return chart


def lines(drawing: Drawing) -> pygal.graph.graph.Graph:
    """Series that begin at one level."""
    chart = _chart(pygal.Line, drawing, show_dots=False)
    chart.x_labels, chart.x_labels_major = drawing["labels"], drawing["majors"]
    chart.show_minor_x_labels = False
    values = [value for series in drawing["series"] for value in series["values"]]
    chart.range = _around([value for value in values if value is not None])
    for series in drawing["series"]:
        chart.add(series["name"], series["values"], stroke_style={"width": 2})
    return chart


def bars(drawing: Drawing) -> pygal.graph.graph.Graph:
    """Groups of shares in percent; `marked` is a level with a line of its own."""
    chart = _chart(pygal.Bar, drawing, print_values=True, print_values_position="top")
    highest = max(max(series["values"]) for series in drawing["series"])
    top = min(max(STEP * int(highest // STEP + 1), 2 * STEP), 100)
    chart.range = (0, top)
    chart.y_labels = list(range(0, top + 1, STEP))
    chart.y_labels_major = list(drawing["marked"])
    chart.value_formatter = lambda value: "" if value is None else f"{value:.0f} %"
    chart.x_labels = drawing["labels"]
    for series in drawing["series"]:
        chart.add(series["name"], series["values"])
    return chart


def reliability(drawing: Drawing) -> pygal.graph.graph.Graph:
    """What was said beside what happened, in percent; right is on the diagonal."""
    chart = _chart(pygal.XY, drawing, dots_size=5)
    chart.range = chart.xrange = (0, 100)
    chart.x_labels = chart.y_labels = [0, 20, 40, 60, 80, 100]
    chart.value_formatter = chart.x_value_formatter = lambda value: f"{value:.0f} %"
    chart.add(drawing["names"][0], [(said, came) for said, came in drawing["points"]])
    dashed = {"width": 1.5, "dasharray": "6, 6"}
    right = [(0, 0), (100, 100)]
    chart.add(drawing["names"][1], right, show_dots=False, stroke_style=dashed)
    return chart


KINDS: dict[str, Callable[[Drawing], pygal.graph.graph.Graph]] = {
    "gold": gold,
    "lines": lines,
    "bars": bars,
    "reliability": reliability,
}


def svg(drawing: Drawing) -> str:
    """An SVG element for a page: without script, comment, or the name of any other host."""
    root = KINDS[drawing["kind"]](drawing).render_tree()
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag is ElementTree.Comment or child.tag == "script":
                parent.remove(child)
    del root.attrib["xmlns"]  # HTML knows what an SVG is
    root.attrib |= {"role": "img", "aria-label": drawing["caption"]}
    return ElementTree.tostring(root, encoding="unicode")


def _chart(kind: type, drawing: Drawing, **options: Any) -> Any:  # noqa: ANN401 - pygal has no types
    chart = kind(
        style=Style(**STYLE | (MARKED if drawing.get("marked") else {})),
        js=[],
        width=WIDTH,
        height=drawing.get("height", 320),
        margin=8,
        margin_top=20,
        margin_right=44,
        legend_at_bottom=True,
        legend_box_size=12,
        show_legend=drawing.get("legend", True),
        truncate_label=-1,
        truncate_legend=-1,
        no_data_text="",
        **options,
    )
    chart.uuid = drawing["name"]
    return chart


def _thin_out_labels(chart: Any, labels: list[str]) -> None:  # noqa: ANN401 - pygal has no types
    """Shows so many that they do not run into each other, the last one among them."""
    step = max(1, -(-len(labels) // MOST_LABELS))
    chart.x_labels = labels
    chart.x_labels_major = labels[::-1][::step]
    chart.show_minor_x_labels = False


def _around(values: list[float]) -> tuple[float, float]:
    """The span of `values` with a margin."""
    low, high = min(values), max(values)
    margin = 0.08 * (high - low) or 1.0
    return low - margin, high + margin


def main() -> int:
    drawings = json.load(sys.stdin)
    json.dump({drawing["name"]: svg(drawing) for drawing in drawings}, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
