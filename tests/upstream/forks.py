"""Yahoo's child many times over from one import of yfinance, which takes a second and more.

A process loads it once and forks for each call: what answers is a process of its own, which ends by
the same alarm, in the environment of the first. `python -m upstream.forks` is that process.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Self

TESTS = Path(__file__).parents[1]


class Forks:
    """`with Forks() as forks:`, then `YahooSource(clock, run=forks)`."""

    def __enter__(self) -> Self:
        paths = [str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "upstream.forks"],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(paths), "OPENBLAS_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def __call__(
        self, arguments: Sequence[str], *, timeout: float
    ) -> subprocess.CompletedProcess[bytes]:
        """As `run_child`; the child ends itself before `timeout`."""
        pipes = self._process.stdin, self._process.stdout
        assert all(pipes)
        pipes[0].write(json.dumps(arguments).encode() + b"\n")
        pipes[0].flush()
        told = json.loads(pipes[1].readline())
        stdout = base64.b64decode(told["stdout"])
        return subprocess.CompletedProcess(list(arguments), told["returncode"], stdout)


def serve() -> None:
    """A fork a line, until stdin ends."""
    import curl_cffi.requests  # noqa: F401 - what the forks need loaded
    import yfinance  # noqa: F401 - the same

    from assay.market.sources import yahoo_child

    for line in iter(sys.stdin.readline, ""):
        reading, writing = os.pipe()
        if not (child := os.fork()):
            os.close(reading)
            os.dup2(writing, 1)
            os.close(writing)
            sys.argv = ["yahoo_child", *json.loads(line)]
            sys.stdin.close()
            yahoo_child.main()
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            stdout = base64.b64encode(pipe.read()).decode()
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        sys.stdout.write(json.dumps({"returncode": code, "stdout": stdout}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
