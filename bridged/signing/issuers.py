"""The services whose certificates bidders have, known by the issuer's name; for people, no trust.

The patterns are UNVERIFIED: they are the names the services go by, looked for in the common name,
organization and unit of the issuer, because no issuer publishes the names in its certificates for
machines to read. A service that is not recognised loses nothing but its name on the screen.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

FAMILIES = {
    "e-Probatio PS2": r"\be-?probatio\b",
    "DIACERT-PLUS": r"\bdiacert[- ]?plus\b",
    "TDB TypeA": r"\btdb\b|\bteikoku databank\b|帝国データバンク",
    "TOiNX": r"\btoinx\b|\btohoku information systems\b|東北インフォメーション・システムズ",
    "AOSign": r"\baosign|\bnippon denshi ninsho\b|日本電子認証",
    "JPKI": r"^jpki$",
}
"""Five certification authorities of electronic bidding, and the Individual Number Card's."""

_PATTERNS = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in FAMILIES.items()}


def family(names: Iterable[str | None]) -> str | None:
    """Return the service that one of an issuer's names belongs to."""
    texts = [unicodedata.normalize("NFKC", text) for text in names if text]
    for name, pattern in _PATTERNS.items():
        if any(pattern.search(text) for text in texts):
            return name
    return None
