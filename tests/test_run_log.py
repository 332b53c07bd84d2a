"""What a service says where start.sh runs it: kept over a restart, in bounded room."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from loaded_script import loaded

MOST_BYTES = 2_000


@pytest.fixture(scope="module")
def run_log() -> Iterator[ModuleType]:
    yield from loaded("run_log")


@pytest.fixture(scope="module")
def serve() -> Iterator[ModuleType]:
    yield from loaded("serve")


def write(run_log: ModuleType, log: Path, *chunks: bytes) -> None:
    """Through a pipe, as a service does."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", 0) as source:
        kept = threading.Thread(target=run_log.keep, args=(source, log, MOST_BYTES))
        kept.start()
        with os.fdopen(writing, "wb", 0) as said:
            for chunk in chunks:
                said.write(chunk)
        kept.join()


def numbered(count: int) -> list[bytes]:
    return [b"line %06d of what it said\n" % number for number in range(count)]


def test_nothing_is_lost_between_files(run_log: ModuleType, tmp_path: Path) -> None:
    log, lines = tmp_path / "backend.log", numbered(150)
    assert MOST_BYTES < len(b"".join(lines)) < 3 * MOST_BYTES
    write(run_log, log, *lines)
    newest_last = [tmp_path / name for name in ("backend.log.2", "backend.log.1", "backend.log")]
    assert b"".join(part.read_bytes() for part in newest_last) == b"".join(lines)


@pytest.mark.parametrize("chunks", [numbered(5_000), [b"".join(numbered(5_000))], [b"x" * 300_000]])
def test_it_takes_no_more_room_than_it_may(
    run_log: ModuleType, tmp_path: Path, chunks: list[bytes]
) -> None:
    log = tmp_path / "backend.log"
    write(run_log, log, *chunks)
    parts = sorted(tmp_path.iterdir())
    assert [part.name for part in parts] == ["backend.log", "backend.log.1", "backend.log.2"]
    for part in parts:
        assert part.stat().st_size <= MOST_BYTES + run_log.CHUNK_BYTES
    if len(chunks) > 1:
        assert log.read_bytes().endswith(chunks[-1])
        assert all(part.read_bytes().startswith(b"line ") for part in parts), "a line was parted"


def test_a_disk_that_is_full_holds_nobody_up(run_log: ModuleType) -> None:
    write(run_log, Path("/dev/full"), *numbered(3))


@pytest.mark.parametrize("lines", [numbered(5_000), [b"x" * 300_000]])
def test_where_no_other_file_can_be_had_it_goes_on_in_this_one(
    run_log: ModuleType, tmp_path: Path, lines: list[bytes]
) -> None:
    log = tmp_path / "backend.log"
    (tmp_path / "backend.log.1").mkdir()
    (tmp_path / "backend.log.2").write_text("in the way of a folder")
    write(run_log, log, *lines)
    assert log.read_bytes() == b"".join(lines)


def test_a_start_keeps_what_was_said_before_it(
    serve: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log of a crash is still there after the next two starts."""
    (tmp_path / "assay_backend.py").write_text(
        "import os, sys\nprint(os.environ['SAYS'])\n"
        "print('so it ended', file=sys.stderr)\nsys.exit(3)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    service, _ = serve.configured_services()
    for says in ("first", "second", "third", "fourth"):
        monkeypatch.setenv("SAYS", says)
        running = serve.start(service, logs=tmp_path, backend_port=service.port)
        assert running.process.wait(60) == 3
        assert running.log.read_text() == f"{says}\nso it ended\n"
        running.process.stdin.close()
    kept = [f"{running.log}.{number}" for number in (1, 2, 3)]
    assert Path(kept[0]).read_text().startswith("third\n")
    assert Path(kept[1]).read_text().startswith("second\n")
    assert not Path(kept[2]).exists()


def test_a_start_after_nothing_was_said_pushes_nothing_out(
    run_log: ModuleType, tmp_path: Path
) -> None:
    log = tmp_path / "backend.log"
    log.write_text("a crash")
    for _ in range(5):
        run_log.make_way(log)
        log.touch()
    assert Path(f"{log}.1").read_text() == "a crash"


def test_the_last_words_of_a_service_that_its_guard_ends_are_kept(
    serve: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More of them than a pipe holds, said once the service is told to end."""
    (tmp_path / "assay_backend.py").write_text(
        "import signal, sys, time\n"
        "def end(*_):\n"
        "    print('last words\\n' * 50_000 + 'the end')\n"
        "    sys.exit()\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "print('ready')\n"
        "while True: time.sleep(0.05)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    service, _ = serve.configured_services()
    running = serve.start(service, logs=tmp_path, backend_port=service.port)
    while "ready" not in running.log.read_text():
        assert running.process.poll() is None
    running.process.stdin.close()  # as when its starter has gone
    running.process.wait(60)
    assert running.log.read_text().endswith("last words\nthe end\n")
