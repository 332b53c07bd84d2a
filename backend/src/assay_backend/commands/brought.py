"""What a fetch changed in the store."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from assay.market.bars import CheckedBars
from assay.store import Written


@dataclass(slots=True)
class Brought:
    """Rows written; `aside` counts implausible ones by reason."""

    written: Written = field(default_factory=Written)
    aside: Counter[str] = field(default_factory=Counter)

    def note(self, written: Written, checked: CheckedBars) -> None:
        """One more part of the history is stored."""
        self.written += written
        self.aside.update(item.reason for item in checked.implausible)
