"""start.sh, really run: what it says where it cannot do its work, and that it leaves nothing."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from asking import free_port, wait_until

# All that start.sh calls besides Python and uv.
# fmt: off
TOOLS = [
    "bash", "cat", "date", "dirname", "env", "git", "grep", "mkdir", "rm", "sleep", "tail", "touch",
]
# fmt: on
NOWHERE = "http://127.0.0.1:9"


def run(
    folder: Path, *arguments: str, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["./start.sh", *arguments],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def assert_one_sentence(text: str) -> None:
    assert text.startswith("start.sh: "), text
    assert text.count("\n") == 1, text


@pytest.fixture
def bare_path(tmp_path: Path) -> Path:
    """A folder for the PATH with the system's everyday tools and no interpreter."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        if found is not None:
            (folder / tool).symlink_to(found)
    return folder


@pytest.fixture
def clean_copy(checkout: Path, tmp_path: Path) -> Path:
    """The checkout as a fresh clone would be: no environment, no private tools."""
    copy = tmp_path / "assay"
    left_out = shutil.ignore_patterns("tests", "__pycache__", "*.pyc")
    copy.mkdir()
    for folder in ("core", "backend", "frontend", "training", "scripts"):
        shutil.copytree(checkout / folder, copy / folder, ignore=left_out)
    for file in ("start.sh", "env.example", "pyproject.toml", "uv.lock"):
        shutil.copy(checkout / file, copy / file)
    return copy


