"""`assay-report`: the daily report into report.md and report.html, with or without a service.

Works on the service's own database and settings. It may run beside the service, and does what that
would do: asks for news, writes the forecast of gold into the ledger, scores what has come due. It
stores no signal.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import get_args
from urllib.parse import urlsplit

from assay.errors import AssayError
from assay_backend.commands.context import BadInput
from assay_backend.languages import LANGUAGES, USUAL, Language
from assay_backend.logs import log_to_stderr
from assay_backend.report.facts import gather
from assay_backend.services.background import kept_current
from assay_backend.services.container import Services, build_services
from assay_backend.services.report import MEDIA_TYPES, Form, rendered
from assay_backend.settings import BadSettings, load_settings

EXIT_DONE, EXIT_FAILED, EXIT_BAD_INPUT, EXIT_STOPPED = 0, 1, 2, 130

FILES: dict[Form, str] = {"markdown": "report.md", "html": "report.html"}
SERVICE_SECONDS = 60.0
LOOK_AGAIN_SECONDS = 0.05

# A proxy for the outside has no way back to this machine.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def from_environment() -> Services:
    """The services that the environment's settings name. Raises BadSettings or AssayError."""
    return build_services(load_settings())


def main(
    argv: Sequence[str] | None = None, *, services: Callable[[], Services] = from_environment
) -> int:
    """Runs the command line and returns its exit status; see `assay-report --help`."""
    options = _parser().parse_args(argv)
    log_to_stderr("warning")
    try:
        if options.service:
            texts = fetched(options.service, options.language)
        else:
            texts = asyncio.run(made(services(), options.language))
        for form, text in texts.items():
            print(_write(options.out / FILES[form], text))
    except (BadInput, BadSettings) as error:
        _say(str(error))
        return EXIT_BAD_INPUT
    except (AssayError, OSError) as error:
        _say(str(error))
        return EXIT_FAILED
    except KeyboardInterrupt:
        _say("stopped")
        return EXIT_STOPPED
    return EXIT_DONE


async def made(services: Services, language: Language) -> dict[Form, str]:
    """The report, once bars that are on their way have come or their time is up."""
    try:
        async with kept_current(services):
            await _bars_at_hand(services)
            await asyncio.to_thread(services.forecasts.refresh)
            await services.recorder.record()
            await services.scoring.keep_scored()
            return await rendered(await gather(services), language)
    finally:
        services.database.close()


def fetched(address: str, language: Language) -> dict[Form, str]:
    """The report of the service at `address`. Raises BadInput, or OSError where it gives none."""
    if urlsplit(address).scheme not in ("http", "https"):
        raise BadInput(f"--service {address!r} is no address: http://127.0.0.1:8000 is one")
    return {form: _ask(address, form, language) for form in get_args(Form)}


async def _bars_at_hand(services: Services) -> None:
    """Waits until nothing is overdue, at most as long as a first start waits for live bars."""
    try:
        async with asyncio.timeout(services.settings.first_bars_patience_seconds):
            while not _is_current(services):
                await asyncio.sleep(LOOK_AGAIN_SECONDS)
    except TimeoutError:
        return


def _is_current(services: Services) -> bool:
    watched = [series for series in services.crypto.status().series if series.pinned]
    awaited = len(services.settings.crypto_watch)
    if services.feed.next_due() <= services.clock.now() or len(watched) < awaited:
        return False
    return not any(series.stale for series in watched)


def _ask(address: str, form: Form, language: Language) -> str:
    request = urllib.request.Request(  # noqa: S310 - the scheme was looked at
        f"{address.rstrip('/')}/v1/report/daily",
        headers={"Accept": MEDIA_TYPES[form].partition(";")[0], "Accept-Language": language},
    )
    try:
        with _direct.open(request, timeout=SERVICE_SECONDS) as answer:
            body: bytes = answer.read()
    except (urllib.error.URLError, TimeoutError, http.client.HTTPException) as error:
        raise OSError(f"{address} gives no report: {error}") from error
    return body.decode()


def _write(path: Path, text: str) -> Path:
    """Replaces the file as a whole: whoever reads it meanwhile sees the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        new.write_text(text, encoding="utf-8")
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
    return path


def _say(text: str) -> None:
    sys.stderr.write(f"assay-report: {text}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="assay-report",
        description=__doc__,
        epilog="Exit status: 0 done, 1 failed, 2 bad input, 130 stopped.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--out", type=Path, default=Path(), metavar="FOLDER", help="where to (default: here)"
    )
    parser.add_argument(
        "--language", choices=LANGUAGES, default=USUAL, help=f"of the report (default: {USUAL})"
    )
    parser.add_argument(
        "--service", metavar="URL", help="take the report of this running service instead"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
