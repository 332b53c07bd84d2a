"""What a model was fitted on, in the reader's words: the training says it in English."""

from __future__ import annotations

from assay_frontend.i18n import Translator

_KEYS = {"hourly": "models.fitted.hourly", "daily": "models.fitted.daily"}


def bars_words(t: Translator, name: str) -> str:
    """`BTC hourly` in the reader's language; as it is where it has another form."""
    coin, _, of = name.rpartition(" ")
    key = _KEYS.get(of)
    return t(key, coin=coin) if key is not None and coin else name
