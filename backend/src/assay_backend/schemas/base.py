"""What all schemas share."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

Session = Annotated[date, Field(description="A trading day, named by its date.")]

BundleVersion = Annotated[str, Field(description="The bundle's, which is that of its gold model")]
CoinsVersion = Annotated[
    str | None,
    Field(
        description="That of the bundle's coin model, as `/v1/models` tells it; null where it is "
        "not known"
    ),
]


class Schema(BaseModel):
    """An answer's shape: complete, and finite."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        protected_namespaces=(),
        defer_build=True,  # most are only ever needed for /openapi.json
    )


class Provenance(Schema):
    """Where bars came from, and how far they can be trusted to be the newest."""

    source: str = Field(
        description="`yahoo`, an exchange, `replay` or `simulated`", examples=["yahoo"]
    )
    as_of: AwareDatetime = Field(description="The end of the newest closed bar")
    age_seconds: float = Field(description="Since `as_of`, when rendered; `Age` counts on")
    stale: bool = Field(description="A newer session closed, and its bar is overdue")
