"""Which models there are, and the way back to an earlier one."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from assay_backend.answers import send_cacheable
from assay_backend.routers.meaning import checked, json_of
from assay_backend.routers.strict import StrictRoute
from assay_backend.schemas import examples_models as examples
from assay_backend.schemas.documented import (
    ADMIN_KEY,
    NOT_MODIFIED,
    answers,
    problem_entry,
    problems,
)
from assay_backend.schemas.models import (
    ChampionAnswer,
    ModelChange,
    ModelsAnswer,
    RollbackRequest,
)
from assay_backend.services.container import services_of

router = APIRouter(prefix="/v1/models", route_class=StrictRoute, tags=["models"])

_NO_STORE = {"Cache-Control": "no-store"}


@router.get(
    "",
    operation_id="get_models",
    summary="Versions at hand, and the history of promotions",
    response_model=None,
    responses={
        200: answers(ModelsAnswer, examples.MODELS, description="The versions and their history"),
        **problems(422),
    },
)
async def models(request: Request) -> Response:
    """The champion, former ones that are kept, and who replaced which, when and why."""
    return JSONResponse(await services_of(request).models.document(), headers=_NO_STORE)


@router.get(
    "/champion",
    operation_id="get_champion",
    summary="All that the champion says of itself",
    response_model=None,
    responses={
        200: answers(ChampionAnswer, examples.CHAMPION, description="The champion"),
        **NOT_MODIFIED,
        **problems(422, 503),
    },
)
async def champion(request: Request) -> Response:
    """What it was trained on, how it did beside every benchmark, why it was promoted, and the
    volatility model that came with it.
    """
    services = services_of(request)
    return send_cacheable(services.models.champion(), request, services.clock.now())


@router.post(
    "/rollback",
    operation_id="post_rollback",
    summary="Go back to an earlier champion",
    response_model=None,
    responses={
        200: answers(ModelChange, examples.ROLLBACK, description="It serves"),
        403: problem_entry(
            403,
            reason="The key is not the one, or the service has none; or a web page of another site "
            "asked",
            example=examples.NOT_THE_KEY,
        ),
        404: problem_entry(404, reason="No such version is kept", example=examples.NO_SUCH_VERSION),
        **problems(401, 409, 413, 422, 429, 503),
    },
    openapi_extra={
        "security": [{ADMIN_KEY: []}],
        "requestBody": {
            "required": False,
            "content": {"application/json": {"schema": RollbackRequest.model_json_schema()}},
        },
    },
)
async def rollback(request: Request) -> Response:
    """For administrators: the champion that served before, or the kept one of a `version`, serves
    again; who asked, when and why goes into the history. No request fails meanwhile.
    """
    services = services_of(request)
    services.admin.check(request)
    body = await request.body()
    meant = checked(RollbackRequest, json_of(body) if body else {})
    change = await services.models.rollback(version=meant.version, by=meant.by, why=meant.why)
    return JSONResponse(change, headers=_NO_STORE)
