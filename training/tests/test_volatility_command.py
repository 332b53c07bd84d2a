"""The `volatility` command on simulated hours of a coin, and on real ones where given."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from arch import arch_model

from assay.bundle.files import with_volatility, write_bundle
from assay.market.bars import Bars
from assay.market.csv_bars import read_bars_csv, write_bars_csv
from assay.volatility.days import utc_days
from assay.volatility.model import MEASURES, NAMES, Residuals, VolatilityModel
from assay.volatility.state import CoinState
from assay_training.cli import main
from assay_training.steps.evaluate_volatility import rivals
from assay_training.steps.volatility_benchmarks import garch_t, weekday_garch_t
from assay_training.steps.volatility_report import adjust_by_holm

FIRST = np.datetime64("2024-01-01T00", "h")
DAYS = 232
START, END = "2024-07-20", "2024-08-19"  # the last 31 days
NAMES_OF_ROWS = [
    "assay", "ewma94", "garch_t", "weekday_garch_t", "har_ols", "log_har", "yesterday",
]  # fmt: skip


def simulated_hours(days: int, seed: int = 0) -> Bars:
    """A coin with clustered volatility, quiet weekends and busy afternoons, 12 steps an hour."""
    rng = np.random.default_rng(seed)
    hours = 24 * days
    log_variance = np.zeros(hours)
    for t in range(1, hours):
        log_variance[t] = 0.995 * log_variance[t - 1] + 0.09 * rng.standard_normal()
    time = FIRST + np.arange(hours)
    hour = np.arange(hours) % 24
    weekend = (time.astype("datetime64[D]").astype("int64") + 3) % 7 >= 5
    season = (1.0 + 0.5 * np.sin(2 * np.pi * (hour - 9) / 24)) * np.where(weekend, 0.4, 1.2)
    deviation = 0.005 * np.sqrt(np.exp(log_variance) * season)
    steps = deviation[:, None] / np.sqrt(12) * rng.standard_t(5, (hours, 12)) * np.sqrt(3 / 5)
    path = np.cumsum(steps).reshape(hours, 12) + np.log(30_000.0)
    close = path[:, -1]
    open_ = np.append(np.log(30_000.0), close[:-1])
    high, low = np.maximum(path.max(axis=1), open_), np.minimum(path.min(axis=1), open_)
    prices = (np.exp(x) for x in (open_, high, low, close))
    return Bars(time.astype("datetime64[ms]"), *prices, np.full(hours, 10.0))


def small_model() -> VolatilityModel:
    """Coefficients of the usual size, no season of its own."""
    nodes = {
        1: (0.22, 0.22, 0.22, 0.21, 0.19, 0.15, -0.1),
        24: (0.15, 0.06, 0.12, 0.19, 0.27, 0.19, -0.1),
        720: (0.12, 0.0, 0.0, 0.1, 0.15, 0.27, 0.0),
    }
    assert len(nodes[1]) == len(NAMES) + 1
    residuals = Residuals(
        np.array([1.0, 24.0]), np.array([-0.5, -0.3]), np.array([0.9, 0.7]), np.array([0.5, 0.5])
    )
    quantiles = np.quantile(np.random.default_rng(1).standard_t(6, 20_000), np.linspace(0, 1, 101))
    return VolatilityModel(
        season=np.ones(168),
        level=math.log(0.6**2 / 8760),
        gap=0.1,
        level_hours=200.0,
        daily_share=0.9,
        nodes=np.array([*nodes], dtype=float),
        coefficients=np.array([*nodes.values()]),
        residuals=dict.fromkeys(MEASURES, residuals),
        tail_hours=np.array([24.0]),
        tails=quantiles[None, :],
    )


@pytest.fixture(scope="module")
def longer():
    """Three days more than `hours`."""
    return simulated_hours(DAYS + 3)


@pytest.fixture(scope="module")
def hours(longer):
    return longer.take(slice(24 * DAYS))


@pytest.fixture(scope="module")
def csv(hours, tmp_path_factory):
    path = tmp_path_factory.mktemp("hours") / "coin.csv"
    write_bars_csv(path, hours, daily=False)
    return path


@pytest.fixture(scope="module")
def bundle_folder(linear_bundle, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle") / "processed"
    shutil.copytree(linear_bundle, folder)
    write_bundle(folder, with_volatility(folder, small_model(), {"trained_to": "2023-12-31"}))
    return folder


def volatility(
    bundle: Path, bars: Path, out: Path, start: str | None = START, end: str | None = END
):
    bounds = [*(["--start", start] if start else []), *(["--end", end] if end else [])]
    return main([
        "volatility", "--bundle", str(bundle), "--bars", str(bars), *bounds, "--json", str(out),
    ])  # fmt: skip


@pytest.fixture(scope="module")
def report(bundle_folder, csv, tmp_path_factory):
    out = tmp_path_factory.mktemp("report") / "report.json"
    assert volatility(bundle_folder, csv, out) == 0
    return json.loads(out.read_text())


def test_the_report_has_the_contract_s_fields_and_only_finite_numbers(report):
    assert report.keys() >= {"n", "rows", "var", "risk", "risk_1h", "regimes", "forecasts"}
    assert report["n"] == len(report["forecasts"]) == 31
    assert (report["start"], report["end"]) == (START, END)
    assert [row["name"] for row in report["rows"]] == NAMES_OF_ROWS
    for row in report["rows"]:
        assert row.keys() >= {
            "qlike", "qlike_ratio_har", "mz_slope", "mz_r2", "log_r2", "dm_p_vs_har",
        }  # fmt: skip
    assert [(row["name"], row["level"]) for row in report["var"]] == [
        (name, level) for level in (0.01, 0.05) for name in NAMES_OF_ROWS
    ]
    for row in report["var"]:
        assert row.keys() >= {"hit_rate", "kupiec_p", "christoffersen_p", "z2", "fz0"}
        assert row["n"] == 31
    for key in ("risk", "risk_1h"):
        assert report[key].keys() >= {"brier_skill", "auc", "ece", "slope", "intercept"}
    assert report["risk_1h"]["n"] == 24 * 31
    assert [row["regime"] for row in report["regimes"]] == ["calm", "normal", "turbulent"]
    assert sum(row["share"] for row in report["regimes"]) == pytest.approx(1.0)
    assert {"origin": "2024-07-19", "target": START}.items() <= report["forecasts"][0].items()

    def finite(value):
        if isinstance(value, dict):
            return all(map(finite, value.values()))
        if isinstance(value, list):
            return all(map(finite, value))
        return not isinstance(value, float) or math.isfinite(value)

    assert finite(report)


def test_the_figures_follow_from_the_forecasts(report):
    """A slow second computation from the report's own records."""
    records, row = report["forecasts"], report["rows"][0]
    ratios = [r["realized_variance"] / r["forecast_variance"] for r in records]
    assert row["qlike"] == pytest.approx(np.mean([x - math.log(x) - 1 for x in ratios]))
    logs = np.log([[r["forecast_variance"], r["realized_variance"]] for r in records])
    assert row["log_r2"] == row["mz_r2"] == pytest.approx(np.corrcoef(logs.T)[0, 1] ** 2)
    assert row["mz_slope"] == pytest.approx(np.polyfit(*logs.T, 1)[0])
    har = report["rows"][NAMES_OF_ROWS.index("har_ols")]
    assert row["qlike_ratio_har"] == pytest.approx(row["qlike"] / har["qlike"])
    assert har["qlike_ratio_har"] == 1.0
    assert har["dm_p_vs_har"] is None
    for regime in report["regimes"]:
        inside = [r["realized_variance"] for r in records if r["vol_regime"] == regime["regime"]]
        assert regime["share"] == pytest.approx(len(inside) / 31)
        if inside:
            expected = math.sqrt(np.mean(inside))
            assert regime["next_day_realized_volatility"] == pytest.approx(expected)
        else:
            assert regime["next_day_realized_volatility"] is None


