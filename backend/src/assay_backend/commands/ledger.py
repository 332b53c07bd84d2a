"""`assay-ledger`: what was said before its outcome was known. Checks, shows and exports it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any, get_args

from assay.errors import StorageError
from assay.store.ledger_chain import Fields
from assay.store.ledger_records import LedgerKind, LedgerRow, Verification
from assay.store.records import epoch_ms
from assay_backend.commands import program
from assay_backend.commands.arguments import Commands, add_command, add_json, file, positive
from assay_backend.commands.context import Context, from_environment, say
from assay_backend.commands.ledger_checks import FileCheck, Published, PublishedCheck, published
from assay_backend.commands.output import print_json, print_table, written_to
from assay_backend.commands.progress import Progress

SHOWN = 10

_EXAMPLES = """\
It works on the service's database: ASSAY_DATABASE_URL, or assay.db in ASSAY_DATA_DIR (data).
Exit status: 0 done, 1 the ledger is not what was written, or the database failed, 2 bad input.

examples:
  assay-ledger verify
  assay-ledger tail -n 3
  assay-ledger export --out ledger.jsonl

`assay-ledger COMMAND --help` tells more about each.
"""


def main(
    argv: Sequence[str] | None = None, *, context: Callable[[], Context] = from_environment
) -> int:
    """Runs the command line and returns its exit status; see `assay-ledger --help`."""
    parser = program.command_line("assay-ledger", __doc__, _EXAMPLES, [add_commands])
    return program.run(parser, argv, context)


def add_commands(commands: Commands) -> None:
    """Adds `verify`, `tail` and `export`."""
    verifying = add_command(
        commands,
        "verify",
        _verify,
        summary="recompute every hash, and compare with signals.jsonl",
        about="Recomputes the chain of hashes over every row and compares signals.jsonl with the "
        "ledger. Names the first row that is missing or not what the chain says, and exits with 1 "
        "then. Rows cut off the end, or a ledger rewritten as a whole, show against what was "
        "published before: give rows and head of /metrics or of a daily report by --published.",
        examples="  assay-ledger verify\n  assay-ledger verify --published 1041:9f0c1b6e... --json",
    )
    verifying.add_argument(
        "--published",
        type=published,
        metavar="ROWS:HEAD",
        help="rows and head as they were told earlier",
    )
    add_json(verifying)
    showing = add_command(
        commands,
        "tail",
        _tail,
        summary="the newest rows",
        about="Shows the newest rows, oldest first.",
        examples="  assay-ledger tail\n  assay-ledger tail -n 3 --kind signal --json",
    )
    showing.add_argument(
        "-n", type=positive, default=SHOWN, metavar="ROWS", help=f"how many ({SHOWN})"
    )
    _add_kind(showing)
    add_json(showing)
    exporting = add_command(
        commands,
        "export",
        _export,
        summary="write all rows as JSONL",
        about="Writes a line of JSON a row, oldest first, to FILE or to standard output: every "
        "field that is hashed, and the hashes. docs/adr/0012-ledger.md tells how they are made.",
        examples="  assay-ledger export --out ledger.jsonl\n  assay-ledger export --kind signal",
    )
    _add_kind(exporting)
    exporting.add_argument("--out", type=file, metavar="FILE", help="instead of standard output")
    exporting.set_defaults(stopped="stopped; no file was written")


def _add_kind(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--kind", choices=get_args(LedgerKind), help="only rows of this kind")


def _verify(options: argparse.Namespace, context: Context) -> int:
    head = PublishedCheck(options.published)
    with closing(FileCheck(context.settings.signals_file)) as lines:

        def each(page: list[Fields]) -> None:
            lines.follow(page)
            head.follow(page)

        with context.store(new=False) as store, Progress("verify", unit="rows") as progress:
            found = store.ledger.verify(progress.reached, each=each)
        lines.end()
    if options.json:
        print_json(_document(found, lines, head, options.published))
    else:
        _print_verdict(found, lines, head, options.published)
    fine = found.intact and lines.fault is None and head.fault is None
    return program.EXIT_DONE if fine else program.EXIT_FAILED


def _document(
    found: Verification, lines: FileCheck, head: PublishedCheck, asked: Published | None
) -> dict[str, Any]:
    return {
        "rows": found.rows,
        "head": found.head.hex(),
        "intact": found.intact,
        "first_bad": found.first_bad,
        "signals_file": {
            "path": str(lines.path),
            "lines": lines.lines,
            "missing": lines.missing,
            "fault": lines.fault,
        },
        "published": asked and {"rows": asked.rows, "head": asked.head, "fault": head.fault},
    }


def _print_verdict(
    found: Verification, lines: FileCheck, head: PublishedCheck, asked: Published | None
) -> None:
    intact = "intact" if found.intact else "NOT intact"
    print(f"{found.rows:,} rows, head {found.head.hex()}: {intact}")
    if not found.intact:
        print(f"row {found.first_bad} is missing, or not what the chain says")
    if lines.fault is not None:
        print(f"{lines.path}: {lines.fault}")
    elif lines.missing:
        print(
            f"{lines.path}: {lines.lines:,} lines as in the ledger, {lines.missing:,} to come; the "
            "service adds them when it starts"
        )
    else:
        print(f"{lines.path}: {lines.lines:,} lines, in step")
    if asked is not None:
        print(head.fault or f"row {asked.rows:,} is the head that was published")


def _tail(options: argparse.Namespace, context: Context) -> int:
    with context.store(new=False) as store:
        rows = store.ledger.tail(options.n, kind=options.kind)
    if options.json:
        print_json({"rows": [_shown(row) for row in rows]})
    elif rows:
        print_table(
            ("row", "created", "kind", "key", "subject", "source", "due", "hash"),
            [_cells(row) for row in rows],
        )
    else:
        say("nothing has been recorded yet")
    return program.EXIT_DONE


def _cells(row: LedgerRow) -> tuple[Any, ...]:
    entry = row.entry
    named = (entry.kind, entry.key, entry.subject, entry.source)
    return (row.sequence, row.created, *named, entry.due, row.hash.hex()[:16])


def _shown(row: LedgerRow) -> dict[str, Any]:
    entry = row.entry
    return {
        "sequence": row.sequence,
        "kind": entry.kind,
        "key": entry.key,
        "created": row.created,
        "origin": entry.origin,
        "due": entry.due,
        "subject": entry.subject,
        "source": entry.source,
        "payload": _payload(row),
        "previous_hash": row.previous_hash.hex(),
        "hash": row.hash.hex(),
    }


def _payload(row: LedgerRow) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(row.entry.payload)
    except ValueError as error:
        raise StorageError(f"Row {row.sequence} of the ledger holds no JSON: {error}") from error


def _export(options: argparse.Namespace, context: Context) -> int:
    with context.store(new=False) as store:
        counts = store.ledger.counts()
        total = counts.get(options.kind, 0) if options.kind else sum(counts.values())
        with written_to(options.out) as out, Progress("export", total=total, unit="rows") as done:
            for row in store.ledger.rows(kind=options.kind):
                out.write(_line(row))
                done.add(1)
    return program.EXIT_DONE


def _line(row: LedgerRow) -> bytes:
    """Every field as it is hashed; the payload as the text that it is."""
    entry = row.entry
    fields = {
        "sequence": row.sequence,
        "kind": entry.kind,
        "key": entry.key,
        "created_ms": epoch_ms(row.created),
        "origin_ms": epoch_ms(entry.origin),
        "due_ms": epoch_ms(entry.due),
        "subject": entry.subject,
        "source": entry.source,
        "payload": entry.payload.decode(),
        "previous_hash": row.previous_hash.hex(),
        "hash": row.hash.hex(),
    }
    return json.dumps(fields, ensure_ascii=False).encode() + b"\n"


if __name__ == "__main__":
    sys.exit(main())
