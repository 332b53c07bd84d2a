"""The fit of the volatility model, on simulated coins and on real ones where given."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from assay.bundle.files import VOLATILITY, load_bundle
from assay.clock import FixedClock
from assay.errors import BundleMissing, TooLittleHistory
from assay.market.bars import Bars
from assay.volatility.features import features_of
from assay.volatility.forecast import log_forecasts
from assay.volatility.hours import hours_of
from assay.volatility.past import realized_until
from assay_training.cli import main
from assay_training.steps.fit_volatility import (
    FIRST_HOURLY_ORIGIN,
    PROFILE_DAYS,
    VolatilityBars,
    fit_volatility,
    ridge,
    weekday_profile,
)
from assay_training.steps.publish_volatility import (
    FittedVolatility,
    VolatilityFiles,
    fit_and_judge,
    judge,
    publish_volatility,
    published_volatility,
    read_volatility_bars,
)

CLOCK = FixedClock(datetime(2026, 1, 1, tzinfo=UTC))
HOURS = 11_000
PUBLISHED = Path(__file__).parents[2] / "data" / "processed"


@pytest.fixture(scope="module")
def bars(coin_files):
    return read_volatility_bars(coin_files, CLOCK).bars


@pytest.fixture(scope="module")
def model(bars):
    return fit_volatility(bars)


@pytest.fixture(scope="module")
def files(coin_files):
    return coin_files


@pytest.fixture
def bundle(linear_bundle, tmp_path):
    return shutil.copytree(linear_bundle, tmp_path / "processed")


def test_ridge_shrinks_standardised_inputs():
    # On x of deviation 2 and y = 3 x the slope is 3 / (1 + .5), whatever the unit.
    x = np.array([[-2.0], [2.0], [-2.0], [2.0]]) + 7.0
    b0, b = ridge(x, 3.0 * x[:, 0], 0.5)
    assert b == pytest.approx([2.0])
    assert b0 + 7.0 * b[0] == pytest.approx(21.0)
    assert ridge(x * 100, 3.0 * x[:, 0], 0.5)[1] == pytest.approx([0.02])


def test_realized_over_forecast_averages_one_over_the_hours_fitted_on(bars, model):
    hours = hours_of(bars.hourly)
    features = features_of(hours, model)
    for horizon in (24, 72):
        rows = np.arange(FIRST_HOURLY_ORIGIN, HOURS - horizon)
        realized = realized_until(hours, horizon)[rows + horizon]
        ratio = realized / np.exp(log_forecasts(model, features, horizon, rows))
        assert ratio.mean() == pytest.approx(1.0, abs=0.01)


def test_the_fit_finds_weekends_persistence_and_its_own_errors(bars, model):
    weekend = model.season[120:].mean() / model.season[:120].mean()
    assert weekend == pytest.approx(1 / 3, rel=0.2)
    assert 0.5 < model.coefficients[0, 1:6].sum() < 1.1
    near, far = model.coefficients[0, 1:6].sum(), model.coefficients[-1, 1:6].sum()
    assert far < near  # spells of four days are over after a month
    for residuals in model.residuals.values():
        assert (residuals.mean < 0.0).all()
        assert (residuals.deviation > 0.1).all()
    assert model.tails[:, 0] == pytest.approx(-model.tails[:, -1], abs=1e-3)
    assert model.daily_share == pytest.approx(1.0, abs=0.25)


def test_the_gap_between_both_measures_is_that_of_variance_without_its_season(bars, model):
    """What service compares with it has the season taken out, where quiet hours count as much."""
    hours = hours_of(bars.hourly)
    usual = [model.season[phase] for phase in hours.phase]
    squared = sum(x / s for x, s in zip(hours.squared, usual, strict=True))
    spread = sum(x / s for x, s in zip(hours.garman_klass, usual, strict=True))
    assert model.gap == pytest.approx(np.log(squared / spread), abs=2e-6)
    raw = np.log(hours.squared.sum() / hours.garman_klass.sum())
    assert abs(model.gap - raw) > 1e-4


def test_weekends_of_over_five_years_ago_say_nothing_of_todays():
    weekday = np.arange(PROFILE_DAYS + 700) % 7
    variance = np.where(weekday < 5, 3.0, 1.0)
    variance[:700] = np.where(weekday[:700] < 5, 1.0, 9.0)
    profile = weekday_profile(variance, weekday)
    assert profile[:5] == pytest.approx(21 / 17, rel=2e-3)
    assert profile[5:] == pytest.approx(7 / 17, rel=2e-3)


def test_too_few_bars_are_refused(bars):
    with pytest.raises(TooLittleHistory, match="8760 hourly"):
        fit_volatility(replace(bars, hourly=bars.hourly.take(slice(8_000))))
    with pytest.raises(TooLittleHistory, match="730 daily"):
        fit_volatility(replace(bars, daily=(bars.daily[0].take(slice(700)),)))
    still = np.full(HOURS, 100.0)
    flat = Bars(bars.hourly.time, still, still, still, still, still)
    with pytest.raises(TooLittleHistory, match="never move"):
        fit_volatility(replace(bars, hourly=flat))


def test_a_fit_goes_into_a_bundle_and_leaves_gold_alone(files, bundle):
    before = load_bundle(bundle)
    fitted = fit_and_judge(read_volatility_bars(files, CLOCK), CLOCK, judged=False)
    publish_volatility(bundle, fitted)
    after = load_bundle(bundle)
    assert before.volatility is None
    assert after.volatility.to_json() == fitted.model.to_json()
    assert after.metadata.version == before.metadata.version
    section = after.metadata.volatility
    assert section["version"].startswith("2024-04-03-")
    assert (section["trained_from"], section["trained_to"]) == ("2023-01-01", "2024-04-03")
    assert section["held_out"] is None
    kept = published_volatility(bundle)
    assert kept.section == section
    assert published_volatility(bundle.parent) is None


def test_no_bundle_to_put_it_in_is_said_before_anything_is_written(model, tmp_path):
    with pytest.raises(BundleMissing):
        publish_volatility(tmp_path / "none", FittedVolatility(model, {}))
    assert not (tmp_path / "none").exists()


def test_too_little_to_judge_on_gives_no_figures(files):
    found = read_volatility_bars(files, CLOCK)
    assert judge(found) is None  # 60 % of the hours are less than a year


def test_figures_are_those_of_a_model_that_saw_none_of_the_days(files, simulated_coin):
    long = simulated_coin(15_200, first="2022-06-01")
    days = simulated_coin(1_100, first="2020-06-01", daily=True)
    later = Bars(*(column.copy() for column in long.columns()))
    later.high[-6_000:] *= 1.5
    models, starts = [], []

    def evaluate(model, hourly, *, start, end, on_progress):
        models.append(model.to_json())
        starts.append((str(start), end, len(hourly.checked.bars)))
        return {"n": 7, "forecasts": [], "risk": {"reliability": [], "auc": 0.8}, "risk_1h": {}}

    for hourly in (long, later):
        found = read_volatility_bars(files, CLOCK)
        checked = replace(found.hourly.checked, bars=hourly)
        found = replace(
            found,
            bars=VolatilityBars(hourly, (days,)),
            hourly=replace(found.hourly, checked=checked),
        )
        assert judge(found, evaluate=evaluate) == {"n": 7, "risk": {"auc": 0.8}, "risk_1h": {}}
    assert starts == [("2023-06-16", None, 15_200)] * 2
    assert models[0] == models[1]


def command(files: VolatilityFiles, *arguments: object) -> list[str]:
    return [
        "fit-volatility",
        *("--btc-hourly", str(files.btc_hourly)),
        *("--btc-daily", str(files.btc_daily)),
        *("--eth-daily", str(files.eth_daily)),
        *map(str, arguments),
    ]


def test_the_command_prints_what_it_found_and_publishes(files, bundle, capsys):
    assert main(command(files, "--out", bundle)) == 0
    printed = capsys.readouterr().out
    assert "11000 rows, 11000 bars, 0 set aside" in printed
    assert "fitted on hours 2023-01-01 to 2024-04-03" in printed
    assert f"Published volatility {load_bundle(bundle).metadata.volatility['version']}" in printed


def test_without_files_the_raw_folder_is_taken(files, bundle, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ASSAY_DATA_DIR", str(tmp_path))
    assert main(["fit-volatility", "--out", str(bundle)]) == 2
    assert "btcusdt_1h.csv" in capsys.readouterr().err
    shutil.copytree(files.btc_hourly.parent, tmp_path / "raw")
    assert main(["fit-volatility", "--out", str(bundle)]) == 0


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda files, folder: command(files, "--out", folder / "none"), "no bundle"),
        (lambda files, folder: command(files, "--out", folder)[:3], "go together"),
        (
            lambda files, folder: command(
                replace(files, btc_hourly=files.btc_daily), "--out", folder / "processed"
            ),
            "another timeframe",
        ),
        (
            lambda files, folder: command(
                replace(files, eth_daily=folder / "absent.csv"), "--out", folder / "processed"
            ),
            "absent.csv",
        ),
    ],
)
def test_what_cannot_be_used_is_one_sentence_and_exit_2(
    files, bundle, tmp_path, capsys, spoil, said
):
    assert main(spoil(files, tmp_path)) == 2
    told = capsys.readouterr().err.strip().splitlines()
    assert len(told) == 1
    assert said in told[0]
    assert not (bundle / VOLATILITY).exists()


def test_a_bar_that_still_forms_is_left_out(files):
    during = FixedClock(datetime(2024, 4, 3, 5, 30, tzinfo=UTC))
    found = read_volatility_bars(files, during)
    assert found.bars.hourly.time[-1] == np.datetime64("2024-04-03T04", "ms")


@pytest.mark.real_data
@pytest.mark.skipif("ASSAY_REAL_DATA" not in os.environ, reason="ASSAY_REAL_DATA names no folder")
def test_the_published_model_is_what_the_real_bars_give():
    found = VolatilityFiles.within(Path(os.environ["ASSAY_REAL_DATA"]))
    bars = read_volatility_bars(found, CLOCK).bars
    published = load_bundle(PUBLISHED)
    fitted = fit_volatility(bars)
    # The recipe that was measured on later hours; docs/adr/0011.
    measured = [
        [0.156, 0.170, 0.295, 0.242], [0.145, 0.136, 0.215, 0.272], [0.126, 0.099, 0.155, 0.273],
    ]  # fmt: skip
    np.testing.assert_allclose(fitted.coefficients[-3:, [0, 3, 4, 5]], measured, rtol=0, atol=0.003)
    assert fitted.gap == pytest.approx(-0.134, abs=1e-3)
    np.testing.assert_allclose(
        fitted.coefficients, published.volatility.coefficients, rtol=0, atol=2e-6
    )
    np.testing.assert_allclose(fitted.season, published.volatility.season, rtol=0, atol=2e-6)
    assert published.metadata.volatility["trained_to"] == str(bars.hourly.last_session)