def test_tails_follow_from_the_forecasts(report):
    for row in report["var"]:
        if row["name"] != "assay":
            continue
        level, records = row["level"], report["forecasts"]
        losses, severity, misses = [], 0.0, 0
        for record in records:
            r, v, e = (
                record["log_return"],
                record["tail_quantile"][str(level)],
                record["tail_mean"][str(level)],
            )
            assert e <= v < 0.0
            hit = r <= v
            misses += hit
            severity += r / e if hit else 0.0
            losses.append((r - v) / (level * e) * hit + v / e + math.log(-e) - 1.0)
        assert row["hit_rate"] == pytest.approx(misses / 31)
        assert row["fz0"] == pytest.approx(np.mean(losses))
        assert row["z2"] == pytest.approx(1.0 - severity / (31 * level))
        assert row["christoffersen_p"] is None or misses


def test_realized_variance_is_that_of_the_target_s_own_hours(report, hours):
    logs = np.log(np.append(hours.open[0], hours.close))
    for record in report["forecasts"]:
        first = 24 * int(
            (np.datetime64(record["target"]) - FIRST).astype("timedelta64[D]").astype(int)
        )
        moves = np.diff(logs[first : first + 25])
        assert record["log_return"] == pytest.approx(moves.sum())
        assert record["realized_variance"] == pytest.approx((moves**2).sum())


