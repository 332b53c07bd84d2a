"""Runs, trials and models in MLflow; the one importer of mlflow.

A local SQLite database by default, a server by address, Databricks with Unity Catalog by host and
token. What is tracked is a record of training, not a part of it: `Careful` lets no failure through.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from assay.bundle.files import read_contents
from assay.bundle.manifest import MANIFEST, Manifest, checksum
from assay_training.settings import TrainingSettings

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

    from assay_training.steps.tune import Trial

LOG = logging.getLogger(__name__)
CHAMPION_ALIAS = "champion"
DIGEST_TAG, VERSION_TAG = "assay_digest", "assay_version"
_MODEL_ARTIFACT = "model"
_MODEL_REQUIREMENTS = ["onnxruntime", "numpy"]
_PATIENCE = {
    # an unreachable server must cost seconds, not MLflow's usual quarter of an hour
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "15",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "DO_NOT_TRACK": "1",
    # by Databricks' own API, where each cloud's storage would need a library of its own
    "MLFLOW_USE_DATABRICKS_SDK_MODEL_ARTIFACTS_REPO_FOR_UC": "true",
}


class Tracker(Protocol):
    """Where a training run leaves its record."""

    def start(self, name: str, params: Mapping[str, object]) -> None:
        """Opens the run `name`."""
        ...

    def trials(self, trials: Sequence[Trial]) -> None:
        """Records every configuration tried, each as a run below this one."""
        ...

    def metrics(self, metrics: Mapping[str, float]) -> None:
        """Records figures of the run."""
        ...

    def register(self, bundle: Path, *, version: str) -> None:
        """Registers the published bundle as a new version, `champion` from now on."""
        ...

    def finish(self, *, failed: bool = False) -> None:
        """Closes the run."""
        ...


@dataclass(slots=True)
class MlflowTracker:
    """Tracks in MLflow, explicitly: nothing is patched, nothing logged by itself."""

    settings: TrainingSettings
    _client: MlflowClient = field(init=False, repr=False)
    _experiment_id: str = field(init=False, repr=False)
    _run_id: str = field(init=False, default="", repr=False)

    def start(self, name: str, params: Mapping[str, object]) -> None:
        self._client = _mlflow(self.settings).MlflowClient()
        self._experiment_id = self._experiment()
        run = self._client.create_run(self._experiment_id, run_name=name)
        self._run_id = run.info.run_id
        self._batch(self._run_id, params=params)

    def trials(self, trials: Sequence[Trial]) -> None:
        for number, trial in enumerate(trials):
            run = self._client.create_run(
                self._experiment_id,
                run_name=f"{trial.family} {number}",
                tags={"mlflow.parentRunId": self._run_id},
            )
            self._batch(
                run.info.run_id,
                params=trial.hyperparameters.to_json(),
                metrics={"crps": trial.crps, "origins": float(len(trial.losses))},
            )
            self._client.set_terminated(run.info.run_id)
        table = [{**trial.hyperparameters.to_json(), "crps": trial.crps} for trial in trials]
        if table:
            name = f"trials/{trials[0].family}.json"
            self._client.log_text(self._run_id, json.dumps(table, indent=1), name)

    def metrics(self, metrics: Mapping[str, float]) -> None:
        self._batch(self._run_id, metrics=metrics)

    def register(self, bundle: Path, *, version: str) -> None:
        manifest, contents = read_contents(bundle)
        with tempfile.TemporaryDirectory() as folder:  # its files alone, and all of one moment
            for name, data in {**contents, MANIFEST: manifest.to_bytes()}.items():
                (Path(folder) / name).write_bytes(data)
            logged = self._log_model(Path(folder), version)
        created = self._client.create_model_version(
            self._registered_model(),
            source=logged.model_uri,
            run_id=self._run_id,
            model_id=logged.model_id,
            tags={DIGEST_TAG: _digest(manifest), VERSION_TAG: version},
        )
        self._client.set_registered_model_alias(created.name, CHAMPION_ALIAS, created.version)

    def appoint(self, bundle: Path, *, version: str) -> str:
        """Makes the registered version that holds `bundle` the champion; its number.

        Where there is none it is registered, by a run of its own.
        """
        self._client = _mlflow(self.settings).MlflowClient()
        number = self._number_of(_digest(read_contents(bundle)[0]))
        if number is not None:
            name = self.settings.mlflow_model
            self._client.set_registered_model_alias(name, CHAMPION_ALIAS, number)
            return number
        self.start(f"register {version}", {})
        self.register(bundle, version=version)
        self.finish()
        name = self.settings.mlflow_model
        return str(self._client.get_model_version_by_alias(name, CHAMPION_ALIAS).version)

    def _number_of(self, digest: str) -> str | None:
        name = self._registered_model()
        found = self._client.search_model_versions(f"name='{name}'")
        for each in sorted(found, key=lambda one: -int(one.version)):
            whole = self._client.get_model_version(name, each.version)  # a list may lack the tags
            if whole.tags.get(DIGEST_TAG) == digest:
                return str(each.version)
        return None

    def _log_model(self, bundle: Path, version: str) -> Any:  # noqa: ANN401 - mlflow's ModelInfo
        """The ONNX graph as a model of MLflow's, with the whole bundle beside it."""
        mlflow = _mlflow(self.settings)
        import onnx
        from mlflow.models import ModelSignature
        from mlflow.types import Schema, TensorSpec

        model = onnx.load(bundle / "model.onnx")
        inputs, outputs = (
            Schema([TensorSpec(_numpy_float(), _shape(value), name=value.name) for value in values])
            for values in (model.graph.input, model.graph.output)
        )
        with mlflow.start_run(run_id=self._run_id, log_system_metrics=False):
            return mlflow.onnx.log_model(
                model,
                name=_MODEL_ARTIFACT,
                signature=ModelSignature(inputs, outputs),
                pip_requirements=_MODEL_REQUIREMENTS,
                save_as_external_data=False,
                extra_files=[str(path) for path in sorted(bundle.iterdir())],
                metadata={VERSION_TAG: version},
            )

    def finish(self, *, failed: bool = False) -> None:
        if not self._run_id:  # ended before there was a run
            return
        self._client.set_terminated(self._run_id, "FAILED" if failed else "FINISHED")

    def _experiment(self) -> str:
        name = self.settings.mlflow_experiment
        found = self._client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        place = self.settings.mlflow_artifacts
        return str(self._client.create_experiment(name, artifact_location=place))

    def _registered_model(self) -> str:
        from mlflow.exceptions import MlflowException

        name = self.settings.mlflow_model
        try:
            self._client.create_registered_model(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        return name

    def _batch(
        self,
        run_id: str,
        *,
        params: Mapping[str, object] | None = None,
        metrics: Mapping[str, float] | None = None,
    ) -> None:
        from mlflow.entities import Metric, Param

        now = time.time_ns() // 1_000_000
        self._client.log_batch(
            run_id,
            metrics=[Metric(key, value, now, 0) for key, value in (metrics or {}).items()],
            params=[Param(key, str(value)) for key, value in (params or {}).items()],
        )


@dataclass(slots=True)
class Careful:
    """`tracker`, whose first failure is told once and ends the tracking, not the training.

    `setting` is what people are told of where it tracks, and how that is set.
    """

    tracker: Tracker
    warn: Callable[[str], None] = LOG.warning
    setting: str = ""
    broken: bool = field(init=False, default=False)

    def start(self, name: str, params: Mapping[str, object]) -> None:
        self._try(lambda: self.tracker.start(name, params))

    def trials(self, trials: Sequence[Trial]) -> None:
        self._try(lambda: self.tracker.trials(trials))

    def metrics(self, metrics: Mapping[str, float]) -> None:
        self._try(lambda: self.tracker.metrics(metrics))

    def register(self, bundle: Path, *, version: str) -> None:
        self._try(lambda: self.tracker.register(bundle, version=version))

    def finish(self, *, failed: bool = False) -> None:
        self._try(lambda: self.tracker.finish(failed=failed))

    def _try(self, call: Callable[[], None]) -> None:
        if self.broken:
            return
        try:
            call()
        except Exception as error:  # noqa: BLE001 - MLflow's stores raise whatever they stand on
            self.broken = True
            setting = f" {self.setting}." if self.setting else ""
            self.warn(
                f"The run is no longer tracked in MLflow ({brief(error)}).{setting} Without it "
                "training goes on, and publishes to its folder."
            )


def keep_in_step(bundle: Path, *, version: str) -> str | None:
    """Makes what `bundle` holds the registry's champion too, where there is a registry: what came
    of that, in a sentence that tells a failure and does not raise.
    """
    settings = TrainingSettings()
    if not settings.has_registry:
        return None
    champion = f"models:/{settings.mlflow_model}@{CHAMPION_ALIAS}"
    try:
        number = MlflowTracker(settings).appoint(bundle, version=version)
    except Exception as error:  # noqa: BLE001 - the same
        return f"Note: {champion} in MLflow is what it was ({brief(error)})"
    return f"{champion} is version {number} in MLflow"


def brief(error: Exception) -> str:
    """An error of MLflow's, which may have many lines."""
    first = " ".join(str(error).strip().splitlines()[:1])
    return f"{type(error).__name__}: {first[:200]}"


def _digest(manifest: Manifest) -> str:
    return checksum(manifest.to_bytes())


def _mlflow(settings: TrainingSettings) -> Any:  # noqa: ANN401 - mlflow ships partial types
    """The module, pointed where `settings` say; imported late, since it takes seconds."""
    for name, value in _PATIENCE.items():
        os.environ.setdefault(name, value)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    import mlflow
    import mlflow.onnx

    logging.getLogger("mlflow").setLevel(logging.ERROR)
    logging.getLogger("alembic").setLevel(logging.ERROR)
    mlflow.set_tracking_uri(settings.mlflow_tracking)
    mlflow.set_registry_uri(settings.mlflow_registry)
    return mlflow


def _numpy_float() -> Any:  # noqa: ANN401 - numpy's dtype
    import numpy as np

    return np.dtype(np.float32)


def _shape(value: Any) -> tuple[int, ...]:  # noqa: ANN401 - an onnx ValueInfoProto
    """The tensor's shape, -1 where it is open."""
    return tuple(dim.dim_value or -1 for dim in value.type.tensor_type.shape.dim)
