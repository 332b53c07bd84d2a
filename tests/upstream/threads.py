"""Which threads of this process are busy with the market."""

from __future__ import annotations

import sys
import threading
import traceback


def threads_in_the_market() -> list[str]:
    """The names of threads that are in a source, a feed or the store now; event loops aside."""
    frames = sys._current_frames()
    found = []
    for thread in threading.enumerate():
        stack = traceback.extract_stack(frames.get(thread.ident or 0))
        runs_loop = any(frame.name == "run_forever" for frame in stack)
        in_market = any(f"/assay/{room}/" in frame.filename for frame in stack
                        for room in ("market", "store"))  # fmt: skip
        if in_market and not runs_loop:
            found.append(thread.name)
    return found
