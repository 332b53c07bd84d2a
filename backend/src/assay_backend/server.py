"""The process: settings in, uvicorn until a signal ends it."""

from __future__ import annotations

import gc
import logging
import sys
import time

import uvicorn

from assay.errors import AssayError
from assay_backend.app import create_app
from assay_backend.services.container import build_services
from assay_backend.settings import BadSettings, load_settings

GRACE_SECONDS = 5

EXIT_BAD_SETTINGS = 2


def main() -> int:
    """Exit status 2, and a sentence for each, where settings cannot be used."""
    try:
        settings = load_settings()
        log_to_stderr(settings.log_level)
        app = create_app(settings, services=build_services(settings))
    except (BadSettings, AssayError) as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_BAD_SETTINGS
    gc.freeze()  # to walk all that is loaded takes 35 ms, in which nobody would be answered
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        access_log=False,
        server_header=False,
        log_config=None,
        lifespan="on",
        ws="none",
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    return 0


def log_to_stderr(level: str) -> None:
    """One line a record, in UTC."""
    formatter = logging.Formatter(
        "%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S"
    )
    formatter.converter = time.gmtime
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(level=level.upper(), handlers=[handler])
