"""What start.sh began on the machine itself: whatever ends it, nothing is left behind."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from started_script import run


@pytest.mark.skipif("UV" not in os.environ, reason="needs uv to be the runner, as start.sh does")
def test_a_report_needs_no_running_service(checkout: Path, tmp_path: Path) -> None:
    settings = {"ASSAY_DATA_DIR": str(tmp_path), "ASSAY_MARKET_SOURCE": "simulated"}
    environment = {**os.environ, **settings}
    arguments = ("report", "--out", str(tmp_path), "--language", "es")
    ended = run(checkout, *arguments, environment=environment)
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "report.md").read_text().startswith("# Informe diario de Assay")
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")


def test_a_service_that_dies_at_the_start_shows_its_last_lines(start_assay, tmp_path: Path) -> None:
    assay = start_assay(ASSAY_MARKET_SOURCE="a market that is none")
    assert assay.wait() == 1
    assert "The backend ended by itself" in assay.output()
    assert "a market that is none" in assay.output()
    assert assay.left_behind() == []


def test_a_champion_that_cannot_be_used_ends_the_start_soon_with_what_is_wrong(
    start_assay, tmp_path: Path
) -> None:
    nowhere = tmp_path / "no bundle"
    assay = start_assay(ASSAY_MODEL_URI=str(nowhere))
    began = time.monotonic()
    assert assay.wait() == 1
    assert time.monotonic() - began < 60
    *_, last = assay.output().splitlines()
    assert last.startswith("start.sh: The backend cannot serve, and waiting does not mend that: ")
    assert str(nowhere) in last
    assert "GET /" not in assay.output()
    assert assay.left_behind() == []


@pytest.mark.slow
def test_when_one_of_the_two_dies_the_other_is_stopped(start_assay) -> None:
    assay = start_assay().until_ready()
    os.kill(assay.process_of("assay_backend"), signal.SIGKILL)
    assert assay.wait() == 1
    assert "The backend ended by itself" in assay.output()
    assert assay.left_behind() == []


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_both_services(start_assay, number: signal.Signals) -> None:
    assay = start_assay().until_ready()
    assert len(assay.processes()) >= 3
    os.kill(assay.process.pid, number)
    assert assay.wait() == 0
    assert assay.left_behind() == []


@pytest.mark.slow
def test_a_kill_that_nothing_can_catch_leaves_nothing_behind_either(start_assay) -> None:
    assay = start_assay().until_ready()
    os.kill(assay.process.pid, signal.SIGKILL)
    assert assay.wait() == -signal.SIGKILL
    assert assay.left_behind() == []
