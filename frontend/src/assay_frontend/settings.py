"""What the environment says; nothing else in this package reads it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit


class BadSetting(ValueError):
    """An environment variable holds something that cannot be used."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the backend is, and where this server listens."""

    api_url: str = "http://127.0.0.1:8000"
    host: str = "127.0.0.1"
    port: int = 8501
    space_host: str | None = None
    hf_token: str | None = field(default=None, repr=False)
    request_deadline_seconds: float = 8.0
    refresh_seconds: int = 20


def read_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings; raises BadSetting with the variable's name and value."""
    defaults = Settings()
    return Settings(
        api_url=_url("API_URL", environ.get("API_URL") or defaults.api_url),
        host=environ.get("ASSAY_HOST") or defaults.host,
        port=_port("PORT", environ.get("PORT") or str(defaults.port)),
        space_host=environ.get("SPACE_HOST") or None,
        hf_token=environ.get("ASSAY_HF_TOKEN") or None,
    )


def _url(name: str, value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise BadSetting(
            f"{name} must be an http(s) address such as http://127.0.0.1:8000: {value!r}"
        )
    return value.rstrip("/")


def _port(name: str, value: str) -> int:
    if not value.isascii() or not value.isdigit() or not 0 < int(value) < 65536:
        raise BadSetting(f"{name} must be a whole number from 1 to 65535: {value!r}")
    return int(value)
