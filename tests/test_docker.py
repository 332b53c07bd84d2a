"""The images and the Compose file: built, started in order, asked, killed, trained, stopped."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tomllib
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

import pytest

import inside_images as inside
from asking import ask, asked_all_the_while, wait_until
from assay.clock import FixedClock
from assay.market.csv_bars import write_bars_csv
from assay.market.sources.simulated import SimulatedSource

Compose = Callable[..., str]

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(2400)]

COMMIT = "0123456789abcdef"
KEY = "an-admin-key-of-the-tests"
MOST_MEGABYTES = {"backend": 550, "frontend": 750, "training": 2700}
IN_APP = {
    "backend": {".venv", "data", "state"},
    "frontend": {".venv"},
    "training": {".venv", "data", "entrypoint.sh"},
}
CONTAINER_USER = 1000


def run_docker(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["docker", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=2000,
        check=False,
    )


@pytest.fixture(scope="module")
def settings(base_images: dict[str, str], free_ports: tuple[int, int]) -> dict[str, str]:
    return base_images | {
        "COMPOSE_PROJECT_NAME": "assay-test",
        "BACKEND_PORT": str(free_ports[0]),
        "FRONTEND_PORT": str(free_ports[1]),
        "ASSAY_MARKET_SOURCE": "simulated",
        "ASSAY_GIT_COMMIT": COMMIT,
        "ASSAY_ADMIN_KEY": KEY,
        "ASSAY_BUNDLE_MODE": "rw",
    }


@pytest.fixture(scope="module")
def docker(settings: dict[str, str]) -> Callable[..., str]:
    def run(*arguments: str) -> str:
        done = run_docker(settings, *arguments)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        return done.stdout

    return run


@pytest.fixture(scope="module")
def folder(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project's folder with data of its own; where that can be, the containers' user owns it."""
    data = tmp_path_factory.mktemp("project") / "data"
    for name in ("processed", "raw"):
        (data / name).mkdir(parents=True)
    for file in (checkout / "data/processed").glob("*.*"):
        if file.is_file():
            shutil.copy(file, data / "processed")
    source = SimulatedSource(FixedClock(datetime(2012, 6, 29, 23, tzinfo=UTC)))
    for symbol, name in (("GC=F", "gold.csv"), ("^GSPC", "sp500.csv")):
        bars = source.fetch(symbol, start=date(2000, 8, 30), deadline_seconds=10.0).bars
        write_bars_csv(data / "raw" / name, bars)
    for path in (data, *data.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
        if os.geteuid() == 0:
            os.chown(path, CONTAINER_USER, CONTAINER_USER)
    return data.parent


@pytest.fixture(scope="module")
def built(checkout: Path, docker: Callable[..., str]) -> None:
    file = str(checkout / "docker-compose.yaml")
    docker("compose", "--file", file, "--profile", "training", "build")


@pytest.fixture(scope="module")
def compose(checkout: Path, folder: Path, docker: Callable[..., str], built: None) -> Compose:
    file = str(checkout / "docker-compose.yaml")

    def run(*arguments: str) -> str:
        return docker("compose", "--file", file, "--project-directory", str(folder), *arguments)

    return run


@pytest.fixture(scope="module")
def up(compose: Compose) -> Iterator[Compose]:
    """Both services healthy; gone afterwards with all they had."""
    try:
        compose("up", "--no-build", "--detach", "--wait", "--wait-timeout", "600")
        yield compose
    finally:
        compose("--profile", "*", "down", "--volumes", "--timeout", "10")


@pytest.fixture(scope="module")
def train(up: Compose) -> Compose:
    def run(*arguments: str) -> str:
        return up("--profile", "training", "run", "--rm", "-T", "training", *arguments)

    return run


@pytest.fixture(scope="module")
def api(free_ports: tuple[int, int]) -> str:
    return f"http://127.0.0.1:{free_ports[0]}"


@pytest.mark.parametrize("name", MOST_MEGABYTES)
class TestImages:
    def test_it_is_small(self, built: None, docker: Callable[..., str], name: str) -> None:
        size = int(docker("image", "inspect", "--format", "{{.Size}}", f"assay-{name}"))
        assert size <= MOST_MEGABYTES[name] * 1_000_000

    def test_it_says_what_it_is(
        self, checkout: Path, built: None, docker: Callable[..., str], name: str
    ) -> None:
        project = tomllib.loads((checkout / name / "pyproject.toml").read_text())["project"]
        [image] = json.loads(docker("image", "inspect", f"assay-{name}"))
        config = image["Config"]
        label = "org.opencontainers.image."
        assert config["User"] == str(CONTAINER_USER)
        assert config["Labels"][f"{label}title"] == f"assay-{name}"
        assert config["Labels"][f"{label}version"] == project["version"]
        assert config["Labels"][f"{label}revision"] == COMMIT
        health = config["Healthcheck"]["Test"]
        assert health == ["NONE"] if name == "training" else health[0] == "CMD"

    def test_no_layer_holds_more_than_it_should(
        self, built: None, docker: Callable[..., str], name: str
    ) -> None:
        shell = ("run", "--rm", "--user", "0", "--entrypoint", "sh", f"assay-{name}", "-c")
        assert set(docker(*shell, "ls -A /app").split()) == IN_APP[name]
        assert docker(*shell, "ls -Ad /root/.cache /src /bin/uv 2>/dev/null || true") == ""
        assert KEY not in docker("history", "--no-trunc", f"assay-{name}")

    def test_every_module_is_compiled(
        self, built: None, docker: Callable[..., str], name: str
    ) -> None:
        look = inside.source_of(inside.tell_stale_bytecode)
        assert docker("run", "--rm", "--entrypoint", "python", f"assay-{name}", "-c", look) == ""


class TestRunningImages:
    def test_the_dashboard_is_started_once_the_api_is_healthy(
        self, docker: Callable[..., str], up: Compose
    ) -> None:
        of_interest = ("--filter", "event=start", "--filter", "event=health_status")
        form = "{{.TimeNano}} {{.Actor.Attributes.name}} {{.Action}}"
        events = docker("events", "--since", "1h", "--until", "0s", *of_interest, "--format", form)
        seen = [line.split(maxsplit=1) for line in events.splitlines()]
        when = {what: int(at) for at, what in seen}
        healthy = when["assay-test-backend-1 health_status: healthy"]
        assert healthy < when["assay-test-frontend-1 start"]

    def test_the_api_answers_through_its_published_port(self, up: Compose, api: str) -> None:
        forecast = ask(f"{api}/predict", {"predict_tomorrow": True})
        assert forecast["prediction"] > 0
        assert forecast["source"] == "simulated"

    def test_the_image_knows_the_commit_it_was_built_from(self, up: Compose, api: str) -> None:
        assert ask(f"{api}/version")["git_commit"] == COMMIT

    def test_the_dashboard_answers_through_its_published_port(
        self, up: Compose, free_ports: tuple[int, int]
    ) -> None:
        address = f"http://127.0.0.1:{free_ports[1]}/_stcore/health"
        with urllib.request.urlopen(address, timeout=30) as answer:
            assert answer.read() == b"ok"

    def test_the_dashboards_container_reaches_the_api(self, up: Compose) -> None:
        reach = (
            "import os, urllib.request as u; "
            "direct = u.build_opener(u.ProxyHandler({})); "
            "print(os.environ['API_URL'], direct.open(os.environ['API_URL'] + '/livez').status)"
        )
        said = up("exec", "-T", "frontend", "python", "-c", reach).split()
        assert said == ["http://backend:8000", "200"]

    def test_the_root_is_read_only_and_the_state_is_not(self, up: Compose) -> None:
        tries = "touch /app/state/x && ! touch /app/x && ! touch /app/data/x && id -u"
        assert up("exec", "-T", "backend", "sh", "-c", tries).strip() == str(CONTAINER_USER)

    def test_no_process_has_a_capability(self, up: Compose) -> None:
        for name in ("backend", "frontend"):
            status = up("exec", "-T", name, "cat", "/proc/1/status")
            assert re.findall(r"^Cap(?:Prm|Eff|Bnd):\t(\w+)$", status, re.M) == ["0" * 16] * 3

    def test_nothing_that_the_backend_needs_was_taken_out(self, up: Compose) -> None:
        everything = inside.source_of(inside.import_everything, "assay", "assay_backend")
        for program in (everything, inside.source_of(inside.make_exchanges)):
            up("exec", "-T", "backend", "python", "-c", program)

    def test_there_is_no_tensorflow_in_the_backends_image(self, up: Compose) -> None:
        look = "import importlib.util as i; print(i.find_spec('tensorflow'), i.find_spec('keras'))"
        assert up("exec", "-T", "backend", "python", "-c", look).strip() == "None None"

    def test_a_killed_backend_comes_back_and_the_dashboard_stays(
        self, up: Compose, docker: Callable[..., str], api: str, free_ports: tuple[int, int]
    ) -> None:
        dashboard = f"http://127.0.0.1:{free_ports[1]}/"
        container = up("ps", "--quiet", "backend").strip()
        restarts = ("inspect", "--format", "{{.RestartCount}}", container)
        before = ask(f"{api}/v1/crypto/signal", {"symbol": "BTCUSDT"})
        with asked_all_the_while(lambda: urllib.request.urlopen(dashboard, timeout=30)) as failures:
            kill = inside.source_of(inside.kill_the_service)
            up("exec", "-T", "backend", "python", "-c", kill)
            wait_until(lambda: docker(*restarts).strip() == "1")
            try:
                wait_until(lambda: ask(f"{api}/health")["status"] == "healthy")
            except AssertionError:
                pytest.fail(up("ps", "--all") + up("logs", "--timestamps", "--tail", "60"))
        assert failures == []
        [kept] = ask(f"{api}/v1/crypto/signals/tail?n=1")
        assert kept["origin"] == before["origin"]


class TestChampion:
    """What training publishes, the running backend serves, without a failed request."""

    def version(self, api: str) -> str:
        return str(ask(f"{api}/version")["model_version"])

    def test_a_quick_run_publishes_what_is_then_served(
        self, train: Compose, api: str, folder: Path
    ) -> None:
        before = self.version(api)
        predict = partial(ask, f"{api}/predict", {"predict_tomorrow": True})
        with asked_all_the_while(predict, callers=8) as failures:
            files = ("--gold", "data/raw/gold.csv", "--sp500", "data/raw/sp500.csv")
            said = train("--quick", "--refit", *files)
            wait_until(lambda: self.version(api) != before)
        assert failures == []
        assert f"Published log_linear_t {self.version(api)} in data/processed" in said
        owner = (folder / "data/processed").stat().st_uid
        assert {path.stat().st_uid for path in folder.rglob("*")} == {owner}

    def test_the_command_line_takes_it_back_and_forth(self, train: Compose, api: str) -> None:
        newer = self.version(api)
        train("rollback", "--why", "to see whether it can be undone")
        wait_until(lambda: self.version(api) != newer)
        train("promote", newer)
        wait_until(lambda: self.version(api) == newer)

    def test_an_admin_key_takes_it_back_over_http(
        self, up: Compose, api: str, folder: Path
    ) -> None:
        if (folder / "data/processed").stat().st_uid != CONTAINER_USER:
            pytest.skip(f"only root can give the bundle's folder to user {CONTAINER_USER}")
        newer = self.version(api)
        with pytest.raises(urllib.error.HTTPError, match=r"40[13]"):
            ask(f"{api}/v1/models/rollback", {}, **{"X-API-Key": "another"})
        change = ask(f"{api}/v1/models/rollback", {}, **{"X-API-Key": KEY})
        assert change["action"] == "rollback"
        assert self.version(api) == change["version"] != newer

    def test_a_folder_that_it_may_not_write_is_named(
        self, built: None, settings: dict[str, str], tmp_path: Path
    ) -> None:
        for name in ("raw", "processed"):
            (tmp_path / name).mkdir()
        tmp_path.chmod(0o555)
        owner = f"{tmp_path.stat().st_uid + 1}:{tmp_path.stat().st_gid + 1}"
        run = ("run", "--rm", "--user", owner, "--volume", f"{tmp_path}:/app/data")
        done = run_docker(settings, *run, "assay-training", "history")
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        assert f"data belongs to user {tmp_path.stat().st_uid}, " in done.stderr

    def test_networks_are_trained_and_exported_in_the_image(
        self, built: None, docker: Callable[..., str]
    ) -> None:
        program = inside.source_of(inside.fit_and_export_a_network)
        run = ("run", "--rm", "--env", "HOME=/tmp", "--entrypoint", "python", "assay-training")
        assert "bytes" in docker(*run, "-c", program)


class TestServers:
    """The servers of the profile mlops, as its image and the Compose file make them, each on a
    database of its own: images of Postgres and MinIO belong to others.
    """

    PREFECT = "--host=0.0.0.0 --port=4200"

    @contextmanager
    def alone(
        self, up: Compose, docker: Callable[..., str], name: str, command: str
    ) -> Iterator[str]:
        database = "PREFECT_API_DATABASE_CONNECTION_URL=sqlite+aiosqlite:////tmp/prefect.db"
        container = f"assay-test-{name}-alone"
        run = ("run", "--no-deps", "--detach", "--name", container, "--env", database, name)
        try:
            up("--profile", "mlops", *run, *command.split())
            yield container
        finally:
            docker("rm", "--force", "--volumes", container)

    @pytest.mark.parametrize(
        ("name", "port", "command"),
        [
            (
                "mlflow",
                5000,
                "--host=0.0.0.0 --port=5000 --workers=1 --backend-store-uri=sqlite:////tmp/mlflow.db"
                " --artifacts-destination=/tmp/artifacts --serve-artifacts",
            ),
            ("prefect", 4200, PREFECT),
        ],
    )
    def test_it_starts_within_its_limits_and_serves_its_pages(
        self, up: Compose, docker: Callable[..., str], name: str, port: int, command: str
    ) -> None:
        with self.alone(up, docker, name, command) as container:
            look = inside.source_of(inside.load_the_page, f"http://127.0.0.1:{port}/")
            docker("exec", container, "python", "-c", look)

    def test_no_page_of_another_site_drives_prefect(
        self, up: Compose, docker: Callable[..., str]
    ) -> None:
        address = "http://127.0.0.1:4200"
        load = inside.source_of(inside.load_the_page, address)
        write = inside.source_of(inside.write_as_another_page, f"{address}/api/flows/")
        with self.alone(up, docker, "prefect", self.PREFECT) as container:
            for program in (load, write):
                docker("exec", container, "python", "-c", program)

    def test_it_has_what_speaks_to_postgres_and_s3(
        self, built: None, docker: Callable[..., str]
    ) -> None:
        program = inside.source_of(inside.import_drivers_of_stores)
        docker("run", "--rm", "--entrypoint", "python", "assay-training", "-c", program)


class TestEnd:
    def test_a_stop_fails_nobody_on_the_containers_network(
        self, settings: dict[str, str], up: Compose
    ) -> None:
        """Past Docker's own proxy, which takes connections for a port after it was closed."""
        program = inside.source_of(inside.ask_until_nobody_listens, "backend", 8000)
        asking = ("exec", "assay-test-frontend-1", "python", "-c", program)
        with subprocess.Popen(
            ["docker", *asking], env=settings, stdout=subprocess.PIPE, text=True
        ) as crowd:
            assert crowd.stdout is not None
            first = int(crowd.stdout.readline())
            up("stop", "--timeout", "10", "backend")
            answered, *failed = crowd.stdout.readline().split(maxsplit=1)
        assert failed == []
        assert int(answered) > first >= 16

    def test_both_stop_of_themselves_when_asked(self, up: Compose) -> None:
        up("stop", "--timeout", "10")
        states = [json.loads(line) for line in up("ps", "--all", "--format", "json").splitlines()]
        assert len(states) == 2
        # 137 would mean that the grace ran out and the engine killed it
        assert all(state["ExitCode"] in {0, 143} for state in states), states

    @pytest.mark.parametrize("name", ["backend", "frontend"])
    def test_all_that_was_logged_is_an_object_a_line(self, up: Compose, name: str) -> None:
        logged = up("logs", "--no-log-prefix", name)
        lines = logged.replace("\x1b[2K", "").splitlines()  # Compose's own
        assert lines
        for line in lines:
            assert line.startswith("{"), line
            assert json.loads(line)["message"], line
