"""Former champions are kept, and can come back; who changed what, and why, is on record."""

from __future__ import annotations

import json
import os
import shutil
import threading
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from assay.bundle import versions as on_disk
from assay.bundle.files import METADATA, load_bundle, write_bundle
from assay.bundle.manifest import MANIFEST
from assay.bundle.promotion import history, promote, rollback, rollback_target, versions
from assay.bundle.versions import HISTORY, MOST_KEPT, VERSIONS, kept_folders
from assay.clock import FixedClock
from assay.errors import BundleCorrupt, BundleMissing, NoEarlierVersion, UnknownVersion
from small_bundle import contents

CLOCK = FixedClock(datetime(2026, 11, 26, 12, tzinfo=UTC))
WHO = {"by": "ada", "why": "a test", "clock": CLOCK}


@pytest.fixture
def folder(tmp_path):
    """0.25, replaced by 0.5, replaced by 0.75."""
    for scale in (0.25, 0.5, 0.75):
        write_bundle(tmp_path / "processed", contents(scale, verdict=f"{scale} passed"))
    return tmp_path / "processed"


def served(folder):
    return load_bundle(folder).metadata.version


def names(folder):
    return [(each.champion.version, each.serves) for each in versions(folder)]


def test_what_was_replaced_is_kept_the_newest_first(folder):
    assert names(folder) == [("test-0.75", True), ("test-0.5", False), ("test-0.25", False)]
    for each in versions(folder):
        assert load_bundle(each.folder).digest == each.champion.digest


def test_a_promoted_challenger_is_on_trial_no_more_and_can_be_rolled_back(folder, tmp_path):
    trial = tmp_path / "challenger"
    for scale in (0.8, 0.9):
        write_bundle(trial, contents(scale, verdict=f"{scale} passed"))
    digest = load_bundle(trial).digest
    change = promote(folder, "test-0.9", challenger=trial, **WHO)
    assert (change.action, change.digest, change.replaced_version) == (
        "promote",
        digest,
        "test-0.75",
    )
    assert load_bundle(folder).digest == digest
    with pytest.raises(BundleMissing):
        load_bundle(trial)
    assert [path.name for path in trial.iterdir()] == [VERSIONS]
    rollback(folder, **WHO)
    assert (served(folder), names(folder)[1]) == ("test-0.75", ("test-0.9", False))
    assert [name for name, _ in names(folder)].count("test-0.9") == 1


def test_a_challenger_stays_on_trial_while_another_is_promoted(folder, tmp_path):
    trial = tmp_path / "challenger"
    write_bundle(trial, contents(0.9))
    promote(folder, "test-0.5", challenger=trial, **WHO)
    assert (served(folder), served(trial)) == ("test-0.5", "test-0.9")
    with pytest.raises(UnknownVersion) as caught:
        promote(folder, "test-7", challenger=trial, **WHO)
    assert caught.value.fields["kept"] == ["test-0.75", "test-0.25", "test-0.9"]


@pytest.mark.parametrize("exists", [True, False])
def test_where_no_challenger_is_there_is_none_to_promote(folder, tmp_path, exists):
    trial = tmp_path / "challenger"
    if exists:
        trial.mkdir()
    with pytest.raises(UnknownVersion):
        promote(folder, "test-0.9", challenger=trial, **WHO)
    assert promote(folder, "test-0.25", challenger=trial, **WHO).version == "test-0.25"


def test_a_challenger_that_was_changed_is_not_promoted(folder, tmp_path):
    trial = tmp_path / "challenger"
    write_bundle(trial, contents(0.9))
    (trial / METADATA).write_bytes(b"{}")
    with pytest.raises(UnknownVersion):
        promote(folder, "test-0.9", challenger=trial, **WHO)
    assert served(folder) == "test-0.75"


