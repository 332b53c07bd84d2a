"""A backend on loopback that serves what a test puts there, and invented answers for it."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

import invented_records

Document = dict[str, Any]

FORECAST = "/v1/gold/forecast"
HISTORY = "/v1/gold/history"
EVALUATION = "/v1/gold/evaluation"
SIGNAL, OHLCV, TAIL = (f"/v1/crypto/{name}" for name in ("signal", "ohlcv", "signals/tail"))
GOLD_RECORD, SIGNAL_RECORD = "/v1/gold/track-record", "/v1/crypto/track-record"
CHAMPION, MODELS = "/v1/models/champion", "/v1/models"
STATUS, HEALTH, METRICS, LEDGER = "/v1/status", "/health", "/metrics", "/v1/ledger/verify"
REGIMES, BACKTEST = "/v1/crypto/regimes", "/v1/crypto/backtest"
DESCRIPTION = Path(__file__).parents[2] / "docs" / "openapi.json"
DATA = Path(__file__).parent / "data"


@dataclass
class Reply:
    """One canned answer; with `drip_seconds` its body comes a byte at a time."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    drip_seconds: float = 0.0

    @classmethod
    def of(cls, document: object) -> Reply:
        return cls(body=json.dumps(document).encode())

    @classmethod
    def problem(cls, *, retry_after: str | None = "30", **fields: object) -> Reply:
        document = {
            "type": "about:blank",
            "title": "Service Unavailable",
            "status": 503,
            "detail": "No gold bars could be had: yahoo did not answer.",
            "request_id": "req-1",
            **fields,
        }
        headers = {"Content-Type": "application/problem+json"}
        if retry_after is not None:
            headers["Retry-After"] = retry_after
        return cls(int(str(document["status"])), json.dumps(document).encode(), headers)


class LoopbackBackend:
    """A real HTTP server on 127.0.0.1; `replies` holds what it says at each path."""

    def __init__(self) -> None:
        self.replies: dict[str, Reply | Callable[[dict[str, list[str]]], Reply]] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        backend = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.do_GET()

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                backend.requests.append((self.path, dict(self.headers)))
                reply = backend.replies.get(parts.path, Reply(404, b"{}"))
                if callable(reply):
                    reply = reply(parse_qs(parts.query))
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                backend._write(self, reply)

            def log_message(self, format: str, *args: object) -> None:
                del format, args

        self._handler = Handler
        self._listen(0)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def _listen(self, port: int) -> None:
        self._stopping = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def _write(self, handler: BaseHTTPRequestHandler, reply: Reply) -> None:
        step = 1 if reply.drip_seconds else max(1, len(reply.body))
        try:
            for start in range(0, len(reply.body), step):
                if self._stopping.is_set():
                    return
                handler.wfile.write(reply.body[start : start + step])
                time.sleep(reply.drip_seconds)
        except (BrokenPipeError, ConnectionResetError):
            return  # the client gave up, which is what the drip is for

    def serve(self, market: Market) -> None:
        self.replies[FORECAST] = Reply.of(market.forecast)
        self.replies[EVALUATION] = Reply.of(market.evaluation)
        self.replies[HISTORY] = lambda query: Reply.of(
            {**market.history, "data": market.history["data"][-int(query["sessions"][0]) :]}
        )

    def serve_coin(self, coin: Coin) -> None:
        self.replies[SIGNAL] = Reply.of(coin.signal)
        self.replies[TAIL] = Reply.of(coin.recent)
        self.replies[BACKTEST] = Reply.of(described("post", BACKTEST))
        self.replies[REGIMES] = lambda query: Reply.of(
            coin.hours(int(query["horizon_min"][0]), int(query["hours"][0]))
        )
        self.replies[OHLCV] = lambda query: Reply.of(
            coin.bars(query["timeframe"][0], int(query["limit"][0]))
        )

    def serve_records(self) -> None:
        self.replies[GOLD_RECORD] = Reply.of(invented_records.gold_record())
        self.replies[SIGNAL_RECORD] = Reply.of(invented_records.signal_record())
        self.replies[CHAMPION] = Reply.of(invented_records.champion())
        self.replies[MODELS] = Reply.of(invented_records.registry())
        self.replies[STATUS] = Reply.of(invented_records.status())
        self.replies[HEALTH] = Reply.of(invented_records.health())
        self.replies[METRICS] = Reply.of(invented_records.metrics())
        self.replies[LEDGER] = Reply.of(invented_records.ledger_check())

    def close(self) -> None:
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@dataclass
class Market:
    """The documents of one consistent, invented market."""

    forecast: Document
    history: Document
    evaluation: Document

    def change(self, **fields: object) -> Market:
        """Provenance and the like, changed in the forecast and the history alike."""
        shared = {key: value for key, value in fields.items() if key in self.history}
        return Market({**self.forecast, **fields}, {**self.history, **shared}, self.evaluation)


