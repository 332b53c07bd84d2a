"""The champion in memory, or a challenger, kept in step with its bundle's folder."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from assay.bundle.files import (
    CALIBRATION,
    FEATURE_COLUMNS,
    METADATA,
    MODEL,
    SCALER,
    Bundle,
    load_bundle,
)
from assay.bundle.manifest import MANIFEST, read_manifest, read_verified
from assay.bundle.promotion import versions
from assay.errors import BundleError, BundleMissing
from assay_backend.callers import Role
from assay_backend.services.rendering import check_metadata

_NEEDED = (MODEL, SCALER, FEATURE_COLUMNS, CALIBRATION, METADATA)
_FILES = (MANIFEST, *_NEEDED)

log = logging.getLogger(__name__)

FolderState = tuple[tuple[str, int, int, int], ...]


@dataclass(frozen=True, slots=True)
class PartsLoaded:
    """Which parts of the bundle can be used."""

    model: bool
    scaler: bool
    feature_columns: bool


@dataclass(frozen=True, slots=True)
class ChampionState:
    """The bundle served, if any, and what is wrong with the folder now, if anything."""

    bundle: Bundle | None
    parts: PartsLoaded
    problems: tuple[str, ...] = ()
    error: BundleError | None = None


class ChampionService:
    """Loads the bundle in `folder` and, at each `check`, what has become of it.

    A bundle that fails is refused: what was served before stays, after a start the last version
    that served and is kept. A successor has to pass `prove` too, which raises BundleError. `check`
    and `prove` block; all may be called from anywhere.

    A challenger can be spared: there need not be one, each has to pass `prove`, and none is served
    while the one in the folder fails.
    """

    def __init__(
        self, folder: Path, *, prove: Callable[[Bundle], None], role: Role = "champion"
    ) -> None:
        self._folder = folder
        self._prove = prove
        self._role = role
        self._seen: FolderState | None = None
        self._checking = threading.Lock()
        self._trouble: BundleError | None = None
        error = BundleMissing(f"no bundle has been read from {folder} yet", path=str(folder))
        self._state = ChampionState(None, PartsLoaded(False, False, False), error=error)

    @property
    def state(self) -> ChampionState:
        """What there is now."""
        state, trouble = self._state, self._trouble
        if trouble is None:
            return state
        error = state.error if state.bundle else trouble
        return replace(state, problems=(trouble.message, *state.problems), error=error)

    def report(self, trouble: BundleError | None) -> None:
        """What keeps a bundle from coming into the folder: a problem until the next report."""
        self._trouble = trouble

    def require(self) -> Bundle:
        """The champion; the BundleError that names the file at fault where there is none."""
        state = self.state
        if state.bundle is not None:
            return state.bundle
        raise state.error.with_traceback(None) if state.error else AssertionError(state)

    def check(self) -> bool:
        """Reads the folder again where a file has changed; True where that changed the state."""
        with self._checking:
            return self._check()

    def prove(self, bundle: Bundle) -> None:
        """BundleError unless `bundle` could be served."""
        check_metadata(bundle.metadata, path=str(self._folder / METADATA))
        self._prove(bundle)

    def _check(self) -> bool:
        seen = self._look()
        if seen == self._seen:
            return False
        self._seen = seen
        try:
            bundle = load_bundle(self._folder)
            check_metadata(bundle.metadata, path=str(self._folder / METADATA))
            if self._state.bundle is not None or self._role == "challenger":
                self._prove(bundle)
        except BundleError as error:
            self._refuse(error)
        else:
            self._accept(bundle)
        return True

    def _accept(self, bundle: Bundle) -> None:
        self._state = ChampionState(bundle, PartsLoaded(True, True, True))
        data = bundle.metadata
        role = self._role.capitalize()
        log.info("%s: %s %s (%s) from %s", role, data.name, data.version, data.type, self._folder)

    def _refuse(self, error: BundleError) -> None:
        faults = self._faults(error)
        for problem in faults.values():
            log.error("Bundle refused: %s", problem)
        problems = [*faults.values()]
        served = None
        if self._role == "champion":
            served = self._state.bundle or self._kept()
        if served is not None:
            log.warning("Champion %s serves", served.metadata.version)
            if self._state.bundle is None:
                problems.append(f"{served.metadata.version}, which served before, does so again")
        self._state = ChampionState(
            bundle=served,
            parts=PartsLoaded(True, True, True) if served else _parts(faults),
            problems=tuple(problems),
            error=error,
        )

    def _kept(self) -> Bundle | None:
        """The version that served last of those kept, as far as they can be used."""
        for version in versions(self._folder):
            if version.serves:  # the one that was refused
                continue
            try:
                bundle = load_bundle(version.folder)
                check_metadata(bundle.metadata, path=str(version.folder / METADATA))
            except BundleError as error:
                log.warning("Not served either: %s", error.message)
            else:
                return bundle
        return None

    def _faults(self, error: BundleError) -> dict[str, str]:
        """What is wrong, by file: loading stops at the first fault, people want to know all."""
        if self._role == "challenger" and not (self._folder / MANIFEST).exists():
            return {}  # nobody is on trial
        faults = {Path(error.path).name: error.message}
        try:
            manifest = read_manifest(self._folder)
        except BundleError:
            return faults
        for name in _NEEDED:
            try:
                read_verified(self._folder, name, manifest.files.get(name, ""))
            except BundleError as fault:
                faults.setdefault(name, fault.message)
        return faults

    def _look(self) -> FolderState:
        """Changes with any write to a file of the bundle, also one that restores its old bytes."""
        found = []
        for name in _FILES:
            try:
                stat = (self._folder / name).stat()
            except OSError:
                continue
            found.append((name, stat.st_ino, stat.st_ctime_ns, stat.st_size))
        return tuple(found)


def _parts(faults: dict[str, str]) -> PartsLoaded:
    """Without a manifest nothing can be trusted; otherwise what has no fault could be used."""
    if MANIFEST in faults:
        return PartsLoaded(False, False, False)
    of_model = {MODEL, CALIBRATION, METADATA}
    return PartsLoaded(
        model=not of_model & faults.keys(),
        scaler=SCALER not in faults,
        feature_columns=FEATURE_COLUMNS not in faults,
    )
