"""The environment, and the command line that follows from it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import assay_frontend
from assay_frontend.__main__ import require_free_port, streamlit_command
from assay_frontend.settings import BadSetting, Settings, read_settings

SOURCE = Path(assay_frontend.__file__).parent


def flags_of(settings: Settings) -> dict[str, str]:
    command = streamlit_command(settings)
    start = next(i for i, part in enumerate(command) if part.startswith("--"))
    return dict(zip(command[start::2], command[start + 1 :: 2], strict=True))


def test_an_empty_environment_gives_the_defaults():
    assert read_settings({}) == Settings()
    assert read_settings({"PORT": "", "API_URL": ""}) == Settings()


def test_every_variable_is_read():
    settings = read_settings(
        {
            "API_URL": "https://owner-assay.hf.space/",
            "ASSAY_HOST": "0.0.0.0",
            "PORT": "7860",
            "SPACE_HOST": "owner-dashboard.hf.space",
            "ASSAY_HF_TOKEN": "hf_secret",
        }
    )
    assert settings.api_url == "https://owner-assay.hf.space"
    assert (settings.host, settings.port) == ("0.0.0.0", 7860)
    assert settings.hf_token == "hf_secret"
    assert "hf_secret" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ASSAY_DASHBOARD_REFRESH_SECONDS", "0"),
        ("PORT", "abc"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "²"),
        ("API_URL", "backend:8000"),
        ("ASSAY_LOG_LEVEL", "loud"),
        ("ASSAY_LOG_FORMAT", "xml"),
    ],
)
def test_a_bad_value_is_named_with_its_variable(name, value):
    with pytest.raises(BadSetting, match=rf"{name}.*{re.escape(repr(value))}"):
        read_settings({name: value})


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("ftp://ada:secret@backend:8000", "ftp://backend:8000"),
        ("ada:secret@backend:8000/", "backend:8000/"),
        ("//ada:secret@backend", "backend"),
        ("ftp://ada:sec/re@secret@backend", "ftp://backend"),
        ("http://ada:secret@", "http://"),
    ],
)
def test_a_login_in_a_bad_address_is_not_told(value, shown):
    with pytest.raises(BadSetting) as raised:
        read_settings({"API_URL": value})
    assert str(raised.value).endswith(f": {shown!r}")


def test_everything_that_is_wrong_is_told_at_once():
    wrong = {"PORT": "http", "API_URL": "x", "ASSAY_LOG_FORMAT": "xml", "ASSAY_HOST": "0.0.0.0"}
    with pytest.raises(BadSetting) as raised:
        read_settings(wrong)
    named = [sentence.split()[0] for sentence in str(raised.value).splitlines()]
    assert sorted(named) == ["API_URL", "ASSAY_LOG_FORMAT", "PORT"]


@pytest.mark.parametrize("host", ["192.0.2.1", "no host"])
def test_an_address_of_another_machine_is_named_with_its_variable(host):
    with pytest.raises(BadSetting, match=rf"ASSAY_HOST.*{host}"):
        require_free_port(Settings(host=host))


def test_a_bad_setting_ends_the_program_with_one_sentence():
    done = subprocess.run(
        [sys.executable, "-m", "assay_frontend"],
        env={**os.environ, "PORT": "http"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == "PORT must be a whole number from 1 to 65535: 'http'\n"


def test_the_server_is_private_and_asks_nobody_outside():
    flags = flags_of(Settings())
    assert flags["--server.address"] == "127.0.0.1"
    assert flags["--browser.gatherUsageStats"] == "false"
    assert flags["--logger.hideWelcomeMessage"] == "true"
    assert "--server.corsAllowedOrigins" not in flags


def test_in_a_space_its_own_address_is_an_allowed_origin():
    flags = flags_of(Settings(space_host="owner-dashboard.hf.space"))
    assert flags["--server.corsAllowedOrigins"] == "https://owner-dashboard.hf.space"
    assert flags["--browser.serverAddress"] == "owner-dashboard.hf.space"
    assert "--server.enableCORS" not in flags
    assert "--server.enableXsrfProtection" not in flags


def test_only_the_settings_read_the_environment():
    readers = [
        path.name
        for path in SOURCE.rglob("*.py")
        if re.search(r"environ|getenv", path.read_text(encoding="utf-8"))
    ]
    assert readers == ["settings.py"]


def test_the_watched_coins_are_named_with_their_exchanges():
    settings = read_settings({"ASSAY_DASHBOARD_COINS": " btc/usdt, Kraken:ETH/USD,btc/usdt ,"})
    assert [(c.exchange, c.symbol) for c in settings.watched] == [
        ("binance", "BTC/USDT"),
        ("kraken", "ETH/USD"),
    ]


@pytest.mark.parametrize(
    "value", ["nowhere:BTC/USD", "BTC USDT", "kraken:", ",".join("ABCDEFGHI"), "<b>"]
)
def test_coins_that_cannot_be_watched_are_refused(value):
    with pytest.raises(BadSetting, match="ASSAY_DASHBOARD_COINS"):
        read_settings({"ASSAY_DASHBOARD_COINS": value})
