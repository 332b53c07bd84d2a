"""The folders that are staged into: the former go once the new are complete, others never."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from space_dockerfile import MADE, copied

ALWAYS = {"README.md", "Dockerfile", "build.json", "requirements.txt", "wheels"}


class CannotStage(Exception):
    """Why a Space cannot be staged, as the one sentence a person reads."""


@contextmanager
def filled_anew(out: Path, names: Sequence[str]) -> Iterator[Path]:
    """A folder to make `names` in, which then take their places in `out` together.

    Raises CannotStage, before anything is changed, where a place holds what was not staged.
    """
    try:
        for name in names:
            _require_replaceable(out / name)
        out.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".staging-", dir=out) as beside:
            yield Path(beside)
            _swap(Path(beside), out, names)
    except OSError as error:
        raise CannotStage(f"{out} cannot be staged into: {error}.") from error


def _require_replaceable(folder: Path) -> None:
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        held = "is no folder"
    elif folder.is_dir() and (foreign := _foreign(folder)):
        held = f"holds {min(foreign)}, which was not staged there"
    else:
        return
    raise CannotStage(f"{folder} {held}: move it away, or name another folder with --out.")


def _foreign(folder: Path) -> set[str]:
    """What no staging put there: all of it, unless both marks of one are there."""
    found = {path.name for path in folder.iterdir()}
    try:
        dockerfile = (folder / "Dockerfile").read_text(encoding="utf-8")
    except (OSError, ValueError):
        dockerfile = ""
    if not (dockerfile.startswith(MADE) and "build.json" in found):
        return found
    return found - ALWAYS - {Path(source).parts[0] for source in copied(dockerfile)}


def _swap(made: Path, out: Path, names: Sequence[str]) -> None:
    """All of them or none."""
    with ExitStack() as undo:
        for name in names:
            place, former = out / name, made / f"former-{name}"
            if place.exists():
                place.rename(former)
                undo.callback(former.rename, place)
            (made / name).rename(place)
            undo.callback(place.rename, made / name)
        undo.pop_all()
