"""How signals are asked of a test client, and what its answers and refusals look like."""

from __future__ import annotations

from datetime import datetime

SIGNAL, BATCH, TAIL = "/v1/crypto/signal", "/v1/crypto/signal/batch", "/v1/crypto/signals/tail"


def ask(client, **body):
    return client.post(SIGNAL, json=body)


def answered(client, **body):
    answer = ask(client, **body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def is_refused(answer, status, *named):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert {"type", "title", "status", "detail", "instance", "request_id"} <= set(problem)
    assert problem["status"] == status
    for name in named:
        assert name in problem["detail"]
    return problem


def when(text):
    assert text.endswith("Z")
    return datetime.fromisoformat(text)
