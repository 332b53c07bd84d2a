"""The champion changed by hand: what a person types, and what is told."""

from __future__ import annotations

import pytest

from assay.bundle.files import load_bundle, write_bundle
from assay.bundle.promotion import history
from assay_training.cli import main
from small_bundle import contents


@pytest.fixture(autouse=True)
def _no_registry(tmp_path, monkeypatch):
    monkeypatch.setenv("ASSAY_DATA_DIR", str(tmp_path))
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "DATABRICKS_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def folder(tmp_path):
    for scale in (0.25, 0.5):
        write_bundle(tmp_path / "processed", contents(scale, verdict=f"{scale}\npassed"))
    return tmp_path / "processed"


def run(folder, *arguments):
    return main([*arguments, "--bundle", str(folder)])


def test_there_and_back_with_who_and_why_on_record(folder, capsys):
    assert run(folder, "rollback", "--why", "too narrow", "--by", "ada") == 0
    assert "Rolled back to test-0.25" in capsys.readouterr().out
    assert load_bundle(folder).metadata.version == "test-0.25"
    assert run(folder, "promote", "test-0.5", "--by", "bob") == 0
    assert "Promoted test-0.5" in capsys.readouterr().out
    told = [(c.action, c.version, c.by, c.why) for c in history(folder)[-2:]]
    assert told == [
        ("rollback", "test-0.25", "ada", "too narrow"),
        ("promote", "test-0.5", "bob", "no reason was given"),
    ]


def test_the_history_is_a_line_for_each_change(folder, capsys):
    run(folder, "rollback", "--by", "ada")
    capsys.readouterr()
    assert run(folder, "history") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[2] for line in lines[1:4]] == ["publish", "publish", "rollback"]
    assert lines[1].endswith("0.25 passed")
    assert lines[4:] == ["", *lines[5:]]
    assert [line.split()[:2] for line in lines[5:]] == [
        ["champion", "test-0.25"],
        ["kept", "test-0.5"],
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["promote", "test-7"], "no version 'test-7'; kept are test-0.25"),
        (["promote", "test-0.5"], "is the champion already"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_exit_2(folder, capsys, arguments, words):
    assert run(folder, *arguments) == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1


def test_the_challenger_beside_the_bundle_or_where_it_is_said_to_be(folder, capsys):
    for place, given, scale in (("challenger", (), 0.75), ("other", ("--challenger",), 0.8)):
        trial = folder.parent / place
        write_bundle(trial, contents(scale))
        given = (*given, str(trial)) if given else ()
        assert run(folder, "promote", f"test-{scale}", *given) == 0
        assert f"Promoted test-{scale}" in capsys.readouterr().out
        assert load_bundle(folder).metadata.version == f"test-{scale}"
        assert not (trial / "manifest.json").exists()


def test_no_earlier_version_is_told(folder, capsys):
    run(folder, "rollback")
    assert run(folder, "rollback") == 2
    assert "keeps no version that served before" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["rollback"], ["history"], ["promote", "x"]])
def test_without_a_bundle_the_file_is_named(tmp_path, capsys, command):
    assert run(tmp_path / "none", *command) == 2
    assert "manifest.json" in capsys.readouterr().err


def test_a_user_without_a_name_is_unknown(folder, monkeypatch):
    def nameless():
        raise OSError("no username")

    monkeypatch.setattr("getpass.getuser", nameless)
    assert run(folder, "rollback") == 0
    assert history(folder)[-1].by == "unknown"
