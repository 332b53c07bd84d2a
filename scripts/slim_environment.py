"""Takes out of an image's environment what nothing reads at run time, and compiles the rest.

Gone afterwards are the packages' own tests, the sources of their compiled parts, the symbols in
these that only a debugger reads, what `--without` names, and every exchange of ccxt that
`--exchanges` does not. The Dockerfiles run it; it needs the standard library only.
"""

from __future__ import annotations

import argparse
import compileall
import re
import shutil
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

# Not `test`: TensorFlow has a package of that name that it imports.
TEST_FOLDERS = frozenset({"tests"})
SOURCES = frozenset({".pyx", ".pxd", ".pxi", ".h", ".hpp", ".hh", ".c", ".cc", ".cpp", ".cu", ".a"})
CCXT_PACKAGES = ("ccxt", "ccxt/async_support", "ccxt/abstract")

# A 64-bit little-endian ELF file: what its header tells of the segments, which are loaded, and each
# segment's place in the file.
_ELF = b"\x7fELF\x02\x01"
_HEADER = struct.Struct("<6s26xQ14xHH6x")
_SEGMENT = struct.Struct("<8xQ16xQ16x")
# Where the header tells of the sections, which debuggers read.
_SECTIONS_AT, _SECTION_COUNTS_AT = 40, 60


def slim(site: Path, *, without: list[str], exchanges: list[str]) -> None:
    for folder in [path for path in site.rglob("*") if path.name in TEST_FOLDERS]:
        if folder.is_dir():
            shutil.rmtree(folder)
    for name in without:
        _remove(site, name)
    for path in _files(site):
        if path.suffix in SOURCES:
            path.unlink()
        elif ".so" in path.name:
            drop_symbols(path)
    if exchanges:
        keep_exchanges(site, frozenset(exchanges))


def _files(site: Path) -> Iterator[Path]:
    return (path for path in list(site.rglob("*")) if path.is_file() and not path.is_symlink())


def _remove(site: Path, pattern: str) -> None:
    found = list(site.glob(pattern))
    if not found:  # another version, or another machine's build of it
        print(f"slim_environment: there is no {pattern}", file=sys.stderr)
    for path in found:
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def drop_symbols(library: Path) -> None:
    """Cuts off what stands behind the last part of the file that is ever loaded."""
    data = library.read_bytes()
    if len(data) < _HEADER.size or not data.startswith(_ELF):
        return
    _, segments_at, size, count = _HEADER.unpack_from(data)
    end = segments_at + size * count
    for at in range(segments_at, end, size):
        offset, length = _SEGMENT.unpack_from(data, at)
        end = max(end, offset + length)
    if end >= len(data):
        return
    header = bytearray(data[: _HEADER.size])
    struct.pack_into("<Q", header, _SECTIONS_AT, 0)  # no table of sections, and none in it
    struct.pack_into("<HH", header, _SECTION_COUNTS_AT, 0, 0)
    with library.open("r+b") as file:
        file.write(header)
        file.truncate(end)


def keep_exchanges(site: Path, kept: frozenset[str]) -> None:
    """The list of exchanges that ccxt imports cut down to `kept`, the others' files removed."""
    listed = re.findall(r"^    '(\w+)',$", (site / "ccxt/__init__.py").read_text(), re.MULTILINE)
    if not kept <= set(listed):
        raise SystemExit(f"slim_environment: ccxt has no {', '.join(sorted(kept - set(listed)))}")
    dropped = "|".join(sorted(set(listed) - kept))
    line = re.compile(
        rf"^(from ccxt[\w.]*\.(?:{dropped}) import .*|    '(?:{dropped})',)\n", re.MULTILINE
    )
    for package in CCXT_PACKAGES:
        names = site / package / "__init__.py"
        names.write_text(line.sub("", names.read_text()))
        for name in set(listed) - kept:
            (site / package / f"{name}.py").unlink(missing_ok=True)
            for compiled in (site / package / "__pycache__").glob(f"{name}.*.pyc"):
                compiled.unlink()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("site", type=Path)
    parser.add_argument("--without", nargs="*", default=[], metavar="PATH")
    parser.add_argument("--exchanges", nargs="*", default=[], metavar="NAME")
    given = parser.parse_args()
    slim(given.site, without=given.without, exchanges=given.exchanges)
    compileall.compile_dir(given.site, quiet=2, workers=0)  # templates that do not compile are left
    return 0


if __name__ == "__main__":
    sys.exit(main())