def test_the_history_says_who_when_and_why(folder):
    told = [(c.action, c.version, c.replaced_version, c.by, c.at, c.why) for c in history(folder)]
    made = "2025-04-16T00:00:00Z"
    assert told == [
        ("publish", "test-0.25", None, "assay-train", made, "0.25 passed"),
        ("publish", "test-0.5", "test-0.25", "assay-train", made, "0.5 passed"),
        ("publish", "test-0.75", "test-0.5", "assay-train", made, "0.75 passed"),
    ]
    rollback(folder, **WHO)
    newest = history(folder)[-1]
    assert (newest.action, newest.version, newest.by, newest.why, newest.at) == (
        "rollback", "test-0.5", "ada", "a test", "2026-11-26T12:00:00Z",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("section", "why"),
    [
        ({"version": "v2", "created_at": "2025-05-01T00:00:00Z"}, "volatility model v2 took its"),
        ({"version": "v1", "created_at": "2025-05-01T00:00:00Z"}, "the same models"),
    ],
)
def test_a_bundle_with_golds_model_unchanged_says_so(tmp_path, section, why):
    for told in ({"version": "v1", "created_at": "2025-04-20T00:00:00Z"}, section):
        files = contents(verdict="0.25 passed")
        metadata = json.loads(files[METADATA]) | {"volatility": told}
        write_bundle(tmp_path, files | {METADATA: json.dumps(metadata).encode()})
    first, second = history(tmp_path)
    assert (first.why, first.at) == ("0.25 passed", "2025-04-16T00:00:00Z")
    assert second.why.startswith(why)
    assert (second.at, second.version) == ("2025-05-01T00:00:00Z", first.version)


def test_a_first_champion_leaves_nothing_beside_it_and_has_a_history_of_one(tmp_path):
    write_bundle(tmp_path, contents(verdict="the first"))
    assert not (tmp_path / VERSIONS).exists()
    (only,) = history(tmp_path)
    assert (only.action, only.why, only.replaced) == ("publish", "the first", None)
    assert rollback_target(tmp_path) is None


def test_the_same_bundle_again_is_no_change(folder):
    before = history(folder)
    write_bundle(folder, contents(0.75, verdict="0.75 passed"))
    assert history(folder) == before


def test_each_rollback_goes_one_further_back(folder):
    assert rollback(folder, **WHO).version == served(folder) == "test-0.5"
    assert rollback(folder, **WHO).version == served(folder) == "test-0.25"
    with pytest.raises(NoEarlierVersion):
        rollback(folder, **WHO)
    assert served(folder) == "test-0.25"


def test_a_rollback_after_a_promotion_undoes_the_promotion(folder):
    promote(folder, "test-0.25", **WHO)
    assert served(folder) == "test-0.25"
    assert rollback(folder, **WHO).version == "test-0.75"
    assert rollback(folder, **WHO).version == "test-0.5"


def test_a_promotion_by_digest(folder):
    digest = versions(folder)[2].champion.digest
    assert promote(folder, digest[:8], **WHO).digest == load_bundle(folder).digest == digest


@pytest.mark.parametrize("version", ["test-9", "", "test-0.7", "../processed", "0" * 7])
def test_an_unknown_version_is_refused_and_the_kept_ones_named(folder, version):
    with pytest.raises(UnknownVersion, match=r"kept are test-0\.5, test-0\.25") as caught:
        promote(folder, version, **WHO)
    assert caught.value.fields["kept"] == ["test-0.5", "test-0.25"]
    assert served(folder) == "test-0.75"


def test_the_champion_cannot_be_promoted_again(folder):
    with pytest.raises(UnknownVersion, match="is the champion already"):
        promote(folder, "test-0.75", **WHO)


def test_a_kept_bundle_that_was_tampered_with_is_refused(folder):
    place = rollback_target(folder)
    (place / "scaler.json").write_bytes(b"{}")
    with pytest.raises(BundleCorrupt, match=r"scaler\.json"):
        rollback(folder, **WHO)
    assert served(folder) == "test-0.75"
    assert len(history(folder)) == 3


def test_one_that_fails_its_proof_is_refused(folder):
    def prove(bundle):
        raise BundleCorrupt(f"{bundle.metadata.version} cannot forecast", path="x")

    with pytest.raises(BundleCorrupt, match=r"test-0\.5 cannot forecast"):
        rollback(folder, prove=prove, **WHO)
    assert served(folder) == "test-0.75"


def test_a_bounded_number_is_kept_and_the_one_to_go_back_to_is_among_them(folder):
    for n in range(2 * MOST_KEPT):
        write_bundle(folder, contents(1.0 + n))
    assert len(kept_folders(folder)) == MOST_KEPT
    newest = 2 * MOST_KEPT
    assert names(folder)[1:] == [(f"test-{newest - k:.1f}", False) for k in range(1, 1 + MOST_KEPT)]
    assert rollback(folder, **WHO).version == f"test-{newest - 1:.1f}"
    assert len(history(folder)) == 3 + 2 * MOST_KEPT + 1


