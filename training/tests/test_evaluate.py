"""The `evaluate` command on bars that the simulated market made, and on real ones where given."""

from __future__ import annotations

import json
import math
import os
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from assay.bundle.files import load_bundle
from assay.clock import FixedClock
from assay.evaluation.leaderboard import leaderboard
from assay.evaluation.walk_forward import fit_at, origin_rows, origins_at, walk_forward
from assay.features.build import build_features
from assay.forecast.distribution import LEVELS, student_t_quantiles
from assay.forecast.log_linear_t import LogLinearTRecipe
from assay.market.csv_bars import read_bars_csv, write_bars_csv
from assay.market.sources.simulated import SimulatedSource
from assay_training.cli import main
from assay_training.json_file import write_json
from assay_training.steps.benchmarks import benchmark_forecasts, garch_t_quantiles
from assay_training.steps.export_log_linear import export_log_linear
from assay_training.steps.gate import Candidate, Decision
from assay_training.steps.publish import Evaluation, publish

CLOCK = FixedClock(datetime(2010, 3, 12, 23, tzinfo=UTC))
TRAINED_TO = date(2009, 11, 30)
ROW_KEYS = {
    "name", "mape", "rmse", "mae", "rmse_ratio_rw", "r2_oos", "direction_accuracy", "crps",
    "pinball", "coverage", "winkler", "dm_p_vs_random_walk", "dm_p_vs_garch_t",
}  # fmt: skip


@pytest.fixture(scope="module")
def csvs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bars")
    source = SimulatedSource(CLOCK)
    paths = {}
    for name, symbol in (("gold", "GC=F"), ("sp500", "^GSPC")):
        checked = source.fetch(symbol, start=date(2000, 8, 30), deadline_seconds=10.0)
        paths[name] = folder / f"{name}.csv"
        write_bars_csv(paths[name], checked.bars)
    return paths


@pytest.fixture(scope="module")
def bundle_folder(csvs, tmp_path_factory):
    """log_linear_t trained on bars to 2009-11-30, published as the flow publishes."""
    gold, sp500 = (read_bars_csv(path).bars.until(TRAINED_TO) for path in csvs.values())
    matrix, recipe = build_features(gold, sp500), LogLinearTRecipe()
    rows = np.arange(len(matrix) - 301, len(matrix) - 1)
    walk, origins = walk_forward(recipe, matrix, rows), origins_at(matrix, rows)
    forecasts = benchmark_forecasts(matrix.close, rows) | {"log_linear_t": walk.quantiles()}
    fit = fit_at(recipe, matrix, len(matrix) - 1)
    folder = tmp_path_factory.mktemp("bundle") / "processed"
    publish(
        folder,
        decision=Decision(Candidate("log_linear_t", recipe, walk, walk.quantiles()), "refit"),
        fit=fit,
        model=export_log_linear(fit.predictor),
        gold=gold,
        sp500=sp500,
        evaluation=Evaluation(
            len(rows), str(origins.target[0]), str(origins.target[-1]),
            leaderboard(origins, forecasts),
        ),
        recipe={"family": "log_linear_t"},
        clock=CLOCK,
    )  # fmt: skip
    return folder


def evaluate(
    bundle: Path, gold: Path, sp500: Path, out: Path, start="2009-12-01", end="2010-03-12"
):
    return main([
        "evaluate", "--bundle", str(bundle), "--gold", str(gold), "--sp500", str(sp500),
        "--start", start, "--end", end, "--json", str(out),
    ])  # fmt: skip


@pytest.fixture(scope="module")
def report(bundle_folder, csvs, tmp_path_factory):
    out = tmp_path_factory.mktemp("report") / "report.json"
    assert evaluate(bundle_folder, csvs["gold"], csvs["sp500"], out) == 0
    return json.loads(out.read_text())


def test_a_published_bundle_says_what_it_is(bundle_folder):
    bundle = load_bundle(bundle_folder)
    assert bundle.metadata.type == "log_linear_t"
    assert bundle.metadata.trained_to == str(TRAINED_TO)
    assert bundle.champion.calibrated_to == TRAINED_TO
    assert bundle.metadata.skill["verdict"] in ("edge", "no_edge")
    assert bundle.metadata.skill["origins"] == 300
    names = [row["name"] for row in bundle.metadata.evaluation["rows"]]
    assert names == ["random_walk", "random_walk_drift", "garch_t", "log_linear_t"]


