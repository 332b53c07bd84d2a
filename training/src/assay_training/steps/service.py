"""What the running service says: its ledger, its track record, its daily report."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

ANSWER_SECONDS = 60.0

# The service is ours and near: no proxy stands between.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class ServiceAway(OSError):
    """The service cannot be reached, or gives no answer that can be used."""


@dataclass(frozen=True, slots=True)
class Service:
    """Assay's API at `address`."""

    address: str

    def text(self, path: str, media_type: str) -> str:
        """What stands at `path` in the form of `media_type`. Raises ServiceAway."""
        if not self.address.startswith(("http://", "https://")):
            raise ServiceAway(f"{self._setting}; {_WANTED}")
        request = urllib.request.Request(  # noqa: S310 - the scheme was looked at
            f"{self.address.rstrip('/')}{path}", headers={"Accept": media_type}
        )
        try:
            with _direct.open(request, timeout=ANSWER_SECONDS) as answer:
                body: bytes = answer.read()
                return body.decode()
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise ServiceAway(
                f"{self._setting}, and {path} gives no answer there: {error}"
            ) from error

    def document(self, path: str) -> dict[str, Any]:
        """The JSON object at `path`. Raises ServiceAway."""
        try:
            found = json.loads(self.text(path, "application/json"))
        except ValueError as error:
            raise ServiceAway(f"{self._setting}, and {path} there is no JSON: {error}") from error
        if not isinstance(found, dict):
            raise ServiceAway(f"{self._setting}, and {path} there is no JSON object; {_WANTED}")
        return found

    @property
    def _setting(self) -> str:
        return f"API_URL is {self.address}"


_WANTED = "it should be the address of Assay's API, such as http://127.0.0.1:8000"
