"""Writing a bundle so that a reader sees the old one or the new one, and loading it with care.

Writing: all files are staged in `.incoming` and flushed; replacing manifest.json is the one
commit point; the files then move to their places. A reader believes the manifest and takes each
file from where its checksum matches, so a writer killed at any moment leaves a readable bundle.
What was there before is kept in `.versions`, with the history of changes.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from assay.bundle.manifest import (
    INCOMING,
    MANIFEST,
    Manifest,
    checksum,
    manifest_stamp,
    read_manifest,
    read_verified,
)
from assay.bundle.metadata import ModelMetadata
from assay.bundle.onnx_predictor import OnnxPredictor
from assay.bundle.versions import (
    ChampionId,
    Change,
    Reason,
    commit_history,
    keep,
    locked,
    prune,
    read_history,
    stage_history,
    write_flushed,
)
from assay.errors import BundleCorrupt, BundleError, FeatureMismatch
from assay.features.scaling import Standardizer
from assay.features.spec import FEATURE_NAMES, feature_fingerprint
from assay.forecast.calibration import WINDOW, CalibrationState
from assay.forecast.pipeline import Champion
from assay.volatility.model import VolatilityModel

MODEL, SCALER, FEATURE_COLUMNS = "model.onnx", "scaler.json", "feature_columns.json"
CALIBRATION, METADATA = "calibration.json", "model_metadata.json"
VOLATILITY = "volatility.json"
SMOKE_TOLERANCE = 1e-4
_MOST_READS = 20

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """A champion with what it says of itself; `digest` changes with any of its files.

    `volatility` is None where the bundle was published without one.
    """

    champion: Champion
    metadata: ModelMetadata
    digest: str
    volatility: VolatilityModel | None = None


def bundle_contents(
    *,
    model: bytes,
    champion: Champion,
    metadata: ModelMetadata,
    volatility: VolatilityModel | None = None,
) -> dict[str, bytes]:
    """The files of a bundle, by name, without the manifest."""
    columns = {
        "columns": list(FEATURE_NAMES),
        "lookback": champion.lookback,
        "fingerprint": feature_fingerprint(),
    }
    calibration = {
        "location": champion.location,
        "calibrated_to": champion.calibrated_to.isoformat(),
        "pits": champion.calibration.pits.tolist(),
    }
    contents = {
        MODEL: model,
        SCALER: _json(champion.standardizer.to_json()),
        FEATURE_COLUMNS: _json(columns),
        CALIBRATION: _json(calibration),
        METADATA: _json(metadata.to_json()),
    }
    return contents if volatility is None else contents | {VOLATILITY: _json(volatility.to_json())}


def with_volatility(
    folder: Path, volatility: VolatilityModel, figures: dict[str, Any]
) -> dict[str, bytes]:
    """The files of the bundle in `folder`, its gold part untouched, with another volatility model.

    `figures` become the metadata's section on it. Raises BundleMissing or BundleCorrupt.
    """
    _, contents = read_contents(folder)
    metadata = json.loads(contents[METADATA]) | {"volatility": figures}
    return contents | {
        VOLATILITY: _json(volatility.to_json()),
        METADATA: _json(metadata),
    }


def write_bundle(folder: Path, contents: dict[str, bytes], *, reason: Reason | None = None) -> str:
    """Publishes `contents` in `folder` and returns the bundle's digest. Raises OSError.

    What it replaces is kept, and the change is recorded: with `reason`, or with what the metadata
    say of the publication.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        return replace_bundle(folder, contents, reason).digest


def replace_bundle(folder: Path, contents: dict[str, bytes], reason: Reason | None) -> Change:
    """The same, for a caller who holds the folder's lock."""
    _settle(folder)
    manifest = Manifest.of(contents)
    came = ChampionId.of(manifest, contents[METADATA])
    went = _keep_present(folder)
    change = Change.of(reason or came.published(went), came, went)
    recorded = [*read_history(folder)]
    staged = None
    if went is not None and (not recorded or recorded[-1].digest != went.digest):
        recorded.append(Change.of(went.published(None), went, None))
    if recorded and (went is None or went.digest != came.digest):
        recorded.append(change)
        staged = stage_history(folder, recorded)
    _put_in_place(folder, contents, manifest)
    if staged is not None:
        commit_history(folder, staged)
        prune(folder, recorded, champion=came.digest)
    return change


def _keep_present(folder: Path) -> ChampionId | None:
    """Which bundle `folder` holds, once a copy of it is kept; None where there is none to keep."""
    try:
        manifest, contents = read_contents(folder)
    except BundleError:
        return None
    present = ChampionId.of(manifest, contents[METADATA])
    keep(folder, manifest, contents)
    return present


def _put_in_place(folder: Path, contents: dict[str, bytes], manifest: Manifest) -> None:
    incoming = folder / INCOMING
    incoming.mkdir(exist_ok=True)
    write_flushed(incoming, {**contents, MANIFEST: manifest.to_bytes()})
    for name in (MANIFEST, *contents):
        (incoming / name).replace(folder / name)
    incoming.rmdir()


