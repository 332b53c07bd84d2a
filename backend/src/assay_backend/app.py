"""The application: routes, errors and the lifespan around the services."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TypedDict

from fastapi import FastAPI

from assay.clock import Clock
from assay_backend.docs_page import add_docs_page
from assay_backend.error_handlers import add_error_handlers
from assay_backend.middleware import RequestBoundary
from assay_backend.openapi import describe
from assay_backend.routers import (
    backtests,
    crypto,
    gold,
    health,
    ledger,
    metrics,
    models,
    predict,
    regimes,
    report,
    signals,
    stream,
    track_record,
)
from assay_backend.services.background import kept_current
from assay_backend.services.container import Services, build_services
from assay_backend.settings import Settings, load_settings
from assay_backend.version import VERSION

ROUTERS = (
    predict.router,
    gold.router,
    crypto.router,
    signals.router,
    stream.router,
    backtests.router,
    regimes.router,
    health.router,
    metrics.router,
    ledger.router,
    track_record.router,
    models.router,
    report.router,
)


class State(TypedDict):
    """What every request finds in its scope."""

    services: Services


def create_app(
    settings: Settings | None = None,
    *,
    clock: Clock | None = None,
    services: Services | None = None,
) -> FastAPI:
    """The API. Its services are built when it starts, unless they are given.

    Raises BadSettings where the environment's settings cannot be used.
    """

    def open_services() -> Services:
        return services or build_services(settings or load_settings(), clock=clock)

    app = FastAPI(
        title="Assay",
        version=VERSION,
        summary="Tomorrow's gold price and crypto markets, honestly",
        lifespan=_lifespan(open_services),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.add_middleware(RequestBoundary)
    add_error_handlers(app)
    for router in ROUTERS:
        # include_router would match each request twice, which costs the hot path about a fifth
        app.router.routes.extend(router.routes)
    describe(app)
    add_docs_page(app)
    return app


def _lifespan(
    open_services: Callable[[], Services],
) -> Callable[[FastAPI], AbstractAsyncContextManager[State]]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[State]:
        services = open_services()
        try:
            async with kept_current(services):
                yield {"services": services}
        finally:
            services.database.close()

    return lifespan
