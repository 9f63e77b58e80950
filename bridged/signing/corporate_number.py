"""The 13 digits of a company (法人番号), found where an issuer may have put them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from cryptography import x509
from cryptography.x509.oid import NameOID

_PLACES = (
    NameOID.ORGANIZATION_IDENTIFIER,
    NameOID.SERIAL_NUMBER,
    NameOID.ORGANIZATIONAL_UNIT_NAME,
    NameOID.ORGANIZATION_NAME,
)
"""Attributes that may hold it. UNVERIFIED: issuers do not say; the check digit tells."""
_DIGITS = re.compile(r"(?<!\d)\d{13}(?!\d)", re.ASCII)


def find(names: Iterable[x509.Name]) -> str | None:
    """Return the first number in the names that its check digit says is one."""
    for name in names:
        for place in _PLACES:
            for attribute in name.get_attributes_for_oid(place):
                text = unicodedata.normalize("NFKC", str(attribute.value)[:300])
                for digits in _DIGITS.findall(text):
                    if is_valid(digits):
                        return str(digits)
    return None


def is_valid(digits: str) -> bool:
    """Whether the first digit checks the others (法人番号の指定等に関する省令, 2条)."""
    weighed = sum(int(d) * (2 if n % 2 else 1) for n, d in enumerate(reversed(digits[1:])))
    return int(digits[0]) == 9 - weighed % 9
