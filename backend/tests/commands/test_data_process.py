"""The command as a process of its own, with the environment as a person sets it."""

import os
import socket
import subprocess
import sys
from importlib.metadata import entry_points

import pytest

from assay_backend.commands.data import main

SERIES = ("--exchange", "binance", "--symbol", "BTCUSDT", "--timeframe", "1h")


def run(*words, **environment):
    return subprocess.run(
        [sys.executable, "-m", "assay_backend.commands.data", *words],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=240,
        stdin=subprocess.DEVNULL,
    )


@pytest.fixture
def nobody(tmp_path):
    """An environment whose proxy is a port where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    proxy = f"http://127.0.0.1:{port}"
    names = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
    return dict.fromkeys(names, proxy) | {
        "NO_PROXY": "",
        "no_proxy": "",
        "ASSAY_MARKET_SOURCE": "live",
        "ASSAY_DATA_DIR": str(tmp_path),
    }


@pytest.mark.slow
@pytest.mark.parametrize("words", [SERIES, ("--symbol", "GC=F")])
def test_an_upstream_that_cannot_be_reached_is_one_sentence_and_status_1(nobody, words):
    ran = run("fetch", *words, **nobody)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "Traceback" not in ran.stderr
    assert all(line.startswith("assay-data: ") for line in ran.stderr.splitlines())


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"ASSAY_MARKET_SOURCE": "dream"}, "ASSAY_MARKET_SOURCE is 'dream'"),
        ({"ASSAY_DATABASE_URL": "mysql://x/y"}, "it should be like sqlite:"),
    ],
)
def test_settings_that_cannot_be_used_are_a_sentence(tmp_path, environment, says):
    ran = run("list", **({"ASSAY_DATA_DIR": str(tmp_path)} | environment))
    assert ran.returncode == 2
    assert says in ran.stderr
    assert ran.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "command",
    ["fetch", "import", "export", "list", "gaps", "quarantine", "corrections", "backup", "restore"],
)
def test_every_command_explains_itself_with_examples(capsys, command):
    for words in ([command, "--help"], ["--help"]):
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert ended.value.code == 0
        shown = capsys.readouterr().out
        assert f"assay-data {command}" in shown or f"    {command}" in shown
        assert "examples:" in shown


def test_no_command_is_bad_input(capsys):
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2
    assert "COMMAND" in capsys.readouterr().err


def test_the_command_is_called_assay_data():
    found = entry_points(group="console_scripts", name="assay-data")
    if not found:
        pytest.skip("the installed package is older than the command")
    [point] = found
    assert point.load() is main
