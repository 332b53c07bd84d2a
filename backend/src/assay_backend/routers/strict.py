"""Routes that refuse what they do not know: a misspelt parameter is an error, not a default.

What takes GET takes HEAD. What a query was found to mean is remembered: reading the parameters of
the same one again would cost more than all the rest of a warm answer.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

MOST_REMEMBERED = 1024
LONGEST_REMEMBERED_BYTES = 512


class StrictRoute(APIRoute):
    """Answers 422 where the query names a parameter that the endpoint does not take, or one of
    them twice.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:  # noqa: ANN401 - APIRoute's
        self._endpoint = endpoint
        self._remembered: dict[bytes, dict[str, Any]] = {}
        super().__init__(path, self._remembering(endpoint), **options)
        methods = self.methods or set()
        self.methods = methods | {"HEAD"} if "GET" in methods else methods

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        known = {parameter.alias for parameter in self.dependant.query_params}

        async def handle_strictly(request: Request) -> Response:
            query: bytes = request.scope["query_string"]
            remembered = self._remembered.get(query)
            if remembered is not None:
                response: Response = await self._endpoint(request, **remembered)
                return response
            if query:
                _check_names(request, known)
            return await handle(request)

        return handle_strictly

    def _remembering(
        self, endpoint: Callable[..., Awaitable[Response]]
    ) -> Callable[..., Awaitable[Response]]:
        """`endpoint`, which takes the request and what the query says, and nothing else."""

        @functools.wraps(endpoint)
        async def remembering(request: Request, **meant: Any) -> Response:  # noqa: ANN401 - what the endpoint takes
            query: bytes = request.scope["query_string"]
            if len(query) <= LONGEST_REMEMBERED_BYTES:
                if len(self._remembered) >= MOST_REMEMBERED:
                    self._remembered.clear()
                self._remembered[query] = meant
            return await endpoint(request, **meant)

        return remembering


def _check_names(request: Request, known: set[str]) -> None:
    """RequestValidationError where a name is not in `known`, or is given twice."""
    given = Counter(name for name, _ in request.query_params.multi_items())
    errors = [_unknown(name, known) for name in sorted(set(given) - known)]
    errors += [_repeated(name) for name in sorted(known) if given[name] > 1]
    if errors:
        raise RequestValidationError(errors)


def _repeated(name: str) -> dict[str, object]:
    return {"loc": ("query", name), "msg": "given more than once; which one is meant?"}


def _unknown(name: str, known: set[str]) -> dict[str, object]:
    taken = ", ".join(sorted(known)) or "no parameter"
    return {"loc": ("query", name[:40]), "msg": f"unknown; this takes {taken}"}