def test_each_forecast_is_what_the_service_would_have_said_at_midnight(report, hours):
    for record in report["forecasts"][::15]:
        midnight = np.datetime64(record["target"]).astype("datetime64[ms]")
        known = hours.take(hours.time < midnight)
        said = CoinState.of(small_model(), known).assess(24 * 60)
        assert record["forecast_variance"] == pytest.approx(said.volatility**2, rel=1e-9)
        assert record["risk_score"] == pytest.approx(said.risk_score, rel=1e-6)
        assert record["vol_regime"] == said.vol_regime
        for confidence, level in ((0.95, "0.05"), (0.99, "0.01")):
            lost = -np.expm1(record["tail_quantile"][level])
            assert lost == pytest.approx(said.value_at_risk[confidence], rel=1e-6)
            lost = -np.expm1(record["tail_mean"][level])
            assert lost == pytest.approx(said.expected_shortfall[confidence], rel=1e-6)


def test_later_bars_change_no_forecast(report, bundle_folder, hours, tmp_path):
    """All moves after the first week three times as large: that week's forecasts stay."""
    later = hours.time >= np.datetime64("2024-07-27")
    at = int(later.argmax()) - 1
    columns = [c.copy() for c in (hours.open, hours.high, hours.low, hours.close)]
    for column in columns:
        column[later] = hours.close[at] * (column[later] / hours.close[at]) ** 3
    path, out = tmp_path / "coin.csv", tmp_path / "report.json"
    write_bars_csv(path, Bars(hours.time, *columns, hours.volume), daily=False)
    assert volatility(bundle_folder, path, out, end="2024-07-31") == 0
    changed = json.loads(out.read_text())["forecasts"]
    for before, after in zip(report["forecasts"][:8], changed[:8], strict=True):
        for key in ("forecast_variance", "risk_score", "vol_regime"):
            assert after[key] == pytest.approx(before[key]), key
    assert changed[9]["forecast_variance"] > report["forecasts"][9]["forecast_variance"]


def test_rivals_know_no_more_than_their_origin(hours):
    """All days after row 225 wilder: what rivals said up to there stays, what comes after moves."""
    days = utc_days(hours)
    later = np.arange(len(days)) > 225
    wilder = replace(
        days,
        realized=np.where(later, 9.0, 1.0) * days.realized,
        log_return=np.where(later, 3.0, 1.0) * days.log_return,
    )
    rows = np.arange(222, 229)
    said, tails = rivals(days, rows)
    then, tails_then = rivals(wilder, rows)
    assert list(said) == NAMES_OF_ROWS[1:]
    for name in said:
        np.testing.assert_array_equal(then[name][:4], said[name][:4], err_msg=name)
        assert then[name][4] != pytest.approx(said[name][4]), name
        for level in (0.01, 0.05):
            for before, after in zip(tails[level][name], tails_then[level][name], strict=True):
                np.testing.assert_array_equal(after[:4], before[:4], err_msg=name)
                assert after[4] != pytest.approx(before[4]), name


