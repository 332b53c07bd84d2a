"""The whole flow on a simulated market, plainly and by Prefect."""

from __future__ import annotations

import io
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from assay.bundle.files import load_bundle, with_volatility, write_bundle
from assay.clock import FixedClock
from assay.errors import TooLittleHistory, TrainingError
from assay.features.build import build_features
from assay_training import cli
from assay_training.flows import pipeline
from assay_training.flows.candidates import fit_final
from assay_training.flows.families import member_seeds, search_family
from assay_training.flows.pipeline import _Run, run_training
from assay_training.flows.plan import Plan, TrainOptions, TrainResult
from assay_training.flows.runners import Plainly
from assay_training.flows.surroundings import Surroundings
from assay_training.networks.families import FAMILIES
from assay_training.networks.mlp import MLPHyperparameters
from assay_training.networks.recipe import NetworkRecipe
from assay_training.progress import Progress
from assay_training.settings import TrainingSettings
from assay_training.steps.gate import Decision
from assay_training.steps.publish_volatility import FittedVolatility
from assay_training.tracking import Careful, MlflowTracker

pytestmark = [
    # Keras' patch of tf2onnx asks numpy for a name that numpy 2 means to give a new meaning
    pytest.mark.filterwarnings("ignore:In the future `np.object` will be defined:FutureWarning"),
]

PUBLISHED = Path(__file__).parents[2] / "data" / "processed"
CLOCK = FixedClock(datetime(2007, 6, 29, 23, tzinfo=UTC))
SMALL = Plan(
    origins=300,
    tuning_origins=100,
    max_evals=1,
    members=2,
    tuning_members=1,
    refit_every=300,
)


class Notes:
    """A tracker that notes what it is told."""

    def __init__(self):
        self.calls = []

    def start(self, name, params):
        self.calls.append(("start", name))

    def trials(self, trials):
        self.calls.append(("trials", [trial.family for trial in trials]))

    def metrics(self, metrics):
        self.calls.append(("metrics", sorted(metrics)))

    def register(self, bundle, *, version):
        self.calls.append(("register", version))

    def finish(self, *, failed=False):
        self.calls.append(("finish", failed))


def surroundings(folder, screen=None) -> Surroundings:
    console = Console(file=screen or io.StringIO(), width=120)
    return Surroundings(
        settings=TrainingSettings(data_dir=folder),
        clock=CLOCK,
        tracker=Notes(),
        progress=Progress(steps=9, console=console),
        plan=SMALL,
    )


@pytest.fixture(scope="module")
def options(simulated_csvs, tmp_path_factory):
    gold, sp500 = simulated_csvs
    return TrainOptions(
        gold_csv=gold, sp500_csv=sp500, out=tmp_path_factory.mktemp("out") / "processed", quick=True
    )


@pytest.fixture(scope="module")
def plain(options, tmp_path_factory):
    """A run without Prefect: its result, surroundings, and what it wrote on the screen."""
    screen = io.StringIO()
    around = surroundings(tmp_path_factory.mktemp("data"), screen)
    return run_training(options, around), around, screen.getvalue()


@pytest.fixture(scope="session")
def prefect_server():
    from prefect.testing.utilities import prefect_test_harness

    import assay_training.flows.train  # noqa: F401 - its settings come before prefect's import

    with prefect_test_harness(server_startup_timeout=120):
        yield


@pytest.mark.slow
def test_every_family_and_benchmark_is_scored_on_the_same_origins(plain):
    result, _, _ = plain
    names = [row["name"] for row in result.evaluation.rows]
    benchmarks = ["random_walk", "random_walk_drift", "garch_t"]
    assert names == [*benchmarks, "log_linear_t", "MLP", "CNN", "LSTM"]
    assert result.evaluation.n == 300
    assert [trial.family for trial in result.trials] == ["MLP", "CNN", "LSTM"]


@pytest.mark.slow
def test_three_hundred_origins_promote_nobody_and_the_folder_stays_as_it_was(plain, options):
    result, around, _ = plain
    assert result.metadata is None
    assert result.decision.winner is None
    assert not options.out.exists()
    assert not any(call[0] == "register" for call in around.tracker.calls)


