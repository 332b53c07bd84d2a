"""What all command lines share: how they end, and how they say why."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from assay.errors import (
    AssayError,
    InvalidBars,
    MalformedSymbol,
    UnknownExchange,
    UnknownSymbol,
    UnknownTimeframe,
)
from assay_backend.commands.arguments import Commands
from assay_backend.commands.context import BadInput, Context, say, speak_as
from assay_backend.settings import BadSettings

EXIT_DONE, EXIT_FAILED, EXIT_BAD_INPUT = 0, 1, 2
EXIT_STOPPED, EXIT_NOBODY_READS = 130, 141

_BAD_INPUT = (
    BadInput,
    BadSettings,
    InvalidBars,
    MalformedSymbol,
    UnknownExchange,
    UnknownSymbol,
    UnknownTimeframe,
)


def command_line(
    program: str,
    description: str | None,
    examples: str,
    groups: Sequence[Callable[[Commands], None]],
) -> argparse.ArgumentParser:
    """The parser of `program`, whose commands the groups add."""
    parser = argparse.ArgumentParser(
        prog=program,
        description=description,
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(stopped="stopped")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for add_commands in groups:
        add_commands(commands)
    return parser


def run(
    parser: argparse.ArgumentParser, argv: Sequence[str] | None, context: Callable[[], Context]
) -> int:
    """Carries out what was asked for, and returns the exit status."""
    options = parser.parse_args(argv)
    with speak_as(parser.prog):
        return _run(options, context)


def _run(options: argparse.Namespace, context: Callable[[], Context]) -> int:
    try:
        code: int = options.run(options, context())
        sys.stdout.flush()
    except _BAD_INPUT as error:
        say(str(error))
        return EXIT_BAD_INPUT
    except BrokenPipeError:  # as in `assay-data export ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_NOBODY_READS
    except (AssayError, OSError) as error:
        say(str(error))
        return EXIT_FAILED
    except KeyboardInterrupt:
        say(options.stopped)
        return EXIT_STOPPED
    return code
