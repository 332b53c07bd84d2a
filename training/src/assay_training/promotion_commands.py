"""`assay-train promote VERSION`, `rollback` and `history`: the champion, changed by hand."""

from __future__ import annotations

import argparse
import getpass
from pathlib import Path

from assay.clock import SystemClock

DEFAULT_BUNDLE = Path("data/processed")
NO_REASON = "no reason was given"
EXIT_OK = 0


def add_promotion_commands(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
) -> None:
    promote = commands.add_parser(
        "promote", help="make a former version, or the challenger, the champion"
    )
    promote.add_argument("version", metavar="VERSION", help="or the first 8 digits of its digest")
    promote.add_argument(
        "--challenger", type=Path, metavar="DIR", help="default: challenger, beside the bundle"
    )
    _add_who(promote)
    promote.set_defaults(run=_promote)
    rollback = commands.add_parser("rollback", help="go back to the champion before this one")
    _add_who(rollback)
    rollback.set_defaults(run=_rollback)
    history = commands.add_parser("history", help="who replaced which champion, when and why")
    history.add_argument("--bundle", type=Path, default=DEFAULT_BUNDLE, metavar="DIR")
    history.set_defaults(run=_history)


def _add_who(command: argparse.ArgumentParser) -> None:
    command.add_argument("--bundle", type=Path, default=DEFAULT_BUNDLE, metavar="DIR")
    command.add_argument("--why", default=NO_REASON, metavar="TEXT", help="for the history")
    command.add_argument("--by", metavar="NAME", help="for the history; default: who you are here")


def _who(options: argparse.Namespace) -> str:
    if options.by:
        return str(options.by)
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name; which error, Python decides
        return "unknown"


def _promote(options: argparse.Namespace) -> int:
    from assay.bundle.promotion import promote

    change = promote(
        options.bundle,
        options.version,
        by=_who(options),
        why=options.why,
        clock=SystemClock(),
        challenger=options.challenger or options.bundle.parent / "challenger",
    )
    print(f"Promoted {change.version} ({change.digest[:8]}), replaced {change.replaced_version}")
    tell_registry(options.bundle, change.version)
    return EXIT_OK


def _rollback(options: argparse.Namespace) -> int:
    from assay.bundle.promotion import rollback

    change = rollback(options.bundle, by=_who(options), why=options.why, clock=SystemClock())
    print(
        f"Rolled back to {change.version} ({change.digest[:8]}), replaced {change.replaced_version}"
    )
    tell_registry(options.bundle, change.version)
    return EXIT_OK


def tell_registry(bundle: Path, version: str) -> None:
    """Has those follow who take the champion from MLflow, and prints what came of it."""
    from assay_training.tracking import keep_in_step

    said = keep_in_step(bundle, version=version)
    if said is not None:
        print(said)


def _history(options: argparse.Namespace) -> int:
    from assay.bundle.files import read_contents
    from assay.bundle.promotion import history, versions

    read_contents(options.bundle)  # says what is wrong where there is no bundle
    print(f"{'when':21}{'who':16}{'what':10}{'version':34}why")
    for change in history(options.bundle):
        when, version = change.at or "unknown", f"{change.version} ({change.digest[:8]})"
        print(f"{when:21}{change.by[:15]:16}{change.action:10}{version:34}{_one_line(change.why)}")
    print()
    for each in versions(options.bundle):
        what = "champion" if each.serves else "kept"
        print(f"{what:10}{each.champion.version} ({each.champion.digest[:8]})")
    return EXIT_OK


def _one_line(text: str) -> str:
    return " ".join(text.split())
