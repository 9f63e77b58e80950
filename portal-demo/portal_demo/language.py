"""Japanese and English: every text a person reads stands in both, side by side.

Templates write `{{ t("戻る", "Back") }}`, Python `Text("戻る", "Back")`, scripts `say("戻る",
"Back")`. The person's choice is kept in a cookie; before a choice the browser's language decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from aiohttp import web

COOKIE = "portal-language"


class Language(StrEnum):
    """A language of the portal."""

    JA = "ja"
    EN = "en"


@dataclass(frozen=True, slots=True)
class Text:
    """One text in both languages; `{name}` stands for a value."""

    ja: str
    en: str

    def __getitem__(self, language: Language) -> str:
        return self.ja if language is Language.JA else self.en

    def fill(self, **values: object) -> Text:
        """Return the text with its values, which may be texts themselves."""
        return Text(*(_filled(self[language], language, values) for language in Language))


def language_of(request: web.Request) -> Language:
    """Return the person's choice, else what the browser prefers, else Japanese."""
    chosen = named(request.cookies.get(COOKIE))
    return chosen or preferred(request.headers.get("Accept-Language", ""))


def named(code: str | None) -> Language | None:
    """Return the language of a code, None if there is no such."""
    return next((language for language in Language if language == code), None)


def preferred(accept: str) -> Language:
    """Return the language that an `Accept-Language` ranks first (RFC 9110, section 12.5.4)."""
    ranked = []
    for position, part in enumerate(accept.split(",")):
        tag, _, weight = part.strip().lower().partition(";q=")
        if language := named(tag.partition("-")[0]):
            ranked.append((-_weight(weight), position, language))
    return min(ranked)[2] if ranked else Language.JA


def set_cookie(response: web.StreamResponse, language: Language, *, https: bool) -> None:
    """Remember a choice for this visit."""
    response.set_cookie(COOKIE, language, path="/", httponly=True, secure=https, samesite="Lax")


def _filled(text: str, language: Language, values: dict[str, object]) -> str:
    return text.format(
        **{name: v[language] if isinstance(v, Text) else v for name, v in values.items()}
    )


def _weight(text: str) -> float:
    try:
        return float(text) if text else 1.0
    except ValueError:
        return 0.0
