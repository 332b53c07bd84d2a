"""`backup` and `restore`: the whole database to one file, and back."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from assay.store.backup import backup, restore
from assay.store.engine import parse_url, sqlite_file
from assay_backend.commands.arguments import Commands, add_command, file
from assay_backend.commands.context import BadInput, Context
from assay_backend.commands.progress import Progress


def add_commands(commands: Commands) -> None:
    """Adds `backup` and `restore`."""
    saving = add_command(
        commands,
        "backup",
        _backup,
        summary="copy the whole database to one file, while the service runs",
        about="Copies the database, all of one moment, to FILE; the service may read and write it "
        "meanwhile. A file of that name is replaced once the copy is whole, checked and on "
        "disk. For SQLite; Postgres has pg_dump.",
        examples="  assay-data backup /backups/assay-2026-11-24.db",
    )
    saving.add_argument("file", type=file, metavar="FILE")
    saving.set_defaults(stopped="stopped; no backup was made")
    restoring = add_command(
        commands,
        "restore",
        _restore,
        summary="put a backup in the database's place; the service must be stopped",
        about="Checks the backup FILE and puts it in the place of the database. What was there "
        "stays beside it under another name. Refused while the service, or any other program, "
        "has the database open.",
        examples="  assay-data restore /backups/assay-2026-11-24.db\n"
        "  assay-data restore --yes /backups/assay-2026-11-24.db",
    )
    restoring.add_argument("file", type=file, metavar="FILE")
    restoring.add_argument("--yes", action="store_true", help="do not ask first")
    restoring.set_defaults(stopped="stopped; nothing was restored")


def _backup(options: argparse.Namespace, context: Context) -> int:
    to: Path = options.file
    if to.is_dir() or not to.absolute().parent.is_dir():
        what = "is a folder" if to.is_dir() else "is in a folder that does not exist"
        raise BadInput(f"FILE {to} {what}: name a file in a folder that is there")
    with Progress("backup", unit="pages") as progress:
        backup(context.settings.sqlalchemy_url, to, progress.reached)
    print(f"{to}: {to.stat().st_size:,} bytes, whole and checked")
    return 0


def _restore(options: argparse.Namespace, context: Context) -> int:
    frm: Path = options.file
    if not frm.is_file():
        raise BadInput(f"FILE {frm} is no file: name a backup that `assay-data backup` made")
    url = context.settings.sqlalchemy_url
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite" and not options.yes:
        database = sqlite_file(parsed)
        if database.exists() and not _agreed(database, frm):
            print("not restored, nothing has changed", file=sys.stderr)
            return 1
    with Progress("restore", unit="pages") as progress:
        beside = restore(url, frm, progress.reached)
    kept = f"; what was there is {beside}" if beside else ""
    print(f"{frm} is restored{kept}")
    return 0


def _agreed(database: Path, frm: Path) -> bool:
    sys.stderr.write(
        f"{database} will be replaced by {frm}; what is there stays beside it. Go on? [y/N] "
    )
    sys.stderr.flush()
    answer = sys.stdin.readline()
    if not answer:
        sys.stderr.write("\n")
        raise BadInput(f"restoring replaces {database}, and nobody is there to agree: say --yes")
    return answer.strip().lower() in ("y", "yes")
