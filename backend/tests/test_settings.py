"""Settings: what they may be, and what is said when they are not."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from assay.market.keys import SeriesKey
from assay_backend.server import main
from assay_backend.settings import BadSettings, Settings, environment_name, load_settings, misspelt

ENV_EXAMPLE = Path(__file__).parents[2] / "env.example"


def names_and_defaults() -> dict[str, str]:
    found = {}
    for field, info in Settings.model_fields.items():
        default = info.default
        if isinstance(default, float):
            default = f"{default:g}"
        if isinstance(default, tuple):
            default = ",".join(
                item if isinstance(item, str) else ":".join(item) for item in default
            )
        found[environment_name(field, info)] = "" if default is None else str(default)
    return found


def listed_in_env_example() -> list[tuple[str, str]]:
    text = ENV_EXAMPLE.read_text(encoding="utf-8")
    section = re.search(r"^# --- Backend -+\n(.*?)(?=^# --- |\Z)", text, re.M | re.S)
    assert section
    return re.findall(r"^# ([A-Z0-9_]+)=(\S*)$", section[1], re.M)


def test_env_example_lists_every_setting_with_its_default() -> None:
    listed = listed_in_env_example()
    assert dict(listed) == names_and_defaults()
    assert len(listed) == len(dict(listed))


def test_the_defaults_need_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings()
    assert settings.market_source == "live"
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.sqlalchemy_url == "sqlite:///data/assay.db"
    assert settings.bundle_folder == Path("data/processed")
    monkeypatch.setenv("ASSAY_DATA_DIR", "/var/lib/assay")
    assert load_settings().sqlalchemy_url == "sqlite:////var/lib/assay/assay.db"


def test_an_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in names_and_defaults():
        monkeypatch.setenv(name, "")
    assert load_settings() == Settings()


def test_lists_are_words_between_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_CRYPTO_FAILOVER", "kraken, okx")
    monkeypatch.setenv("ASSAY_CRYPTO_WATCH", "kraken:BTC/USD:4h")
    settings = load_settings()
    assert settings.crypto_failover == ("kraken", "okx")
    assert settings.crypto_watch == (SeriesKey("kraken", "BTC/USD", "4h"),)
    monkeypatch.setenv("ASSAY_CRYPTO_WATCH", "none")
    assert load_settings().crypto_watch == ()


def test_they_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().port = 1  # type: ignore[misc]  # that is the point


def test_a_password_shows_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_DATABASE_URL", "postgresql://assay:hunter2@db/assay")
    settings = load_settings()
    assert isinstance(settings.database_url, SecretStr)
    assert "hunter2" not in repr(settings)
    assert "hunter2" in settings.sqlalchemy_url


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("PORT", "http", "integer"),
        ("PORT", "0", "greater than or equal to 1"),
        ("PORT", "65536", "less than or equal to 65535"),
        ("ASSAY_MARKET_SOURCE", "yahoo", "'live', 'auto', 'replay' or 'simulated'"),
        ("ASSAY_LOG_LEVEL", "loud", "'info'"),
        ("ASSAY_UPSTREAM_DEADLINE_SECONDS", "0", "greater than 0"),
        ("ASSAY_UPSTREAM_DEADLINE_SECONDS", "nan", "finite"),
        ("ASSAY_BUNDLE_CHECK_SECONDS", "soon", "number"),
        ("ASSAY_CRYPTO_EXCHANGES", "mtgox", "there are binance"),
        ("ASSAY_CRYPTO_FAILOVER", "../", "there are binance"),
        ("ASSAY_CRYPTO_WATCH", "BTCUSDT", "binance:BTC/USDT:1h"),
        ("ASSAY_CRYPTO_WATCH", "kraken:BTC/USD:3m", "no timeframe"),
        ("ASSAY_REGISTRY_CHECK_SECONDS", "0", "0.5"),
        ("ASSAY_MODEL_URI", "s3://bucket/bundle", "folder"),
        ("ASSAY_MODEL_URI", "models:/assay-gold", "models:/<name>@champion"),
        ("ASSAY_MODEL_URI", "models:/assay-gold/Production", "models:/<name>/<version>"),
        ("ASSAY_MODEL_URI", "models:/../../etc@champion", "models:/<name>@champion"),
        ("SCALER_PATH", "data/processed/scaler.joblib", "scaler.json"),
        ("FEATURE_COLS_PATH", "data/processed/scaler.json", "feature_columns.json"),
        ("MODEL_METADATA_PATH", "data/processed", "model_metadata.json"),
    ],
)
def test_a_bad_setting_is_named_with_its_value_and_what_it_should_be(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: str,
    wanted: str,
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BadSettings) as raised:
        load_settings()
    sentence = str(raised.value)
    assert sentence.startswith(name)
    assert repr(value) in sentence
    assert wanted in sentence
    assert main() == 2
    assert capsys.readouterr().err == f"{sentence}\n"


# What any text may be: a name, a path whose absence is told where it is used, or a secret.
TAKE_ANYTHING = {
    "ASSAY_HOST",
    "ASSAY_REPLAY_GOLD_CSV",
    "ASSAY_REPLAY_SP500_CSV",
    "ASSAY_DATA_DIR",
    "ASSAY_CANARY_URI",
    "ASSAY_ADMIN_KEY",
    "ASSAY_GIT_COMMIT",
    "ASSAY_BUILD_TIME",
    # the registry's own, and what is wrong with them is known when it is asked
    "MLFLOW_TRACKING_URI",
    "MLFLOW_REGISTRY_URI",
    "DATABRICKS_HOST",
    "DATABRICKS_TOKEN",
}
WRONG = {
    "PORT": "http",
    "ASSAY_LOG_LEVEL": "loud",
    "ASSAY_LOG_FORMAT": "xml",
    "ASSAY_TRUSTED_PROXIES": "a proxy",
    "ASSAY_MARKET_SOURCE": "yahoo",
    "ASSAY_REPLAY_CRYPTO_CSV": "bars.csv",
    "ASSAY_CRYPTO_EXCHANGES": "mtgox",
    "ASSAY_CRYPTO_FAILOVER": "mtgox",
    "ASSAY_CRYPTO_WATCH": "BTC",
    "ASSAY_UPSTREAM_DEADLINE_SECONDS": "soon",
    "ASSAY_FIRST_BARS_PATIENCE_SECONDS": "-1",
    "ASSAY_DATABASE_URL": "mysql://localhost",
    "ASSAY_MODEL_URI": "s3://bucket",
    "ASSAY_BUNDLE_CHECK_SECONDS": "0",
    "ASSAY_REGISTRY_CHECK_SECONDS": "0",
    "ASSAY_CANARY_SHARE": "2",
    "SCALER_PATH": "scaler.joblib",
    "FEATURE_COLS_PATH": "columns.txt",
    "MODEL_METADATA_PATH": "model.json",
}


def test_every_setting_is_checked_or_may_be_anything() -> None:
    assert WRONG.keys() | TAKE_ANYTHING == names_and_defaults().keys()
    assert not WRONG.keys() & TAKE_ANYTHING


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_value_is_named_with_its_setting(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, WRONG[name])
    with pytest.raises(BadSettings, match=name):
        load_settings()


def test_what_is_wrong_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once = {name: WRONG[name] for name in ("PORT", "ASSAY_CRYPTO_WATCH", "ASSAY_DATABASE_URL")}
    for name, value in at_once.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(BadSettings) as raised:
        load_settings()
    assert {line.split()[0] for line in str(raised.value).splitlines()} == set(at_once)


def test_a_busy_port_is_named_before_anything_is_loaded(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("PORT", str(taken.getsockname()[1]))
        assert main() == 2
    assert re.fullmatch(r"PORT is \d+, which is in use at 127.0.0.1: .*\n", capsys.readouterr().err)
    monkeypatch.setenv("ASSAY_HOST", "192.0.2.1")
    assert main() == 2
    assert capsys.readouterr().err.startswith("ASSAY_HOST is '192.0.2.1': it should be")


@pytest.mark.parametrize("missing", ["ASSAY_REPLAY_GOLD_CSV", "ASSAY_REPLAY_SP500_CSV"])
@pytest.mark.parametrize("value", [None, "/nowhere/bars.csv"])
def test_replay_needs_both_files(
    monkeypatch: pytest.MonkeyPatch, missing: str, value: str | None
) -> None:
    monkeypatch.setenv("ASSAY_MARKET_SOURCE", "replay")
    for name in ("ASSAY_REPLAY_GOLD_CSV", "ASSAY_REPLAY_SP500_CSV"):
        monkeypatch.setenv(name, __file__)
    monkeypatch.setenv(missing, value or "")
    with pytest.raises(BadSettings, match=missing):
        load_settings()


def test_a_replay_file_that_holds_no_bars_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ASSAY_MARKET_SOURCE", "replay")
    monkeypatch.setenv("ASSAY_REPLAY_GOLD_CSV", __file__)
    monkeypatch.setenv("ASSAY_REPLAY_SP500_CSV", __file__)
    assert main() == 2
    assert __file__ in capsys.readouterr().err


def test_the_ancestors_names_name_the_bundle(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("SCALER_PATH", str(folder / "scaler.json"))
    monkeypatch.setenv("FEATURE_COLS_PATH", str(folder / "feature_columns.json"))
    monkeypatch.setenv("MODEL_METADATA_PATH", str(folder / "model_metadata.json"))
    assert load_settings().bundle_folder == folder
    monkeypatch.setenv("ASSAY_MODEL_URI", f"{folder}/../{folder.name}")
    assert load_settings().bundle_folder == folder


@pytest.mark.parametrize("name", ["FEATURE_COLS_PATH", "ASSAY_MODEL_URI"])
def test_names_of_two_bundles_are_refused(
    monkeypatch: pytest.MonkeyPatch, folder: Path, name: str
) -> None:
    other = folder.parent / "other"
    monkeypatch.setenv("SCALER_PATH", str(folder / "scaler.json"))
    path = other if name == "ASSAY_MODEL_URI" else other / "feature_columns.json"
    monkeypatch.setenv(name, str(path))
    with pytest.raises(BadSettings, match=name):
        load_settings()


def test_the_process_ends_with_2_and_a_sentence() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "assay_backend"],
        env=os.environ | {"PORT": "http", "ASSAY_MARKET_SOURCE": "yahoo"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 2
    assert [line.split()[0] for line in ended.stderr.splitlines()] == [
        "PORT",
        "ASSAY_MARKET_SOURCE",
    ]


def test_a_misspelt_setting_is_known_by_the_one_it_nearly_is():
    names = ["ASSAY_MARKT_SOURCE", "ASSAY_ADMINKEY", "ASSAY_LOG_LEVEL", "ASSAY_DASHBOARD_COINS"]
    assert misspelt([*names, "PROT", "HOME"]) == {
        "ASSAY_MARKT_SOURCE": "ASSAY_MARKET_SOURCE",
        "ASSAY_ADMINKEY": "ASSAY_ADMIN_KEY",
    }
