"""A bundle that another user made for himself alone: who has to be able to read it, and how."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from assay.bundle.files import load_bundle, write_bundle
from assay.bundle.manifest import MANIFEST
from assay.errors import BundleMissing
from small_bundle import contents

STRANGER = 12345
FOLDER = Path("data/processed")


@contextmanager
def somebody() -> Iterator[int]:
    """An ordinary user: whoever runs the tests, or a stranger where that is root."""
    if os.geteuid() != 0:
        yield os.geteuid()
        return
    os.setresuid(STRANGER, STRANGER, 0)
    try:
        yield STRANGER
    finally:
        os.setresuid(0, 0, 0)


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """In the working folder, as it is where the services run."""
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    write_bundle(FOLDER, contents())
    for path in (FOLDER.parent, FOLDER):
        path.chmod(0o755)
    yield FOLDER
    for path in (FOLDER.parent, FOLDER):
        path.chmod(0o755)


def refusal(bundle: Path) -> str:
    with somebody() as user, pytest.raises(BundleMissing) as caught:
        load_bundle(bundle)
    return str(caught.value).replace(f"user {user} ", "user N ")


@pytest.mark.parametrize("name", [MANIFEST, "scaler.json"])
def test_a_file_that_is_anothers(bundle: Path, name: str) -> None:
    (bundle / name).chmod(0)
    assert refusal(bundle).removeprefix("no bundle: ") == (
        f"data/processed/{name} cannot be read (Permission denied); user N has to be able to read"
        " it: chmod -R a+rX data/processed"
    )


@pytest.mark.parametrize(
    ("closed", "remedy"),
    [
        ("data/processed", "chmod -R a+rX data/processed"),
        ("data", "chmod a+x data && chmod -R a+rX data/processed"),
    ],
)
def test_a_folder_that_is_anothers(bundle: Path, closed: str, remedy: str) -> None:
    Path(closed).chmod(0)
    assert refusal(bundle).endswith(f" user N has to be able to read it: {remedy}")


def test_what_is_not_there_asks_for_no_rights(bundle: Path) -> None:
    (bundle / MANIFEST).unlink()
    assert refusal(bundle).endswith("manifest.json cannot be read (No such file or directory)")
