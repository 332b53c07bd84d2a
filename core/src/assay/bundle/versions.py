"""Former champions, kept beside the present one, and the history of who replaced which and why.

`.versions/<first 16 digits of the digest>/` holds a whole bundle with its own manifest, and
`.versions/history.jsonl` a line for each change of champion, oldest first. Both are written by
whoever writes a bundle, under one lock; the history is staged before the new champion is in place
and moved after, so that it never tells of a change that did not happen.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final, Literal

from assay.bundle.manifest import MANIFEST, Manifest, checksum, read_manifest, read_verified
from assay.bundle.metadata import version_of_volatility
from assay.errors import BundleError

VERSIONS: Final = ".versions"
HISTORY: Final = "history.jsonl"
MOST_KEPT = 5
_STAGED = ".incoming"
_ID_DIGITS = 16
_NO_REASON = "no reason was recorded"

Action = Literal["publish", "promote", "rollback"]


@dataclass(frozen=True, slots=True)
class Reason:
    """Who changes the champion, when (ISO 8601, UTC), how and why."""

    at: str
    by: str
    action: Action
    why: str


@dataclass(frozen=True, slots=True)
class Change:
    """One change of champion: the bundle of `digest` came, that of `replaced` went.

    `version` is gold's model version and `volatility` the volatility model's; two bundles may share
    either, and no two share a digest. `replaced` is None for the first champion of a folder.
    """

    at: str
    by: str
    action: Action
    why: str
    version: str
    digest: str
    volatility: str | None = None
    replaced: str | None = None
    replaced_version: str | None = None

    @classmethod
    def of(cls, reason: Reason, came: ChampionId, went: ChampionId | None) -> Change:
        return cls(
            **asdict(reason),
            version=came.version,
            digest=came.digest,
            volatility=came.volatility,
            replaced=went.digest if went else None,
            replaced_version=went.version if went else None,
        )

    @classmethod
    def parse(cls, line: str) -> Change | None:
        """None for a line that is none; fields that a later program wrote are left alone."""
        try:
            body = json.loads(line)
            return cls(**{each.name: body[each.name] for each in fields(cls) if each.name in body})
        except (ValueError, TypeError):
            return None


@dataclass(frozen=True, slots=True)
class ChampionId:
    """Which bundle it is, by its manifest and its metadata as they were written."""

    digest: str
    metadata: dict[str, Any]

    @classmethod
    def of(cls, manifest: Manifest, metadata: bytes) -> ChampionId:
        """Whatever the metadata are: a bundle that cannot be served has a history too."""
        try:
            body = json.loads(metadata)
        except ValueError:
            body = None
        return cls(checksum(manifest.to_bytes()), body if isinstance(body, dict) else {})

    @property
    def version(self) -> str:
        return str(self.metadata.get("version") or self.digest[:_ID_DIGITS])

    @property
    def volatility(self) -> str | None:
        return version_of_volatility(self.metadata.get("volatility"))

    def published(self, after: ChampionId | None) -> Reason:
        """What the metadata say of its publication; `after` is the champion that it replaced."""
        section, promotion = self.metadata.get("volatility"), self.metadata.get("promotion")
        made = [str(self.metadata.get("created_at") or "")]
        if isinstance(section, dict):
            made.append(str(section.get("created_at") or ""))
        why = promotion.get("verdict") if isinstance(promotion, dict) else None
        if after is not None and self.metadata.get("version") == after.metadata.get("version"):
            why = "the same models, with other figures told of them"
            if self.volatility != after.volatility:
                why = f"volatility model {self.volatility} took its place; gold's model is the same"
        else:
            made = made[:1]
        return Reason(max(made), "assay-train", "publish", str(why or _NO_REASON))


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One writer at a time, whatever process it is in. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def place_of(folder: Path, digest: str) -> Path:
    """Where the bundle of that digest is kept, if it is."""
    return folder / VERSIONS / digest[:_ID_DIGITS]


def kept_folders(folder: Path) -> tuple[Path, ...]:
    """The bundles that are kept beside the champion of `folder`, in no order."""
    try:
        found = sorted((folder / VERSIONS).iterdir())
    except OSError:
        return ()
    return tuple(path for path in found if not path.name.startswith(".") and path.is_dir())


def read_history(folder: Path) -> tuple[Change, ...]:
    """The changes on record, oldest first; none where none was recorded yet."""
    try:
        text = (folder / VERSIONS / HISTORY).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ()
    parsed = (Change.parse(line) for line in text.splitlines())
    return tuple(change for change in parsed if change is not None)


def keep(folder: Path, manifest: Manifest, contents: dict[str, bytes]) -> None:
    """Puts a copy of a bundle among those kept by `folder`. Raises OSError."""
    digest = checksum(manifest.to_bytes())
    place = place_of(folder, digest)
    if _is_whole(place, digest):
        return
    staged = folder / VERSIONS / _STAGED
    for leftover in (staged, place):
        if leftover.exists():
            shutil.rmtree(leftover)
    staged.mkdir(parents=True)
    write_flushed(staged, {**contents, MANIFEST: manifest.to_bytes()})
    staged.replace(place)


def _is_whole(place: Path, digest: str) -> bool:
    try:
        manifest = read_manifest(place)
        for name, expected in manifest.files.items():
            read_verified(place, name, expected)
    except BundleError:
        return False
    return checksum(manifest.to_bytes()) == digest


def write_flushed(folder: Path, contents: dict[str, bytes]) -> None:
    """Each file written and on disk before the next."""
    for name, data in contents.items():
        with (folder / name).open("wb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())


def stage_history(folder: Path, changes: Sequence[Change]) -> Path:
    """`changes` as the whole history to come, where `commit_history` finds it. Raises OSError."""
    lines = "".join(json.dumps(asdict(change)) + "\n" for change in changes)
    name = f".{HISTORY}"
    (folder / VERSIONS).mkdir(parents=True, exist_ok=True)
    write_flushed(folder / VERSIONS, {name: lines.encode()})
    return folder / VERSIONS / name


def commit_history(folder: Path, staged: Path) -> None:
    """From now on it is the history."""
    staged.replace(folder / VERSIONS / HISTORY)


def prune(folder: Path, changes: Sequence[Change], *, champion: str) -> None:
    """Drops all bundles but the `MOST_KEPT` that served last, the `champion` aside."""
    served = [place_of(folder, c.digest).name for c in changes if c.digest != champion]
    newest = list(dict.fromkeys(reversed(served)))[:MOST_KEPT]
    for path in kept_folders(folder):
        if path.name not in {*newest, place_of(folder, champion).name}:
            shutil.rmtree(path, ignore_errors=True)
