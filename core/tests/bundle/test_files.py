from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto

import small_bundle
from assay.bundle.files import (
    METADATA,
    VOLATILITY,
    load_bundle,
    with_volatility,
    write_bundle,
)
from assay.bundle.manifest import INCOMING, MANIFEST, Manifest
from assay.errors import BundleCorrupt, BundleError, BundleMissing, FeatureMismatch
from assay.volatility.model import Residuals, VolatilityModel
from small_bundle import K, constant_model, contents

FILES = ["model.onnx", "scaler.json", "feature_columns.json", "calibration.json",
         "model_metadata.json"]  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    write_bundle(tmp_path / "processed", contents())
    return tmp_path / "processed"


def reseal(folder: Path) -> None:
    """Writes a manifest that agrees with the files as they are now."""
    data = {name: (folder / name).read_bytes() for name in FILES}
    (folder / MANIFEST).write_bytes(Manifest.of(data).to_bytes())


def test_what_is_written_is_what_is_loaded(folder):
    bundle = load_bundle(folder)
    assert bundle.metadata.type == "log_linear_t"
    assert bundle.champion.location == 0.0003
    assert bundle.champion.calibrated_to == date(2025, 4, 15)
    np.testing.assert_array_equal(bundle.champion.calibration.pits, np.linspace(0.01, 0.99, 200))
    answer = bundle.champion.predictor.predict(np.ones((3, 1, K), dtype=np.float32))
    np.testing.assert_allclose(answer, [[0.25, 5.0]] * 3)
    assert sorted(path.name for path in folder.iterdir()) == sorted([*FILES, MANIFEST])


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("position", [0, -1])
def test_a_changed_byte_in_any_file_is_refused_and_named(folder, name, position):
    data = bytearray((folder / name).read_bytes())
    data[position] ^= 0x01
    (folder / name).write_bytes(data)
    with pytest.raises(BundleCorrupt, match="checksum") as caught:
        load_bundle(folder)
    assert caught.value.path == str(folder / name)


@pytest.mark.parametrize("name", [*FILES, MANIFEST])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(BundleMissing) as caught:
        load_bundle(folder)
    assert caught.value.path == str(folder / name)


@pytest.mark.parametrize("name", [*FILES, MANIFEST])
def test_garbage_under_a_valid_checksum_is_refused_and_named(folder, name):
    (folder / name).write_bytes(b"\x80\x04\x95 not what it should be")
    if name != MANIFEST:
        reseal(folder)
    with pytest.raises(BundleError) as caught:
        load_bundle(folder)
    assert caught.value.path == str(folder / name)


def test_other_features_are_a_mismatch(folder):
    path = folder / "feature_columns.json"
    body = json.loads(path.read_text())
    body["columns"] = body["columns"][::-1]
    path.write_text(json.dumps(body))
    reseal(folder)
    with pytest.raises(FeatureMismatch) as caught:
        load_bundle(folder)
    assert caught.value.path == str(path)


