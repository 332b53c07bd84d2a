"""Every setting of training, read once from the environment by the command line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, get_args

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from assay.bundle.registered import RegistryPlace
from assay_training.json_file import BadInput

_PREFIX = "ASSAY_"
_LOCAL_MODEL, _UNITY_CATALOG_MODEL = "assay-gold", "main.default.assay-gold"
_LOCAL_EXPERIMENT, _DATABRICKS_EXPERIMENT = "assay-gold", "/Shared/assay-gold"

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[str, ...] = get_args(Weekday)


class TrainingSettings(BaseSettings):
    """Training's settings: `ASSAY_<NAME>`, or the name given as alias."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX,
        env_ignore_empty=True,  # Compose hands unset variables over as empty ones
        extra="ignore",
        frozen=True,
        populate_by_name=True,
    )

    data_dir: Path = Path("data")
    download_deadline_seconds: float = Field(default=60.0, gt=0.0, le=600.0, allow_inf_nan=False)
    api_url: str = Field(default="http://127.0.0.1:8000", validation_alias="API_URL")
    daily_cron: str = "30 17 * * mon-fri"
    refit_weekday: Weekday = "friday"
    prefect_api_url: str | None = Field(default=None, validation_alias="PREFECT_API_URL")
    tracking_uri: str | None = Field(default=None, validation_alias="MLFLOW_TRACKING_URI")
    registry_uri: str | None = Field(default=None, validation_alias="MLFLOW_REGISTRY_URI")
    registered_model: str | None = None
    databricks_host: str | None = Field(default=None, validation_alias="DATABRICKS_HOST")
    databricks_token: SecretStr | None = Field(default=None, validation_alias="DATABRICKS_TOKEN")

    @property
    def on_databricks(self) -> bool:
        """Whether runs and models go to Databricks: host and token are both given."""
        return bool(self.databricks_host and self.databricks_token)

    @property
    def mlflow_tracking(self) -> str:
        """Where runs are tracked."""
        return self._mlflow_place.tracking

    @property
    def mlflow_registry(self) -> str:
        """Where models are registered: Unity Catalog on Databricks, else beside the runs."""
        return self._mlflow_place.registry

    @property
    def has_registry(self) -> bool:
        """Whether there is one already; a run makes a local one where there is not."""
        return self._named_place is not None or self._local_database.is_file()

    @property
    def _named_place(self) -> RegistryPlace | None:
        return RegistryPlace.of(
            tracking=self.tracking_uri,
            registry=self.registry_uri,
            on_databricks=self.on_databricks,
        )

    @property
    def _mlflow_place(self) -> RegistryPlace:
        local = f"sqlite:///{self._local_database.absolute()}"
        return self._named_place or RegistryPlace(local, local)

    @property
    def _local_database(self) -> Path:
        return self.data_dir / "mlflow.db"

    @property
    def mlflow_setting(self) -> str:
        """By which setting runs are tracked where, for people: no password is in it."""
        if self.on_databricks:
            return f"DATABRICKS_HOST is {self.databricks_host}: it should be a workspace's address"
        if self.tracking_uri is None:
            return f"ASSAY_DATA_DIR is {self.data_dir}: mlflow.db there should be writable"
        told = re.sub(r"(?<=://)[^/@]*@", "", self.tracking_uri)
        return (
            f"MLFLOW_TRACKING_URI is {told}: it should be the address of an MLflow server, such as "
            "http://127.0.0.1:5000, or left out for mlflow.db in the data folder"
        )

    @property
    def mlflow_artifacts(self) -> str | None:
        """Where artifacts of a local database go; a server has a place of its own."""
        if self.mlflow_tracking.startswith("sqlite:"):
            return (self.data_dir / "mlartifacts").absolute().as_uri()
        return None

    @property
    def mlflow_experiment(self) -> str:
        """The experiment's name; Databricks wants a workspace path."""
        return _DATABRICKS_EXPERIMENT if self.on_databricks else _LOCAL_EXPERIMENT

    @property
    def mlflow_model(self) -> str:
        """The registered model's name; Unity Catalog wants catalog.schema.model."""
        usual = _UNITY_CATALOG_MODEL if self.on_databricks else _LOCAL_MODEL
        return self.registered_model or usual


def load_settings() -> TrainingSettings:
    """The settings of this process. Raises BadInput, which names the first that cannot be used."""
    try:
        return TrainingSettings()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        at = str(first["loc"][0])
        info = TrainingSettings.model_fields.get(at)
        name = f"{_PREFIX}{at}".upper() if info and not info.validation_alias else at
        wanted = first["msg"].removeprefix("Input should be ")
        raise BadInput(f"{name} is {first['input']!r}: it should be {wanted}") from None
