"""What long work shows, on a terminal and elsewhere."""

import io
import sys

import pytest

from assay_backend.commands import progress as module
from assay_backend.commands.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def screen(monkeypatch):
    """Stands in for stderr."""

    def screen(kind):
        monkeypatch.setattr(sys, "stderr", kind())
        return sys.stderr

    return screen


def test_a_terminal_gets_a_bar_that_goes_away(screen):
    shown = screen(Terminal)
    with Progress("work", total=10) as progress:
        for _ in range(10):
            progress.add(1)
            progress._bar.refresh()
    assert "10/10" in shown.getvalue()
    assert not shown.getvalue().endswith("\n")


def test_short_work_says_nothing_where_there_is_no_terminal(screen):
    shown = screen(io.StringIO)
    with Progress("work", total=10) as progress:
        progress.reached(10)
    assert shown.getvalue() == ""


def test_long_work_says_a_line_now_and_then(screen, monkeypatch):
    monkeypatch.setattr(module, "SECONDS_BETWEEN_LINES", 0.0)
    shown = screen(io.StringIO)
    with Progress("work", unit="pages") as progress:
        progress.reached(2_000, 4_500)
        progress.add(2_500)
    assert shown.getvalue().splitlines() == [
        "assay-data: work: 2,000 of 4,500 pages",
        "assay-data: work: 4,500 of 4,500 pages",
    ]
