"""How long an answer is good for."""

from __future__ import annotations

from typing import Final

FRESH_SECONDS: Final = 9
SLOW_SECONDS: Final = 60  # of long answers that hardly change

# An older answer is still shown at once, and renewed behind, up to this many times its age: beyond
# the time between two looks of a page (20 s unless set otherwise), so that no look has to wait.
SHOWN_TIMES: Final = 7.0
