"""The page that shows the API's description to people, with assets of our own: it works offline."""

from __future__ import annotations

from importlib.resources import files

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

PATH = "/docs"
_ASSETS_PATH = f"{PATH}/assets"
_NO_ICON = "data:,"  # or browsers ask for /favicon.ico


def add_docs_page(app: FastAPI) -> None:
    """Serves Swagger UI at `/docs`, from the files that fastapi-offline ships."""
    page = _page(app.title)

    async def docs(_: Request) -> HTMLResponse:
        return page

    assets = StaticFiles(directory=str(files("fastapi_offline") / "static"))
    app.router.routes += [Route(PATH, docs), Mount(_ASSETS_PATH, assets)]


def _page(title: str) -> HTMLResponse:
    # Relative addresses, which hold behind a proxy that adds a prefix.
    assets = _ASSETS_PATH.removeprefix("/")
    return get_swagger_ui_html(
        openapi_url="openapi.json",
        title=title,
        swagger_js_url=f"{assets}/swagger-ui-bundle.js",
        swagger_css_url=f"{assets}/swagger-ui.css",
        swagger_favicon_url=_NO_ICON,
        swagger_ui_parameters={"validatorUrl": None},  # by default a badge from swagger.io
    )