def test_a_version_that_is_gone_is_stepped_over(folder):
    shutil.rmtree(rollback_target(folder))
    assert rollback(folder, **WHO).version == "test-0.25"


def test_a_corrupt_champion_is_not_kept_but_replaced(folder):
    (folder / "scaler.json").write_bytes(b"{}")
    write_bundle(folder, contents(1.0))
    assert served(folder) == "test-1.0"
    assert "test-0.75" not in [name for name, _ in names(folder)]


def spoil_a_file(folder):
    (folder / "model.onnx").write_bytes(b"half")


def cut_the_manifest(folder):
    (folder / MANIFEST).write_bytes((folder / MANIFEST).read_bytes()[:40])


def put_another_format(folder):
    body = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(body | {"format_version": 99}))


def lose_the_manifest(folder):
    (folder / MANIFEST).unlink()


DAMAGES = [spoil_a_file, cut_the_manifest, put_another_format, lose_the_manifest]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_rollback_leads_away_from_a_champion_that_cannot_be_read(folder, damage):
    damage(folder)
    change = rollback(folder, **WHO)
    assert (change.version, change.replaced) == ("test-0.5", None)
    assert served(folder) == "test-0.5"
    assert history(folder)[-1] == change
    assert rollback(folder, **WHO).version == "test-0.25"


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_promotion_does_too(folder, damage):
    damage(folder)
    assert promote(folder, "test-0.25", **WHO).version == served(folder) == "test-0.25"
    with pytest.raises(UnknownVersion, match=r"kept are test-0\.5$"):
        promote(folder, "test-9", **WHO)


def test_what_a_killed_writer_left_of_a_bundle_that_cannot_be_read_is_cleared_away(folder):
    (folder / ".incoming").mkdir()
    (folder / ".incoming" / "model.onnx").write_bytes(b"half")
    cut_the_manifest(folder)
    assert rollback(folder, **WHO).version == "test-0.5"
    assert not (folder / ".incoming").exists()


def test_lines_that_are_none_and_fields_of_later_programs_are_left_alone(folder):
    path = folder / VERSIONS / HISTORY
    lines = path.read_text().splitlines()
    lines[0] = json.dumps(json.loads(lines[0]) | {"mood": "bright"})
    path.write_text("\n".join([*lines, "[]", '{"at": "2026', ""]))
    assert [c.version for c in history(folder)] == ["test-0.25", "test-0.5", "test-0.75"]


def test_a_writer_killed_before_its_history_leaves_the_change_told_by_the_bundle(
    folder, monkeypatch
):
    class Killed(BaseException):
        pass

    def killed(*_):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("assay.bundle.files.commit_history", killed)
        with pytest.raises(Killed):
            write_bundle(folder, contents(1.0, verdict="1.0 passed"))
    assert served(folder) == "test-1.0"
    assert [c.version for c in history(folder)][-2:] == ["test-0.75", "test-1.0"]
    assert rollback(folder, **WHO).version == "test-0.75"
    assert [c.version for c in history(folder)][-3:] == ["test-0.75", "test-1.0", "test-0.75"]


def test_what_a_killed_keeper_left_is_cleared_away(folder):
    leftover = folder / VERSIONS / ".incoming"
    leftover.mkdir()
    (leftover / MANIFEST).write_bytes(b"half")
    write_bundle(folder, contents(1.0))
    assert not leftover.exists()
    assert rollback(folder, **WHO).version == "test-0.75"


def test_there_is_nothing_to_change_without_a_bundle(tmp_path):
    with pytest.raises(BundleMissing):
        rollback(tmp_path, **WHO)
    assert versions(tmp_path) == ()
    assert history(tmp_path) == ()


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_cannot_be_written_is_an_oserror_and_nothing_changes(folder):
    folder.chmod(0o500)
    try:
        with pytest.raises(OSError):  # noqa: PT011 - whatever the system says
            rollback(folder, **WHO)
    finally:
        folder.chmod(0o700)
    assert served(folder) == "test-0.75"


def test_writers_take_turns(folder):
    """Each of many changes at once is on record, and none is lost."""
    threads = [
        threading.Thread(target=write_bundle, args=(folder, contents(2.0 + n))) for n in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told = history(folder)
    assert sorted(c.version for c in told[3:]) == sorted(f"test-{2.0 + n}" for n in range(6))
    assert all(a.digest == b.replaced for a, b in pairwise(told))
    assert told[-1].version == served(folder)
    assert on_disk.read_history(folder) == told
