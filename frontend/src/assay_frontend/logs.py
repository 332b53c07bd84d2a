"""One line a record on stderr, as text or as JSON: the dashboard's own, Streamlit's and uvicorn's.

The API's lines look the same. The two share no code, so that neither service needs the other.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import Any

from assay_frontend.settings import LogFormat, LogLevel


class TextLines(logging.Formatter):
    """In UTC."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")


class JsonLines(TextLines):
    """An object a line; what a record says beyond its sentence are its `fields`."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": self.formatTime(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": None,
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def log_to_stderr(level: LogLevel, log_format: LogFormat) -> None:
    """Everything that this process logs from now on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if log_format == "json" else TextLines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    for name in [*logging.root.manager.loggerDict]:
        if name.partition(".")[0] in ("streamlit", "uvicorn", "websockets"):
            hand_on(logging.getLogger(name))
    # They tell each request with its query, where a Space has its key, and each reader's address.
    for name in ("httpx", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).setLevel(logging.WARNING)


def hand_on(logger: logging.Logger) -> None:
    """What `logger` has to say goes the way of everything else."""
    logger.handlers.clear()
    logger.propagate = True