@pytest.mark.slow
def test_the_record_holds_every_trial_and_ends(plain):
    _, around, _ = plain
    calls = around.tracker.calls
    assert [call[0] for call in calls] == ["start", *["trials"] * 3, "metrics", "finish"]
    assert calls[-1] == ("finish", False)
    assert "MLP.crps" in dict(calls)["metrics"]


@pytest.mark.slow
def test_a_person_sees_each_step_while_it_runs(plain):
    _, _, screen = plain
    for text in (
        "step 1 of 9: load bars",
        "1703 rows",
        "300 origins",
        "step 4 of 9: tune and walk forward MLP",
        "LSTM, folds: 1 of 1",
        "step 7 of 9: judge at the gate",
    ):
        assert text in screen


@pytest.mark.slow
def test_the_champions_recipe_is_refitted_on_newer_bars_and_published(
    options, linear_bundle, tmp_path
):
    out = shutil.copytree(linear_bundle, tmp_path / "processed")
    around = surroundings(tmp_path)
    result = run_training(replace(options, out=out), around)
    assert result.decision.kind == "refit"
    published = load_bundle(out).metadata
    assert published == result.metadata
    assert (published.type, published.trained_to) == ("log_linear_t", "2007-06-29")
    assert published.promotion["recipe"]["name"] == "log_linear_t"
    assert ("register", published.version) in around.tracker.calls
    assert load_bundle(out).volatility is None  # there were no bars of coins to fit on


def test_a_refit_tries_the_champions_recipe_alone(options, linear_bundle, tmp_path):
    out = shutil.copytree(linear_bundle, tmp_path / "processed")
    around = surroundings(tmp_path, screen := io.StringIO())
    result = run_training(replace(options, out=out, refit=True), around)
    assert result.decision.kind == "refit"
    assert {check.candidate for check in result.decision.checks} == {"log_linear_t"}
    assert result.decision.verdict == (
        "log_linear_t, the champion's own recipe, was refitted on the newer bars and passed the "
        "guardrails."
    )
    assert load_bundle(out).metadata.trained_to == "2007-06-29"
    assert ("start", "quick refit 2007-06-29") in around.tracker.calls
    assert "MLP" not in screen.getvalue()


def test_what_passed_goes_on_trial_where_it_is_to_and_the_champion_stays(
    options, linear_bundle, tmp_path, capsys
):
    out = shutil.copytree(linear_bundle, tmp_path / "processed")
    champion, trial = load_bundle(out).digest, tmp_path / "challenger"
    around = surroundings(tmp_path)
    result = run_training(replace(options, out=out, refit=True, challenger=trial), around)
    assert load_bundle(trial).metadata == result.metadata
    assert load_bundle(out).digest == champion
    assert not any(call[0] == "register" for call in around.tracker.calls)
    assert cli._told(result, out, trial=trial) == 0
    assert f"in {trial}, on trial: the champion stays" in capsys.readouterr().out
    assert cli.main(["promote", result.metadata.version, "--bundle", str(out)]) == 0
    assert load_bundle(out).metadata == result.metadata


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning")  # MLflow's
def test_a_registry_that_is_away_is_told_of_and_the_bundle_is_published(
    options, linear_bundle, tmp_path
):
    out = shutil.copytree(linear_bundle, tmp_path / "processed")
    settings = TrainingSettings(data_dir=tmp_path, tracking_uri="http://127.0.0.1:9")
    around = surroundings(tmp_path, screen := io.StringIO())
    tracker = Careful(
        MlflowTracker(settings), warn=around.progress.say, setting=settings.mlflow_setting
    )
    run_training(replace(options, out=out, refit=True), replace(around, tracker=tracker))
    assert load_bundle(out).metadata.trained_to == "2007-06-29"
    assert "MLFLOW_TRACKING_URI is http://127.0.0.1:9: it should be" in screen.getvalue()


def test_a_refit_without_a_champion_says_where_it_looked(options, tmp_path):
    around = surroundings(tmp_path)
    with pytest.raises(TrainingError, match=f"{tmp_path} holds no bundle that can be read"):
        run_training(replace(options, out=tmp_path, refit=True), around)
    assert around.tracker.calls == [("finish", True)]


