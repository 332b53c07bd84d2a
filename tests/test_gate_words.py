"""What the training writes down of its decisions, and what the dashboard makes of it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from assay.bundle import versions
from assay_frontend.components import gate_words as words
from assay_frontend.components.training_words import bars_words
from assay_frontend.i18n import translator
from assay_training.promotion_commands import NO_REASON
from assay_training.steps.gate import Check, Decision

BUNDLE = Path(__file__).parents[1] / "data" / "processed"
EN, ES = translator("en"), translator("es")


def promotion():
    metadata = json.loads((BUNDLE / "model_metadata.json").read_text(encoding="utf-8"))
    return metadata["promotion"]


def decisions():
    champion = SimpleNamespace(name="MLP")
    own, other = (Check(name, "at least 1000 origins", True, "1200") for name in ("MLP", "CNN"))
    return [
        Decision(champion, "promotion", (own,)),
        Decision(None, "none", (other,)),
        *(
            Decision(winner, "refit", checks)
            for checks in [(own,), (other, own)]
            for winner in (champion, None)
        ),
    ]


def test_every_check_of_the_champion_is_told_in_both_languages():
    reasons = promotion()["reasons"]
    assert len(reasons) > 40
    for t in (EN, ES):
        table = words.gate_numbers(t, reasons, file="gate.csv").table
        assert len(table) == 4
        unknown = [
            part
            for reason in reasons
            for part in words._parts(reason)[1::2]
            if words.gate_words(t, part) is None
        ]
        assert not unknown


@pytest.mark.parametrize("decision", decisions(), ids=lambda decision: decision.verdict[:40])
def test_every_verdict_is_told_in_both_languages(decision):
    said = words.gate_words(EN, decision.verdict)
    assert said == decision.verdict.replace("MLP", "Neural network, MLP")
    assert words.gate_words(ES, decision.verdict) not in (None, said)
    assert "lang=" not in words.decision_html(ES, decision.verdict)


def test_the_historys_own_reasons_are_told_in_both_languages():
    source = Path(versions.__file__).read_text(encoding="utf-8")
    written = re.findall(r'why = f?"(.+)"', source)
    assert len(written) == 2
    for reason in (*written, versions._NO_REASON, NO_REASON):
        reason = re.sub(r"\{[^}]+\}", "2025-01-20-fced148b", reason)
        assert words.gate_words(EN, reason) == reason
        assert words.gate_words(ES, reason) not in (None, reason)


def test_what_the_coins_model_was_fitted_on_is_told_in_both_languages():
    metadata = json.loads((BUNDLE / "model_metadata.json").read_text(encoding="utf-8"))
    coins = metadata["volatility"]["coins"]
    assert len(coins) == 3
    for name in coins:
        assert bars_words(EN, name) == name
        assert bars_words(ES, name).startswith("barras ")
