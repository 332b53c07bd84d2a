"""The report of a command as a JSON file: written whole, or refused before the work."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from assay_training.whole_file import write_text


class BadInput(Exception):
    """An argument that parsed but cannot be meant."""


def check_writable(path: Path) -> None:
    """Fails before the work, not after it, and leaves no trace."""
    try:
        if path.exists() and not path.is_file():
            raise BadInput(f"--json {path} is no file that can be replaced")
        folder = next(folder for folder in path.absolute().parents if folder.exists())
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise _unwritable(path, error) from error


def write_json(path: Path, report: dict[str, Any]) -> None:
    """Whole or not at all."""
    text = json.dumps(report, allow_nan=False, indent=1) + "\n"
    try:
        write_text(path, text)
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> BadInput:
    return BadInput(f"--json {path} cannot be written: {error.strerror or error}")
