"""start.sh, really run: what it says where it cannot do its work."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from asking import free_port
from started_script import StubDocker, assert_one_sentence, run


@pytest.fixture
def busy_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.mark.parametrize("name", ["BACKEND_PORT", "FRONTEND_PORT"])
def test_a_busy_port_is_named_with_the_variable_that_moves_it(
    checkout: Path, busy_port: int, tmp_path: Path, name: str
) -> None:
    environment = os.environ | {name: str(busy_port), "ASSAY_DATA_DIR": str(tmp_path)}
    ended = run(checkout, "--local", environment=environment)
    assert ended.returncode == 1
    assert_one_sentence(ended.stderr)
    assert f"Port {busy_port} " in ended.stderr
    assert name in ended.stderr
    assert not list(tmp_path.glob("run/*.log")), "something was started all the same"


@pytest.mark.parametrize("host", ["nowhere.invalid", "127.0.0.1:8000", "192.0.2.1", "2001:db8::1"])
def test_an_address_of_no_machine_or_of_another_is_named(
    checkout: Path, tmp_path: Path, host: str
) -> None:
    ports = {name: str(free_port()) for name in ("BACKEND_PORT", "FRONTEND_PORT")}
    settings = ports | {"ASSAY_HOST": host, "ASSAY_DATA_DIR": str(tmp_path)}
    ended = run(checkout, "--local", environment=os.environ | settings)
    assert ended.returncode == 1
    assert_one_sentence(ended.stderr)
    assert f'ASSAY_HOST is "{host}", which is no address of this machine' in ended.stderr
    assert "127.0.0.1" in ended.stderr.replace(host, "")
    assert "in use" not in ended.stderr


@pytest.mark.parametrize("name", ["BACKEND_PORT", "FRONTEND_PORT"])
def test_a_port_that_only_root_may_open_is_named(checkout: Path, tmp_path: Path, name: str) -> None:
    ports = {each: str(free_port()) for each in ("BACKEND_PORT", "FRONTEND_PORT")}
    settings = ports | {name: "81", "ASSAY_DATA_DIR": str(tmp_path)}
    # what root may do beyond others is taken from it
    bound = ["setpriv", "--bounding-set", "-net_bind_service"] if os.geteuid() == 0 else []
    opened = "import socket; socket.socket().bind(('127.0.0.1', 81))"
    if not subprocess.run(
        [*bound, sys.executable, "-c", opened], stderr=subprocess.DEVNULL
    ).returncode:
        pytest.skip("here anybody may open any port")
    ended = run(checkout, "--local", environment=os.environ | settings, under=bound)
    assert ended.returncode == 1
    assert_one_sentence(ended.stderr)
    assert f"{name} is 81, which this user may not open" in ended.stderr
    assert "1024" in ended.stderr


@pytest.mark.parametrize("port", ["http", "0", "65536", "-1", "80 80"])
@pytest.mark.parametrize("way", ["--local", "--docker"])
def test_what_is_not_a_port_is_refused_by_name(checkout: Path, port: str, way: str) -> None:
    ended = run(checkout, way, environment=os.environ | {"FRONTEND_PORT": port})
    assert ended.returncode == 1
    assert_one_sentence(ended.stderr)
    assert f'FRONTEND_PORT is "{port}"' in ended.stderr


def test_two_services_cannot_share_a_port(checkout: Path) -> None:
    ports = {"BACKEND_PORT": "18000", "FRONTEND_PORT": "18000"}
    ended = run(checkout, "--local", environment=os.environ | ports)
    assert ended.returncode == 1
    assert_one_sentence(ended.stderr)


def test_a_machine_without_python_is_told_which_one_to_install(
    clean_copy: Path, bare_path: Path
) -> None:
    ended = run(clean_copy, "--local", environment={"PATH": str(bare_path)})
    assert ended.returncode == 1
    assert_one_sentence(ended.stderr)
    assert "Python 3.11, 3.12 or 3.13" in ended.stderr


def test_an_interpreter_that_fails_or_is_too_old_is_passed_over(
    clean_copy: Path, bare_path: Path
) -> None:
    (bare_path / "python3.13").write_text(
        "#!/bin/sh\necho 'pyenv: command not found' >&2\nexit 127\n"
    )
    (bare_path / "python3").write_text("#!/bin/sh\nexit 1\n")  # what 3.10 answers to the question
    for shim in ("python3.13", "python3"):
        (bare_path / shim).chmod(0o755)
    ended = run(clean_copy, "--local", environment={"PATH": str(bare_path)})
    assert ended.returncode == 1
    assert_one_sentence(ended.stderr)
    assert "No Python" in ended.stderr


@pytest.mark.skipif("UV" not in os.environ, reason="needs uv to be the runner, as start.sh does")
def test_a_first_start_without_a_network_ends_with_one_sentence(
    clean_copy: Path, bare_path: Path, offline: dict[str, str]
) -> None:
    (bare_path / "uv").symlink_to(os.environ["UV"])
    ended = run(clean_copy, "--local", environment=offline)
    assert ended.returncode == 1
    assert_one_sentence(ended.stderr)
    assert "The packages could not be downloaded: check the network" in ended.stderr
    assert "Failed to" in (clean_copy / "data/run/setup.log").read_text()


def test_uv_that_cannot_be_fetched_ends_with_one_sentence_and_nothing_half_done(
    clean_copy: Path, offline: dict[str, str]
) -> None:
    ended = run(clean_copy, "--local", environment=offline)
    assert ended.returncode == 1
    assert_one_sentence(ended.stderr)
    assert re.search("network|neither venv nor pip", ended.stderr)
    assert not (clean_copy / ".tools/uv").exists()


@pytest.mark.parametrize("command", ["--help", "stop"])
def test_a_data_folder_that_cannot_be_had_stops_nothing_that_does_without(
    clean_copy: Path, docker: StubDocker, command: str
) -> None:
    nowhere = clean_copy / "start.sh" / "data"  # below a file there are no folders
    ended = run(clean_copy, command, environment=docker.environment | {"ASSAY_DATA_DIR": nowhere})
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""


@pytest.mark.parametrize("command", ["--local", "report", "train", "test"])
def test_a_data_folder_that_cannot_be_written_is_named_with_its_variable(
    clean_copy: Path, offline: dict[str, str], command: str
) -> None:
    nowhere = clean_copy / "start.sh" / "data"
    ended = run(clean_copy, command, environment=offline | {"ASSAY_DATA_DIR": str(nowhere)})
    assert ended.returncode == 1
    assert_one_sentence(ended.stderr)
    assert f'ASSAY_DATA_DIR is "{nowhere}"' in ended.stderr
    assert "it should be a folder that this user can write in" in ended.stderr


def test_a_report_needs_an_environment_as_a_start_does(clean_copy: Path, bare_path: Path) -> None:
    ended = run(clean_copy, "report", environment={"PATH": str(bare_path)})
    assert ended.returncode == 1
    assert_one_sentence(ended.stderr)
    assert "Python 3.11, 3.12 or 3.13" in ended.stderr
    assert not (clean_copy / "report.md").exists()


def test_an_unknown_command_shows_the_usage(checkout: Path) -> None:
    ended = run(checkout, "dance", environment=dict(os.environ))
    assert ended.returncode == 2
    assert 'unknown command "dance"' in ended.stderr
    assert "Usage: ./start.sh" in ended.stderr


@pytest.mark.parametrize("name", ["stop", "logs", "test", "train", "report"])
def test_the_usage_names_every_command(checkout: Path, name: str) -> None:
    ended = run(checkout, "--help", environment=dict(os.environ))
    assert ended.returncode == 0
    assert f"./start.sh {name} " in ended.stdout
