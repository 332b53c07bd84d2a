"""Routes that refuse what they do not know: a misspelt parameter is an error, not a default.

What takes GET takes HEAD.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute


class StrictRoute(APIRoute):
    """Answers 422 where the query names a parameter that the endpoint does not take."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:  # noqa: ANN401 - APIRoute's
        super().__init__(path, endpoint, **options)
        methods = self.methods or set()
        self.methods = methods | {"HEAD"} if "GET" in methods else methods

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        known = {parameter.alias for parameter in self.dependant.query_params}

        async def handle_strictly(request: Request) -> Response:
            if request.scope["query_string"]:
                unknown = sorted(set(request.query_params) - known)
                if unknown:
                    raise RequestValidationError([_unknown(name, known) for name in unknown])
            return await handle(request)

        return handle_strictly


def _unknown(name: str, known: set[str]) -> dict[str, object]:
    taken = ", ".join(sorted(known)) or "no parameter"
    return {"loc": ("query", name[:40]), "msg": f"unknown; this takes {taken}"}
