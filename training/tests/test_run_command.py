"""`assay-train run` as a process of its own, given what it cannot use."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from assay.market.csv_bars import write_bars_csv

pytestmark = pytest.mark.slow


def run(*arguments: object, folder) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "assay_training.cli", "run", "--out", str(folder / "out")]
    return subprocess.run(
        [*command, *map(str, arguments)],
        env=os.environ
        | {"ASSAY_DATA_DIR": str(folder / "data"), "HTTPS_PROXY": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def told(done: subprocess.CompletedProcess[str]) -> list[str]:
    """What a person is told besides the progress: lines that are not indented."""
    return [line for line in done.stderr.splitlines() if line and not line.startswith(" ")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("date,open,high,low,volume\n", "close"),
        ("date,open,high,low,close,volume\nsoon,1,1,1,1,1\n", "line 2"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_sentence_and_exit_2(
    simulated_csvs, tmp_path, text, said
):
    bad = tmp_path / "gold.csv"
    bad.write_text(text)
    done = run("--gold", bad, "--sp500", simulated_csvs[1], folder=tmp_path)
    assert done.returncode == 2
    assert len(told(done)) == 1, done.stderr
    assert str(bad) in told(done)[0]
    assert said in told(done)[0]
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "data").exists()


def test_what_only_the_flow_finds_is_one_sentence_too(simulated_bars, simulated_csvs, tmp_path):
    short = tmp_path / "gold.csv"
    write_bars_csv(short, simulated_bars[0].take(slice(0, 400)))
    done = run("--gold", short, "--sp500", simulated_csvs[1], folder=tmp_path)
    assert done.returncode == 2
    assert len(told(done)) == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_without_files_and_network_the_download_fails_in_one_sentence(tmp_path):
    done = run("--quick", folder=tmp_path)
    assert done.returncode == 2
    assert len(told(done)) == 1, done.stderr
    assert "Yahoo" in told(done)[0]


def test_a_challenger_needs_a_folder_of_its_own(simulated_csvs, tmp_path):
    gold, sp500 = simulated_csvs
    out = tmp_path / "out" / ".." / "out"
    done = run("--gold", gold, "--sp500", sp500, "--challenger", out, folder=tmp_path)
    assert done.returncode == 2
    assert told(done) == [f"assay-train: --challenger {out} is the champion's folder: name another"]


def test_one_file_of_two_is_refused(simulated_csvs, tmp_path):
    done = run("--gold", simulated_csvs[0], folder=tmp_path)
    assert done.returncode == 2
    assert told(done) == [
        "assay-train: --gold and --sp500 go together: name both files, or neither to download"
    ]
