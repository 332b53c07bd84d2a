"""The ledger, for those who check it."""

from __future__ import annotations

from pydantic import AwareDatetime, Field

from assay_backend.schemas.base import Schema


class LedgerVerificationAnswer(Schema):
    """What recomputing every hash has shown."""

    rows: int
    head: str = Field(description="SHA-256 of the newest row, in hex; of no row 64 zeros")
    intact: bool
    first_bad: int | None = Field(
        description="Sequence of the first row that is missing or not what the chain says"
    )
    checked_at: AwareDatetime = Field(description="When the check began; all else is as of then")
    current: bool = Field(
        description="Whether that is the newest row still; else others came, not checked yet"
    )
