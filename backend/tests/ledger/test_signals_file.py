"""The file of signals: in step with the ledger, whatever happened to it."""

from __future__ import annotations

import pytest

from assay.errors import StorageError
from assay_backend.services import signals_file as signals_file_module
from assay_backend.services.signals_file import SignalsFile
from numbered_signals import entry, lines
from small_ledger import tamper


@pytest.fixture
def five(record, path):
    record(1, 2, 3, 4, 5)
    return path.read_bytes()


FILES = {
    "in step": (lambda whole: whole, 0),
    "lost": (lambda whole: None, 0),
    "empty": (lambda whole: b"", 0),
    "a torn last line": (lambda whole: whole[:-7], 0),
    "the last newline missing": (lambda whole: whole[:-1], 0),
    "a torn line before missing ones": (lambda whole: whole[: len(whole) // 2 + 5], 0),
    "missing lines": (lambda whole: b"".join(whole.splitlines(True)[:2]), 0),
    "only a torn line": (lambda whole: whole[:3], 0),
    "an extra line": (lambda whole: whole + b"{}\n", 1),
    "an extra piece": (lambda whole: whole + b'{"sig', 1),
    "a changed last line": (lambda whole: whole[:-4] + b"9}}\n", 1),
    "a changed first line": (lambda whole: b"[" + whole[1:], 1),
    "other lines": (lambda whole: b"these are notes\n", 1),
}


@pytest.mark.parametrize("name", FILES)
def test_whatever_happened_to_the_file_it_is_in_step_after_a_start(name, five, run, path):
    change, aside = FILES[name]
    found = change(five)
    if found is None:
        path.unlink()
    else:
        path.write_bytes(found)

    async def nothing(_):
        return None

    run(nothing)
    assert path.read_bytes() == five
    kept = list(path.parent.glob("signals.jsonl.aside-*"))
    assert [each.read_bytes() for each in kept] == [found] * aside
    run(nothing)
    assert len(list(path.parent.glob("signals.jsonl.aside-*"))) == aside


@pytest.mark.parametrize("name", FILES)
def test_whatever_happens_to_the_file_it_is_in_step_after_the_next_signal(
    name, run, ledger, path, monkeypatch
):
    change, _ = FILES[name]

    async def in_between(service):
        for number in range(5):
            await service.append([entry(number)])
        found = change(path.read_bytes())
        path.unlink()
        if found is not None:
            path.write_bytes(found)
        await service.append([entry(7)])
        return found

    run(in_between)
    if not name.startswith("a changed"):  # of the same length: found at the next start
        assert path.read_bytes() == lines(ledger)


def test_a_file_in_step_is_trusted_by_its_end(five, ledger, path, monkeypatch):
    monkeypatch.setattr(signals_file_module, "COMPARED_ROWS", 2)
    changed = b"[" + five[1:]
    path.write_bytes(changed)
    SignalsFile(path).bring_in_step(ledger.extents()["signal"], ledger)
    assert path.read_bytes() == changed, "the first of five lines is not read"


def test_a_ledger_whose_end_was_cut_off_keeps_the_evidence(five, record, database, ledger, path):
    tamper(database.store(), "DELETE FROM ledger WHERE sequence > 3")
    record(6, 7)
    assert path.read_bytes() == lines(ledger)
    assert [row.sequence for row in ledger.rows()] == [1, 2, 3, 6, 7]
    (kept,) = path.parent.glob("signals.jsonl.aside-*")
    assert kept.read_bytes() == five
    assert ledger.verify().first_bad == 4


def test_a_file_that_another_process_holds_is_not_waited_for_for_ever(run, path, monkeypatch):
    monkeypatch.setattr(signals_file_module, "LOCK_SECONDS", 0.05)

    async def wait(service):
        await service.append([entry(1)])
        with (
            SignalsFile(path).locked(),
            pytest.raises(StorageError, match="another process"),
        ):
            await service.append([entry(2)])
        await service.append([entry(3)])

    run(wait)


@pytest.mark.parametrize("setting", ["ASSAY_DATA_DIR", ""])
def test_a_file_that_cannot_be_made_is_told_with_the_setting_that_names_it(tmp_path, setting):
    (tmp_path / "state").write_text("no folder")
    file = SignalsFile(tmp_path / "state" / "signals.jsonl", named_by=setting)
    with pytest.raises(StorageError) as raised, file.locked():
        pass
    said = f"{file.path}: File exists"
    assert raised.value.message == (f"{said} ({setting} says where it is)" if setting else said)
