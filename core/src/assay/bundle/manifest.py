"""The manifest: which files make the bundle, and the checksum of each."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from assay.errors import BundleCorrupt, BundleMissing

FORMAT_VERSION = 1
MANIFEST = "manifest.json"
INCOMING = ".incoming"
MOST_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Manifest:
    """Format version and the SHA-256 of each file, by name."""

    files: dict[str, str]
    format_version: int = FORMAT_VERSION

    def to_bytes(self) -> bytes:
        body = {"format_version": self.format_version, "files": self.files}
        return (json.dumps(body, indent=2, sort_keys=True) + "\n").encode()

    @classmethod
    def of(cls, contents: dict[str, bytes]) -> Manifest:
        return cls({name: checksum(data) for name, data in contents.items()})


def checksum(data: bytes) -> str:
    """SHA-256, hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def read_manifest(folder: Path) -> Manifest:
    """The manifest of the bundle in `folder`; BundleMissing or BundleCorrupt name the file."""
    path = folder / MANIFEST
    try:
        body = json.loads(read_regular(path))
        version, files = body["format_version"], dict(body["files"])
    except OSError as error:
        raise BundleMissing(f"no bundle: {path} {_why(error, path)}", path=str(path)) from error
    except (ValueError, KeyError, TypeError) as error:
        raise BundleCorrupt(f"{path} is not a manifest: {error}", path=str(path)) from error
    if version != FORMAT_VERSION:
        raise BundleCorrupt(
            f"{path} has format version {version!r}, this program reads {FORMAT_VERSION}",
            path=str(path),
        )
    for name, expected in files.items():
        if Path(name).name != name or name.startswith(".") or not isinstance(expected, str):
            raise BundleCorrupt(f"{path} names a file outside the bundle: {name!r}", path=str(path))
    return Manifest(files)


def manifest_stamp(folder: Path) -> tuple[int, int]:
    """What changes whenever a bundle is published in `folder`; cheap enough to poll."""
    try:
        found = (folder / MANIFEST).stat()
    except OSError:
        return (0, 0)
    return (found.st_ino, found.st_mtime_ns)


def read_verified(folder: Path, name: str, expected: str) -> bytes:
    """The bytes of file `name` whose checksum is `expected`.

    While a new bundle is being moved in, a file may still stand in the incoming folder.
    """
    path = folder / name
    found = []
    for candidate in (path, folder / INCOMING / name, path):
        try:
            data = read_regular(candidate)
        except OSError as error:
            found.append(_why(error, candidate))
            continue
        if checksum(data) == expected:
            return data
        found.append(f"does not match its checksum in {MANIFEST}")
    if found[0].startswith("does not match"):
        raise BundleCorrupt(f"{path} {found[0]}", path=str(path))
    raise BundleMissing(f"{path} {found[0]}", path=str(path))


def read_regular(path: Path) -> bytes:
    """The bytes of a regular file of sane size; OSError for a pipe, a folder or a giant."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe's other end may never come
    with os.fdopen(descriptor, "rb") as handle:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "is no regular file")
        if found.st_size > MOST_BYTES:
            raise OSError(errno.EFBIG, f"is larger than {MOST_BYTES} bytes")
        return handle.read()


def _why(error: OSError, path: Path) -> str:
    why = f"cannot be read ({error.strerror or error})"
    if error.errno != errno.EACCES:
        return why
    return f"{why}; user {os.geteuid()} has to be able to read it: {_remedy(path.parent)}"


def _remedy(folder: Path) -> str:
    """What the owner has to do; folders above the bundle are opened no further than needed."""
    above = reversed(folder.parents)
    closed = next((each for each in above if not os.access(each, os.X_OK)), None)
    return (f"chmod a+x {closed} && " if closed else "") + f"chmod -R a+rX {folder}"
