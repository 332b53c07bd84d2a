"""The API's description. `python -m assay_backend.openapi [FILE]` writes docs/openapi.json."""

from __future__ import annotations

import copy
import json
import sys
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from assay_backend.schemas.documented import ADMIN_KEY, Problem

DESCRIPTION = """
Assay forecasts the close of gold's next session as a distribution, always beside the random walk
("tomorrow is today"), and says whether there is an edge. For coins it tells how much prices may
move: a volatility forecast, a regime, and a calibrated probability of a rough stretch.

Errors are problem documents (RFC 9457, `application/problem+json`). Every number is finite, every
time is UTC. An answer's `source`, `as_of`, `age_seconds` and `stale` tell where its bars came from.
"""
TAGS = [
    {"name": "gold", "description": "The forecast, its bars, its leaderboard, and what came of it"},
    {"name": "crypto", "description": "Exchanges' closed bars, and how risky a coin is"},
    {"name": "models", "description": "The champion, those before it, and who replaced which"},
    {"name": "service", "description": "Health, version, metrics, the daily report"},
]


def describe(app: FastAPI) -> None:
    """Makes `app` describe itself with its problem documents; made once, when first asked for."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _schema(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # the way FastAPI documents


def _schema(app: FastAPI) -> dict[str, Any]:
    schema = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=DESCRIPTION.strip(),
        tags=TAGS,
        routes=[_without_head(route) for route in app.routes],
    )
    schemas = schema["components"]["schemas"]
    schemas["Problem"] = Problem.model_json_schema()
    schema["components"]["securitySchemes"] = {
        ADMIN_KEY: {"type": "apiKey", "in": "header", "name": "X-API-Key"}
    }
    return schema


def _without_head(route: BaseRoute) -> BaseRoute:
    """HEAD goes without saying, and would be a second operation under the id of its GET."""
    if not isinstance(route, APIRoute) or route.methods is None:
        return route
    described = copy.copy(route)
    described.methods = route.methods - {"HEAD"}
    return described


def main() -> None:
    from assay_backend.app import create_app
    from assay_backend.settings import Settings

    path = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/openapi.json")
    document = create_app(Settings()).openapi()
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