def test_a_model_that_answers_otherwise_than_promised_is_refused(folder):
    (folder / "model.onnx").write_bytes(constant_model(0.9))
    reseal(folder)
    with pytest.raises(BundleCorrupt, match="window of zeros"):
        load_bundle(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_pipe_in_place_of_a_file_is_refused_without_waiting(folder, name):
    (folder / name).unlink()
    os.mkfifo(folder / name)
    with pytest.raises(BundleError, match="no regular file") as caught:
        load_bundle(folder)
    assert caught.value.path == str(folder / name)


@pytest.mark.parametrize("name", ["../secret", "a/b", ".hidden"])
def test_a_manifest_cannot_name_files_outside_the_bundle(folder, name):
    body = json.loads((folder / MANIFEST).read_text())
    body["files"][name] = "0" * 64
    (folder / MANIFEST).write_text(json.dumps(body))
    with pytest.raises(BundleCorrupt, match="outside"):
        load_bundle(folder)


@pytest.mark.parametrize("version", [0, 2, "1"])
def test_another_format_version_is_refused(folder, version):
    body = json.loads((folder / MANIFEST).read_text())
    body["format_version"] = version
    (folder / MANIFEST).write_text(json.dumps(body))
    with pytest.raises(BundleCorrupt, match="format version"):
        load_bundle(folder)


def test_a_model_cannot_read_files_beside_it(folder):
    """External data would let a model name any path; from bytes there is no folder to read."""
    model = onnx.load_model_from_string((folder / "model.onnx").read_bytes())
    (folder / "weights.bin").write_bytes(np.zeros((K, 2), dtype=np.float32).tobytes())
    tensor = next(item for item in model.graph.initializer if item.name == "w")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "weights.bin"
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    reseal(folder)
    with pytest.raises(BundleCorrupt, match="cannot be run"):
        load_bundle(folder)


def test_a_new_bundle_replaces_the_old_one(folder):
    before = load_bundle(folder).digest
    digest = write_bundle(folder, contents(0.5))
    assert load_bundle(folder).metadata.version == "test-0.5"
    assert load_bundle(folder).digest == digest != before


@pytest.mark.parametrize("moved", range(len(FILES)))
def test_a_writer_killed_while_moving_leaves_the_new_bundle_readable(folder, moved):
    new = contents(0.5)
    incoming = folder / INCOMING
    incoming.mkdir()
    for name, data in new.items():
        (incoming / name).write_bytes(data)
    (folder / MANIFEST).write_bytes(Manifest.of(new).to_bytes())
    for name in FILES[:moved]:
        (incoming / name).replace(folder / name)
    assert load_bundle(folder).metadata.version == "test-0.5"
    write_bundle(folder, contents(0.75))
    assert load_bundle(folder).metadata.version == "test-0.75"


@pytest.mark.parametrize("staged", range(len(FILES) + 2))
def test_a_writer_killed_while_staging_leaves_the_old_bundle_readable(folder, staged):
    incoming = folder / INCOMING
    incoming.mkdir()
    for name, data in [*contents(0.5).items(), (MANIFEST, b"{}")][:staged]:
        (incoming / name).write_bytes(data)
    assert load_bundle(folder).metadata.version == "test-0.25"
    write_bundle(folder, contents(0.75))
    assert load_bundle(folder).metadata.version == "test-0.75"


WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from small_bundle import contents
from assay.bundle.files import write_bundle
versions = [contents(0.5), contents(0.75)]
write_bundle(Path(sys.argv[1]), versions[0])
print("ready", flush=True)
while True:
    for version in versions:
        write_bundle(Path(sys.argv[1]), version)
"""


@pytest.mark.slow
def test_readers_and_kill_9_never_meet_half_a_bundle(folder):
    here = str(Path(small_bundle.__file__).parent)
    for round_ in range(3):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(folder), here], stdout=subprocess.PIPE
        )
        assert writer.stdout.readline() == b"ready\n"
        seen = {load_bundle(folder).metadata.version for _ in range(12 + round_)}
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        assert seen <= {"test-0.25", "test-0.5", "test-0.75"}
        assert load_bundle(folder).metadata.version in {"test-0.5", "test-0.75"}


def some_volatility(b0: float = 0.2) -> VolatilityModel:
    residuals = Residuals(np.array([1.0]), np.zeros(1), np.ones(1), np.zeros(1))
    return VolatilityModel(
        season=np.ones(168),
        level=-10.0,
        gap=-0.1,
        level_hours=200.0,
        daily_share=0.9,
        nodes=np.array([1.0, 720.0]),
        coefficients=np.full((2, 7), b0),
        residuals={"garman_klass": residuals, "squared_returns": residuals},
        tail_hours=np.array([24.0]),
        tails=np.linspace(-3.0, 3.0, 21)[None, :],
    )


def test_a_bundle_may_hold_no_volatility_model(folder):
    bundle = load_bundle(folder)
    assert bundle.volatility is None
    assert bundle.metadata.volatility == {}


def test_a_volatility_model_replaced_leaves_gold_as_it_was(folder):
    before = {name: (folder / name).read_bytes() for name in FILES}
    for b0 in (0.2, 0.3):
        digest = write_bundle(folder, with_volatility(folder, some_volatility(b0), {"n": 3}))
        bundle = load_bundle(folder)
        assert bundle.digest == digest
        assert bundle.volatility.to_json() == some_volatility(b0).to_json()
        assert bundle.metadata.volatility == {"n": 3}
    for name in FILES:
        if name != METADATA:
            assert (folder / name).read_bytes() == before[name]
    after = json.loads((folder / METADATA).read_bytes())
    assert after | {"volatility": {}} == json.loads(before[METADATA])


@pytest.mark.parametrize("data", [b"{}", b"[]", b"no json", b'{"format": 1, "season": []}'])
def test_a_corrupt_volatility_model_is_refused_and_named(folder, data):
    contents = with_volatility(folder, some_volatility(), {})
    write_bundle(folder, contents | {VOLATILITY: data})
    with pytest.raises(BundleCorrupt, match=VOLATILITY) as caught:
        load_bundle(folder)
    assert caught.value.path == str(folder / VOLATILITY)


def test_a_changed_byte_in_the_volatility_model_is_refused(folder):
    write_bundle(folder, with_volatility(folder, some_volatility(), {}))
    path = folder / VOLATILITY
    path.write_bytes(path.read_bytes().replace(b"720", b"721"))
    with pytest.raises(BundleCorrupt, match="checksum") as caught:
        load_bundle(folder)
    assert caught.value.path == str(path)
