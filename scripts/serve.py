"""Runs the backend and the dashboard as one: both healthy, or nothing left behind.

Each runs under a guard, which is this script again with `--guard`, and which ends it once this
process is gone, whatever ended it.

Needs the standard library only, so that `--check` can look at the ports before anything is
installed. `start.sh` calls it; ports and addresses come from the environment.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import deque
from dataclasses import dataclass
from http.client import HTTPResponse
from pathlib import Path

from run_log import keep, make_way

STOP_GRACE_SECONDS = 10.0
LAST_WORDS_SECONDS = 2.0  # for what a service said at its end to reach its log
POLL_SECONDS = 0.25
UNHEALTHY_POLL_SECONDS = 1.0
LONGEST_ANSWER_BYTES = 100_000

# What a service logs of being asked, by us, how it is.
OWN_QUESTION = re.compile(r"\bGET (/health|/readyz) 503\b")

# A proxy for the outside has no way back to this machine.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, slots=True)
class Service:
    name: str
    module: str
    port: int
    port_setting: str
    health_path: str
    readiness_path: str | None = None


@dataclass(frozen=True, slots=True)
class Running:
    service: Service
    process: subprocess.Popen[bytes]
    log: Path


@dataclass(frozen=True, slots=True)
class Health:
    good: bool
    complaint: str = ""
    lasting_fault: str = ""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a service may take to become healthy, and how long a fault may stand meanwhile that
    does not pass by itself.
    """

    start_seconds: float = 120.0
    lasting_fault_seconds: float = 8.0


class CannotServe(Exception):
    """Why the pair cannot be had, as the one sentence a person reads."""


def configured_services() -> tuple[Service, Service]:
    return (
        Service(
            "backend",
            "assay_backend",
            _port("BACKEND_PORT", 8000),
            "BACKEND_PORT",
            "/health",
            "/readyz",
        ),
        Service(
            "dashboard",
            "assay_frontend",
            _port("FRONTEND_PORT", 8501),
            "FRONTEND_PORT",
            "/_stcore/health",
        ),
    )


def _port(setting: str, default: int) -> int:
    return int(os.environ.get(setting) or default)


def bind_address() -> str:
    return os.environ.get("ASSAY_HOST") or "127.0.0.1"


def local_address() -> str:
    """Where this machine itself reaches a service bound to `bind_address()`."""
    address = bind_address()
    return "127.0.0.1" if address in {"0.0.0.0", "::"} else address  # noqa: S104 - compared only


def require_free_port(service: Service) -> None:
    """Raises CannotServe where the service could not listen, and names the setting to change."""
    error = _bind_error(service.port)
    if error is not None and error.errno != errno.EADDRINUSE:
        raise CannotServe(_why_not(service, error))
    if error is not None or _answers(service.port):
        raise CannotServe(
            f"Port {service.port} is in use: free it, or choose another with "
            f"{service.port_setting}."
        )


def _why_not(service: Service, error: OSError) -> str:
    if error.errno == errno.EACCES:
        return (
            f"{service.port_setting} is {service.port}, which this user may not open: choose one "
            "from 1024 on."
        )
    return (
        f'ASSAY_HOST is "{bind_address()}", which is no address of this machine '
        f"({error.strerror or error}): it should be one, as 127.0.0.1, or 0.0.0.0 for all it has."
    )


def _answers(port: int) -> bool:
    # macOS lets 127.0.0.1 be bound beside a listener on every address; asking finds that one.
    with contextlib.suppress(OSError), socket.create_connection((local_address(), port), 1.0):
        return True
    return False


def _bind_error(port: int) -> OSError | None:
    family = socket.AF_INET6 if ":" in bind_address() else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((bind_address(), port))
    except OSError as error:  # a name that nobody knows too
        return error
    return None


