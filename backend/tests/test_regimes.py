"""A coin's past hours over HTTP: as the walk gives them, cacheable, or a clear no."""

from __future__ import annotations

import numpy as np
import pytest

from assay_backend.schemas.examples_regimes import REGIMES
from assay_backend.schemas.regimes import RegimesAnswer

PATH = "/v1/crypto/regimes"


def test_the_example_is_a_whole_answer():
    assert RegimesAnswer.model_validate(REGIMES).rows == len(REGIMES["data"])


def test_the_usual_question_is_answered_as_described(standing_client):
    response = standing_client.get(PATH)
    assert response.status_code == 200
    answer = RegimesAnswer.model_validate(response.json())
    assert (answer.symbol, answer.exchange, answer.horizon_min) == ("BTC/USDT", "binance", 1440)
    assert answer.rows == len(answer.data) == answer.hours == 720
    times = [row.time for row in answer.data]
    assert times == sorted(set(times))
    assert times[-1] == answer.as_of
    assert {row.vol_regime for row in answer.data} <= {"calm", "normal", "turbulent"}
    assert all(row.realized_volatility is None for row in answer.data[-24:])
    assert answer.data[-25].realized_volatility is not None


def test_the_newest_hour_says_what_the_signal_says(standing_client):
    query = "symbol=ETHUSDT&horizon_min=240"
    signal = standing_client.get(f"/v1/crypto/signal?{query}").json()
    newest = standing_client.get(f"{PATH}?{query}&hours=1").json()["data"]
    assert len(newest) == 1
    assert newest[0]["vol_regime"] == signal["vol_regime"]
    assert newest[0]["risk_score"] == pytest.approx(signal["risk_score"], abs=1e-5)
    assert newest[0]["volatility"] == pytest.approx(signal["volatility"]["horizon"], rel=1e-5)


def test_a_longer_look_back_ends_with_the_same_hours(standing_client):
    long, short = (
        standing_client.get(f"{PATH}?horizon_min=60&hours={hours}").json()["data"]
        for hours in (200, 50)
    )
    assert long[-50:] == short


def test_a_copy_that_is_current_is_not_sent_again(standing_client):
    first = standing_client.get(PATH)
    again = standing_client.get(PATH, headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
    assert not again.content
    assert first.headers["Cache-Control"].startswith("public, max-age=")


def test_looking_records_nothing(standing_client):
    before = standing_client.get("/v1/ledger/verify").json()["rows"]
    standing_client.get(f"{PATH}?symbol=ETHUSDT")
    assert standing_client.get("/v1/ledger/verify").json()["rows"] == before


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("horizon_min=90", 422),
        ("horizon_min=0", 422),
        ("horizon_min=43260", 422),
        ("hours=0", 422),
        ("hours=8761", 422),
        ("hour=5", 422),
        ("exchange=nowhere", 422),
        ("symbol=NOSUCHCOIN", 404),
    ],
)
def test_what_cannot_be_is_refused(standing_client, query, status):
    response = standing_client.get(f"{PATH}?{query}")
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/problem+json"


def test_what_is_not_known_of_a_row_is_null():
    from assay_backend.services.regimes import _rows

    class Few:
        time = np.array(["2026-01-01T00", "2026-01-01T01"], dtype="datetime64[ms]")
        close = np.array([1.0, 2.0])
        regime = np.array([-1, 2], dtype=np.int8)
        risk_score = np.array([np.nan, 0.5])
        variance = np.array([np.nan, 4.0])
        realized = np.array([9.0, np.nan])

    assert _rows(Few(), 5) == [
        {
            "time": "2026-01-01T00:00:00Z", "close": 1.0, "vol_regime": None, "risk_score": None,
            "volatility": None, "realized_volatility": 3.0,
        },
        {
            "time": "2026-01-01T01:00:00Z", "close": 2.0, "vol_regime": "turbulent",
            "risk_score": 0.5, "volatility": 2.0, "realized_volatility": None,
        },
    ]  # fmt: skip
