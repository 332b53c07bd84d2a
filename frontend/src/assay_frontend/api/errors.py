"""What can go wrong between the dashboard and the API.

ApiError
├── ApiUnreachable     nothing listens there, or the connection broke
├── ApiTimeout         no whole answer within the deadline
├── ApiProblem         an RFC 9457 problem, or any other error status
└── MalformedAnswer    an answer that is not what the API promises

All survive pickling, since Streamlit's cache keeps answers, failures too, as bytes.
"""

from __future__ import annotations

from functools import partial


class ApiError(Exception):
    """Root of the client's errors."""


class ApiUnreachable(ApiError):
    """The backend cannot be reached."""


class ApiTimeout(ApiError):
    """The backend did not answer whole within the deadline."""

    def __init__(self, deadline_seconds: float) -> None:
        super().__init__(f"no whole answer within {deadline_seconds:g} s")
        self.deadline_seconds = deadline_seconds

    def __reduce__(self) -> tuple[type[ApiTimeout], tuple[float]]:
        return ApiTimeout, (self.deadline_seconds,)


class ApiProblem(ApiError):
    """The backend said what is wrong.

    Of a market that the exchange does not have: `symbol`, `exchange` and similar names, `near`.
    """

    def __init__(
        self,
        *,
        status: int,
        title: str,
        detail: str | None = None,
        retry_after_seconds: float | None = None,
        request_id: str | None = None,
        symbol: str | None = None,
        exchange: str | None = None,
        near: tuple[str, ...] = (),
    ) -> None:
        super().__init__(f"{status} {title}")
        self.status = status
        self.title = title
        self.detail = detail
        self.retry_after_seconds = retry_after_seconds
        self.request_id = request_id
        self.symbol = symbol
        self.exchange = exchange
        self.near = near

    def __reduce__(self) -> tuple[partial[ApiProblem], tuple[()]]:
        return partial(ApiProblem, **vars(self)), ()


class MalformedAnswer(ApiError):
    """The answer lacks a field, or a field is not what it must be."""
