"""The page's words: one flat JSON file a language, all with the same keys."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

Language = Literal["en", "es"]
LANGUAGES: dict[Language, str] = {"en": "English", "es": "Español"}
DEFAULT_LANGUAGE: Language = "en"


@dataclass(frozen=True, slots=True)
class Translator:
    """`t("key", name=value)` gives the sentence; a key that no file has is a KeyError."""

    language: Language
    messages: Mapping[str, str]

    def __call__(self, key: str, **values: object) -> str:
        return self.messages[key].format(**values)

    def named(self, kind: str, name: str) -> str:
        """The friendly name of a feature, source, model…; the name itself where none is known."""
        return self.messages.get(f"{kind}.{name}", name)


@cache
def translator(language: Language) -> Translator:
    path = Path(__file__).parent / f"{language}.json"
    return Translator(language, json.loads(path.read_text(encoding="utf-8")))


def language_named(tag: str | None) -> Language | None:
    """The language of a tag such as `es-MX`; None where there is no such translation."""
    primary = (tag or "").replace("_", "-").split("-")[0].lower()
    return next((language for language in LANGUAGES if language == primary), None)
