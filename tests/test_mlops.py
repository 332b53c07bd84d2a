"""The parts of the Compose profile mlops, without its images: the day, run by a Prefect worker.

Postgres keeps MLflow's and Prefect's books, an S3 server the artifacts; both ask for the passwords
that were invented for them. What is run, and told, is what the Compose file says, at other places.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
import yaml
from moto.server import ThreadedMotoServer

from asking import direct, free_port
from assay.bundle.files import load_bundle
from assay.clock import SystemClock
from assay.market.csv_bars import write_bars_csv
from assay.market.sources.simulated import SimulatedSource
from assay.market.symbols import GOLD
from assay_training.mlops import make_databases, upgrade_mlflow
from private_postgres import private_postgres

# Six programs and a refit: a minute on two idle cores, and more where others work too.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PATIENCE_SECONDS = 400.0
SETTINGS_OF_OURS = ("ASSAY_", "AWS_", "MLFLOW_", "PREFECT_", "DATABRICKS_", "PG", "API_URL", "PORT")

# As an MLflow of one revision before left them; prints that one and the newest.
BEGIN_OLDER_BOOKS = """
import sys
import alembic.command
import sqlalchemy
from alembic.script import ScriptDirectory
from mlflow.store.db.utils import _get_alembic_config
from mlflow.store.tracking.dbmodels.initial_models import Base

engine = sqlalchemy.create_engine(sys.argv[1])
Base.metadata.create_all(engine)
config = _get_alembic_config(sys.argv[1])
script = ScriptDirectory.from_config(config)
newest = script.get_revision(script.get_current_head())
with engine.begin() as connection:
    config.attributes["connection"] = connection
    alembic.command.upgrade(config, newest.down_revision)
print(newest.down_revision, newest.revision)
"""


@dataclass
class Program:
    """`python -m ...` as a process of its own, with what it writes in a file."""

    arguments: list[str]
    environment: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = field(default=None)

    def start(self) -> None:
        with self.log.open("ab") as sink:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *self.arguments],
                env=self.environment,
                stdout=sink,
                stderr=sink,
                start_new_session=True,  # its children end with it
            )

    def until(self, holds: Callable[[], bool]) -> None:
        """Waits until `holds` and the program still runs."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not holds():
            assert self.process is not None
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.2)

    def end(self) -> None:
        """As Docker does it: a signal to the program, and no mercy for what is left of it."""
        if self.process is None:
            return
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=20)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def answers(url: str) -> Callable[[], bool]:
    def asked() -> bool:
        try:
            with direct.open(url, timeout=5):
                return True
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    return asked


def ask(url: str, body: object, **headers: str) -> Any:
    request = urllib.request.Request(
        url, data=json.dumps(body).encode(), headers={"Content-Type": "application/json"} | headers
    )
    with direct.open(request, timeout=60) as answer:
        return json.load(answer)


@dataclass(frozen=True)
class Composed:
    """A service of the Compose file, with `places` of this machine for those in its containers."""

    service: dict[str, Any]
    places: dict[str, str]

    @classmethod
    def named(cls, name: str, checkout: Path, places: dict[str, str]) -> Composed:
        file = yaml.safe_load((checkout / "docker-compose.yaml").read_text())
        return cls(file["services"][name], places)

    @property
    def arguments(self) -> list[str]:
        """Its command line, without the interpreter and without an image's own entry point."""
        words = [*self.service.get("entrypoint", []), *self.service["command"]]
        return [self._here(word) for word in words[2 if words[0] == "python" else 0 :]]

    @property
    def environment(self) -> dict[str, str]:
        """What it is told but for the host's own: variables, proxies, the home."""
        told = self.service["environment"].items()
        return {k: self._here(v) for k, v in told if v and k not in ("HOME", "NO_PROXY")}

    def _here(self, text: str) -> str:
        text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)
        names = sorted(self.places, key=len, reverse=True)
        return re.sub("|".join(map(re.escape, names)), lambda found: self.places[found[0]], text)


@dataclass(frozen=True)
class Stack:
    """Where everything is."""

    data: Path
    champion: Path
    api: str
    mlflow: str
    prefect: str
    worker: Program
    environment: dict[str, str]


@pytest.fixture(scope="module")
def own() -> dict[str, str]:
    """This process's environment without a setting of ours."""
    return {k: v for k, v in os.environ.items() if not k.startswith(SETTINGS_OF_OURS)}


