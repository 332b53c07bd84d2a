"""What `monitoring/` has: alerts, dashboards, and the expressions in them."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

MONITORING = Path(__file__).resolve().parents[1] / "monitoring"
RULES = sorted((MONITORING / "prometheus/rules").glob("*.yaml"))
DASHBOARDS = sorted((MONITORING / "grafana/dashboards").glob("*.json"))


def rules():
    return [
        rule
        for file in RULES
        for group in yaml.safe_load(file.read_text())["groups"]
        for rule in group["rules"]
    ]


def alerts():
    return [rule for rule in rules() if "alert" in rule]


def panels(board):
    """All but the headings."""
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def expressions():
    """Each with the dashboard and panel that it is of."""
    return [
        (f"{file.stem}: {panel['title']}", target["expr"])
        for file in DASHBOARDS
        for panel in panels(json.loads(file.read_text()))
        for target in panel["targets"]
    ]
