"""The champion that a registry names, published in a folder of our own as training would do it.

So everything else goes on as with any folder: what was there before serves on through any trouble,
also over a restart, and former versions and their history stand beside it.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
from pathlib import Path

from assay.bundle.files import load_bundle, read_contents, write_bundle
from assay.bundle.promotion import current_champion
from assay.bundle.registered import ModelAddress, RegisteredVersion, Registry
from assay.bundle.versions import Reason
from assay.clock import Clock, iso_utc
from assay.errors import BundleError, RegistryUnavailable
from assay_backend.services.champion import ChampionService
from assay_backend.settings import Settings

log = logging.getLogger(__name__)


class RegistryFollower:
    """Brings what `model` means in `registry` into `folder`, whenever that is another version.

    A version is proven before it is written there. What is wrong is told by `champion`, after
    `named`, which says what was asked for and where.
    """

    def __init__(
        self,
        registry: Registry,
        model: ModelAddress,
        folder: Path,
        champion: ChampionService,
        clock: Clock,
        *,
        named: str,
    ) -> None:
        self._registry = registry
        self._model = model
        self._folder = folder
        self._champion = champion
        self._clock = clock
        self._named = named
        self._here: RegisteredVersion | None = None
        self._told = ""

    async def follow(self) -> None:
        """Looks once; a number means one version for good."""
        if self._here is not None and self._model.alias is None:
            return
        try:
            await self._look()
        except BundleError as error:
            self._tell(error.message)
        except OSError as error:
            self._tell(f"{self._folder} cannot be written ({error.strerror or error})")
        else:
            self._tell("")

    async def close(self) -> None:
        """Ends the process that asks."""
        await self._registry.close()

    async def _look(self) -> None:
        found = await self._registry.look()
        if found == self._here:
            return
        with tempfile.TemporaryDirectory(prefix="assay-registry-") as fetched:
            place = await self._registry.fetch(found, Path(fetched))
            await asyncio.to_thread(self._publish, place, found.version)
        self._here = found

    def _publish(self, place: Path, version: str) -> None:
        try:
            bundle = load_bundle(place)
            self._champion.prove(bundle)
            _, contents = read_contents(place)
        except BundleError as error:
            reason = error.message.replace(error.path, Path(error.path).name)
            raise RegistryUnavailable(
                f"its version {version} is refused: {reason}", path=str(self._model)
            ) from error
        present = current_champion(self._folder)
        if present is not None and present.digest == bundle.digest:
            return
        log.info("%s is version %s", self._named, version)
        at, why = iso_utc(self._clock.now()), f"{self._model} is version {version}"
        write_bundle(self._folder, contents, reason=Reason(at, "registry", "publish", why))

    def _tell(self, reason: str) -> None:
        if not reason:
            if self._told:
                log.info("%s can be had again", self._named)
            self._told = ""
            self._champion.report(None)
            return
        served = self._champion.state.bundle
        then = (
            f"the last champion that was had, {served.metadata.version}, serves on"
            if served
            else "no champion was had before"
        )
        sentence = f"{self._named}: {reason}; {then}"
        if sentence != self._told:
            log.warning(sentence)
        self._told = sentence
        self._champion.report(RegistryUnavailable(sentence, path=str(self._model)))


def open_follower(
    settings: Settings, champion: ChampionService, clock: Clock
) -> RegistryFollower | None:
    """None where the champion is in a folder, or where no registry is named, which is told."""
    model, place = settings.registered_model, settings.registry_place
    if model is None:
        return None
    if place is None:
        sentence = f"ASSAY_MODEL_URI is {str(model)!r}: {settings.lacks_for_registry}"
        log.error(sentence)
        champion.report(RegistryUnavailable(sentence, path=str(model)))
        return None
    named = f"ASSAY_MODEL_URI {str(model)!r} in {settings.registry_setting} {str(place)!r}"
    registry = Registry(place, model)
    return RegistryFollower(registry, model, settings.bundle_folder, champion, clock, named=named)


def who_chooses(settings: Settings) -> str | None:
    """Where the champion is chosen, if not here, and how: for those who would change it here."""
    model = settings.registered_model
    if model is None:
        return None
    if model.alias is None:
        return f"ASSAY_MODEL_URI names version {model.version} for good: name another, or an alias"
    return (
        f"The registry chooses the champion: set the alias {model.alias!r} of its model "
        f"{model.name!r} to another version, as assay-train rollback does where it is trained; "
        f"this service follows within {settings.registry_check_seconds:g} s"
    )