def test_the_onnx_graph_equals_the_fitted_model(csvs, bundle_folder):
    gold, sp500 = (read_bars_csv(path).bars.until(TRAINED_TO) for path in csvs.values())
    matrix = build_features(gold, sp500)
    fit = fit_at(LogLinearTRecipe(), matrix, len(matrix) - 1)
    scaled = fit.standardizer.transform(matrix.values[-500:]).astype(np.float32)[:, None, :]
    served = load_bundle(bundle_folder).champion.predictor.predict(scaled)
    np.testing.assert_allclose(served, fit.predictor.predict(scaled), atol=1e-5)


def test_the_report_has_the_contract_s_fields_and_only_finite_numbers(report):
    assert report["n"] == len(report["forecasts"]) == 70
    assert (report["start"], report["end"]) == ("2009-12-01", "2010-03-12")
    assert [row["name"] for row in report["rows"]] == [
        "champion", "random_walk", "random_walk_drift", "garch_t", "log_linear_t",
    ]  # fmt: skip
    for row in report["rows"]:
        assert row.keys() >= ROW_KEYS
        assert set(row["coverage"]) == set(row["winkler"]) == {"0.5", "0.8", "0.9", "0.95"}

    def finite(value):
        if isinstance(value, dict):
            return all(map(finite, value.values()))
        if isinstance(value, list):
            return all(map(finite, value))
        return not isinstance(value, float) or math.isfinite(value)

    assert finite(report)


def test_the_figures_follow_from_the_forecasts(report):
    """A slow second computation from the report's own records."""
    champion, walk = report["rows"][0], report["rows"][1]
    records = report["forecasts"]
    actual = np.array([record["actual"] for record in records])
    last = np.array([record["last_close"] for record in records])
    median = np.array([record["median"] for record in records])
    assert walk["mape"] == pytest.approx(100 * np.mean(np.abs(actual - last) / actual))
    assert walk["rmse"] == pytest.approx(np.sqrt(np.mean((actual - last) ** 2)))
    assert champion["mape"] == pytest.approx(100 * np.mean(np.abs(actual - median) / actual))
    inside = [r["q"]["0.05"] <= r["actual"] <= r["q"]["0.95"] for r in records]
    assert champion["coverage"]["0.9"] == pytest.approx(np.mean(inside))
    for record in records:
        quantiles = list(record["q"].values())
        assert quantiles == sorted(quantiles)
        assert record["median"] == record["q"]["0.5"]


def test_the_last_close_belongs_to_the_origin_and_the_target_follows_it(report, csvs):
    gold = read_bars_csv(csvs["gold"]).bars
    sessions = [str(day) for day in gold.session]
    for record in report["forecasts"]:
        at = sessions.index(record["origin"])
        assert record["last_close"] == gold.close[at]
        assert record["target"] == sessions[at + 1]
        assert record["actual"] == gold.close[at + 1]


def test_later_bars_change_no_forecast(report, bundle_folder, csvs, tmp_path):
    """Everything after the first week multiplied by two: that week's forecasts stay."""
    gold = read_bars_csv(csvs["gold"]).bars
    later = gold.session > np.datetime64("2009-12-08")
    for column in (gold.open, gold.high, gold.low, gold.close):
        column[later] *= 2.0
    write_bars_csv(tmp_path / "gold.csv", gold)
    out = tmp_path / "report.json"
    assert evaluate(bundle_folder, tmp_path / "gold.csv", csvs["sp500"], out) == 0
    changed = json.loads(out.read_text())["forecasts"]
    for before, after in zip(report["forecasts"][:6], changed[:6], strict=True):
        assert after["q"] == pytest.approx(before["q"])
    assert changed[10]["median"] != pytest.approx(report["forecasts"][10]["median"])


def test_garch_sees_nothing_after_its_origin(csvs):
    close = read_bars_csv(csvs["gold"]).bars.close
    rows = np.arange(2000, 2031)
    whole = garch_t_quantiles(close, rows)
    doubled = np.concatenate([close[:2013], close[2013:] * 3.0])
    np.testing.assert_allclose(garch_t_quantiles(doubled, rows)[:13], whole[:13], rtol=1e-6)


def test_garch_t_finds_the_scale_of_a_constant_market():
    rng = np.random.default_rng(0)
    close = 100.0 * np.exp(np.cumsum(0.01 * rng.standard_t(6, 3000)))
    found = garch_t_quantiles(close, np.arange(2950, 2990)).mean(axis=0)
    np.testing.assert_allclose(found, 0.01 * student_t_quantiles(LEVELS, 6.0), atol=0.004)


