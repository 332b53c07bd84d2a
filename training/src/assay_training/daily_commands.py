"""`assay-train daily`: the daily flow once; `assay-train serve`: every day, by a Prefect server."""

from __future__ import annotations

import argparse
import logging
import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from assay_training.json_file import BadInput
from assay_training.settings import TrainingSettings, load_settings

if TYPE_CHECKING:
    from assay_training.flows.daily import DailyOptions

DEFAULT_BUNDLE = Path("data/processed")
EXIT_OK, EXIT_FAILED = 0, 1
PREFECT_ANSWERS_SECONDS = 10.0


def add_daily_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    daily = commands.add_parser(
        "daily", help="ingest, score, look at the ledger, refit once a week, report"
    )
    _add_options(daily)
    daily.set_defaults(run=_daily)
    serve = commands.add_parser("serve", help="the same every day, by a Prefect server's schedule")
    _add_options(serve)
    serve.set_defaults(run=_serve)


def _add_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--gold", type=Path, metavar="CSV", help="new bars; default: from Yahoo")
    command.add_argument("--sp500", type=Path, metavar="CSV", help="new bars; default: from Yahoo")
    command.add_argument("--out", type=Path, default=DEFAULT_BUNDLE, metavar="DIR")
    command.add_argument("--quick", action="store_true", help="refit on fewer origins")


def _daily(options: argparse.Namespace) -> int:
    from assay_training.flows.daily import run_day, usual_surroundings

    logging.basicConfig(format="%(message)s")
    day = run_day(usual_surroundings(_asked(options), print), say=print)
    print(day.verdict)
    return EXIT_FAILED if day.failed else EXIT_OK


def _serve(options: argparse.Namespace) -> int:
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "INFO")  # read as the flows are imported
    settings, asked = load_settings(), _asked(options)
    from assay_training.flows.schedule import schedule_of, serve

    try:
        schedule = schedule_of(settings.daily_cron)
    except ValueError:
        raise BadInput(
            f"ASSAY_DAILY_CRON is {settings.daily_cron!r}: it should be a cron line in New York's "
            "time, such as 30 17 * * mon-fri"
        ) from None
    _check_prefect(settings)
    serve(asked, schedule)
    return EXIT_OK


def _asked(options: argparse.Namespace) -> DailyOptions:
    from assay_training.flows.daily import DailyOptions

    if (options.gold is None) != (options.sp500 is None):
        raise BadInput("--gold and --sp500 go together: name both files, or neither to download")
    return DailyOptions(
        gold_csv=options.gold, sp500_csv=options.sp500, out=options.out, quick=options.quick
    )


def _check_prefect(settings: TrainingSettings) -> None:
    """A server that keeps the schedule has to be there: one of its own would end with this."""
    address = settings.prefect_api_url
    wanted = "it should be the address of a Prefect server, such as http://127.0.0.1:4200/api"
    if address is None or not address.startswith(("http://", "https://")):
        raise BadInput(f"PREFECT_API_URL is {address or 'not set'}: {wanted}")
    try:
        with urllib.request.urlopen(  # noqa: S310 - the scheme was looked at
            f"{address.rstrip('/')}/health", timeout=PREFECT_ANSWERS_SECONDS
        ):
            return
    except (OSError, ValueError) as error:
        raise BadInput(
            f"PREFECT_API_URL is {address}, which does not answer ({error}): {wanted}"
        ) from None