def _settle(folder: Path) -> None:
    """Finishes what a killed writer left: moves in what the manifest names, drops the rest."""
    incoming = folder / INCOMING
    if not incoming.is_dir():
        return
    try:
        live = read_manifest(folder).files
    except BundleError:  # nothing was published, or what is here is no bundle
        live = {}
    for path in incoming.iterdir():
        if live.get(path.name) == checksum(path.read_bytes()):
            path.replace(folder / path.name)
        else:
            path.unlink()
    incoming.rmdir()


def load_bundle(folder: Path) -> Bundle:
    """Loads and proves the bundle in `folder`.

    Checked are every checksum, the feature fingerprint, and the model's answer to a window of
    zeros. Raises BundleMissing, BundleCorrupt or FeatureMismatch, each naming the file.
    """
    manifest, data = read_contents(folder)
    lookback = _parse(folder, FEATURE_COLUMNS, data, partial(_lookback, folder))
    metadata = _parse(folder, METADATA, data, ModelMetadata.from_json)
    location, state, calibrated_to = _parse(folder, CALIBRATION, data, _calibration)
    champion = Champion(
        predictor=_predictor(folder, data[MODEL], lookback, metadata),
        standardizer=_parse(folder, SCALER, data, Standardizer.from_json),
        lookback=lookback,
        location=location,
        calibration=state,
        calibrated_to=calibrated_to,
    )
    volatility = (
        _parse(folder, VOLATILITY, data, VolatilityModel.from_json) if VOLATILITY in data else None
    )
    return Bundle(champion, metadata, checksum(manifest.to_bytes()), volatility)


def read_contents(folder: Path) -> tuple[Manifest, dict[str, bytes]]:
    """The manifest and its files, each proven by its checksum; read again where a writer published
    in between. Raises BundleMissing or BundleCorrupt.
    """
    for _ in range(_MOST_READS):
        before = manifest_stamp(folder)
        manifest = read_manifest(folder)
        try:
            return manifest, _read_files(folder, manifest)
        except BundleError:
            if manifest_stamp(folder) == before:
                raise
    return manifest, _read_files(folder, manifest)


def _read_files(folder: Path, manifest: Manifest) -> dict[str, bytes]:
    for name in (MODEL, SCALER, FEATURE_COLUMNS, CALIBRATION, METADATA):
        if name not in manifest.files:
            path = str(folder / MANIFEST)
            raise BundleCorrupt(f"{path} does not list {name}", path=path)
    return {name: read_verified(folder, name, digest) for name, digest in manifest.files.items()}


def _predictor(folder: Path, model: bytes, lookback: int, metadata: ModelMetadata) -> OnnxPredictor:
    path = str(folder / MODEL)
    zeros = np.zeros((1, lookback, len(FEATURE_NAMES)), dtype=np.float32)
    try:
        predictor = OnnxPredictor(model)
        answer = predictor.predict(zeros)
    except Exception as error:  # onnxruntime's errors share no narrower base
        raise BundleCorrupt(f"{path} cannot be run: {error}", path=path) from error
    expected = np.array([metadata.smoke_parameters])
    if answer.shape != expected.shape or not np.allclose(answer, expected, atol=SMOKE_TOLERANCE):
        raise BundleCorrupt(
            f"{path} answers {answer.tolist()} to a window of zeros, "
            f"model_metadata.json says {expected.tolist()}",
            path=path,
        )
    return predictor


def _lookback(folder: Path, body: dict[str, Any]) -> int:
    if tuple(body["columns"]) != FEATURE_NAMES or body["fingerprint"] != feature_fingerprint():
        raise FeatureMismatch(
            f"{folder / FEATURE_COLUMNS} lists other features than this program builds",
            path=str(folder / FEATURE_COLUMNS),
            expected=feature_fingerprint(),
            found=body["fingerprint"],
        )
    lookback = int(body["lookback"])
    if not 1 <= lookback <= 250:
        raise ValueError(f"lookback {lookback} is not between 1 and 250")
    return lookback


def _calibration(body: dict[str, Any]) -> tuple[float, CalibrationState, date]:
    pits = np.array(body["pits"], dtype=np.float64)
    location = float(body["location"])
    if pits.ndim != 1 or len(pits) > WINDOW or not ((pits >= 0.0) & (pits <= 1.0)).all():
        raise ValueError(f"needs at most {WINDOW} numbers between 0 and 1 as pits")
    if not abs(location) < 0.01:
        raise ValueError(f"location {location} is no daily log return")
    return location, CalibrationState(pits), date.fromisoformat(body["calibrated_to"])


def _parse(
    folder: Path, name: str, data: dict[str, bytes], build: Callable[[dict[str, Any]], T]
) -> T:
    path = str(folder / name)
    try:
        return build(json.loads(data[name]))
    except (ValueError, KeyError, TypeError) as error:
        raise BundleCorrupt(f"{path} cannot be read: {error}", path=path) from error


def _json(body: dict[str, Any]) -> bytes:
    return (json.dumps(body, indent=1, allow_nan=False) + "\n").encode()
