"""MLflow on a database of the test's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from assay.bundle.files import load_bundle, write_bundle
from assay.features.spec import FEATURES
from assay_training.cli import main
from assay_training.networks.mlp import MLPHyperparameters
from assay_training.settings import TrainingSettings
from assay_training.steps.tune import Trial
from assay_training.tracking import Careful, MlflowTracker, keep_in_step
from small_bundle import contents

pytestmark = [
    pytest.mark.slow,
    # MLflow's own models use a loader strategy that SQLAlchemy 2.1 deprecates
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated"),
    # MLflow warns of a type hint in its own code as it is imported
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning"),
]

TRIALS = [
    Trial("MLP", MLPHyperparameters(), 0.0051, np.full(7, 0.0051)),
    Trial("MLP", MLPHyperparameters(width=16), 0.0052, np.full(7, 0.0052)),
]


@pytest.fixture(autouse=True)
def _no_address_in_the_environment(monkeypatch):
    for name in (
        "MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "DATABRICKS_HOST", "DATABRICKS_TOKEN",
    ):  # fmt: skip
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def tracked(linear_bundle, tmp_path_factory):
    """A finished run that registered `linear_bundle`, and then a second version of it."""
    data = tmp_path_factory.mktemp("data")
    tracker = MlflowTracker(TrainingSettings(data_dir=data))
    for name in ("first", "second"):
        tracker.start(name, {"seed": 7, "quick": True})
        tracker.trials(TRIALS)
        tracker.metrics({"MLP.crps": 0.0051, "garch_t.crps": 0.0052})
        tracker.register(linear_bundle, version="one")
        tracker.finish()
    return data


@pytest.fixture
def client_at():
    """MLflow's client of the database in a data folder."""
    from mlflow import MlflowClient

    return lambda data: MlflowClient(f"sqlite:///{data / 'mlflow.db'}")


@pytest.fixture
def client(tracked, client_at):
    return client_at(tracked)


def runs(client, query: str):
    (experiment,) = [e for e in client.search_experiments() if e.name == "assay-gold"]
    return client.search_runs([experiment.experiment_id], query)


def test_a_run_keeps_its_parameters_and_figures(client):
    (run,) = runs(client, "attributes.run_name = 'first'")
    assert run.info.status == "FINISHED"
    assert run.data.params == {"seed": "7", "quick": "True"}
    assert run.data.metrics == {"MLP.crps": 0.0051, "garch_t.crps": 0.0052}