BAD_FILES = {
    "a column is missing": ("date,open,high,low,volume\n2024-01-02,1,1,1,1\n", r"line 1.*close"),
    "a date is unreadable": (
        "date,open,high,low,close,volume\n2024-01-02,1,1,1,1,1\nsoon,1,1,1,1,1\n",
        r"line 3.*'soon'",
    ),
    "there are too few rows": (
        "date,open,high,low,close,volume\n2024-01-02,1,1,1,1,1\n2024-01-03,1,1,1,1,1\n",
        "session",
    ),
    "the file is empty": ("", "the file is empty; line 1"),
    "a quote stays open": (
        'date,open,high,low,close,volume\n2024-01-02,1,1,1,1,1\n2024-01-03,"1,1,1,1,1\n',
        r"line 3.*quote",
    ),
    "all dates are absurd": (
        "date,open,high,low,close,volume\n2030-01-02,1,1,1,1,1\n",
        r"line 2, outside the calendar: '2030-01-02",
    ),
    "only a header": ("date,open,high,low,close,volume\n", "no rows"),
    "over one percent is implausible": (
        "date,open,high,low,close,volume\n"
        + "".join(
            f"2024-01-{d:02},1,1,{2 if d == 11 else 1},1,1\n" for d in (*range(1, 6), *range(8, 13))
        ),
        r"line 10.*high below low",
    ),
}


@pytest.mark.parametrize("case", [*BAD_FILES, "the file is absent"])
def test_bad_input_is_one_sentence_and_exit_2_and_nothing_written(
    case, bundle_folder, csvs, tmp_path, capsys
):
    path, out = tmp_path / "gold.csv", tmp_path / "report.json"
    text, said = BAD_FILES.get(case, (None, "cannot be read"))
    if text is not None:
        path.write_text(text)
    assert evaluate(bundle_folder, path, csvs["sp500"], out) == 2
    message = capsys.readouterr().err.strip()
    assert len(message.splitlines()) == 1
    assert message.startswith("assay-train: ")
    assert re.search(said, message), message
    assert str(path) in message
    assert not out.exists()


def test_files_without_overlap_are_refused(bundle_folder, csvs, tmp_path, capsys):
    sp500 = read_bars_csv(csvs["sp500"]).bars
    moved = tmp_path / "sp500.csv"
    later = sp500.time + np.timedelta64(7 * 52 * 11, "D")
    write_bars_csv(moved, replace(sp500, time=later))
    assert evaluate(bundle_folder, csvs["gold"], moved, tmp_path / "out.json") == 2
    message = capsys.readouterr().err
    assert "no session in common" in message
    assert str(moved) in message
    assert not (tmp_path / "out.json").exists()


def test_a_few_implausible_rows_are_set_aside_and_counted(bundle_folder, csvs, tmp_path, capsys):
    lines = csvs["gold"].read_text().splitlines()
    cells = lines[50].split(",")
    lines[50] = ",".join([cells[0], cells[1], "1.0", *cells[3:]])
    lines[60], lines[61] = lines[61], lines[60]
    lines.append(lines[70])
    (tmp_path / "gold.csv").write_text("\n".join(lines) + "\n")
    assert evaluate(bundle_folder, tmp_path / "gold.csv", csvs["sp500"], tmp_path / "o.json") == 0
    said = capsys.readouterr().out
    assert "2 set aside (1 duplicate time, 1 high below low)" in said
    assert "put in order" in said


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        ("2010-01-05", "2010-01-04", "after"),
        ("2030-01-01", "2030-02-01", "no gold session"),
        ("2000-09-01", "2000-10-01", "needs"),
    ],
)
def test_dates_that_cannot_be_meant(bundle_folder, csvs, tmp_path, capsys, start, end, said):
    out = tmp_path / "o.json"
    assert evaluate(bundle_folder, csvs["gold"], csvs["sp500"], out, start, end) == 2
    message = capsys.readouterr().err
    assert said in message
    if said != "after":
        assert message.startswith(f"assay-train: {csvs['gold']}: ")
    assert not out.exists()


@pytest.mark.parametrize("day", ["0001-01-02", "1970-01-02", "2029-12-31", "9999-12-31"])
def test_one_row_that_no_calendar_knows_is_counted_and_changes_nothing(
    day, report, bundle_folder, csvs, tmp_path, capsys
):
    gold, out = tmp_path / "gold.csv", tmp_path / "report.json"
    gold.write_text(csvs["gold"].read_text() + f"{day},1,1,1,1,1\n")
    assert evaluate(bundle_folder, gold, csvs["sp500"], out) == 0
    assert "1 set aside (1 outside the calendar)" in capsys.readouterr().out
    assert json.loads(out.read_text()) == report


