"""The newest answers, kept so that a backend that is away leaves the last good picture.

Answers, failures too, are shared by all readers for a few seconds and renewed in the background.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, Literal, TypeVar

import streamlit as st

from assay_frontend.api.client import AssayClient
from assay_frontend.api.errors import ApiError, ApiTimeout, ApiUnreachable
from assay_frontend.api.models import Evaluation, Forecast, History

T = TypeVar("T")
What = Literal["forecast", "history", "evaluation"]

FRESH_SECONDS = 9
HISTORY_SESSIONS = 250


@dataclass(frozen=True, slots=True)
class Latest(Generic[T]):
    """The newest good value, when it was received, and what went wrong since, if anything."""

    value: T | None
    received_at: datetime | None
    problem: ApiError | None

    @property
    def backend_is_away(self) -> bool:
        return isinstance(self.problem, ApiUnreachable | ApiTimeout)


@st.cache_resource(show_spinner=False)
def _last_good() -> dict[tuple[str, What], Latest[Any]]:
    return {}


@st.cache_data(ttl=FRESH_SECONDS, refresh_mode="background", show_spinner=False, max_entries=64)
def _ask(_client: AssayClient, api_url: str, what: What) -> Latest[Any]:
    del api_url  # the cache's key; the client is not hashed, since it holds a secret
    calls: dict[What, Callable[[], Any]] = {
        "forecast": _client.forecast,
        "history": lambda: _client.history(HISTORY_SESSIONS),
        "evaluation": _client.evaluation,
    }
    try:
        return Latest(calls[what](), datetime.now(UTC), None)
    except ApiError as error:
        return Latest(None, None, error)


def _latest(client: AssayClient, what: What) -> Latest[Any]:
    answer = _ask(client, client.api_url, what)
    if answer.problem is None:
        _last_good()[client.api_url, what] = answer
        return answer
    return _kept(client, what, answer.problem)


def _kept(client: AssayClient, what: What, problem: ApiError | None) -> Latest[Any]:
    good = _last_good().get((client.api_url, what), Latest(None, None, None))
    return Latest(good.value, good.received_at, problem)


@dataclass(frozen=True, slots=True)
class GoldPicture:
    """All that the gold page shows."""

    forecast: Latest[Forecast]
    history: Latest[History]
    evaluation: Latest[Evaluation]


def gold_picture(client: AssayClient) -> GoldPicture:
    """Asks a backend that is away once, not three times: each call may last a whole deadline."""
    forecast: Latest[Forecast] = _latest(client, "forecast")
    if forecast.backend_is_away:
        return GoldPicture(
            forecast,
            _kept(client, "history", forecast.problem),
            _kept(client, "evaluation", forecast.problem),
        )
    return GoldPicture(forecast, _latest(client, "history"), _latest(client, "evaluation"))
