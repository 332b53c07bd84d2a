"""Rolling the champion back and forth while every kind of reader asks.

python bench/rollback.py [--swaps 10] [--connections 8] [--bundle data/processed]
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from statistics import median

from processes import Server, backend

from assay.bundle.files import METADATA, read_contents, write_bundle

KEY = "bench"
PATHS = ("/v1/gold/forecast", "/v1/gold/evaluation", "/v1/models", "/readyz")
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def two_versions(source: Path, folder: Path) -> tuple[str, str]:
    """The bundle of `source`, and before it the same under another name."""
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns(".versions"))
    _, contents = read_contents(folder)
    metadata = json.loads(contents[METADATA])
    newer = metadata["version"]
    older = f"{newer}-older"
    for version in (older, newer):
        named = json.dumps(metadata | {"version": version}).encode()
        write_bundle(folder, contents | {METADATA: named})
    return older, newer


def swap(server: Server, version: str) -> float:
    """Seconds until the answer came, after which that version serves."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.port}/v1/models/rollback",
        json.dumps({"version": version}).encode(),
        {"X-API-Key": KEY},
    )
    began = time.perf_counter()
    with _direct.open(request, timeout=30) as answer:
        answer.read()
    seconds = time.perf_counter() - began
    served = json.loads(server.ask())["model_version"]
    if served != version:
        raise SystemExit(f"{served} serves after the swap to {version}")
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--swaps", type=int, default=10)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--bundle", type=Path, default=Path("data/processed"))
    arguments = parser.parse_args()
    stop, counts = threading.Event(), {"answered": 0, "failed": 0}
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root) / "bundle"
        versions = two_versions(arguments.bundle, folder)
        with backend(folder, ASSAY_ADMIN_KEY=KEY) as server:

            def ask() -> None:
                while not stop.is_set():
                    for path in PATHS:
                        try:
                            with _direct.open(f"http://127.0.0.1:{server.port}{path}") as answer:
                                answer.read()
                            counts["answered"] += 1
                        except (urllib.error.URLError, OSError):
                            counts["failed"] += 1

            askers = [threading.Thread(target=ask) for _ in range(arguments.connections)]
            for asker in askers:
                asker.start()
            try:
                took = [swap(server, versions[n % 2]) for n in range(arguments.swaps)]
            finally:
                stop.set()
                for asker in askers:
                    asker.join()
    print("| swaps | median, s | longest, s | requests meanwhile | failed |")
    print("|---|---|---|---|---|")
    print(
        f"| {len(took)} | {median(took):.3f} | {max(took):.3f} | {counts['answered']} "
        f"| {counts['failed']} |"
    )


if __name__ == "__main__":
    main()
