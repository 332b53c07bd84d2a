"""Asks an MLflow registry, in a process of its own; `registered.py` runs it and `worker_loop.py`
tells how. The one importer of MLflow in the domain.

A model is never loaded here, and no file of it opened: files are copied, each of bounded size.
"""

from __future__ import annotations

import asyncio
import logging
import os
import resource
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from assay.bundle.manifest import MOST_BYTES
from assay.bundle.registered import BUNDLE_FILES, UNITY_CATALOG
from assay.worker_loop import Document, run

if TYPE_CHECKING:
    from mlflow import MlflowClient

SURROUNDINGS = {
    # a server that cannot be reached must cost seconds, not MLflow's usual quarter of an hour
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "DO_NOT_TRACK": "1",
    # by Databricks' own API, where each cloud's storage would need a library of its own
    "MLFLOW_USE_DATABRICKS_SDK_MODEL_ARTIFACTS_REPO_FOR_UC": "true",
}
_DISK = ("", "file")
_REMOTE = ("http", "https", "databricks")
_LONGEST_REASON = 200


class Refused(Exception):
    """The registry has not what was asked for; the message says what it has."""


async def answer(request: Document) -> Document:
    """What was asked for, or an error whose message is half a sentence."""
    return await asyncio.to_thread(_answer, request)


def _answer(request: Document) -> Document:
    try:
        return look(request) if request["op"] == "look" else fetch(request)
    except Exception as error:  # noqa: BLE001 - MLflow's stores raise whatever they stand on
        return {"error": {"message": reason(error)}}


def look(request: Document) -> Document:
    """The version that an alias or a number means."""
    from mlflow.exceptions import MlflowException

    client, name = _client(request), request["name"]
    try:
        if request["alias"]:
            found = client.get_model_version_by_alias(name, request["alias"])
        else:
            found = client.get_model_version(name, request["version"])
    except MlflowException as error:
        if _status(error) not in (400, 404) or _is_no_registry(error):
            raise
        raise Refused(_lacking(client, request)) from error
    number = str(found.version)  # which begins anew where a model is made anew
    return {"version": number, "stamp": f"{number} of {found.creation_timestamp}"}


def fetch(request: Document) -> Document:
    """Copies the files that were registered beside a version's model."""
    from mlflow.artifacts import download_artifacts

    client, name, number = _client(request), request["name"], request["number"]
    registry = request["registry"]
    if not registry.startswith(UNITY_CATALOG):
        check_source(client.get_model_version_download_uri(name, number), registry)
    download_artifacts(
        artifact_uri=f"models:/{name}/{number}/{BUNDLE_FILES}",
        dst_path=request["into"],
        tracking_uri=request["tracking"],
        registry_uri=registry,
    )
    return {}


def check_source(source: str, registry: str) -> None:
    """Refused where a server elsewhere names files of this machine."""
    if urlsplit(source).scheme in _DISK and urlsplit(registry).scheme in _REMOTE:
        raise Refused(
            f"the version's files are in {source[:_LONGEST_REASON]!r}, a folder of the server's "
            "own: start it as mlflow server --artifacts-destination"
        )


def reason(error: Exception) -> str:
    """Why it failed, as half a sentence on the registry."""
    from mlflow.exceptions import MlflowException

    if isinstance(error, Refused):
        return str(error)
    first = (str(error).strip().splitlines() or [type(error).__name__])[0][:_LONGEST_REASON]
    if isinstance(error, ImportError):
        return f"its files need a library that is not installed ({first})"
    if isinstance(error, MlflowException):
        if _status(error) in (401, 403):
            return f"it refuses these credentials ({first})"
        if _is_no_registry(error):
            return "what answers there is no MLflow server"
        if "failed with exception" in first or "failed with timeout" in first:
            return f"nothing answers there ({_cause(error) or 'not in time'})"
    return f"{type(error).__name__}: {first}"


def _status(error: Any) -> int:  # noqa: ANN401 - an MlflowException, imported late
    return int(error.get_http_status_code())


def _is_no_registry(error: Any) -> bool:  # noqa: ANN401 - the same
    return bool(error.error_code == "ENDPOINT_NOT_FOUND")


def _lacking(client: MlflowClient, request: Document) -> str:
    """What is missing, and what there is instead."""
    from mlflow.exceptions import MlflowException

    name = request["name"]
    try:
        aliases = client.get_registered_model(name).aliases
    except MlflowException:
        return f"it has no model {name!r}"
    if not request["alias"]:
        return f"its model {name!r} has no version {request['version']}"
    there_are = ", ".join(sorted(aliases))[:_LONGEST_REASON] or "none"
    return f"its model {name!r} has no alias {request['alias']!r} (aliases: {there_are})"


def _cause(error: BaseException) -> str:
    """The system's words for what lies at the bottom."""
    found = [e.strerror for e in _causes(error) if isinstance(e, OSError) and e.strerror]
    return found[-1] if found else ""


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _client(request: Document) -> MlflowClient:
    import mlflow

    mlflow.set_tracking_uri(request["tracking"])  # some of its parts look there and nowhere else
    mlflow.set_registry_uri(request["registry"])
    return mlflow.MlflowClient(request["tracking"], request["registry"])


async def _close() -> None:
    """There is nothing to end."""


def main() -> None:
    """Serves until the parent ends."""
    for name, value in SURROUNDINGS.items():
        os.environ.setdefault(name, value)
    resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_BYTES, MOST_BYTES))
    import mlflow.artifacts  # noqa: F401 - loaded before the first request's time begins

    logging.getLogger("mlflow").setLevel(logging.ERROR)
    run(answer, _close)


if __name__ == "__main__":
    main()
