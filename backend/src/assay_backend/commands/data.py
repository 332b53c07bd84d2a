"""`assay-data`: the bars that are kept. Fetches, imports, exports, lists and backs them up."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from assay_backend.commands import doubtful, fetch, listings, program, safekeeping, transfer
from assay_backend.commands.context import Context, from_environment

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
    groups = [each.add_commands for each in (fetch, transfer, listings, doubtful, safekeeping)]
    parser = program.command_line("assay-data", __doc__, _EXAMPLES, groups)
    return program.run(parser, argv, context)


if __name__ == "__main__":
    sys.exit(main())
