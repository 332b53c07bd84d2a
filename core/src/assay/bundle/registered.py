"""The champion of an MLflow registry: which version its address means, and that version's files.

MLflow takes seconds and 130 MB to import, so a worker process has it (`registry.py`), and nothing
of that process is believed: what it brings is a bundle to be proven like any other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from assay.errors import RegistryUnavailable
from assay.worker import Worker, WorkerLost

CHILD_MODULE: Final = "assay.bundle.registry"
SCHEME: Final = "models:"
BUNDLE_FILES: Final = "extra_files"  # where MLflow keeps what is registered beside a model
DEADLINE_SECONDS = 30.0
UNITY_CATALOG = "databricks-uc"

_SERVERS = ("http", "https", "databricks", UNITY_CATALOG)
_DATABASES = ("sqlite", "postgresql", "mysql", "mssql")

_ADDRESS = re.compile(
    r"models:/(?P<name>[^/@:\s.][^/@:\s]{0,249})"
    r"(@(?P<alias>[A-Za-z0-9_-]{1,250})|/(?P<version>[0-9]{1,9}))"
)


@dataclass(frozen=True, slots=True)
class ModelAddress:
    """`models:/<name>@<alias>`, or `models:/<name>/<version>`; one of the two is None."""

    name: str
    alias: str | None
    version: str | None

    @classmethod
    def parse(cls, text: str) -> ModelAddress:
        """Raises ValueError."""
        found = _ADDRESS.fullmatch(text)
        if found is None:
            raise ValueError("it should be models:/<name>@champion or models:/<name>/<version>")
        return cls(**found.groupdict())

    def __str__(self) -> str:
        return f"models:/{self.name}" + (f"@{self.alias}" if self.alias else f"/{self.version}")


@dataclass(frozen=True, slots=True)
class RegistryPlace:
    """Where runs are tracked and where models are registered, as MLflow writes addresses."""

    tracking: str
    registry: str

    @classmethod
    def of(
        cls, *, tracking: str | None, registry: str | None, on_databricks: bool
    ) -> RegistryPlace | None:
        """Databricks has the say where its host and token are given; None where nothing is."""
        if on_databricks:
            return cls("databricks", registry or UNITY_CATALOG)
        if registry and registry.startswith("databricks"):
            return cls(tracking or "databricks", registry)
        here = tracking or registry
        return None if here is None else cls(here, registry or here)

    def objection(self, model: ModelAddress) -> str | None:
        """Why `model` cannot be there, as half a sentence; None where it could."""
        scheme = self.registry.partition(":")[0]
        if scheme not in (*_SERVERS, *_DATABASES):
            return "it should be the address of an MLflow server, as http://127.0.0.1:5000"
        if scheme == UNITY_CATALOG and model.name.count(".") != 2:
            return "Unity Catalog has models by catalog.schema.model, as main.default.assay-gold"
        return None

    def __str__(self) -> str:
        """Without a user's name and password."""
        parts = urlsplit(self.registry)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


@dataclass(frozen=True, slots=True)
class RegisteredVersion:
    """What an address meant when it was looked up; another `stamp`, another version."""

    version: str
    stamp: str


class Registry:
    """What MLflow answers about one model. For one event loop; `close` it at the end."""

    def __init__(self, place: RegistryPlace, model: ModelAddress) -> None:
        self._place = place
        self._model = model
        self._worker = Worker(CHILD_MODULE)

    async def look(self) -> RegisteredVersion:
        """The version that the address means now. Raises RegistryUnavailable."""
        objection = self._place.objection(self._model)
        if objection is not None:
            raise self._trouble(objection)
        answer = await self._ask({"op": "look"})
        return RegisteredVersion(str(answer["version"]), str(answer["stamp"]))

    async def fetch(self, found: RegisteredVersion, into: Path) -> Path:
        """Brings that version's files into the empty folder `into`: the folder of its bundle,
        which is as yet unproven. Raises RegistryUnavailable.
        """
        await self._ask({"op": "fetch", "number": found.version, "into": str(into)})
        return into / BUNDLE_FILES

    async def close(self) -> None:
        """Ends the process."""
        await self._worker.close()

    async def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        if find_spec("mlflow") is None:
            raise self._trouble(
                "mlflow-skinny is not installed, and the extra `registry` brings it"
            )
        model, place = self._model, self._place
        request |= {"name": model.name, "alias": model.alias, "version": model.version}
        request |= {"tracking": place.tracking, "registry": place.registry}
        try:
            answer = await self._worker.ask(request, seconds=DEADLINE_SECONDS)
        except WorkerLost as lost:
            raise self._trouble(f"the process that asks it: {lost}") from lost
        if "error" in answer:
            raise self._trouble(answer["error"]["message"])
        return answer

    def _trouble(self, reason: str) -> RegistryUnavailable:
        return RegistryUnavailable(reason, path=str(self._model))
