"""What the gate asked of a model and found, in the reader's words: the training says it in English.

A sentence that is not known here is told as it is, so that nothing is lost.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial

from assay_frontend.components.numbers import Column, Numbers
from assay_frontend.components.record_tables import NO, YES
from assay_frontend.components.text import html_text
from assay_frontend.i18n import Translator, translator
from assay_frontend.i18n.formats import number, p_value

_REASON = re.compile(r"(?P<model>[^:]+): (?P<condition>.+): (?P<held>yes|NO) \((?P<figure>.*)\)")
_CODE_NAME = re.compile(r"\b[a-z]+(?:_[a-z0-9]+)+\b")
_NUMBER = re.compile(r"[+-]?\d+(\.(?P<decimals>\d+))?")

_NONE, _OWN = "No new recipe passed the gate;", "{model}, the champion's own recipe,"
_REFITTED = "was refitted on the newer bars and passed the guardrails."
_AS_IT_WAS = "gold stays as it was."
_FAILED = "did not pass the guardrails when it was refitted on the newer bars: " + _AS_IT_WAS
# Each sentence's key, with the names that its message has for what changes in it.
_FORMS = [
    (key, re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^ ,]+)", re.escape(form))))
    for key, form in {
        "gate.origins": "at least {n} origins",
        "gate.crps": "CRPS below champion and every benchmark",
        "gate.crps.found": "least skill {skill}, against {model}",
        "gate.dm": "Diebold-Mariano against {model}",
        "gate.dm.found": "one-sided p {p}",
        "gate.spa": "SPA against {model}",
        "gate.spa.found": "p {p} over {n} tried",
        "gate.set": "in the {percent} % model confidence set",
        "gate.periods": "better in {won} of {all} sub-periods",
        "gate.seeds": "median of at least {n} seeds below the champion",
        "gate.seeds.found": "{n} seeds, skill {skill}",
        "gate.rmse.most": "RMSE at most {ratio} of the random walk's",
        "gate.rmse.least": "RMSE at least {ratio} of the random walk's (below, suspect a leak)",
        "gate.coverage": "coverage at {percent}% within two standard errors",
        "gate.coverage.found": "{share}, {away} standard errors",
        "gate.tests": "Kupiec and Christoffersen not rejected after Holm",
        "gate.tests.found": "smallest adjusted p {p}, {test} {percent}%",
        "gate.passed": "{model} passed the gate.",
        "gate.passed.first": "{model} passed the gate and is the champion.",
        "gate.refit": f"{_OWN} {_REFITTED}",
        "gate.refit.failed": f"{_OWN} {_FAILED}",
        "gate.refit.only": f"{_NONE} {_OWN} {_REFITTED}",
        "gate.refit.only.failed": f"{_NONE} {_OWN} {_FAILED}",
        "gate.none": f"No candidate passed, and there is no champion to refit: {_AS_IT_WAS}",
        "history.volatility": "volatility model {version} took its place; gold's model is the same",
        "history.figures": "the same models, with other figures told of them",
        "history.not_recorded": "no reason was recorded",
        "history.not_given": "no reason was given",
        "word.yes": "yes",
        "word.no": "no",
    }.items()
]


def gate_words(t: Translator, sentence: str) -> str | None:
    """A sentence of the gate in the reader's language; None where it is none of the gate's."""
    if _NUMBER.fullmatch(sentence):
        return _value(t, "", sentence)
    for key, form in _FORMS:
        if found := form.fullmatch(sentence):
            values = {name: _value(t, name, text) for name, text in found.groupdict().items()}
            return t(key, **values)
    return None


def models_named(sentence: str) -> str:
    """With the names that people know, in the sentence's own language."""
    named = translator("en").named
    return _CODE_NAME.sub(lambda found: named("model", found[0]), sentence)


def decision_html(t: Translator, sentence: str) -> str:
    """The gate's verdict. One that is not known is marked as English, so that no screen reader
    reads it out as the page's language.
    """
    words = gate_words(t, sentence)
    if words is not None:
        return html_text(words)
    return f'<span lang="en">{html_text(models_named(sentence))}</span>'


def decision_words(t: Translator, sentence: str) -> str:
    """The same as plain text."""
    return gate_words(t, sentence) or models_named(sentence)


def gate_numbers(t: Translator, reasons: Sequence[str], *, file: str) -> Numbers:
    """Each check as a row; the file says them as they were written."""
    parts = [_parts(reason) for reason in reasons]
    words = partial(decision_words, t)

    def column(at: int) -> list[str]:
        return [part[at] for part in parts]

    return Numbers.of(
        [
            Column("model", column(0), t("table.model"), partial(t.named, "model")),
            Column("condition", column(1), t("table.condition"), words),
            Column("held", column(2), t("table.passed"), partial(_held, t)),
            Column("found", column(3), t("table.found"), words),
        ],
        file=file,
    )


def _parts(reason: str) -> tuple[str, str, str, str]:
    """Model, condition, whether it held, and the figure."""
    found = _REASON.fullmatch(reason)
    if found is None:
        return "", reason, "", ""
    return found["model"], found["condition"], found["held"], found["figure"]


def _held(t: Translator, held: str) -> str:
    marks = {"yes": f"{YES} {t('word.yes')}", "NO": f"{NO} {t('word.no')}"}
    return marks.get(held, held)


def _value(t: Translator, name: str, text: str) -> str:
    found = _NUMBER.fullmatch(text)
    if found is None:
        return t.named("model", text)
    if name == "p":
        return p_value(t, float(text))
    decimals = len(found["decimals"] or "")
    return number(t, float(text), decimals, signed=text[0] in "+-")
