"""Which characters an application may hold: JIS X 0208 and half-width ASCII.

Windows input methods write some JIS characters with other code points; those are mapped, not
refused. Everything else outside is named, with what to write instead. There is no blanket NFKC:
it would change what people meant (ＡＢＣ, ㌔, ½).
"""

from __future__ import annotations

import contextlib
import re
import unicodedata
from dataclasses import dataclass

from portal_demo.language import Text

_ROWS = range(0xA1, 0xFF)


def _jis_x_0208() -> frozenset[str]:
    """Return JIS X 0208 by decoding each of its 94 x 94 cells; some are unassigned."""
    found = set()
    for row in _ROWS:
        for cell in _ROWS:
            with contextlib.suppress(UnicodeDecodeError):
                found.add(bytes((row, cell)).decode("euc_jp"))
    return frozenset(found)


# CP932 and JIS X 0208 disagree on the code points of these (JIS X 0208:1997, annex).
_WINDOWS_VARIANTS = str.maketrans(
    {
        "\uff5e": "\u301c",  # ～
        "\uff0d": "\u2212",  # －
        "\u2225": "\u2016",  # ∥
        "\uffe0": "\u00a2",  # ￠
        "\uffe1": "\u00a3",  # ￡
        "\uffe2": "\u00ac",  # ￢
        "\u2014": "\u2015",  # —
        "\u00a0": " ",
        "\u00a5": "\uffe5",  # ¥ typed on a Macintosh
    }
)
_VOICED_KANA = re.compile("[\u3041-\u30ff][\u3099\u309a]")
_HALF_WIDTH_KANA = re.compile("[\uff61-\uff9f]+")

_KANJI = {
    "髙": "高", "﨑": "崎", "𠮟": "叱", "𠮷": "吉", "德": "徳", "濵": "浜", "瀨": "瀬", "桒": "桑",
    "栁": "柳", "增": "増", "寬": "寛", "橫": "横", "淸": "清", "綠": "緑", "緖": "緒", "郞": "郎",
    "鄕": "郷", "黑": "黒", "靑": "青", "曻": "昇", "閒": "間", "吞": "呑", "俱": "倶", "剝": "剥",
    "塡": "填", "頰": "頬", "嵓": "岩", "彅": "薙",
}  # fmt: skip
_SIGNS = {
    "㈱": "(株)", "㈲": "(有)", "㈹": "(代)", "㍿": "株式会社", "№": "No.", "℡": "TEL",
    "㎡": "平方メートル", "〝": "“", "〟": "”", "㍾": "明治", "㍽": "大正", "㍼": "昭和", "㍻": "平成",
    "㋿": "令和", "–": "-", "•": "・",
}  # fmt: skip
_PLAIN_KANJI = str.maketrans(_KANJI)
_CIRCLED = re.compile("[\u2460-\u2473]")

JIS_X_0208 = _jis_x_0208()
ASCII = frozenset(map(chr, range(0x20, 0x7F)))
ALLOWED = JIS_X_0208 | ASCII


@dataclass(frozen=True, slots=True)
class Forbidden:
    """A character (or a run of half-width kana) that may not be used, and what may instead."""

    text: str
    substitute: str | None

    @property
    def shown(self) -> Text:
        """Return a form of `text` that can be seen in a message."""
        if all(c.isprintable() for c in self.text):
            return Text(f"「{self.text}」", f"“{self.text}”")
        codes = " ".join(f"U+{ord(c):04X}" for c in self.text)
        return Text(f"目に見えない文字（{codes}）", f"an invisible character ({codes})")


def to_jis(text: str) -> str:
    """Map Windows variants and split kana (か + ゛) to the characters of JIS X 0208; trim."""
    composed = _VOICED_KANA.sub(lambda m: unicodedata.normalize("NFC", m.group()), text)
    return composed.translate(_WINDOWS_VARIANTS).strip(" \u3000")


def first_forbidden(text: str) -> Forbidden | None:
    """Return the first character outside the allowed set."""
    for position, character in enumerate(text):
        if character in ALLOWED:
            continue
        kana = _HALF_WIDTH_KANA.match(text, position)
        if kana:
            return Forbidden(kana.group(), _usable(unicodedata.normalize("NFKC", kana.group())))
        return Forbidden(character, _substitute(character))
    return None


def plain_kanji(text: str) -> str:
    """Return `text` with kanji variants in their JIS X 0208 form."""
    return text.translate(_PLAIN_KANJI)


def visible(text: str) -> str:
    """Return a text of several lines without control characters; lines end as Python's do."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(c for c in lines if c in "\n\u3000" or c.isprintable())


def _substitute(character: str) -> str | None:
    """Suggest what to write for a forbidden character, None where nothing is obvious."""
    if character in _KANJI:
        return _KANJI[character]
    if character in _SIGNS:
        return _SIGNS[character]
    plain = unicodedata.normalize("NFKC", character)
    if _CIRCLED.match(character):
        return f"({plain})"
    return _usable(plain)


def _usable(text: str) -> str | None:
    return text if text.strip() and all(c in ALLOWED for c in text) else None
