"""A writer that is killed at any moment loses nothing that it has acknowledged."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_a_hundred_kills_lose_nothing_that_was_acknowledged_and_leave_no_half_write(tmp_path):
    script = Path(__file__).with_name("killed_writer.py")
    done = subprocess.run(
        [sys.executable, "-W", "error", script, tmp_path, "100", "1"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) >= 50, "each second writer is killed after its first write"
