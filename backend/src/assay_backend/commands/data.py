"""`assay-data`: the bars that are kept. Fetches, imports, exports, lists and backs them up."""

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
from assay_backend.commands import doubtful, fetch, listings, safekeeping, transfer
from assay_backend.commands.context import BadInput, Context, from_environment, say
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
_EXAMPLES = """\
It works on the service's database: ASSAY_DATABASE_URL, or assay.db in ASSAY_DATA_DIR (data).
Exit status: 0 done, 1 an exchange or the database failed, 2 bad input, 130 stopped.

examples:
  assay-data fetch
  assay-data fetch --exchange binance --symbol BTCUSDT --timeframe 1h --since 2023-01-01
  assay-data list
  assay-data gaps
  assay-data export --symbol GC=F --out gold.csv
  assay-data backup /backups/assay.db

`assay-data COMMAND --help` tells more about each.
"""


def main(
    argv: Sequence[str] | None = None, *, context: Callable[[], Context] = from_environment
) -> int:
    """Runs the command line and returns its exit status; see `assay-data --help`."""
    options = _parser().parse_args(argv)
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="assay-data",
        description=__doc__,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(stopped="stopped")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for group in (fetch, transfer, listings, doubtful, safekeeping):
        group.add_commands(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
