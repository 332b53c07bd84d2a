"""Changing the champion by hand: to a former version, a challenger, or the one before."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from assay.bundle.files import (
    METADATA,
    Bundle,
    load_bundle,
    read_contents,
    replace_bundle,
)
from assay.bundle.manifest import MANIFEST, read_manifest
from assay.bundle.versions import (
    ChampionId,
    Change,
    Reason,
    kept_folders,
    locked,
    place_of,
    read_history,
)
from assay.clock import Clock, iso_utc
from assay.errors import BundleError, NoEarlierVersion, UnknownVersion

SHORTEST_DIGEST = 8

Prove = Callable[[Bundle], None]


@dataclass(frozen=True, slots=True)
class Version:
    """A bundle at hand: the champion, or one that is kept."""

    champion: ChampionId
    folder: Path
    serves: bool


def versions(folder: Path) -> tuple[Version, ...]:
    """The champion of `folder`, then those that are kept, the one that served last first."""
    current = current_champion(folder)
    found = [] if current is None else [Version(current, folder, serves=True)]
    order = {c.digest: i for i, c in enumerate(read_history(folder))}
    kept = []
    for place in kept_folders(folder):
        champion = current_champion(place)
        if champion is not None and (current is None or champion.digest != current.digest):
            kept.append(Version(champion, place, serves=False))
    return (*found, *sorted(kept, key=lambda v: -order.get(v.champion.digest, -1)))


def current_champion(folder: Path) -> ChampionId | None:
    """Which bundle `folder` holds; None where that cannot be read."""
    try:
        manifest, contents = read_contents(folder)
    except BundleError:
        return None
    return ChampionId.of(manifest, contents[METADATA])


def history(folder: Path) -> tuple[Change, ...]:
    """Every change of champion, oldest first, and the present one's publication where none tells.

    A folder that was copied here, or a writer that was killed, leaves the newest one untold.
    """
    return _up_to(current_champion(folder), read_history(folder))


def _up_to(current: ChampionId | None, recorded: tuple[Change, ...]) -> tuple[Change, ...]:
    if current is None or (recorded and recorded[-1].digest == current.digest):
        return recorded
    return (*recorded, Change.of(current.published(None), current, None))


def promote(
    folder: Path,
    version: str,
    *,
    by: str,
    why: str,
    clock: Clock,
    prove: Prove | None = None,
    challenger: Path | None = None,
) -> Change:
    """Makes the kept bundle of that version, or whose digest begins so, the champion; or the one in
    the folder `challenger`, whose trial is then over: it stands there no more.

    It has to load, and to pass `prove` where one is given. Raises UnknownVersion, another
    BundleError, or OSError.
    """
    with locked(_existing(folder)), _on_trial(challenger) as trial:
        wanted = _named(folder, (*versions(folder), *trial), version)
        reason = Reason(iso_utc(clock.now()), by, "promote", why)
        change = _swap(folder, wanted.folder, reason, prove)
        for each in trial:
            if each.champion.digest == change.digest:
                _withdraw(each.folder)
        return change


def rollback(
    folder: Path, *, by: str, why: str, clock: Clock, prove: Prove | None = None
) -> Change:
    """Makes the bundle that served before the present one the champion again.

    A second rollback goes one further back, not forth again. Raises NoEarlierVersion, another
    BundleError, or OSError.
    """
    with locked(_existing(folder)):
        target = rollback_target(folder)
        if target is None:
            raise NoEarlierVersion(
                f"{folder} keeps no version that served before this one", path=str(folder)
            )
        reason = Reason(iso_utc(clock.now()), by, "rollback", why)
        return _swap(folder, target, reason, prove)


def rollback_target(folder: Path) -> Path | None:
    """Where the bundle is that a rollback would bring back; None where there is none.

    Where the present one cannot be read it is the last that served and is kept.
    """
    current = current_champion(folder)
    line = _line_of_succession(_up_to(current, read_history(folder)))
    if current is not None:
        del line[-1]
    for digest in reversed(line):
        place = place_of(folder, digest)
        if place.is_dir():
            return place
    return None


def _line_of_succession(changes: Sequence[Change]) -> list[str]:
    """Digests, the present champion's last; a rollback takes away what it undid."""
    line: list[str] = []
    for change in changes:
        if change.action == "rollback" and change.digest in line:
            del line[len(line) - line[::-1].index(change.digest) :]
        elif not line or line[-1] != change.digest:
            line.append(change.digest)
    return line


@contextmanager
def _on_trial(folder: Path | None) -> Iterator[tuple[Version, ...]]:
    """The bundle in `folder`, if any, which nobody replaces meanwhile."""
    if folder is None or not folder.is_dir():
        yield ()
        return
    with locked(folder):
        found = current_champion(folder)
        yield () if found is None else (Version(found, folder, serves=False),)


def _withdraw(folder: Path) -> None:
    """Its manifest goes first, so that no reader takes what is left for a bundle."""
    names = read_manifest(folder).files
    for name in (MANIFEST, *names):
        (folder / name).unlink(missing_ok=True)


def _existing(folder: Path) -> Path:
    """Raises, and says why, where there is no bundle and none is kept: away from one that cannot be
    read there has to be a way.
    """
    try:
        read_contents(folder)
    except BundleError:
        if not kept_folders(folder):
            raise
    return folder


def _named(folder: Path, found: Sequence[Version], version: str) -> Version:
    """The newest of that version that does not serve; by its digest where that is given."""
    others = [each for each in found if not each.serves]
    matches = [each for each in others if each.champion.version == version]
    if len(version) >= SHORTEST_DIGEST:
        matches += [each for each in others if each.champion.digest.startswith(version)]
    if matches:
        return matches[0]
    names = [each.champion.version for each in others]
    serves = any(each.serves and each.champion.version == version for each in found)
    what = f"{version[:60]!r} is the champion already" if serves else f"no version {version[:60]!r}"
    kept = f"kept are {', '.join(names)}" if names else "no other version is kept"
    raise UnknownVersion(f"{what}; {kept}", path=str(folder), kept=names)


def _swap(folder: Path, source: Path, reason: Reason, prove: Prove | None) -> Change:
    bundle = load_bundle(source)
    if prove is not None:
        prove(bundle)
    _, contents = read_contents(source)
    return replace_bundle(folder, contents, reason)