def test_bars_of_coins_in_the_raw_folder_or_named_are_fitted_on(coin_files, tmp_path):
    screen = io.StringIO()
    around = replace(
        surroundings(tmp_path, screen), clock=FixedClock(datetime(2026, 1, 1, tzinfo=UTC))
    )
    named = TrainOptions(out=tmp_path / "none", volatility_files=coin_files, quick=True)
    shutil.copytree(coin_files.btc_hourly.parent, tmp_path / "raw")
    models = []
    for options in (named, replace(named, volatility_files=None)):
        run = _Run(options, around, Plainly())
        models.append(run._volatility(run._load_coins()))
    assert models[0].model.to_json() == models[1].model.to_json()
    assert models[0].section["trained_to"] == "2024-04-03"
    assert "11000 bars, 0 set aside" in screen.getvalue()
    assert "fit the volatility model" in screen.getvalue()


def test_without_bars_of_coins_the_published_volatility_model_stays(linear_bundle, tmp_path):
    published = load_bundle(PUBLISHED)
    out = shutil.copytree(linear_bundle, tmp_path / "processed")
    write_bundle(out, with_volatility(out, published.volatility, {"version": "its own"}))
    screen = io.StringIO()
    run = _Run(TrainOptions(out=out), surroundings(tmp_path, screen), Plainly())
    kept = run._volatility(run._load_coins())
    assert kept.model.to_json() == published.volatility.to_json()
    assert kept.section == {"version": "its own"}
    assert "kept: its own" in screen.getvalue()
    empty = _Run(TrainOptions(out=tmp_path / "none"), surroundings(tmp_path, screen), Plainly())
    assert empty._volatility(None) is None
    assert "kept: none" in screen.getvalue()


def test_where_gold_s_champion_stays_the_volatility_model_is_published_alone(
    coin_files, linear_bundle, tmp_path
):
    out = shutil.copytree(linear_bundle, tmp_path / "processed")
    gold = {path.name: path.read_bytes() for path in out.glob("*.onnx")}
    around = replace(surroundings(tmp_path), clock=FixedClock(datetime(2026, 1, 1, tzinfo=UTC)))
    run = _Run(TrainOptions(out=out, volatility_files=coin_files, quick=True), around, Plainly())
    version = run._publish_volatility(run._load_coins())
    published = load_bundle(out)
    assert published.metadata.volatility["version"] == version
    assert published.volatility is not None
    assert {path.name: path.read_bytes() for path in out.glob("*.onnx")} == gold
    assert run._publish_volatility(None) is None, "nothing to fit on"
    nowhere = replace(run, options=replace(run.options, out=tmp_path / "none"))
    assert nowhere._publish_volatility(run._load_coins()) is None, "no bundle to put it in"
    assert not (tmp_path / "none").exists()


def test_what_is_worse_than_its_rivals_is_not_published(
    coin_files, linear_bundle, tmp_path, monkeypatch
):
    out = shutil.copytree(linear_bundle, tmp_path / "processed")
    around = replace(
        surroundings(tmp_path, screen := io.StringIO()),
        clock=FixedClock(datetime(2026, 1, 1, tzinfo=UTC)),
    )
    run = _Run(TrainOptions(out=out, volatility_files=coin_files, quick=True), around, Plainly())
    row = {"name": "assay", "qlike_ratio_har": 1.02, "qlike_ratio_garch_t": 0.9}
    judged = {"version": "bad", "held_out": {"rows": [row]}}
    model = load_bundle(PUBLISHED).volatility
    monkeypatch.setattr(pipeline, "fit_and_judge", lambda *_, **__: FittedVolatility(model, judged))
    assert run._publish_volatility(run._load_coins()) is None
    assert load_bundle(out).volatility is None
    assert "not published: its QLIKE is 1.020 of HAR-OLS's" in screen.getvalue()
    row |= {"qlike_ratio_har": 0.7}
    assert run._publish_volatility(run._load_coins()) == "bad"


