"""What the environment says; nothing else in this package reads it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeVar, get_args
from urllib.parse import urlsplit

from assay_frontend.markets import DEFAULT, EXCHANGES, CoinChoice, is_spelling

MOST_WATCHED = 8

LogFormat = Literal["text", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]

T = TypeVar("T")


class BadSetting(ValueError):
    """Environment variables hold something that cannot be used: a sentence a line."""


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
    log_level: LogLevel = "info"
    log_format: LogFormat = "text"


def read_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings; raises BadSetting with the names and values of all that cannot be used."""
    reading, usual = _Reading(environ), Settings()
    settings = Settings(
        api_url=reading.of("API_URL", _url, usual.api_url),
        host=reading.of("ASSAY_HOST", _text, usual.host),
        port=reading.of("PORT", _port, usual.port),
        space_host=reading.of("SPACE_HOST", _text, None),
        hf_token=reading.of("ASSAY_HF_TOKEN", _text, None),
        refresh_seconds=reading.of(
            "ASSAY_DASHBOARD_REFRESH_SECONDS", _seconds, usual.refresh_seconds
        ),
        watched=reading.of("ASSAY_DASHBOARD_COINS", _coins, ()) or usual.watched,
        log_level=reading.of("ASSAY_LOG_LEVEL", _log_level, usual.log_level),
        log_format=reading.of("ASSAY_LOG_FORMAT", _log_format, usual.log_format),
    )
    if reading.problems:
        raise BadSetting("\n".join(reading.problems))
    return settings


def wants_json(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether logs are to be JSON, also where the settings cannot be used."""
    return environ.get("ASSAY_LOG_FORMAT") == "json"


class _Reading:
    """Goes on after what cannot be used, so that everything is told at once."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.problems: list[str] = []

    def of(self, name: str, read: Callable[[str, str], T], usual: T) -> T:
        """The variable's value; the `usual` one where it is unset or empty."""
        try:
            return read(name, self._environ[name]) if self._environ.get(name) else usual
        except BadSetting as error:
            self.problems.append(str(error))
            return usual


def _text(_name: str, value: str) -> str:
    return value


def _log_level(name: str, value: str) -> LogLevel:
    return _one_of(name, value, get_args(LogLevel))


def _log_format(name: str, value: str) -> LogFormat:
    return _one_of(name, value, get_args(LogFormat))


def _one_of(name: str, value: str, words: tuple[T, ...]) -> T:
    for word in words:
        if word == value:
            return word
    raise BadSetting(f"{name} must be one of {', '.join(map(str, words))}: {value!r}")


def _url(name: str, value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise BadSetting(
            f"{name} must be an http(s) address such as http://127.0.0.1:8000: "
            f"{without_login(value)!r}"
        )
    return value.rstrip("/")


def without_login(value: str) -> str:
    """An address as it may be shown: before an @ a user and a password may stand in it."""
    return re.sub(r"^([\w+.-]+://)?.*@", r"\1", value, flags=re.DOTALL)


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