def test_more_bars_at_the_end_change_nothing_before(report, bundle_folder, longer, tmp_path):
    path, out = tmp_path / "coin.csv", tmp_path / "report.json"
    write_bars_csv(path, longer, daily=False)
    assert volatility(bundle_folder, path, out) == 0
    found = json.loads(out.read_text())
    for key in ("n", "rows", "var", "risk", "risk_1h", "regimes", "forecasts"):
        assert found[key] == report[key], key


def test_the_command_shows_its_figures(bundle_folder, csv, tmp_path, capsys):
    out = tmp_path / "report.json"
    assert volatility(bundle_folder, csv, out, start="2024-08-15") == 0
    said = capsys.readouterr().out
    assert f"{csv}: {24 * DAYS} rows, {24 * DAYS} bars, 0 set aside" in said
    assert "5 UTC days, 2024-08-15 to 2024-08-19" in said
    for name in (*NAMES_OF_ROWS, "24 hours", "1 hour", "turbulent", "switches a year"):
        assert name in said, name
    assert "Note:" not in said


def test_days_that_the_model_was_trained_on_are_said_to_be_seen(
    bundle_folder, csv, tmp_path, capsys
):
    folder = tmp_path / "bundle"
    shutil.copytree(bundle_folder, folder)
    write_bundle(folder, with_volatility(folder, small_model(), {"trained_to": "2024-08-15"}))
    assert volatility(folder, csv, tmp_path / "o.json", start="2024-08-15") == 0
    assert "trained on hours up to 2024-08-15" in capsys.readouterr().out


def test_gaps_and_odd_rows_are_set_aside_counted_and_stepped_over(
    report, bundle_folder, csv, tmp_path, capsys
):
    """A perpetual's file: an outage of 9 hours, single hours gone, a row of the future, one off the
    hour, one twice, one with high below low, one empty.
    """
    head, *lines = csv.read_text().splitlines()
    at = {line.split(",")[0]: i for i, line in enumerate(lines)}
    cells = lines[at["2024-05-02T05:00:00Z"]].split(",")
    lines[at["2024-05-02T05:00:00Z"]] = ",".join([*cells[:2], "1.0", *cells[3:]])
    lines[at["2024-05-03T05:00:00Z"]] = "2024-05-03T05:00:00Z,,,,,"
    gone = {f"2024-07-25T{hour:02}:00:00Z" for hour in range(7, 16)}
    gone |= {"2024-07-30T23:00:00Z", "2024-08-05T00:00:00Z", "2024-08-05T12:00:00Z"}
    kept = [line for line in lines if line.split(",")[0] not in gone]
    kept += ["2099-01-01T00:00:00Z,1,1,1,1,1", "2024-05-04T05:30:00Z,1,1,1,1,1", kept[-1]]
    path, out = tmp_path / "perpetual.csv", tmp_path / "report.json"
    path.write_text("\n".join([head, *kept]) + "\n")
    assert volatility(bundle_folder, path, out) == 0
    said = capsys.readouterr().out
    assert "5 set aside" in said
    for reason in ("high below low", "not a number", "in the future", "off the", "duplicate time"):
        assert f"1 {reason}" in said, reason
    found = json.loads(out.read_text())
    assert found["n"] == 30
    assert found["left_out"]["days"] == ["2024-07-25"]
    assert "left out 1 with too few hours" in said
    targets = [record["target"] for record in found["forecasts"]]
    assert "2024-07-25" not in targets
    assert {"2024-07-26", "2024-07-31", "2024-08-05"} <= set(targets)
    same = {record["target"]: record for record in report["forecasts"]}
    for record in found["forecasts"]:
        before = same[record["target"]]["forecast_variance"]
        assert record["forecast_variance"] == pytest.approx(before, rel=0.3)


def text_of(rows, header="timestamp,open,high,low,close,volume"):
    return "\n".join([header, *rows]) + "\n"