@dataclass
class Coin:
    """The documents of one invented coin; `most` bars are all that its exchange has."""

    signal: Document
    recent: list[Document]
    most: int = 5000

    def change(self, **fields: object) -> Coin:
        return Coin({**self.signal, **fields}, self.recent, self.most)

    def bars(self, timeframe: str, limit: int) -> Document:
        minutes = {"m": 1, "h": 60, "d": 1440}[timeframe[-1]] * int(timeframe[:-1])
        kept = ("symbol", "exchange", "source", "as_of", "age_seconds", "stale")
        data = invented_coin_bars(minutes, min(limit, self.most))
        return {"timeframe": timeframe, "data": data, **{k: self.signal[k] for k in kept}}

    def hours(self, horizon_minutes: int, count: int) -> Document:
        """Calm for the first half, then normal, with a turbulent day two days before the end."""
        bars = invented_coin_bars(60, min(count, self.most))
        kept = ("symbol", "exchange", "source", "as_of", "age_seconds", "stale")
        data = []
        for place, bar in enumerate(bars):
            back = len(bars) - 1 - place
            turbulent = 24 <= back < 48
            data.append(
                {
                    "time": (datetime.fromisoformat(bar["time"]) + timedelta(hours=1)).isoformat(),
                    "close": bar["close"],
                    "vol_regime": "turbulent" if turbulent else "normal" if 2 * place > len(bars)
                    else "calm",
                    "risk_score": 0.71 if turbulent else 0.28,
                    "volatility": 0.031 if turbulent else 0.019,
                    "realized_volatility": 0.02 if 60 * back >= horizon_minutes else None,
                }
            )  # fmt: skip
        return {
            "horizon_min": horizon_minutes,
            "hours": count,
            "rows": len(data),
            "data": data,
            **{key: self.signal[key] for key in kept},
        }


def described(method: str, path: str) -> Any:
    """The answer that the API's own description gives as an example."""
    operation = json.loads(DESCRIPTION.read_text())["paths"][path][method]
    return operation["responses"]["200"]["content"]["application/json"]["example"]


def invented_coin_bars(minutes: int, count: int) -> list[Document]:
    draw = random.Random(9)
    close, bars = 61000.0, []
    last = datetime(2025, 4, 14, 21, tzinfo=UTC)
    for back in range(count, 0, -1):
        opening = close
        close = opening * (1 + draw.gauss(0, 0.004) * (1.6 if back % 24 < 8 else 0.7))
        bars.append(
            {
                "time": (last - back * timedelta(minutes=minutes)).isoformat(),
                "open": round(opening, 2),
                "high": round(max(opening, close) * (1 + abs(draw.gauss(0, 0.001))), 2),
                "low": round(min(opening, close) * (1 - abs(draw.gauss(0, 0.001))), 2),
                "close": round(close, 2),
                "volume": round(draw.lognormvariate(6, 0.5), 3),
            }
        )
    return bars


def invented_coin() -> Coin:
    signal = json.loads((DATA / "signal.json").read_text())
    stored = {key: value for key, value in signal.items() if key != "explain"}
    older = {"created_at": "2025-04-14T20:00:04Z", "vol_regime": "turbulent", "risk_score": 0.64}
    other = {"symbol": "ETH/USDT", "created_at": "2025-04-14T20:30:00Z", "vol_regime": "calm"}
    return Coin(signal, [{**stored, **older}, {**stored, **other}, stored])


def sessions_until(last: date, count: int) -> list[date]:
    days = [last - timedelta(days=back) for back in range(2 * count)]
    return [day for day in days if day.weekday() < 5][:count][::-1]


def invented_bars(count: int = 250) -> list[Document]:
    draw = random.Random(7)
    price, bars = 2400.0, []
    for day in sessions_until(date(2025, 4, 14), count):
        opening = price * (1 + draw.gauss(0, 0.003))
        price = opening * (1 + draw.gauss(0.001, 0.009))
        bars.append(
            {
                "session": day.isoformat(),
                "open": round(opening, 2),
                "high": round(max(opening, price) * (1 + abs(draw.gauss(0, 0.004))), 2),
                "low": round(min(opening, price) * (1 - abs(draw.gauss(0, 0.004))), 2),
                "close": round(price, 2),
                "volume": int(draw.lognormvariate(11.5, 0.5)),
            }
        )
    scale = 3230.40 / bars[-1]["close"]
    for bar in bars:
        for name in ("open", "high", "low", "close"):
            bar[name] = round(bar[name] * scale, 2)
    return bars


PROVENANCE = {
    "source": "yahoo",
    "as_of": "2025-04-14T21:00:00Z",
    "age_seconds": 12000.0,
    "stale": False,
}

