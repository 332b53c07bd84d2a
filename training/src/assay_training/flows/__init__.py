"""The flows: training and the daily run, their steps plainly and in Prefect."""

from __future__ import annotations

import os

# Before prefect is imported, which reads them then: no telemetry, patience where the machine is
# slow, and no word of its own, since it would print the traceback of every error that the command
# line tells in one sentence.
for _name, _value in {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_INTERNAL_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
}.items():
    os.environ.setdefault(_name, _value)