BAD_FILES = {
    "a column is missing": (
        text_of(["2024-01-02,1,1,1,1"], header="timestamp,open,high,low,volume"), r"line 1.*close"
    ),
    "a date is unreadable": (
        text_of(["2024-01-02,1,1,1,1,1", "soon,1,1,1,1,1"]), r"line 3.*'soon'"
    ),
    "the file is empty": ("", "the file is empty; line 1"),
    "only a header": (text_of([]), "no rows"),
    "one hour": (text_of(["2024-01-02T00:00:00Z,1,1,1,1,1"]), r"line 2, 2024-01-02T00:00Z"),
    "an hour in minutes": (
        text_of(f"2024-01-02T00:{m:02}:00Z,1,1,1,1,1" for m in range(60)),
        r"60 of 60 rows are implausible.*line 2, another timeframe: '2024-01-02T00:00",
    ),
    "days, not hours": (
        text_of(f"{FIRST.astype('datetime64[D]') + d},1,2,1,{1 + d % 2},1" for d in range(336)),
        r"336 of 336 rows are implausible.*line 2, another timeframe: '2024-01-01",
    ),
    "prices that stand still": (
        text_of(f"{FIRST + h}:00:00Z,1,1,1,1,1" for h in range(24 * 120)), "no UTC day"
    ),
    "over one percent is implausible": (
        text_of(f"{FIRST + h}:00:00Z,1,{0.5 if h in (7, 8) else 1},1,1,1" for h in range(100)),
        r"line 9, high below low: '2024-01-01T07",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", [*BAD_FILES, "the file is absent"])
def test_bad_input_is_one_sentence_and_exit_2_and_nothing_written(
    case, bundle_folder, tmp_path, capsys
):
    path, out = tmp_path / "coin.csv", tmp_path / "report.json"
    text, said = BAD_FILES.get(case, (None, "cannot be read"))
    if text is not None:
        path.write_text(text)
    assert volatility(bundle_folder, path, out, start=None, end=None) == 2
    message = capsys.readouterr().err.strip()
    assert len(message.splitlines()) == 1
    assert message.startswith(f"assay-train: {path}")
    assert re.search(said, message), message
    assert not out.exists()


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        ("2024-08-02", "2024-08-01", "--start 2024-08-02 is after --end 2024-08-01"),
        ("2024-08-20", None, "from 2024-08-20 to 2024-08-19"),
        ("2030-01-01", "2030-02-01", "no day from 2030-01-01 to 2030-02-01"),
        ("2024-03-01", None, "with 90 before it, and the file holds 232"),
        (None, None, "with 365 before it, and the file holds 232"),
        (None, "2023-01-01", "line 2, 2024-01-01T00:00Z, to line 5569, 2024-08-19T23:00Z"),
    ],
)
def test_dates_that_cannot_be_scored(start, end, said, bundle_folder, csv, tmp_path, capsys):
    out = tmp_path / "report.json"
    assert volatility(bundle_folder, csv, out, start, end) == 2
    message = capsys.readouterr().err.strip()
    assert said in message
    assert len(message.splitlines()) == 1
    assert not out.exists()


def test_a_start_with_90_days_before_it_is_early_enough(bundle_folder, csv, tmp_path):
    """Tails of simulated history and a score's threshold take longer: null until then."""
    out = tmp_path / "report.json"
    assert volatility(bundle_folder, csv, out, "2024-03-31", "2024-04-03") == 0
    found = json.loads(out.read_text())
    assert found["n"] == 4
    assert all(row["qlike"] is not None for row in found["rows"])
    assert all(row["kupiec_p"] is None and row["n"] == 0 for row in found["var"])


def test_a_bundle_without_the_model_is_refused(linear_bundle, csv, tmp_path, capsys):
    out = tmp_path / "report.json"
    assert volatility(linear_bundle, csv, out) == 2
    message = capsys.readouterr().err
    assert str(linear_bundle / "volatility.json") in message
    assert volatility(tmp_path / "none", csv, out) == 2
    assert str(tmp_path / "none" / "manifest.json") in capsys.readouterr().err
    assert not out.exists()


def test_an_unwritable_report_is_refused_before_the_work(csv, tmp_path, capsys):
    (tmp_path / "folder").mkdir()
    assert volatility(tmp_path / "none", csv, tmp_path / "folder") == 2
    said = capsys.readouterr()
    assert said.err.startswith(f"assay-train: --json {tmp_path / 'folder'} ")
    assert said.out == ""