@pytest.mark.parametrize(("volatility", "code"), [("2025-01-20-abc", 0), (None, 3)])
def test_a_run_that_published_nothing_at_all_ends_with_3(volatility, code, capsys):
    decision = Decision(winner=None, kind="none")
    result = TrainResult(decision, None, None, (), volatility)
    assert cli._told(result, Path("here")) == code
    said = capsys.readouterr().out
    assert decision.verdict in said
    assert ("Published volatility 2025-01-20-abc in here" in said) is (code == 0)


@pytest.mark.slow
def test_prefect_runs_the_same_steps_to_the_same_result(plain, options, prefect_server, tmp_path):
    from assay_training.flows.train import train

    expected, _, _ = plain
    around = surroundings(tmp_path)
    result = train(options, around)
    assert [row["crps"] for row in result.evaluation.rows] == [
        row["crps"] for row in expected.evaluation.rows
    ]
    assert around.tracker.calls[-1] == ("finish", False)


@pytest.mark.slow
def test_what_a_step_raises_leaves_the_flow_as_it_is(options, prefect_server, tmp_path):
    from assay_training.flows.train import train

    short = tmp_path / "short.csv"
    lines = options.gold_csv.read_text().splitlines(keepends=True)
    short.write_text("".join(lines[:300]))
    around = surroundings(tmp_path)
    with pytest.raises(TooLittleHistory, match=r"short\.csv"):
        train(replace(options, gold_csv=short), around)
    assert around.tracker.calls == [("finish", True)]


def test_a_task_is_its_step_and_no_more():
    from assay_training.flows.train import as_task

    task = as_task("add", lambda: 1 + 1)
    assert task.name == "add"
    assert task.fn() == 2


def test_dask_without_its_extra_is_one_sentence(options, monkeypatch):
    import sys

    from assay_training.flows.train import train

    monkeypatch.setitem(sys.modules, "prefect_dask", None)
    with pytest.raises(TrainingError, match="--dask needs the optional extra"):
        train(replace(options, dask="tcp://127.0.0.1:8786"))


@pytest.mark.slow
@pytest.mark.parametrize("family", list(FAMILIES))
def test_each_family_can_become_a_bundle(family, simulated_matrix):
    recipe = NetworkRecipe(
        hyperparameters=replace(FAMILIES[family], epochs=1), seeds=(1, 2), refit_every=300
    )
    fit, model = fit_final(recipe, simulated_matrix)
    assert fit.predictor.members(np.zeros((1, recipe.lookback, 42), np.float32)).shape == (2, 1, 2)
    assert len(model) < 300_000


def test_the_champions_own_recipe_is_refitted_and_not_tuned(simulated_matrix):
    hyperparameters = MLPHyperparameters(width=16, epochs=2)
    kept = {
        "name": "MLP",
        "lookback": 1,
        "refit_every": 200,
        "hyperparameters": hyperparameters.to_json(),
        "seeds": [4, 5],
    }
    rows = SMALL.rows(simulated_matrix)
    found = search_family(FAMILIES["MLP"], simulated_matrix, rows, SMALL, seed=0, kept=kept)
    assert found.trials == ()
    assert found.recipe == NetworkRecipe(
        hyperparameters=hyperparameters, seeds=(4, 5), refit_every=200
    )
    assert len(found.candidate().member_quantiles) == 2


def test_seeds_of_members_differ_and_hang_on_the_runs_seed():
    assert len(set(member_seeds(0, 8))) == 8
    assert member_seeds(0, 8) == member_seeds(0, 8)
    assert not set(member_seeds(0, 8)) & set(member_seeds(1, 8))


def test_a_plan_leaves_room_to_train_and_tune(simulated_matrix):
    first = int(np.flatnonzero(simulated_matrix.usable)[0])
    rows = Plan.of(TrainOptions(quick=True)).rows(simulated_matrix)
    assert rows[0] - first == 40 + 750 + 250
    assert rows[-1] == len(simulated_matrix) - 2


def test_a_plan_for_too_short_a_matrix_says_what_is_needed(simulated_bars):
    gold, sp500 = simulated_bars
    matrix = build_features(gold.take(slice(0, 900)), sp500)
    with pytest.raises(TooLittleHistory, match="more than 1041 sessions with features"):
        Plan.of(TrainOptions(quick=True)).rows(matrix)
