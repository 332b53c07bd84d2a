"""How long an upstream asks to be left alone."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

# Upstreams seldom say how long; cloud addresses stay limited for minutes.
USUAL_PAUSE_SECONDS = 300.0
LONGEST_PAUSE_SECONDS = 6 * 3600.0


def retry_after_seconds(header: str | None, now: datetime) -> float:
    """Seconds to wait for a Retry-After header, seconds or an HTTP date, within sane bounds.

    >>> retry_after_seconds("120", datetime(2026, 1, 1, tzinfo=UTC))
    120.0
    """
    seconds = USUAL_PAUSE_SECONDS
    if header:
        try:
            seconds = float(header)
        except ValueError:
            try:
                until = parsedate_to_datetime(header)
                seconds = (until.replace(tzinfo=until.tzinfo or UTC) - now).total_seconds()
            except ValueError:
                seconds = USUAL_PAUSE_SECONDS
    if not math.isfinite(seconds):
        seconds = USUAL_PAUSE_SECONDS
    return min(max(seconds, 1.0), LONGEST_PAUSE_SECONDS)