EFFECTS = {
    "gold_ewma_0.8": 0.21,
    "next_payrolls": 0.0953101798,
    "gold_abs_return_0": 0.07,
    "next_after_fomc": -0.06,
    "gold_range_gk_0.6": 0.055,
    "sp500_ewma_0.94": -0.041,
    "gold_momentum_60": 0.032,
    "next_tuesday": 0.024,
    "gold_ma5_gap": -0.012,
    "a_name_nobody_translated": 0.008,
    "sp500_age": -0.002,
}


def invented_forecast() -> Document:
    return {
        "prediction": 3231.4,
        "predicted_date": "2025-04-15",
        "today_date": "2025-04-14",
        "model_name": "assay-gold",
        "model_type": "MLP",
        "model_version": "2025.04.1",
        "symbol": "GC=F",
        "currency": "USD",
        "last_close": 3230.4,
        "expected_return": 0.0003,
        "probability_up": 0.53,
        "intervals": [
            {"level": 0.95, "lower": 3160.85, "upper": 3301.15},
            {"level": 0.5, "lower": 3210.35, "upper": 3252.65},
            {"level": 0.8, "lower": 3190.1, "upper": 3272.8},
        ],
        "quantiles": {"0.025": 3160.85, "0.1": 3190.1, "0.5": 3231.4, "0.975": 3301.15},
        "benchmark": {"name": "random_walk", "prediction": 3230.4},
        "skill": {
            "rmse_vs_random_walk": 1.002,
            "crps_vs_random_walk": 0.962,
            "p_value": 0.43,
            "crps_p_value": 0.0002,
            "verdict": "no_edge",
            "origins": 3843,
            "evaluated_from": "2010-01-05",
            "evaluated_to": "2025-04-11",
            "coverage": {"0.5": 0.498, "0.8": 0.79, "0.95": 0.946},
        },
        "explanation": [
            {"feature": name, "value": 1.0 if name.startswith("next_") else 0.4, "effect": effect}
            for name, effect in EFFECTS.items()
        ],
        "origin": "2025-04-14T21:00:00Z",
        "next_origin": "2025-04-15T21:00:00Z",
        **PROVENANCE,
    }


def score_row(
    name: str, ratio: float, crps: float, *, p: float | None, p_price: float | None = None
) -> Document:
    return {
        "name": name,
        "mape": 0.71 * ratio,
        "rmse": 18.2 * ratio,
        "mae": 12.9 * ratio,
        "rmse_ratio_rw": ratio,
        "dm_p_rmse_vs_random_walk": p_price,
        "r2_oos": 1 - ratio**2,
        "direction_accuracy": 0.52,
        "crps": crps,
        "pinball": crps / 2,
        "coverage": {"0.5": 0.49, "0.8": 0.801, "0.9": 0.9, "0.95": 0.951},
        "winkler": {"0.5": 2.0, "0.8": 3.1, "0.9": 3.9, "0.95": 4.6},
        "dm_p_vs_random_walk": p,
        "dm_p_vs_garch_t": 0.41,
    }


def invented_evaluation() -> Document:
    rows = [
        score_row("random_walk", 1.0, 0.00523, p=None),
        score_row("MLP", 1.0021, 0.00503, p=0.0002, p_price=0.43),
        score_row("CNN", 1.0019, 0.00506, p=0.0007, p_price=0.52),
        score_row("LSTM", 1.0024, 0.00507, p=0.004, p_price=0.39),
        score_row("log_linear_t", 1.0003, 0.00504, p=0.0003, p_price=0.61),
        score_row("garch_t", 1.0, 0.00512, p=0.011),
        score_row("random_walk_drift", 0.9994, 0.00522, p=0.19, p_price=0.27),
    ]
    return {
        "n": 3843,
        "start": "2010-01-05",
        "end": "2025-04-11",
        "rows": rows,
        "champion": "MLP",
        "model_type": "MLP",
        "model_version": "2025.04.1",
    }


def invented_market() -> Market:
    history = {"symbol": "GC=F", "currency": "USD", "rows": 250, "data": invented_bars()}
    return Market(invented_forecast(), {**history, **PROVENANCE}, invented_evaluation())


@pytest.fixture
def market() -> Market:
    return invented_market()


@pytest.fixture
def coin() -> Coin:
    return invented_coin()


@pytest.fixture
def backend(market: Market, coin: Coin) -> Iterator[LoopbackBackend]:
    """Serves the invented market and coin until the test changes them."""
    server = LoopbackBackend()
    server.serve(market)
    server.serve_coin(coin)
    server.serve_records()
    yield server
    server.close()


@pytest.fixture
def replies() -> type[Reply]:
    return Reply
