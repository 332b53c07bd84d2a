"""One line a record on stderr: JSON for machines, text for people, with the request's id in both.

What a record says beyond its sentence comes as `extra={"fields": {...}}`.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from contextvars import ContextVar
from typing import Any, Literal

LogFormat = Literal["text", "json"]

# The request that is answered right now; what it has caused keeps it.
REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)

log = logging.getLogger(__name__)


class TextLines(logging.Formatter):
    """In UTC."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:
        line = super().formatMessage(record)
        request_id = REQUEST_ID.get()
        return f"{line} [{request_id}]" if request_id else line


class JsonLines(TextLines):
    """An object a line: time, level, logger, message, request_id, the record's own fields, and
    the traceback where there is one.
    """

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": self.formatTime(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": REQUEST_ID.get(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def log_to_stderr(level: str, log_format: LogFormat = "text") -> None:
    """Everything that this process logs, libraries included."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if log_format == "json" else TextLines())
    logging.basicConfig(level=level.upper(), handlers=[handler])


def log_what_nobody_caught() -> None:
    """Warnings and last words go the way of everything else, and in its form."""
    logging.captureWarnings(capture=True)
    sys.excepthook = lambda *error: log.critical("The process ends for a bug", exc_info=error)
    threading.excepthook = lambda died: log.critical(
        "A thread ended for a bug",
        exc_info=(died.exc_type, died.exc_value or died.exc_type(), died.exc_traceback),
    )