@pytest.fixture(scope="module")
def stores(
    own: dict[str, str], checkout: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """Postgres and S3, prepared as the profile does it; where they are, and their passwords."""
    folder, port = tmp_path_factory.mktemp("secrets"), free_port()
    s3 = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    places = {"/secrets": str(folder), "@postgres": f"@127.0.0.1:{port}"}

    def run(name: str) -> str:
        service = Composed.named(name, checkout, places)
        done = subprocess.run(
            [sys.executable, "-m", *service.arguments],
            env=own | service.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert run("mlops-secrets") == "New passwords.\n"
    password = (folder / "postgres_password").read_text()
    assert run("mlops-secrets") == "The passwords of before.\n"
    assert (folder / "postgres_password").read_text() == password
    with private_postgres(port=port, password=password):
        s3.start()
        places["http://minio:9000"] = "http://{}:{}".format(*s3.get_host_and_port())
        for _ in range(2):  # at every start
            assert run("mlops-prepare") == "Ready: databases mlflow, prefect, bucket mlflow.\n"
        yield places
        s3.stop()


@pytest.fixture(scope="module")
def bars(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Eight years of a simulated market up to now, gold and the S&P 500."""
    folder = tmp_path_factory.mktemp("bars")
    source, paths = SimulatedSource(SystemClock()), (folder / "gold.csv", folder / "sp500.csv")
    for path, symbol in zip(paths, ("GC=F", "^GSPC"), strict=True):
        found = source.fetch(symbol, start=date(2019, 1, 2), deadline_seconds=10.0).bars
        write_bars_csv(path, found)
    return paths


@pytest.fixture(scope="module")
def stack(
    own: dict[str, str],
    stores: dict[str, str],
    bars: tuple[Path, Path],
    checkout: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("mlops")
    data, champion = folder / "data", folder / "processed"
    shutil.copytree(checkout / "data" / "processed", champion)
    api, mlflow, prefect, health = (str(free_port()) for _ in range(4))
    places = stores | {
        "0.0.0.0": "127.0.0.1",
        "http://backend:8000": f"http://127.0.0.1:{api}",
        "http://mlflow": "http://127.0.0.1",
        "http://prefect": "http://127.0.0.1",
        "5000": mlflow,
        "4200": prefect,
        "8080": health,
    }

    def composed(name: str, *arguments: str, **settings: str) -> Program:
        home = folder / name
        home.mkdir()
        service = Composed.named(name, checkout, places | {"/tmp": str(home)})
        command = [*arguments[:1], *service.arguments, *arguments[1:]]
        return Program(command, own | service.environment | settings, home / "log")

    backend = Program(
        ["assay_backend"],
        own
        | {
            "PORT": api,
            "ASSAY_MARKET_SOURCE": "simulated",
            "ASSAY_CRYPTO_WATCH": "none",
            "ASSAY_DATA_DIR": str(folder / "state"),
            "ASSAY_MODEL_URI": str(champion),
        },
        folder / "api.log",
    )
    silent = {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}
    books = [composed("mlflow"), composed("prefect", **silent)]
    servers = {f"http://127.0.0.1:{api}/readyz": backend} | {
        each.environment["HEALTH_URL"]: each for each in books
    }
    worker = composed(
        *("worker", "assay_training.cli", "--quick", "--out", str(champion)),
        *("--gold", str(bars[0]), "--sp500", str(bars[1])),
        ASSAY_DATA_DIR=str(data),
        PREFECT_RUNNER_POLL_FREQUENCY="2",
        PREFECT_RUNNER_SERVER_PORT=health,
    )
    environment = worker.environment
    try:
        for server in servers.values():
            server.start()
        for address, server in servers.items():
            server.until(answers(address))
        worker.start()
        yield Stack(
            data,
            champion,
            environment["API_URL"],
            environment["MLFLOW_TRACKING_URI"],
            environment["PREFECT_API_URL"],
            worker,
            environment,
        )
    finally:
        for program in (worker, *servers.values()):
            program.end()


def ask_prefect(stack: Stack, path: str, body: object) -> Any:
    """With the token that every client of it has to bring."""
    with direct.open(f"{stack.prefect}/csrf-token?client=tests", timeout=60) as answer:
        token = json.load(answer)["token"]
    headers = {"Prefect-Csrf-Token": token, "Prefect-Csrf-Client": "tests"}
    return ask(f"{stack.prefect}{path}", body, **headers)


def flow_runs(stack: Stack) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask_prefect(stack, "/flow_runs/filter", {})
    return found


def ended(stack: Stack) -> dict[str, Any]:
    """The run that the worker asked for as it started, once it has ended."""

    def runs() -> list[dict[str, Any]]:
        return [
            run
            for run in flow_runs(stack)
            if run["name"] == "catch up" and run["state_type"] in ("COMPLETED", "FAILED", "CRASHED")
        ]

    stack.worker.until(lambda: bool(runs()))
    return runs()[0]


def test_books_of_an_older_mlflow_are_given_their_newest_form(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, password = free_port(), "books"
    (tmp_path / "pgpass").write_text(f"*:*:*:assay:{password}\n")
    (tmp_path / "pgpass").chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "pgpass"))
    server = f"postgresql://assay@127.0.0.1:{port}"
    with private_postgres(port=port, password=password):
        make_databases(server, ["mlflow"])
        assert not upgrade_mlflow(server, "mlflow")
        address = f"postgresql+psycopg://assay@127.0.0.1:{port}/mlflow"
        begin = [sys.executable, "-c", BEGIN_OLDER_BOOKS, address]
        begun = subprocess.run(begin, check=True, capture_output=True, text=True)
        older, newest = begun.stdout.split()
        assert revision(server) == older
        assert upgrade_mlflow(server, "mlflow")
        assert revision(server) == newest


def revision(server: str) -> str:
    with psycopg.connect(f"{server}/mlflow") as connection:
        return connection.execute("SELECT version_num FROM alembic_version").fetchone()[0]


def test_the_worker_runs_the_day_and_leaves_its_traces_everywhere(stack: Stack) -> None:
    before = load_bundle(stack.champion).metadata
    run = ended(stack)
    assert run["state_type"] == "COMPLETED", (run["state"], stack.worker.log.read_text())
    session = GOLD.calendar.last_closed(SystemClock().now())
    assert run["state"]["message"] == f"{session}: ingest, score, refit, report"

    tasks = ask_prefect(stack, "/task_runs/filter", {})
    assert {task["name"].rpartition("-")[0]: task["state_type"] for task in tasks} == dict.fromkeys(
        ("ingest", "score", "ledger", "refit", "report"), "COMPLETED"
    )
    assert "# Assay" in (stack.data / "reports" / f"{session}.md").read_text()
    assert "<!doctype html>" in (stack.data / "reports" / f"{session}.html").read_text()

    published = load_bundle(stack.champion).metadata
    assert published.version != before.version
    assert (published.trained_to, published.type) == (session.isoformat(), before.type)
    with direct.open(f"{stack.api}/version", timeout=30) as answer:
        assert json.load(answer)["model_version"] == published.version


def test_mlflow_has_the_scores_and_the_refitted_champion_with_its_files_in_s3(
    stack: Stack, stores: dict[str, str]
) -> None:
    ended(stack)
    experiment = ask(f"{stack.mlflow}/api/2.0/mlflow/experiments/search", {"max_results": 10})
    ids = [each["experiment_id"] for each in experiment["experiments"]]
    found = ask(f"{stack.mlflow}/api/2.0/mlflow/runs/search", {"experiment_ids": ids})
    runs = {run["info"]["run_name"].split()[0]: run for run in found["runs"]}
    assert set(runs) == {"daily", "quick"}
    metrics = {each["key"]: each["value"] for each in runs["daily"]["data"]["metrics"]}
    assert metrics["sessions"] > 400
    assert 0.9 < metrics["champion.crps"] / metrics["random_walk.crps"] < 1.1
    assert metrics["service.answers"] == 1.0
    params = {each["key"]: each["value"] for each in runs["daily"]["data"]["params"]}
    assert params["refit"] == "done"

    import boto3

    session = boto3.session.Session(aws_access_key_id="any", aws_secret_access_key="any")
    s3 = session.client("s3", endpoint_url=stores["http://minio:9000"], region_name="us-east-1")
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket="mlflow")["Contents"]]
    assert any(key.endswith("extra_files/manifest.json") for key in keys), keys


def test_the_schedule_is_new_yorks_evening_on_weekdays_and_one_run_at_a_time(stack: Stack) -> None:
    ended(stack)
    (deployment,) = ask_prefect(stack, "/deployments/filter", {})
    (schedule,) = deployment["schedules"]
    assert schedule["active"]
    assert schedule["schedule"]["cron"] == "30 17 * * mon-fri"
    assert schedule["schedule"]["timezone"] == "America/New_York"
    assert deployment["global_concurrency_limit"]["limit"] == 1


def test_a_second_run_by_hand_finds_nothing_to_do(stack: Stack, bars: tuple[Path, Path]) -> None:
    ended(stack)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "assay_training.cli", "daily", "--out", str(stack.champion)),
            *("--gold", str(bars[0]), "--sp500", str(bars[1])),
        ],
        env=stack.environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].endswith(": nothing to do")
    assert np.char.count(done.stdout, ": nothing to do: ") == 5


def test_the_worker_is_healthy_and_ends_cleanly_when_it_is_told_to(stack: Stack) -> None:
    ended(stack)
    assert answers(stack.environment["HEALTH_URL"])()
    process = stack.worker.process
    assert process is not None
    process.terminate()
    assert process.wait(timeout=60) == 0
    assert "Traceback" not in stack.worker.log.read_text()
    assert "RuntimeWarning" not in stack.worker.log.read_text()