@pytest.fixture
def offline(bare_path: Path, tmp_path: Path) -> dict[str, str]:
    """An environment with a Python, empty caches, and a proxy where nothing listens."""
    (bare_path / "python3").symlink_to(Path(sys.base_prefix, "bin", Path(sys.executable).name))
    proxies = {name: NOWHERE for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")}
    return proxies | {
        "PATH": str(bare_path),
        "HOME": str(tmp_path / "home"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "PIP_CONFIG_FILE": os.devnull,
        "UV_NO_CONFIG": "1",
    }


class StubDocker:
    """A `docker` that notes what it is asked, and does what the files beside it tell it to."""

    SCRIPT = """#!/bin/sh
cd "${0%/*}/../engine"
echo "$@" >>asked
env >environment
case $* in
  *" ps "*) cat running; exit ;;
  *" down"*) : >running ;;
  *" up "*) echo a-container >running ;;
esac
for word in build up; do
  case $* in *" $word"*) [ ! -e "$word-hangs" ] || { : >hanging; exec sleep 1000; } ;; esac
  case $* in *" $word"*) [ ! -e "$word-fails" ] || exit 17 ;; esac
done
"""

    def __init__(self, path: Path) -> None:
        self.folder = path.parent / "engine"
        self.folder.mkdir()
        (self.folder / "running").touch()
        (path / "docker").write_text(self.SCRIPT)
        (path / "docker").chmod(0o755)
        ports = {name: str(free_port()) for name in ("BACKEND_PORT", "FRONTEND_PORT")}
        self.environment = {"PATH": str(path), **ports}

    def tell(self, name: str, what: str = "") -> None:
        (self.folder / name).write_text(what)

    def asked(self, command: str) -> list[str]:
        """Its requests with that word."""
        lines = (self.folder / "asked").read_text().splitlines()
        return [line for line in lines if command in line.split()]

    def was_given(self) -> dict[str, str]:
        """The environment of its last request."""
        lines = (self.folder / "environment").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)


@pytest.fixture
def docker(bare_path: Path) -> StubDocker:
    return StubDocker(bare_path)


@contextmanager
def started(folder: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """`./start.sh` in a process group of its own, as a terminal has it."""
    process = subprocess.Popen(
        ["./start.sh"],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


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


@pytest.mark.parametrize("command", ["--docker", "stop", "logs"])
def test_a_machine_without_docker_is_told_so(
    clean_copy: Path, bare_path: Path, command: str
) -> None:
    ended = run(clean_copy, command, environment={"PATH": str(bare_path)})
    assert ended.returncode == 1
    assert_one_sentence(ended.stderr)
    assert "No Docker engine with Compose answers" in ended.stderr


def test_an_engine_that_never_answers_does_not_hold_the_start_up(
    clean_copy: Path, bare_path: Path
) -> None:
    (bare_path / "docker").write_text("#!/bin/sh\nexec sleep 1000\n")
    (bare_path / "docker").chmod(0o755)
    ended = run(clean_copy, environment={"PATH": str(bare_path)})
    said, refused = ended.stderr.splitlines()
    assert said == "Docker did not answer within 5 seconds."
    assert "No Python" in refused, "the local way was not tried"


def test_stop_ends_the_services_of_every_profile_and_keeps_what_they_stored(
    clean_copy: Path, bare_path: Path
) -> None:
    (bare_path / "docker").write_text('#!/bin/sh\necho "$@" >>asked\n')
    (bare_path / "docker").chmod(0o755)
    ended = run(clean_copy, "stop", environment={"PATH": str(bare_path)})
    assert ended.returncode == 0, ended.stderr
    *_, stopped = (clean_copy / "asked").read_text().splitlines()
    assert stopped == "compose --profile * down --timeout 10"


def test_a_build_that_fails_says_so_and_leaves_what_runs(
    clean_copy: Path, docker: StubDocker
) -> None:
    docker.tell("running", "the-last-version\n")
    docker.tell("build-fails")
    ended = run(clean_copy, environment=docker.environment)
    assert ended.returncode == 1
    failed, left = ended.stderr.splitlines()
    assert failed == (
        "start.sh: The images could not be built, and why stands above: nothing was started."
    )
    assert left == "Assay ran in Docker before, and is not stopped: ./start.sh stop does that."
    assert docker.asked("up") == docker.asked("down") == []


def test_a_first_build_that_fails_has_nothing_to_stop(clean_copy: Path, docker: StubDocker) -> None:
    docker.tell("build-fails")
    ended = run(clean_copy, environment=docker.environment)
    assert ended.returncode == 1
    assert_one_sentence(ended.stderr)
    assert docker.asked("up") == docker.asked("down") == []


@pytest.mark.parametrize("stage", ["build", "up"])
def test_ctrl_c_before_it_has_taken_over_leaves_what_ran(
    clean_copy: Path, docker: StubDocker, stage: str
) -> None:
    docker.tell("running", "the-last-version\n")
    docker.tell(f"{stage}-hangs")
    with started(clean_copy, docker.environment) as start:
        wait_until((docker.folder / "hanging").exists)
        os.killpg(start.pid, signal.SIGINT)
        said, _ = start.communicate(timeout=30)
        with pytest.raises(ProcessLookupError):  # what hung is gone too
            os.killpg(start.pid, 0)
    assert start.returncode == 0
    assert "./start.sh stop" in said
    assert docker.asked(stage) != []
    assert docker.asked("down") == []


@pytest.mark.parametrize("ran_before", [True, False])
def test_services_that_do_not_become_healthy_end_only_with_a_start_that_began_them(
    clean_copy: Path, docker: StubDocker, ran_before: bool
) -> None:
    if ran_before:
        docker.tell("running", "the-last-version\n")
    docker.tell("up-fails")
    ended = run(clean_copy, environment=docker.environment)
    assert ended.returncode == 1
    assert "did not become healthy" in ended.stderr
    assert len(docker.asked("down")) == (0 if ran_before else 1)


@pytest.mark.parametrize("ran_before", [True, False])
def test_ctrl_c_once_it_has_taken_over_stops_what_it_began(
    clean_copy: Path, docker: StubDocker, ran_before: bool
) -> None:
    if ran_before:
        docker.tell("running", "the-last-version\n")
    with started(clean_copy, docker.environment) as start:
        assert start.stdout is not None
        while "Ctrl-C stops it" not in (line := start.stdout.readline()):
            assert line, "it ended"
        os.killpg(start.pid, signal.SIGINT)
        start.communicate(timeout=30)
    assert start.returncode == 0
    assert docker.asked("down") == ["compose down --timeout 10"]


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


def test_a_report_needs_an_environment_as_a_start_does(clean_copy: Path, bare_path: Path) -> None:
    ended = run(clean_copy, "report", environment={"PATH": str(bare_path)})
    assert ended.returncode == 1
    assert_one_sentence(ended.stderr)
    assert "Python 3.11, 3.12 or 3.13" in ended.stderr
    assert not (clean_copy / "report.md").exists()


@pytest.mark.skipif("UV" not in os.environ, reason="needs uv to be the runner, as start.sh does")
def test_a_report_needs_no_running_service(checkout: Path, tmp_path: Path) -> None:
    settings = {"ASSAY_DATA_DIR": str(tmp_path), "ASSAY_MARKET_SOURCE": "simulated"}
    environment = {**os.environ, **settings}
    arguments = ("report", "--out", str(tmp_path), "--language", "es")
    ended = run(checkout, *arguments, environment=environment)
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "report.md").read_text().startswith("# Informe diario de Assay")
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")


def test_the_env_file_is_data_and_the_environment_wins(clean_copy: Path) -> None:
    trace = clean_copy / "executed"
    (clean_copy / ".env").write_text(
        "# ports\n"
        f"EVIL=$(touch {trace})\n"
        'BACKEND_PORT="from the file"\r\n'
        "FRONTEND_PORT=18501 # a remark\n"
        f"touch {trace}\n"
    )
    refused = run(clean_copy, "--local", environment=dict(os.environ))
    assert 'BACKEND_PORT is "from the file"' in refused.stderr
    ours = os.environ | {"BACKEND_PORT": "18501"}
    assert "both 18501" in run(clean_copy, "--local", environment=ours).stderr
    assert not trace.exists()


# What Docker Compose 2.26 makes of the same line.
@pytest.mark.parametrize(
    ("line", "value"),
    [
        ('NAME="abc" # remark', "abc"),
        ("NAME='abc' # remark", "abc"),
        ("NAME='abc'#x", "abc"),
        ("export NAME=abc", "abc"),
        ("export\tNAME = 'a b'\r", "a b"),
        ("NAME = abc", "abc"),
        ("  NAME: abc  ", "abc"),
        ("NAME=a#b # remark", "a#b"),
        ("NAME=first\nNAME=second", "second"),
        ("\ufeffNAME=abc", "abc"),
        ("NAME=", ""),
        ('NAME=""', ""),
        ('NAME="\\"a\\" \\\\ \\t \\x \\$a"', '"a" \\ \t \\x $a'),
        ("NAME='it\\'s \\n $HOME'", "it's \\n $HOME"),
        ("NAME=\\n$$HOME$", "\\n$HOME$"),
        ("NAME=$(touch executed)`touch executed`", "$(touch executed)`touch executed`"),
        ('NAME="$(touch executed)"', "$(touch executed)"),
    ],
)
def test_a_line_of_the_env_file_means_what_it_means_to_compose(
    clean_copy: Path, docker: StubDocker, line: str, value: str
) -> None:
    (clean_copy / ".env").write_text(f"{line}\n", encoding="utf-8", newline="")
    ended = run(clean_copy, "stop", environment=docker.environment)
    assert ended.returncode == 0
    assert ended.stderr == ""
    assert docker.was_given()["NAME"] == value
    assert not (clean_copy / "executed").exists()


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("NAME", "NAME=value"),
        ("NAME s3cret", "NAME=value"),
        ("2NAME=s3cret", "NAME=value"),
        ('NAME="s3cret', "the closing quote"),
        ("NAME='s3cret\\'", "the closing quote"),
        ('NAME="s3cret" more', "the closing quote"),
        ("NAME=s3cret$HOME", "a value written out"),
        ('NAME="s3cret${HOME}"', "a value written out"),
    ],
)
def test_a_line_of_the_env_file_that_is_not_understood_is_told_by_its_number_alone(
    clean_copy: Path, docker: StubDocker, line: str, wanted: str
) -> None:
    (clean_copy / ".env").write_text(f"# remark\n\n{line}\nAFTER=wards\n")
    ended = run(clean_copy, "stop", environment=docker.environment)
    assert ended.returncode == 0
    assert_one_sentence(ended.stderr)
    assert ".env, line 3, is passed over: " in ended.stderr
    assert wanted in ended.stderr
    assert "s3cret" not in ended.stdout + ended.stderr
    assert "NAME" not in docker.was_given()
    assert docker.was_given()["AFTER"] == "wards"


def test_a_misspelt_setting_of_the_env_file_is_told(clean_copy: Path, docker: StubDocker) -> None:
    lines = ["ASSAY_LOG_LEVEL=debug", "ASSAY_MARKT_SOURCE=live", "ANOTHERS=own"]
    (clean_copy / ".env").write_text("\n".join(lines))
    ended = run(clean_copy, "stop", environment=docker.environment)
    assert ended.returncode == 0
    assert ended.stderr == (
        "start.sh: .env, line 2: no setting is called ASSAY_MARKT_SOURCE; env.example has all.\n"
    )


def test_one_uv_serves_the_script_and_the_images(checkout: Path) -> None:
    script = (checkout / "start.sh").read_text()
    pinned = re.search(r"^UV_VERSION=(\S+)", script, re.MULTILINE)
    assert pinned
    dockerfiles = list(checkout.glob("*/Dockerfile"))
    assert len(dockerfiles) >= 2
    for dockerfile in dockerfiles:
        assert f"astral-sh/uv:{pinned[1]} " in dockerfile.read_text(), dockerfile


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
