"""`assay-train daily` and `serve`, given what they cannot use."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from assay.errors import BlockedRegion, SourceUnavailable, TrainingError
from assay_training import cli
from assay_training.daily_commands import _check_prefect
from assay_training.json_file import BadInput
from assay_training.settings import TrainingSettings, load_settings
from assay_training.steps.service import ServiceAway


@pytest.fixture(autouse=True)
def _environment_as_it_was(monkeypatch):
    """`serve` lets Prefect speak, for the whole process."""
    monkeypatch.setenv("PREFECT_LOGGING_LEVEL", "CRITICAL")


@pytest.mark.parametrize("command", ["daily", "serve"])
def test_one_file_of_two_is_refused(command, capsys):
    assert cli.main([command, "--gold", "gold.csv"]) == 2
    assert "--gold and --sp500 go together" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("ASSAY_REFIT_WEEKDAY", "fri", "'monday', 'tuesday'"),
        ("ASSAY_DOWNLOAD_DEADLINE_SECONDS", "soon", "a valid number"),
        ("ASSAY_DOWNLOAD_DEADLINE_SECONDS", "0", "greater than 0"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_with_its_value_and_what_is_wanted(
    monkeypatch, name, value, wanted
):
    monkeypatch.setenv(name, value)
    with pytest.raises(BadInput) as caught:
        load_settings()
    assert str(caught.value).startswith(f"{name} is '{value}': it should be {wanted}")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (None, "PREFECT_API_URL is not set: it should be the address of a Prefect server"),
        ("prefect:4200", "PREFECT_API_URL is prefect:4200: it should be"),
        ("http://127.0.0.1:9/api", "PREFECT_API_URL is http://127.0.0.1:9/api, which does not"),
    ],
)
def test_a_prefect_server_that_is_not_there_is_told_by_its_setting(address, said):
    with pytest.raises(BadInput) as caught:
        _check_prefect(TrainingSettings(prefect_api_url=address))
    assert str(caught.value).startswith(said)


@pytest.mark.slow  # importing prefect takes seconds
def test_a_schedule_that_is_no_cron_line_is_told_by_its_setting():
    done = subprocess.run(
        [sys.executable, "-m", "assay_training.cli", "serve"],
        env=os.environ | {"ASSAY_DAILY_CRON": "every evening"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "ASSAY_DAILY_CRON is 'every evening': it should be a cron line" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (SourceUnavailable("slow"), True),
        (ServiceAway("away"), True),
        (BlockedRegion("451"), False),
        (TrainingError("no fit"), False),
        (ValueError("a bug"), False),
    ],
)
def test_what_may_pass_is_tried_again(error, passes):
    from assay_training.flows.schedule import can_pass

    assert can_pass(error) is passes


@pytest.mark.slow
def test_who_waits_for_the_day_has_no_tensorflow_in_memory():
    program = "import sys, assay_training.flows.schedule; sys.exit('tensorflow' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