def test_garch_equals_a_plain_fit_by_the_library(hours):
    returns = utc_days(hours).log_return
    rows = np.array([149, 150, 151])
    found = garch_t(returns, rows)
    for row, variance, df in zip(rows, found.variance, found.df, strict=True):
        model = arch_model(100 * returns[: row + 1], mean="Constant", dist="t", rescale=False)
        fitted = model.fit(disp="off", show_warning=False)
        expected = fitted.forecast(horizon=1, reindex=False).variance.to_numpy()[0, 0]
        assert variance == pytest.approx(expected / 1e4, rel=0.02)
        assert df == pytest.approx(fitted.params["nu"], rel=0.1)


def test_garch_sees_nothing_after_its_origin(hours):
    days = utc_days(hours)
    rows = np.arange(150, 156)
    changed = days.log_return.copy()
    changed[153:] *= 4.0
    for refit_every in (1, 4):
        whole = garch_t(days.log_return, rows, refit_every=refit_every).variance
        found = garch_t(changed, rows, refit_every=refit_every).variance
        np.testing.assert_array_equal(found[:3], whole[:3])
        assert found[3] != pytest.approx(whole[3])


def test_weekday_garch_finds_quiet_weekends():
    """Weekends at a fourth of the variance: their forecasts are about a fourth of the others'."""
    rng = np.random.default_rng(5)
    day = np.datetime64("2023-01-02") + np.arange(500)
    quiet = (day.astype("int64") + 3) % 7 >= 5
    realized = np.where(quiet, 0.0002, 0.0008) * rng.chisquare(24, 500) / 24
    returns = np.sqrt(realized) * rng.standard_normal(500)
    rows = np.arange(470, 499)
    found = weekday_garch_t(day, returns, realized, rows, target=day[rows + 1], refit_every=50)
    ratio = found.variance[quiet[rows + 1]].mean() / found.variance[~quiet[rows + 1]].mean()
    assert 0.2 < ratio < 0.3
    assert found.variance[~quiet[rows + 1]].mean() == pytest.approx(0.0008, rel=0.25)


@pytest.mark.real_data
def test_on_real_hours_the_committed_model_beats_its_rivals(tmp_path):
    folder = os.environ.get("ASSAY_REAL_DATA")
    if not folder:
        pytest.skip("ASSAY_REAL_DATA names no folder of real bars")
    committed = Path(__file__).parents[2] / "data" / "processed"
    bars = read_bars_csv(Path(folder) / "btcusdt_1h.csv").bars
    cut, out = tmp_path / "hours.csv", tmp_path / "report.json"
    write_bars_csv(cut, bars.take(bars.session <= np.datetime64(date(2024, 7, 31))), daily=False)
    assert volatility(committed, cut, out, start="2024-04-01", end=None) == 0
    found = json.loads(out.read_text())
    assert found["n"] == 122
    assay, *rivals = found["rows"]
    assert all(assay["qlike"] < rival["qlike"] for rival in rivals)
    assert assay["qlike_ratio_har"] < 0.85
    assert 0.7 < assay["mz_slope"] < 1.3
    assert found["risk"]["auc"] > 0.7
    assert found["risk_1h"]["brier_skill"] > 0.2
    hits = {row["level"]: row["hit_rate"] for row in found["var"] if row["name"] == "assay"}
    assert hits[0.01] <= 0.04
    assert 0.01 < hits[0.05] < 0.1


def test_holm_counts_both_tests_at_both_levels_and_leaves_out_what_is_undefined():
    rows = [
        {"kupiec_p": 0.014, "christoffersen_p": None},
        {"kupiec_p": 0.202, "christoffersen_p": 0.032},
    ]
    adjust_by_holm(rows)
    assert rows[0]["kupiec_p_holm"] == pytest.approx(3 * 0.014)
    assert rows[1]["christoffersen_p_holm"] == pytest.approx(2 * 0.032)
    assert rows[1]["kupiec_p_holm"] == pytest.approx(0.202)
    assert rows[0]["christoffersen_p_holm"] is None
