"""An assessment given after its time: by bars whose successors are overdue, or of what is over."""

from __future__ import annotations

from dataclasses import replace
from math import log2, sqrt

from assay.volatility.assessment import Assessment

_WIDER_A_DOUBLING = 0.055


def late(assessment: Assessment, hours_late: int) -> Assessment:
    """`assessment` marked `stale`, its interval widened for `hours_late` whole hours since origin.

    The deviation of ln(realized / forecast) of the same hours ahead grows with the hours that the
    forecast has not seen: on Bitcoin's hours by at most 1 + .055 log2(1 + hours), from 6 % after an
    hour to 50 % after a month, over all horizons; docs/adr/0011.

    >>> round(wider_by(0), 3), round(wider_by(1), 3), round(wider_by(168), 3)
    (1.0, 1.055, 1.407)
    """
    middle = sqrt(assessment.lower * assessment.upper)
    reach = sqrt(assessment.upper / assessment.lower) ** wider_by(hours_late)
    return replace(
        assessment,
        lower=min(middle / reach, assessment.lower),
        upper=max(middle * reach, assessment.upper),
        fallbacks=(*assessment.fallbacks, "stale"),
    )


def wider_by(hours_late: int) -> float:
    """What the interval's reach, in logs, is multiplied by."""
    return 1.0 + _WIDER_A_DOUBLING * log2(1.0 + hours_late)
