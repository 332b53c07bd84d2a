"""The administrator's key, and how often a wrong one may be tried."""

from __future__ import annotations

import hmac
import math
import time
from collections import deque
from collections.abc import Callable

from pydantic import SecretStr
from starlette.exceptions import HTTPException
from starlette.requests import Request

from assay_backend.callers import network_of

MOST_WRONG = 5
WINDOW_SECONDS = 10.0
MOST_NETWORKS = 1024


class AdminGate:
    """Lets in who has the key. After MOST_WRONG wrong ones within WINDOW_SECONDS from a network,
    nobody from there is heard until the oldest of them is that old, the right key neither: or
    whoever guesses would learn it. What is refused unheard does not count, so that this ends soon
    however many go on. For one event loop.
    """

    def __init__(
        self, wanted: SecretStr | None, *, seconds: Callable[[], float] = time.monotonic
    ) -> None:
        self._wanted = wanted.get_secret_value().encode() if wanted else None
        self._seconds = seconds
        self._wrong: dict[str, deque[float]] = {}

    def check(self, request: Request) -> None:
        """HTTPException: 401 without a key, 403 with another one, 429 where it is not heard;
        where no key is set, nobody has the right one.
        """
        if self._wanted is None:
            raise HTTPException(
                403, "This service has no administrator: ASSAY_ADMIN_KEY is not set"
            )
        given = request.headers.get("x-api-key")
        if not given:
            raise HTTPException(
                401,
                "This takes the administrator's key as X-API-Key",
                headers={"WWW-Authenticate": 'ApiKey header="X-API-Key"'},
            )
        network = network_of(request.client.host) if request.client else ""
        self._refuse_unheard(network)
        if not hmac.compare_digest(given.encode("latin-1"), self._wanted):
            self._count(network)
            raise HTTPException(403, "X-API-Key is not the administrator's key")

    def _refuse_unheard(self, network: str) -> None:
        tries = self._wrong.get(network)
        if tries is None or len(tries) < MOST_WRONG:
            return
        wait = tries[0] + WINDOW_SECONDS - self._seconds()
        if wait > 0:
            raise HTTPException(
                429,
                f"{MOST_WRONG} wrong keys came from there within {WINDOW_SECONDS:g} seconds: wait, "
                "then ask",
                headers={"Retry-After": str(math.ceil(wait))},
            )

    def _count(self, network: str) -> None:
        """Of each network the newest tries, and of the networks those that tried last."""
        tries = self._wrong.pop(network, None) or deque(maxlen=MOST_WRONG)
        tries.append(self._seconds())
        self._wrong[network] = tries
        if len(self._wrong) > MOST_NETWORKS:
            del self._wrong[next(iter(self._wrong))]
