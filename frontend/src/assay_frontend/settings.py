"""What the environment says; nothing else in this package reads it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from assay_frontend.markets import DEFAULT, EXCHANGES, CoinChoice, is_spelling

MOST_WATCHED = 8


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
    watched: tuple[CoinChoice, ...] = tuple(
        CoinChoice(symbol=f"{coin}/USDT") for coin in ("BTC", "ETH", "SOL", "XRP")
    )
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
        refresh_seconds=_seconds(
            "ASSAY_DASHBOARD_REFRESH_SECONDS",
            environ.get("ASSAY_DASHBOARD_REFRESH_SECONDS") or str(defaults.refresh_seconds),
        ),
        watched=_coins("ASSAY_DASHBOARD_COINS", environ.get("ASSAY_DASHBOARD_COINS") or "")
        or defaults.watched,
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


def _seconds(name: str, value: str) -> int:
    if not value.isascii() or not value.isdigit() or not 0 < int(value) <= 3600:
        raise BadSetting(f"{name} must be a whole number from 1 to 3600: {value!r}")
    return int(value)


def _coins(name: str, value: str) -> tuple[CoinChoice, ...]:
    """`BTC/USDT,kraken:ETH/USD`: markets, each after its exchange unless that is the usual one."""
    asked = [part.strip() for part in value.split(",") if part.strip()]
    if len(asked) > MOST_WATCHED:
        raise BadSetting(f"{name} may name {MOST_WATCHED} markets at the most: {value!r}")
    return tuple(dict.fromkeys(_coin(name, part) for part in asked))


def _coin(name: str, text: str) -> CoinChoice:
    exchange, _, symbol = text.rpartition(":")
    exchange = exchange.lower() or DEFAULT.exchange
    if exchange not in EXCHANGES or not is_spelling(symbol):
        raise BadSetting(f"{name} must name markets such as BTC/USDT or kraken:BTC/USD: {text!r}")
    return CoinChoice(exchange, symbol.upper())
