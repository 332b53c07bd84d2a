"""What start.sh reads in .env: data, never a program, and the same that Compose reads in it."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from started_script import StubDocker, assert_one_sentence, run


def test_the_env_file_is_data_and_the_environment_wins(clean_copy: Path) -> None:
    trace = clean_copy / "executed"
    (clean_copy / ".env").write_text(
        "# ports\n"
        f"EVIL=$(touch {trace})\n"
        'BACKEND_PORT="from the file"\r\n'
        "FRONTEND_PORT=18501 # a remark\n"
        f"touch {trace}\n"
    )
    refused = run(clean_copy, "--local", environment=dict(os.environ))
    assert 'BACKEND_PORT is "from the file"' in refused.stderr
    ours = os.environ | {"BACKEND_PORT": "18501"}
    assert "both 18501" in run(clean_copy, "--local", environment=ours).stderr
    assert not trace.exists()


# What Docker Compose 2.26 makes of the same line.
@pytest.mark.parametrize(
    ("line", "value"),
    [
        ('NAME="abc" # remark', "abc"),
        ("NAME='abc' # remark", "abc"),
        ("NAME='abc'#x", "abc"),
        ("export NAME=abc", "abc"),
        ("export\tNAME = 'a b'\r", "a b"),
        ("NAME = abc", "abc"),
        ("  NAME: abc  ", "abc"),
        ("NAME=a#b # remark", "a#b"),
        ("NAME=first\nNAME=second", "second"),
        ("\ufeffNAME=abc", "abc"),
        ("NAME=", ""),
        ('NAME=""', ""),
        ('NAME="\\"a\\" \\\\ \\t \\x \\$a"', '"a" \\ \t \\x $a'),
        ("NAME='it\\'s \\n $HOME'", "it's \\n $HOME"),
        ("NAME=\\n$$HOME$", "\\n$HOME$"),
        ("NAME=$(touch executed)`touch executed`", "$(touch executed)`touch executed`"),
        ('NAME="$(touch executed)"', "$(touch executed)"),
    ],
)
def test_a_line_of_the_env_file_means_what_it_means_to_compose(
    clean_copy: Path, docker: StubDocker, line: str, value: str
) -> None:
    (clean_copy / ".env").write_text(f"{line}\n", encoding="utf-8", newline="")
    ended = run(clean_copy, "stop", environment=docker.environment)
    assert ended.returncode == 0
    assert ended.stderr == ""
    assert docker.was_given()["NAME"] == value
    assert not (clean_copy / "executed").exists()


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("NAME", "NAME=value"),
        ("NAME s3cret", "NAME=value"),
        ("2NAME=s3cret", "NAME=value"),
        ('NAME="s3cret', "the closing quote"),
        ("NAME='s3cret\\'", "the closing quote"),
        ('NAME="s3cret" more', "the closing quote"),
        ("NAME=s3cret$HOME", "a value written out"),
        ('NAME="s3cret${HOME}"', "a value written out"),
    ],
)
def test_a_line_of_the_env_file_that_is_not_understood_is_told_by_its_number_alone(
    clean_copy: Path, docker: StubDocker, line: str, wanted: str
) -> None:
    (clean_copy / ".env").write_text(f"# remark\n\n{line}\nAFTER=wards\n")
    ended = run(clean_copy, "stop", environment=docker.environment)
    assert ended.returncode == 0
    assert_one_sentence(ended.stderr)
    assert ".env, line 3, is passed over: " in ended.stderr
    assert wanted in ended.stderr
    assert "s3cret" not in ended.stdout + ended.stderr
    assert "NAME" not in docker.was_given()
    assert docker.was_given()["AFTER"] == "wards"


def test_a_misspelt_setting_of_the_env_file_is_told(clean_copy: Path, docker: StubDocker) -> None:
    lines = ["ASSAY_LOG_LEVEL=debug", "ASSAY_MARKT_SOURCE=live", "ANOTHERS=own"]
    (clean_copy / ".env").write_text("\n".join(lines))
    ended = run(clean_copy, "stop", environment=docker.environment)
    assert ended.returncode == 0
    assert ended.stderr == (
        "start.sh: .env, line 2: no setting is called ASSAY_MARKT_SOURCE; env.example has all.\n"
    )


@pytest.mark.parametrize(
    "name",
    [
        "BACKEND_PROT",
        "FRONTEND_HOST",
        "GRAFANA_ADMIN_PASSWRD",
        "PROMETHEUS_PROT",
        "API_URI",
        "MLFLOW_TRACKING_URL",
        "MLFLOW_TRACKNG_URI",
        "MLFLOW_TRACKING_URRI",
        "PREFECT_PROT",
        "DATABRICKS_TOKE",
        "DATABRICKS_HOSTS",
    ],
)
def test_so_is_one_of_another_part(clean_copy: Path, docker: StubDocker, name: str) -> None:
    (clean_copy / ".env").write_text(f"# a remark\n{name}=1\n")
    ended = run(clean_copy, "stop", environment=docker.environment)
    assert ended.returncode == 0
    assert ended.stderr == (
        f"start.sh: .env, line 2: no setting is called {name}; env.example has all.\n"
    )


def test_what_is_a_products_own_is_left_to_it(clean_copy: Path, docker: StubDocker) -> None:
    env_example = (clean_copy / "env.example").read_text()
    ours = re.findall(r"^# ([A-Z_]+)=", env_example, re.MULTILINE)
    assert len(ours) > 40
    theirs = [
        "MLFLOW_TRACKING_TOKEN", "MLFLOW_HTTP_REQUEST_TIMEOUT", "PREFECT_API_KEY", "PREFECT_UI_URL",
        "PREFECT_LOGGING_LEVEL", "DATABRICKS_CLIENT_ID", "DATABRICKS_CONFIG_PROFILE",
        "PROMETHEUS_MULTIPROC_DIR", "PROMETHEUS_DISABLE_CREATED_SERIES", "GF_SERVER_ROOT_URL",
    ]  # fmt: skip
    lines = [
        f"{name}=1" for name in [*ours, *theirs] if name not in ("BACKEND_PORT", "FRONTEND_PORT")
    ]
    (clean_copy / ".env").write_text("\n".join(lines))
    ended = run(clean_copy, "stop", environment=docker.environment)
    assert (ended.returncode, ended.stderr) == (0, "")
