"""The yardstick: a FastAPI route that returns a constant model as large as the forecast.

Run by the other scripts: python bench/bare.py PORT [FORECAST.json]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel


class Constant(BaseModel):
    """Any fields; the forecast's where a file of it is given."""

    model_config = {"extra": "allow"}


def create_app(fields: dict[str, Any]) -> FastAPI:
    app = FastAPI()
    constant = Constant(**fields)

    @app.post("/predict")
    async def predict() -> Constant:
        return constant

    return app


def main() -> None:
    port = int(sys.argv[1])
    fields = json.loads(Path(sys.argv[2]).read_bytes()) if len(sys.argv) > 2 else {"value": 1.0}
    uvicorn.run(create_app(fields), host="127.0.0.1", port=port, log_level="error", ws="none")


if __name__ == "__main__":
    main()