def start(service: Service, *, logs: Path, backend_port: int) -> Running:
    """Start a service in a session of its own, so that it ends with all it has started.

    Its guard's stdin is a pipe that nobody writes to: it ends when this process does.
    """
    log = log_of(service, logs)
    make_way(log)
    environment = os.environ | {
        "PORT": str(service.port),
        "ASSAY_HOST": bind_address(),
        "API_URL": f"http://{local_address()}:{backend_port}",
        "PYTHONUNBUFFERED": "1",
    }
    with log.open("ab") as sink:  # for what the guard itself has to say
        process = subprocess.Popen(  # noqa: S603 - this script
            [sys.executable, __file__, "--guard", service.name, "--logs", logs],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Running(service, process, log)


def log_of(service: Service, logs: Path) -> Path:
    return logs / f"{service.name}.log"


def guard(service: Service, *, logs: Path) -> int:
    """Run a service until it ends, or until stdin does: then end the whole process group. What it
    says goes into its log.
    """
    # A handler and not SIG_IGN, which the service would inherit. Its end is what is waited for.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: None)
    process = subprocess.Popen(  # noqa: S603 - the project's own module
        [sys.executable, "-m", service.module],
        bufsize=0,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    kept = threading.Thread(target=keep, args=(process.stdout, log_of(service, logs)), daemon=True)
    kept.start()
    while process.poll() is None:
        starter_has_gone, _, _ = select.select([sys.stdin], [], [], POLL_SECONDS)
        if starter_has_gone:
            _end_own_group(process, kept)
    kept.join(LAST_WORDS_SECONDS)
    status = process.returncode
    return status if status >= 0 else 128 - status  # as shells report a signal


def _end_own_group(process: subprocess.Popen[bytes], kept: threading.Thread) -> None:
    os.killpg(0, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_GRACE_SECONDS)
    kept.join(LAST_WORDS_SECONDS)
    os.killpg(0, signal.SIGKILL)  # this guard too


def wait_until_healthy(
    running: Running, stop: threading.Event, patience: Patience | None = None
) -> None:
    """Returns once it is healthy, or `stop` is set. Raises CannotServe."""
    patience = patience or Patience()
    service = running.service
    say(f"Starting the {service.name} ...")
    began = faulty_since = time.monotonic()
    complaint = lasting_fault = ""
    while not stop.is_set():
        health = ask_health(service)
        now = time.monotonic()
        if health.good:
            say(f"The {service.name} is ready ({now - began:.1f} s).")
            return
        if health.complaint and health.complaint != complaint:
            complaint = health.complaint
            say(f"The {service.name} is up, but not healthy yet: {complaint}")
        if health.lasting_fault != lasting_fault:
            lasting_fault, faulty_since = health.lasting_fault, now
        if lasting_fault and now - faulty_since >= patience.lasting_fault_seconds:
            raise CannotServe(
                f"The {service.name} cannot serve, and waiting does not mend that: "
                f"{lasting_fault.rstrip('.')} (its log is {running.log})."
            )
        if now - began > patience.start_seconds:
            raise CannotServe(_late(running, patience, complaint))
        require_alive(running)
        stop.wait(UNHEALTHY_POLL_SECONDS if health.complaint else POLL_SECONDS)


def _late(running: Running, patience: Patience, complaint: str) -> str:
    late = f"The {running.service.name} was not healthy within {patience.start_seconds:.0f} s"
    if complaint:
        return f"{late}: {complaint.rstrip('.')} (its log is {running.log})."
    return f"{late}; the last lines of {running.log}:\n{last_lines(running.log)}"


def ask_health(service: Service) -> Health:
    try:
        with _ask(service, service.health_path):
            return Health(good=True)
    except urllib.error.HTTPError as refusal:
        return Health(False, complaint=_complaint(refusal), lasting_fault=_lasting_fault(service))
    except OSError:  # nobody listens yet, or no answer in time
        return Health(good=False)


def _ask(service: Service, path: str) -> HTTPResponse:
    address = f"http://{local_address()}:{service.port}{path}"
    answer: HTTPResponse = _direct.open(address, timeout=5.0)
    return answer


def _complaint(refusal: urllib.error.HTTPError) -> str:
    """What the backend lists under `problems`, or the bare status."""
    with contextlib.suppress(OSError, ValueError, AttributeError, TypeError):
        return " ".join(json.loads(refusal.read(LONGEST_ANSWER_BYTES)).get("problems", []))
    return f"status {refusal.code}"


def _lasting_fault(service: Service) -> str:
    """Why there is no champion, unless one may be on its way from a registry; or nothing."""
    if service.readiness_path is None or _champion_is_fetched():
        return ""
    try:
        with _ask(service, service.readiness_path):
            return ""
    except urllib.error.HTTPError as refusal:
        with contextlib.suppress(OSError, ValueError, LookupError, TypeError):
            answer = json.loads(refusal.read(LONGEST_ANSWER_BYTES))
            return "" if answer["champion_loaded"] else str(answer["problems"][0])
    except OSError:  # no answer in time
        pass
    return ""


def _champion_is_fetched() -> bool:
    return os.environ.get("ASSAY_MODEL_URI", "").startswith("models:/")


def require_alive(running: Running) -> None:
    status = running.process.poll()
    if status is not None:
        raise CannotServe(
            f"The {running.service.name} ended by itself (status {status}); "
            f"the last lines of {running.log}:\n{last_lines(running.log)}"
        )


def last_lines(log: Path, count: int = 15) -> str:
    with log.open(encoding="utf-8", errors="replace") as lines:
        telling = (line for line in lines if not OWN_QUESTION.search(line))
        return "".join(f"  {line}" for line in deque(telling, maxlen=count)).rstrip()


def end(everything: list[Running]) -> None:
    for running in everything:
        _signal_group(running, signal.SIGTERM)
    deadline = time.monotonic() + STOP_GRACE_SECONDS
    for running in everything:
        with contextlib.suppress(subprocess.TimeoutExpired):
            running.process.wait(max(0.0, deadline - time.monotonic()))
        _signal_group(running, signal.SIGKILL)  # also for what outlived its parent
        running.process.wait()


def _signal_group(running: Running, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: EPERM for zombies
        os.killpg(running.process.pid, number)


def serve(services: tuple[Service, ...], *, logs: Path) -> None:
    """Start each service, stay until a signal comes, and end them all whatever happens."""
    stop = stop_on_signals()
    everything: list[Running] = []
    try:
        for service in services:
            if stop.is_set():
                return
            require_free_port(service)
            everything.append(start(service, logs=logs, backend_port=services[0].port))
            wait_until_healthy(everything[-1], stop)
        if not stop.is_set():
            announce(services, logs=logs)
        while not stop.wait(POLL_SECONDS):
            for running in everything:
                require_alive(running)
        say("\nStopping ...")
    finally:
        end(everything)


def stop_on_signals() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
            continue  # started by nohup, which means to outlive the terminal
        signal.signal(number, lambda _number, _frame: stop.set())
    return stop


def announce(services: tuple[Service, ...], *, logs: Path) -> None:
    backend, dashboard = services
    say("Assay is running. Ctrl-C stops it.")
    say(f"  Dashboard  http://{local_address()}:{dashboard.port}")
    say(f"  API        http://{local_address()}:{backend.port}/docs")
    say(f"  Logs       {logs}")


def say(text: str) -> None:
    with contextlib.suppress(OSError):  # the terminal may be gone, the services still end
        print(text, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only see whether the ports are free")
    parser.add_argument("--guard", metavar="SERVICE", help="run one service, until stdin ends")
    parser.add_argument("--logs", type=Path, default=Path("data/run"))
    arguments = parser.parse_args()
    services = configured_services()
    if arguments.guard:
        guarded = next(service for service in services if service.name == arguments.guard)
        return guard(guarded, logs=arguments.logs)
    try:
        if arguments.check:
            for service in services:
                require_free_port(service)
        else:
            serve(services, logs=arguments.logs)
    except CannotServe as reason:
        sys.stdout.flush()
        sys.stderr.write(f"start.sh: {reason}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