def test_every_configuration_tried_is_a_run_below(client):
    (parent,) = runs(client, "attributes.run_name = 'first'")
    below = runs(client, f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'")
    assert {run.data.params["width"] for run in below} == {"16", "32"}
    assert {run.data.metrics["crps"] for run in below} == {0.0051, 0.0052}
    assert {run.info.status for run in below} == {"FINISHED"}


def test_the_newest_version_is_champion_and_holds_the_whole_bundle(client, tracked, linear_bundle):
    import mlflow

    version = client.get_model_version_by_alias("assay-gold", "champion")
    assert int(version.version) == 2
    mlflow.set_tracking_uri(f"sqlite:///{tracked / 'mlflow.db'}")
    folder = mlflow.artifacts.download_artifacts("models:/assay-gold@champion")
    loaded = load_bundle(Path(folder) / "extra_files")
    assert loaded.digest == load_bundle(linear_bundle).digest


def test_the_kept_versions_of_a_bundle_are_not_registered_with_it(client, tracked):
    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{tracked / 'mlflow.db'}")
    folder = mlflow.artifacts.download_artifacts("models:/assay-gold@champion")
    assert {path.name for path in (Path(folder) / "extra_files").iterdir()} == {
        "manifest.json", "model.onnx", "scaler.json", "feature_columns.json", "calibration.json",
        "model_metadata.json",
    }  # fmt: skip


def test_the_registered_model_answers_as_the_bundle_does(client, tracked):
    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{tracked / 'mlflow.db'}")
    model = mlflow.pyfunc.load_model("models:/assay-gold@champion")
    answer = model.predict(np.zeros((3, 1, len(FEATURES)), np.float32))
    assert np.allclose(answer["parameters"], [[-0.2, 5.0]] * 3)


def test_the_champion_follows_what_was_published_or_brought_back(tmp_path, monkeypatch, client_at):
    monkeypatch.setenv("ASSAY_DATA_DIR", str(tmp_path))
    folder = tmp_path / "processed"
    write_bundle(folder, contents(0.25))
    assert keep_in_step(folder, version="test-0.25") is None  # nobody follows a registry
    first = MlflowTracker(TrainingSettings())
    assert first.appoint(folder, version="test-0.25") == "1"
    write_bundle(folder, contents(0.5))
    assert keep_in_step(folder, version="test-0.5") == (
        "models:/assay-gold@champion is version 2 in MLflow"
    )
    assert main(["rollback", "--bundle", str(folder)]) == 0
    client = client_at(tmp_path)
    champion = client.get_model_version_by_alias("assay-gold", "champion")
    assert (int(champion.version), champion.tags["assay_version"]) == (1, "test-0.25")
    assert len(client.search_model_versions("name='assay-gold'")) == 2


def test_a_registry_that_cannot_be_told_costs_a_sentence(tmp_path, monkeypatch, capsys):
    write_bundle(tmp_path, contents(0.25))
    write_bundle(tmp_path, contents(0.5))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert main(["rollback", "--bundle", str(tmp_path)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("Rolled back to test-0.25")
    assert said[1].startswith("Note: models:/assay-gold@champion in MLflow is what it was (")


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "htp://127.0.0.1:9", "mlruns"])
def test_a_tracker_that_cannot_be_reached_is_told_of_once_and_costs_nothing_else(
    linear_bundle, tmp_path, address
):
    told = []
    settings = TrainingSettings(data_dir=tmp_path, tracking_uri=address)
    tracker = Careful(MlflowTracker(settings), warn=told.append, setting=settings.mlflow_setting)
    tracker.start("lost", {})
    tracker.trials(TRIALS)
    tracker.metrics({"MLP.crps": 0.0051})
    tracker.register(linear_bundle, version="one")
    tracker.finish()
    assert len(told) == 1
    assert f"MLFLOW_TRACKING_URI is {address}: it should be the address of an MLflow" in told[0]
    assert "training goes on, and publishes to its folder" in told[0]


def test_where_runs_are_tracked_is_told_without_passwords():
    settings = TrainingSettings(tracking_uri="postgresql://me:secret@host/mlflow")
    assert "MLFLOW_TRACKING_URI is postgresql://host/mlflow" in settings.mlflow_setting
    assert "ASSAY_DATA_DIR is data" in TrainingSettings().mlflow_setting
    away = TrainingSettings(databricks_host="https://dbc", databricks_token="secret")
    assert away.mlflow_setting.startswith("DATABRICKS_HOST is https://dbc")


def test_without_settings_all_stays_in_the_data_folder(tmp_path):
    settings = TrainingSettings(data_dir=tmp_path)
    assert settings.mlflow_tracking == f"sqlite:///{tmp_path}/mlflow.db"
    assert settings.mlflow_registry == settings.mlflow_tracking
    assert settings.mlflow_artifacts == f"file://{tmp_path}/mlartifacts"
    assert settings.mlflow_model == "assay-gold"


def test_databricks_needs_host_and_token_and_then_has_the_say(monkeypatch):
    monkeypatch.setenv("DATABRICKS_HOST", "https://example.cloud.databricks.com")
    assert not TrainingSettings().on_databricks
    monkeypatch.setenv("DATABRICKS_TOKEN", "secret")
    settings = TrainingSettings()
    assert (settings.mlflow_tracking, settings.mlflow_registry) == ("databricks", "databricks-uc")
    assert settings.mlflow_model.count(".") == 2
    assert settings.mlflow_experiment.startswith("/")
    assert settings.mlflow_artifacts is None
    assert "secret" not in repr(settings)
