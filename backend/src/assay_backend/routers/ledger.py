"""The ledger, for those who check it."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from assay.clock import iso_utc
from assay_backend.routers.strict import StrictRoute
from assay_backend.schemas import examples
from assay_backend.schemas.documented import answers, problems
from assay_backend.schemas.ledger import LedgerVerificationAnswer
from assay_backend.services.container import services_of

router = APIRouter(prefix="/v1/ledger", route_class=StrictRoute, tags=["service"])


@router.get(
    "/verify",
    operation_id="verify_ledger",
    summary="Whether the ledger is what was written",
    response_model=None,
    responses={
        200: answers(
            LedgerVerificationAnswer,
            examples.LEDGER_VERIFICATION,
            description="What the chain of hashes shows",
        ),
        **problems(422, 503),
    },
)
async def verify(request: Request) -> Response:
    """Recomputes the hash of every row. Callers share one check where they come at once, and a
    long one's result stands for a while: `checked_at` tells since when, `current` whether the
    newest row is the same still.
    """
    checked = await services_of(request).verification.verify()
    found = checked.found
    body = {
        "rows": found.rows,
        "head": found.head.hex(),
        "intact": found.intact,
        "first_bad": found.first_bad,
        "checked_at": iso_utc(checked.at),
        "current": checked.current,
    }
    return JSONResponse(body, headers={"Cache-Control": "no-store"})
