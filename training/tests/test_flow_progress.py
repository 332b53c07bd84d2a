from __future__ import annotations

import io

import pytest
from rich.console import Console

from assay_training.progress import Progress


@pytest.fixture
def screen():
    return io.StringIO()


def test_away_from_a_terminal_steps_and_ends_are_lines(screen):
    with Progress(steps=2, console=Console(file=screen, width=100)) as progress:
        progress.step("load bars")
        progress.say("17 rows [as they are]")
        progress.step("fit")
        for done in range(1, 101):
            progress.update("MLP, folds", done, 100)
    lines = [line[11:] for line in screen.getvalue().splitlines()]
    assert lines[:3] == ["step 1 of 2: load bars", "  17 rows [as they are]", "step 2 of 2: fit"]
    assert lines[-1] == "  MLP, folds: 100 of 100"
    assert len(lines) <= 5


def test_each_line_says_how_long_it_has_been(screen):
    with Progress(steps=1, console=Console(file=screen, width=100)) as progress:
        progress.step("load bars")
    assert screen.getvalue().startswith("    0.0 s  step 1 of 1")


def test_on_a_terminal_parts_are_bars(screen):
    console = Console(file=screen, force_terminal=True, width=100)
    with Progress(steps=1, console=console) as progress:
        progress.step("fit")
        progress.update("MLP, folds", 3, 16)
    written = screen.getvalue()
    assert "step 1 of 1: fit" in written
    assert "3/16" in written
