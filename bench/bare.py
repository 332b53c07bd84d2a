"""The yardstick: FastAPI routes that return a constant.

`POST /predict` a model as large as the answer in the file, `GET /bytes` that answer's bytes as they
are, `GET /small` a small dictionary.

Run by the other scripts: python bench/bare.py PORT [ANSWER.json]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Response
from pydantic import BaseModel


class Constant(BaseModel):
    """Any fields; the answer's where a file of it is given."""

    model_config = {"extra": "allow"}


def create_app(answer: bytes) -> FastAPI:
    app = FastAPI()
    constant = Constant(**json.loads(answer))

    @app.post("/predict")
    async def predict() -> Constant:
        return constant

    @app.get("/bytes")
    async def ready_made() -> Response:
        return Response(answer, media_type="application/json")

    @app.get("/small")
    async def small() -> dict[str, Any]:
        return {"value": 1.0}

    return app


def main() -> None:
    port = int(sys.argv[1])
    answer = Path(sys.argv[2]).read_bytes() if len(sys.argv) > 2 else b'{"value": 1.0}'
    uvicorn.run(create_app(answer), host="127.0.0.1", port=port, log_level="error", ws="none")


if __name__ == "__main__":
    main()
