"""Is it alive, is it ready, how is it doing, and which one is it."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from assay.errors import StorageError
from assay_backend.routers.strict import StrictRoute
from assay_backend.schemas import examples
from assay_backend.schemas.documented import answers, problems
from assay_backend.schemas.health import AliveAnswer, HealthAnswer, ReadyAnswer, VersionAnswer
from assay_backend.schemas.status import StatusAnswer
from assay_backend.services.container import Services, services_of
from assay_backend.version import VERSION

router = APIRouter(route_class=StrictRoute, tags=["service"])

_NO_STORE = {"Cache-Control": "no-store"}


@router.get(
    "/health",
    operation_id="get_health",
    summary="How the service is doing",
    response_model=None,
    responses={
        200: answers(HealthAnswer, examples.HEALTH, description="Healthy or degraded"),
        503: answers(
            HealthAnswer, examples.UNHEALTHY, description="No champion, or no forecast for a bug"
        ),
        **problems(422),
    },
)
async def health(request: Request) -> Response:
    """Champion, bars, and what is wrong with either, or with what answers are stored in."""
    report = services_of(request).health.report()
    status = 503 if report["status"] == "unhealthy" else 200
    return JSONResponse(report, status, headers=_NO_STORE)


@router.get(
    "/livez",
    operation_id="get_livez",
    summary="The process answers",
    response_model=None,
    responses={
        200: answers(AliveAnswer, examples.ALIVE, description="Alive"),
        **problems(422),
    },
)
async def livez(request: Request) -> Response:
    """Whatever else may be wrong."""
    return JSONResponse({"status": "alive"}, headers=_NO_STORE)


@router.get(
    "/readyz",
    operation_id="get_readyz",
    summary="The service can do its work",
    response_model=None,
    responses={
        200: answers(ReadyAnswer, examples.READY, description="Ready"),
        503: answers(
            ReadyAnswer,
            examples.NOT_READY,
            description="There is no champion, the database or the ledger cannot be written, or "
            "the service is ending",
        ),
        **problems(422),
    },
)
async def readyz(request: Request) -> Response:
    """Champion loaded, database and ledger writable, and not about to end; upstreams do not
    matter.
    """
    services = services_of(request)
    champion = services.champion.state
    storage = await services.storage.look()
    problems = [] if champion.bundle else [str(champion.error)]
    problems += storage.problems
    problems += ["the service is ending"] if services.ending.begun else []
    body = {
        "status": "not_ready" if problems else "ready",
        "champion_loaded": champion.bundle is not None,
        "database_writable": storage.database_fault is None,
        "ledger_writable": storage.ledger_fault is None,
        "problems": problems,
    }
    return JSONResponse(body, 503 if problems else 200, headers=_NO_STORE)


@router.get(
    "/version",
    operation_id="get_version",
    summary="What is running",
    response_model=None,
    responses={
        200: answers(VersionAnswer, examples.VERSION, description="Version, commit, build time"),
        **problems(422),
    },
)
async def version(request: Request) -> Response:
    """Version, commit, build time and champion."""
    return JSONResponse(_versions(services_of(request)), headers=_NO_STORE)


@router.get(
    "/v1/status",
    operation_id="get_status",
    summary="How the market data is doing",
    response_model=None,
    responses={
        200: answers(StatusAnswer, examples.STATUS, description="The state of every source"),
        **problems(422),
    },
)
async def status(request: Request) -> Response:
    """Sources, freshness, breakers, gaps, quarantine, the ledger's head and versions."""
    services = services_of(request)
    body = {
        "status": services.health.report()["status"],
        "market_source": services.settings.market_source,
        **services.status.market(),
        "quarantine": await services.status.quarantine(),
        "ledger": await _ledger_head(services),
        "versions": _versions(services),
    }
    return JSONResponse(body, headers=_NO_STORE)


async def _ledger_head(services: Services) -> dict[str, object] | None:
    try:
        figures = await asyncio.to_thread(services.ledger.figures)
    except StorageError:
        return None
    return {"rows": figures.head.rows, "head": figures.head.hash.hex()}


def _versions(services: Services) -> dict[str, str | None]:
    bundle = services.champion.state.bundle
    return {
        "version": VERSION,
        "git_commit": services.settings.git_commit or None,
        "build_time": services.settings.build_time or None,
        "model_version": bundle.metadata.version if bundle else None,
    }