def test_two_rows_of_one_day_are_one_bar(report, bundle_folder, csvs, tmp_path, capsys):
    gold, out = tmp_path / "gold.csv", tmp_path / "report.json"
    head, *lines = csvs["gold"].read_text().splitlines()
    again = lines[-1].replace(",", " 21:00,", 1)
    gold.write_text("\n".join([head, *lines, again]))
    assert evaluate(bundle_folder, gold, csvs["sp500"], out) == 0
    assert "1 set aside (1 duplicate time)" in capsys.readouterr().out
    assert json.loads(out.read_text()) == report


def test_an_sp500_that_ends_long_before_the_days_asked_is_refused(
    bundle_folder, csvs, tmp_path, capsys
):
    old, out = tmp_path / "old.csv", tmp_path / "report.json"
    write_bars_csv(old, read_bars_csv(csvs["sp500"]).bars.until(date(2006, 6, 30)))
    assert evaluate(bundle_folder, csvs["gold"], old, out) == 2
    said = capsys.readouterr()
    assert re.search(rf"{old}: .*2006-06-30.*2009-12-01", said.err)
    assert f"{old}: ends 2006-06-30" in said.out
    assert not out.exists()


@pytest.mark.parametrize("place", ["folder", "file/report.json", "x" * 300, "/proc/report.json"])
def test_an_unwritable_report_is_refused_before_the_work(place, csvs, tmp_path, capsys):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    before = sorted(tmp_path.rglob("*"))
    assert evaluate(tmp_path / "none", csvs["gold"], csvs["sp500"], tmp_path / place) == 2
    said = capsys.readouterr()
    assert said.err.startswith(f"assay-train: --json {tmp_path / place} ")
    assert len(said.err.splitlines()) == 1
    assert said.out == ""
    assert sorted(tmp_path.rglob("*")) == before


def test_a_report_that_cannot_be_put_in_place_leaves_no_piece(tmp_path):
    (tmp_path / "report.json").mkdir()
    with pytest.raises(Exception, match=r"report\.json cannot be written: Is a directory"):
        write_json(tmp_path / "report.json", {"n": 1})
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_a_missing_bundle_is_named(csvs, tmp_path, capsys):
    assert evaluate(tmp_path / "none", csvs["gold"], csvs["sp500"], tmp_path / "o.json") == 2
    assert str(tmp_path / "none" / "manifest.json") in capsys.readouterr().err


@pytest.mark.real_data
@pytest.mark.slow
def test_on_real_bars_the_committed_champion_never_loses_to_the_random_walk(tmp_path):
    folder = os.environ.get("ASSAY_REAL_DATA")
    if not folder:
        pytest.skip("ASSAY_REAL_DATA names no folder of real bars")
    gold, sp500 = Path(folder) / "gold.csv", Path(folder) / "sp500.csv"
    matrix = build_features(read_bars_csv(gold).bars, read_bars_csv(sp500).bars)
    rows = origin_rows(matrix, start=date(2010, 1, 1), end=date(2025, 4, 15))
    walk = walk_forward(LogLinearTRecipe(), matrix, rows)
    origins = origins_at(matrix, rows)
    board = leaderboard(
        origins, benchmark_forecasts(matrix.close, rows) | {"log_linear_t": walk.quantiles()}
    )
    named = {row["name"]: row for row in board}
    assert len(rows) == 3843
    assert named["log_linear_t"]["rmse_ratio_rw"] <= 1.0005
    assert named["log_linear_t"]["crps"] <= 0.995 * named["garch_t"]["crps"]
    assert named["log_linear_t"]["dm_p_vs_garch_t"] < 0.01
    for level, share in named["log_linear_t"]["coverage"].items():
        error = np.sqrt(float(level) * (1 - float(level)) / len(rows))
        assert abs(share - float(level)) <= 2 * error
    committed = load_bundle(Path(__file__).parents[2] / "data" / "processed")
    rw = named["random_walk"]
    stored = next(r for r in committed.metadata.evaluation["rows"] if r["name"] == "random_walk")
    assert stored["mape"] == pytest.approx(rw["mape"], rel=1e-6)


@pytest.mark.parametrize("still_from", ["2000-08-30", "2009-06-01"])
def test_a_market_that_stood_still_is_scored_with_null_for_the_undefined(
    bundle_folder, csvs, tmp_path, still_from
):
    gold = read_bars_csv(csvs["gold"], daily=True).bars
    still = gold.session >= np.datetime64(still_from)
    for column in (gold.open, gold.high, gold.low, gold.close):
        column[still] = gold.close[still.argmax()]
    write_bars_csv(tmp_path / "gold.csv", gold)
    out = tmp_path / "report.json"
    assert evaluate(bundle_folder, tmp_path / "gold.csv", csvs["sp500"], out) == 0
    for row in json.loads(out.read_text())["rows"]:
        assert row["rmse_ratio_rw"] is None
        assert row["mape"] is not None
