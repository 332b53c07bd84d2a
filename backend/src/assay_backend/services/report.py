"""The daily report, made for whoever asks first and kept for a while."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from assay_backend.answers import Answer
from assay_backend.languages import Language
from assay_backend.report.compose import compose
from assay_backend.report.facts import Facts, gather
from assay_backend.report.html import html
from assay_backend.report.markdown import markdown
from assay_backend.report.pictures import draw, drawings
from assay_backend.report.words import words_of

if TYPE_CHECKING:
    from assay_backend.services.container import Services

Form = Literal["markdown", "html"]

MEDIA_TYPES: dict[Form, str] = {
    "markdown": "text/markdown; charset=utf-8",
    "html": "text/html; charset=utf-8",
}
KEPT_FOR = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class _Made:
    """Both forms in one language, from the same facts."""

    until: datetime
    forms: dict[Form, Answer]


class ReportService:
    """Makes the report at most once in KEPT_FOR for each language; for one event loop."""

    def __init__(self) -> None:
        self._made: dict[Language, _Made] = {}
        self._lock = asyncio.Lock()
        self.made_at: datetime | None = None  # the newest, in any language

    async def answer(self, services: Services, form: Form, language: Language) -> Answer:
        """The report as it was at most KEPT_FOR ago."""
        async with self._lock:
            now = services.clock.now()
            made = self._made.get(language)
            if made is None or now >= made.until:
                texts = await rendered(await gather(services), language)
                forms: dict[Form, Answer] = {
                    form: _answer(text, form, language, now) for form, text in texts.items()
                }
                made = self._made[language] = _Made(now + KEPT_FOR, forms)
                self.made_at = now
        return made.forms[form]


async def rendered(facts: Facts, language: Language) -> dict[Form, str]:
    """Both forms of one report."""
    words = words_of(language)
    report, pictures = await asyncio.gather(
        asyncio.to_thread(compose, facts, words), draw(drawings(facts, words))
    )
    texts = await asyncio.to_thread(lambda: (markdown(report), html(report, pictures)))
    return dict(zip(("markdown", "html"), texts, strict=True))


def _answer(text: str, form: Form, language: Language, now: datetime) -> Answer:
    body = text.encode()
    headers = [
        (b"content-type", MEDIA_TYPES[form].encode()),
        (b"content-length", b"%d" % len(body)),
        (b"content-language", language.encode()),
    ]
    return Answer(body, f'W/"{hashlib.sha256(body).hexdigest()[:32]}"', now, headers)
