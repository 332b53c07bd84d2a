"""What is taken out of an image's environment, on small environments made for it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from assay.market.venues import VENUES


def slim(site: Path, *options: str) -> subprocess.CompletedProcess[str]:
    script = Path(__file__).parents[1] / "scripts/slim_environment.py"
    return subprocess.run(
        [sys.executable, script, site, *options], capture_output=True, text=True, check=False
    )


def put(site: Path, *names: str) -> None:
    for name in names:
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text("")


def left(site: Path) -> set[str]:
    files = (path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file())
    return {name for name in files if not name.endswith(".pyc")}


def test_tests_and_sources_go_and_a_package_called_test_stays(tmp_path: Path) -> None:
    put(tmp_path, "a/__init__.py", "a/tests/test_a.py", "a/fast.pyx", "a/a.h", "a/test/__init__.py")
    put(tmp_path, "a/tests.py", "a/py.typed")
    assert slim(tmp_path).returncode == 0
    assert left(tmp_path) == {"a/__init__.py", "a/test/__init__.py", "a/tests.py", "a/py.typed"}


def test_what_stays_is_compiled(tmp_path: Path) -> None:
    put(tmp_path, "a/__init__.py")
    assert slim(tmp_path).returncode == 0
    assert list(tmp_path.glob("a/__pycache__/*.pyc"))


def test_what_is_named_goes_and_a_name_that_is_gone_already_is_told(tmp_path: Path) -> None:
    put(tmp_path, "a/big/one.py", "a/lib.so.1.2", "a/kept.py")
    assert slim(tmp_path, "--without", "a/big", "a/lib.so.*").returncode == 0
    assert left(tmp_path) == {"a/kept.py"}
    again = slim(tmp_path, "--without", "a/big")
    assert again.returncode == 0
    assert "there is no a/big" in again.stderr


def test_a_library_without_its_symbols_is_smaller_and_still_loads(tmp_path: Path) -> None:
    """curl_cffi's has most of them; what it exports is still found and called."""
    import curl_cffi

    [library] = Path(curl_cffi.__file__).parent.glob("_wrapper*.so")
    copy = tmp_path / library.name
    shutil.copy(library, copy)
    assert slim(tmp_path).returncode == 0
    assert copy.stat().st_size < library.stat().st_size
    load = (
        "import sys, importlib.util as u\n"
        "spec = u.spec_from_file_location('curl_cffi._wrapper', sys.argv[1])\n"
        "module = u.module_from_spec(spec)\n"
        "spec.loader.exec_module(module)\n"
        "print(module.ffi.string(module.lib.curl_version()).decode())\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", load, copy], capture_output=True, text=True, check=True
    )
    assert "libcurl" in said.stdout


def test_what_is_no_library_is_left_as_it_is(tmp_path: Path) -> None:
    text = b"\x7fELF but not really, only a text with such a beginning" * 3
    (tmp_path / "note.so").write_bytes(text)
    assert slim(tmp_path).returncode == 0
    assert (tmp_path / "note.so").read_bytes() == text


@pytest.mark.slow
def test_of_ccxt_the_named_exchanges_are_left_and_work(tmp_path: Path) -> None:
    import ccxt

    shutil.copytree(Path(ccxt.__file__).parent, tmp_path / "ccxt")
    assert slim(tmp_path, "--exchanges", "kraken", "okx").returncode == 0
    ask = "import ccxt.async_support as c; c.kraken(); print(c.exchanges, hasattr(c, 'binance'))"
    said = subprocess.run(
        [sys.executable, "-c", ask],
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout == "['kraken', 'okx'] False\n"
    assert not (tmp_path / "ccxt/binance.py").exists()


def test_an_exchange_that_ccxt_has_not_is_complained_about(tmp_path: Path) -> None:
    put(tmp_path, "ccxt/__init__.py")
    (tmp_path / "ccxt/__init__.py").write_text("exchanges = [\n    'okx',\n]\n")
    done = slim(tmp_path, "--exchanges", "okx", "mtgox")
    assert done.returncode == 1
    assert "ccxt has no mtgox" in done.stderr


def test_the_backends_image_keeps_the_exchanges_that_are_offered(checkout: Path) -> None:
    dockerfile = (checkout / "backend/Dockerfile").read_text()
    named = re.search(r"--exchanges ([a-z ]+)\n", dockerfile)
    assert named
    assert sorted(named[1].split()) == sorted(VENUES)
