"""Every setting of the backend, read once from the environment."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from assay.bundle.registered import SCHEME, ModelAddress, RegistryPlace
from assay.errors import UnknownExchange, UnknownTimeframe
from assay.market.keys import SeriesKey
from assay.market.sources.replay_crypto import replay_files
from assay.market.venues import VENUES, venue
from assay_backend.logs import LogFormat

PREFIX = "ASSAY_"
LEAST_KEY = 16  # characters
NEARLY = 0.9  # of 1; the other services' settings are less like any of these

MarketSource = Literal["live", "auto", "replay", "simulated"]

# What each of the ancestor's names has to point at.
_BUNDLE_FILES = {
    "SCALER_PATH": "scaler.json",
    "FEATURE_COLS_PATH": "feature_columns.json",
    "MODEL_METADATA_PATH": "model_metadata.json",
}


def _listed(value: object) -> object:
    """Words between commas; `none` for no word, since an empty variable is an unset one."""
    if value == "none":
        return ()
    if isinstance(value, str):
        return tuple(word.strip() for word in value.split(",") if word.strip())
    return value


def _exchange(name: str) -> str:
    try:
        return venue(name).name
    except UnknownExchange as error:
        raise ValueError(error.message) from error


def _series(text: object) -> object:
    """`binance:BTC/USDT:1h`."""
    if isinstance(text, SeriesKey):
        return text
    parts = text.split(":") if isinstance(text, str) else ()
    if len(parts) != 3:
        raise ValueError("it should be exchange:BASE/QUOTE:timeframe, as in binance:BTC/USDT:1h")
    try:
        return SeriesKey(venue(parts[0]).name, parts[1], venue(parts[0]).timeframe(parts[2]).name)
    except (UnknownExchange, UnknownTimeframe) as error:
        raise ValueError(error.message) from error


def _database(url: SecretStr) -> SecretStr:
    if not re.match(r"(sqlite|postgres(ql)?)(\+\w+)?://", url.get_secret_value()):
        raise ValueError(
            "it should be like sqlite:////var/lib/assay.db or postgresql://user:password@host/name"
        )
    return url


def _proxy(address: str) -> str:
    """One address, or a network as 10.0.0.0/8."""
    return str(ip_network(address))


Listed = BeforeValidator(_listed)
ProxyAddress = Annotated[str, AfterValidator(_proxy)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_database)]
ExchangeName = Annotated[str, AfterValidator(_exchange)]
WatchedSeries = Annotated[SeriesKey, BeforeValidator(_series)]


class BadSettings(Exception):
    """Settings that cannot be used; the message has a sentence a line, each naming its setting."""


class Settings(BaseSettings):
    """The backend's settings: `ASSAY_<NAME>`, or the name given as alias."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,  # Compose hands unset variables over as empty ones
        extra="ignore",
        frozen=True,
        populate_by_name=True,
        protected_namespaces=(),
    )

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535, validation_alias="PORT")
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: LogFormat = "text"
    trusted_proxies: Annotated[tuple[ProxyAddress, ...], NoDecode, Listed] = ()

    market_source: MarketSource = "live"
    replay_gold_csv: Path | None = None
    replay_sp500_csv: Path | None = None
    replay_crypto_csv: str = ""
    crypto_exchanges: Annotated[tuple[ExchangeName, ...], NoDecode, Listed] = tuple(VENUES)
    crypto_failover: Annotated[tuple[ExchangeName, ...], NoDecode, Listed] = (
        "binance", "kraken", "coinbase", "okx", "bybit",
    )  # fmt: skip
    crypto_watch: Annotated[tuple[WatchedSeries, ...], NoDecode, Listed] = (
        SeriesKey("binance", "BTC/USDT", "1h"),
        SeriesKey("binance", "ETH/USDT", "1h"),
    )
    upstream_deadline_seconds: float = Field(default=4.0, gt=0.0, le=60.0, allow_inf_nan=False)
    first_bars_patience_seconds: float = Field(default=3.5, ge=0.0, le=60.0, allow_inf_nan=False)

    data_dir: Path = Path("data")
    database_url: DatabaseUrl | None = None

    model_uri: str = "data/processed"
    bundle_check_seconds: float = Field(default=2.0, ge=0.05, le=3600.0, allow_inf_nan=False)
    registry_check_seconds: float = Field(default=60.0, ge=0.5, le=86400.0, allow_inf_nan=False)
    tracking_uri: str | None = Field(default=None, validation_alias="MLFLOW_TRACKING_URI")
    registry_uri: str | None = Field(default=None, validation_alias="MLFLOW_REGISTRY_URI")
    databricks_host: str | None = Field(default=None, validation_alias="DATABRICKS_HOST")
    databricks_token: SecretStr | None = Field(default=None, validation_alias="DATABRICKS_TOKEN")
    scaler_path: Path | None = Field(default=None, validation_alias="SCALER_PATH")
    feature_cols_path: Path | None = Field(default=None, validation_alias="FEATURE_COLS_PATH")
    model_metadata_path: Path | None = Field(default=None, validation_alias="MODEL_METADATA_PATH")

    canary_share: float = Field(default=0.0, ge=0.0, le=1.0, allow_inf_nan=False)
    canary_uri: Path = Path("data/challenger")

    admin_key: SecretStr | None = None

    git_commit: str = ""
    build_time: str = ""

    @property
    def admin_key_is_short(self) -> bool:
        """Whether there is one that could be guessed."""
        key = self.admin_key
        return key is not None and len(key.get_secret_value()) < LEAST_KEY

    @property
    def bundle_folder(self) -> Path:
        """Where the champion's files are; a registry's are kept in the data folder."""
        for path in self._ancestor_paths().values():
            return path.parent
        return Path(self.model_uri) if self.registered_model is None else self.data_dir / "registry"

    @property
    def registered_model(self) -> ModelAddress | None:
        """What the champion is in a registry; None where it is in a folder."""
        in_registry = self.model_uri.startswith(SCHEME)
        return ModelAddress.parse(self.model_uri) if in_registry else None

    @property
    def registry_place(self) -> RegistryPlace | None:
        """Where that registry is; None where no setting says so."""
        return RegistryPlace.of(
            tracking=self.tracking_uri,
            registry=self.registry_uri,
            on_databricks=bool(self.databricks_host and self.databricks_token),
        )

    @property
    def registry_setting(self) -> str:
        """The setting that names it."""
        if self.registry_uri:
            return "MLFLOW_REGISTRY_URI"
        on_databricks = self.databricks_host and self.databricks_token
        return "DATABRICKS_HOST" if on_databricks else "MLFLOW_TRACKING_URI"

    @property
    def lacks_for_registry(self) -> str:
        """Which setting a registry lacks, in half a sentence."""
        if self.databricks_host:
            return "DATABRICKS_TOKEN is not set, which DATABRICKS_HOST needs"
        return (
            "MLFLOW_TRACKING_URI is not set: it should be the address of an MLflow server, "
            "unless DATABRICKS_HOST and DATABRICKS_TOKEN are given"
        )

    @property
    def sqlalchemy_url(self) -> str:
        """The database, with its password where it has one."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self.data_dir / 'assay.db'}"

    @property
    def database_setting(self) -> str:
        """The variable that says where the database is."""
        return "ASSAY_DATABASE_URL" if self.database_url else "ASSAY_DATA_DIR"

    @property
    def signals_file(self) -> Path:
        """Each signal of the ledger as a line."""
        return self.data_dir / "signals.jsonl"

    @property
    def signals_file_setting(self) -> str:
        """The variable that says where that file is."""
        return "ASSAY_DATA_DIR"

    def _ancestor_paths(self) -> dict[str, Path]:
        paths = {
            "SCALER_PATH": self.scaler_path,
            "FEATURE_COLS_PATH": self.feature_cols_path,
            "MODEL_METADATA_PATH": self.model_metadata_path,
        }
        return {name: path for name, path in paths.items() if path is not None}

    @model_validator(mode="after")
    def _replay_has_files(self) -> Self:
        if self.market_source != "replay":
            return self
        for name, path in (
            ("ASSAY_REPLAY_GOLD_CSV", self.replay_gold_csv),
            ("ASSAY_REPLAY_SP500_CSV", self.replay_sp500_csv),
        ):
            if path is None or not path.is_file():
                found = "not set" if path is None else f"{str(path)!r}, which is no file"
                raise ValueError(f"{name} is {found}: replay needs a CSV file of daily bars")
        return self

    @model_validator(mode="after")
    def _replay_files_are_named(self) -> Self:
        try:
            replay_files(self.replay_crypto_csv)
        except ValueError as error:
            raise ValueError(f"ASSAY_REPLAY_CRYPTO_CSV: {error}") from error
        return self

    @model_validator(mode="after")
    def _model_is_somewhere(self) -> Self:
        if not self.model_uri.startswith(SCHEME):
            if ":/" in self.model_uri:
                raise ValueError(
                    f"ASSAY_MODEL_URI is {self.model_uri!r}: it should be the folder of a bundle, "
                    "or models:/<name>@champion for that of a registry"
                )
            return self
        try:
            ModelAddress.parse(self.model_uri)
        except ValueError as error:
            raise ValueError(f"ASSAY_MODEL_URI is {self.model_uri!r}: {error}") from error
        return self

    @model_validator(mode="after")
    def _challenger_is_another(self) -> Self:
        if self.canary_share and self.canary_uri.resolve() == self.bundle_folder.resolve():
            raise ValueError(
                f"ASSAY_CANARY_URI is {str(self.canary_uri)!r}, the champion's folder: a "
                "challenger needs one of its own"
            )
        return self

    @model_validator(mode="after")
    def _ancestor_names_agree(self) -> Self:
        paths = self._ancestor_paths()
        for name, path in paths.items():
            if path.name != _BUNDLE_FILES[name]:
                raise ValueError(
                    f"{name} is {str(path)!r}: it must name {_BUNDLE_FILES[name]} in the folder "
                    "of a bundle"
                )
        folders = {name: path.parent for name, path in paths.items()}
        if folders and "model_uri" in self.model_fields_set:
            folders["ASSAY_MODEL_URI"] = Path(self.model_uri)
        if len({folder.resolve() for folder in folders.values()}) > 1:
            named = ", ".join(f"{name} {str(folder)!r}" for name, folder in folders.items())
            raise ValueError(f"These settings must name one bundle's folder: {named}")
        return self


def load_settings() -> Settings:
    """The settings of this process. Raises BadSettings."""
    try:
        return Settings()
    except ValidationError as error:
        sentences = [_sentence(item) for item in error.errors(include_url=False)]
        raise BadSettings("\n".join(sentences)) from None


def misspelt(names: Iterable[str]) -> dict[str, str]:
    """Those of `names` that are nearly a setting's, each with that setting's."""
    own = [environment_name(field, info) for field, info in Settings.model_fields.items()]
    others = [name for name in names if name.startswith(PREFIX) and name not in own]
    nearest = {name: get_close_matches(name, own, n=1, cutoff=NEARLY) for name in others}
    return {name: found[0] for name, found in nearest.items() if found}


def environment_name(field: str, info: FieldInfo) -> str:
    """The variable that sets `field`."""
    alias = info.validation_alias
    return alias if isinstance(alias, str) else f"{PREFIX}{field}".upper()


def _sentence(error: ErrorDetails) -> str:
    if not error["loc"]:
        return f"{error['msg'].removeprefix('Value error, ')}."
    at, fields = str(error["loc"][0]), Settings.model_fields
    name = environment_name(at, fields[at]) if at in fields else at
    secret = name in ("ASSAY_DATABASE_URL", "ASSAY_ADMIN_KEY", "DATABRICKS_TOKEN")
    found = "a value that is not shown" if secret else repr(error["input"])
    if error["type"] == "value_error":
        return f"{name} has {found}: {error['msg'].removeprefix('Value error, ')}."
    wanted = error["msg"].removeprefix("Input should be ")
    return f"{name} is {found}: it should be {wanted}."
