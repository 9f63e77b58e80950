"""Compare company names as people do: 商号 differ in writing, not in bytes."""

from __future__ import annotations

import re
import unicodedata

from portal_demo.characters import plain_kanji

_LEGAL_FORMS = {
    "(株)": "株式会社",
    "(有)": "有限会社",
    "(同)": "合同会社",
    "(合)": "合同会社",
    "(資)": "合資会社",
    "(名)": "合名会社",
    "(一社)": "一般社団法人",
    "(一財)": "一般財団法人",
    "(公社)": "公益社団法人",
    "(公財)": "公益財団法人",
    "(特非)": "特定非営利活動法人",
    "(協)": "協同組合",
}
_ABBREVIATION = re.compile("|".join(re.escape(form) for form in _LEGAL_FORMS))
_SPACES = re.compile(r"\s+")
# The bar for long vowels, hyphens, dashes and minus signs look alike and are typed alike.
_BARS = re.compile("[-\u2010-\u2015\u2212\u30fc]")
_HIRAGANA = {code: code + 0x60 for code in range(0x3041, 0x3097)}


def normalized_name(name: str) -> str:
    """Return the form of a company name that equal names share; only for comparing."""
    text = unicodedata.normalize("NFKC", plain_kanji(name))
    text = _SPACES.sub("", text).casefold().translate(_HIRAGANA)
    text = _ABBREVIATION.sub(lambda m: _LEGAL_FORMS[m.group()], text)
    return _BARS.sub("ー", text)


def same_name(a: str, b: str) -> bool:
    """Tell whether two names are one company's."""
    return bool(normalized_name(a)) and normalized_name(a) == normalized_name(b)
