"""The service many times over from one import of all it needs, which takes more than a second.

A process loads it once and forks for each start: what serves is a process of its own, which can be
killed by itself. `python -m forked_service` is the process that forks.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parent


class ForkedService:
    """`with ForkedService(environment) as service:`; one process after the other."""

    def __init__(self, environment):
        paths = [str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])]
        self._environment = environment | {
            "PYTHONPATH": os.pathsep.join(paths),
            "OPENBLAS_NUM_THREADS": "1",
        }
        self._pid = None

    def __enter__(self):
        self._forking = subprocess.Popen(
            [sys.executable, "-m", "forked_service"],
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *_):
        if self._pid is not None:
            self.end(signal.SIGKILL)
        self._forking.communicate()

    def start(self):
        """Does not wait until it serves."""
        self._pid = self._ask("start")

    def runs(self):
        return self._ask("runs") == 1

    def end(self, number):
        """Sends the signal, and returns the exit status, as `Popen.wait` does."""
        os.kill(self._pid, number)
        self._pid = None
        return self._ask("wait")

    def _ask(self, what):
        self._forking.stdin.write(f"{what}\n")
        self._forking.stdin.flush()
        return int(self._forking.stdout.readline())


def fork():
    child = os.fork()
    if child:
        return child
    try:
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(nothing, 1)
        sys.argv = ["assay_backend"]
        code = server.main()
    except SystemExit as ended:
        code = ended.code
    os._exit(code or 0)


def serve():
    child = 0
    for line in iter(sys.stdin.readline, ""):
        match line.strip():
            case "start":
                told = child = fork()
            case "runs":
                told = int(os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None)
            case "wait":
                told = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
                child = 0
        sys.stdout.write(f"{told}\n")
        sys.stdout.flush()
    if child:  # whoever started it is gone
        os.kill(child, signal.SIGKILL)


if __name__ == "__main__":
    import assay.store  # noqa: F401 - what the forks need loaded
    import assay_backend.app  # noqa: F401 - the same
    from assay_backend import server

    serve()
