"""The columns of a file, named as in the manual's 企業情報, and how a cell of each is checked."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from portal_demo.characters import plain_kanji, visible
from portal_demo.fields import CARD_FORM, PHONE_LENGTH, POSTAL_LENGTH, SEARCH_FIELDS, Field, Rule
from portal_demo.language import Text
from portal_demo.register_csv.errors import HeaderDuplicate, HeaderMissing, TooManyColumns
from portal_demo.validation import convert, fault

MAX_COLUMNS = 64
FORMULA_STARTS = ("=", "+", "-", "@", "＝", "＋", "－", "−", "＠", "\t", "\r", "\n")
"""What a spreadsheet takes for a formula, if a cell begins with it (CWE-1236)."""
_FORMULA = Text(
    "{label}の先頭に「{start}」は使用できません。（表計算ソフトで計算式として扱われます）",
    "{label} may not begin with “{start}”: spreadsheets would take it for a formula.",
)


def _columns() -> tuple[Field, ...]:
    """Return the columns in the order of the register, the number first."""
    lines = {line.name: line for line in CARD_FORM.layout}
    # name in the register, name in the form, rule, length, may be empty
    rows = (
        ("permit_number", "permit_number", Rule.TEXT, 20, False),
        ("name", "company_name", Rule.TEXT, 60, False),
        ("postal", "company_postal", Rule.POSTAL, POSTAL_LENGTH, False),
        ("address", "company_address", Rule.TEXT, 120, False),
        ("representative_name", "representative_name", Rule.TEXT, 40, False),
        ("representative_title", "representative_title", Rule.TEXT, 40, False),
        ("phone", "company_phone", Rule.PHONE, PHONE_LENGTH, False),
        ("fax", "company_fax", Rule.PHONE, PHONE_LENGTH, True),
        ("region", "region", Rule.TEXT, 60, False),
        ("qualification", "qualification", Rule.TEXT, 120, False),
        ("branch", "branch_name", Rule.TEXT, 30, True),
    )
    blank = Text("", "")
    return (
        SEARCH_FIELDS[0],
        *(
            Field(
                name, lines[form].label, lines[form].section, rule, length, blank,
                required=not optional,
            )
            for name, form, rule, length, optional in rows
        ),
    )  # fmt: skip


COLUMNS = _columns()
_ALIASES = {"地域区分": "region", "郵便番号": "postal", "電話番号": "phone", "FAX番号": "fax"}


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong in a line; `column` is empty where it is the line as a whole."""

    line: int
    column: Text
    reason: Text


@dataclass(frozen=True, slots=True)
class Header:
    """Which cell of a line is which column; `ignored` are headings that the register has not."""

    positions: tuple[tuple[Field, int], ...]
    width: int
    ignored: tuple[str, ...]

    def values(self, line: int, cells: Sequence[str]) -> dict[str, str] | list[Fault]:
        """Return a line's values, as they will be kept, or what is wrong with it."""
        values, faults = {}, []
        for column, position in self.positions:
            value = convert(column, cells[position])
            if wrong := fault_of(column, value):
                faults.append(Fault(line, column.label, wrong))
            values[column.name] = value
        return faults or values


def fault_of(column: Field, value: str) -> Text | None:
    """Return what is wrong with a converted value.

    A name keeps the kanji that it is registered with (髙, 﨑), though forms do not take them.
    """
    if column.rule is Rule.TEXT and value.startswith(FORMULA_STARTS):
        return _FORMULA.fill(label=column.label, start=value[0])
    return fault(column, plain_kanji(value))


def parse_header(cells: Sequence[str]) -> Header:
    """Read the first line. Raises TooManyColumns, HeaderDuplicate or HeaderMissing."""
    if len(cells) > MAX_COLUMNS:
        raise TooManyColumns(most=MAX_COLUMNS)
    named = {_plain(column.label.ja): column.name for column in COLUMNS} | _ALIASES
    headings = [_plain(cell) for cell in cells]
    found: dict[str, int] = {}
    for position, heading in enumerate(headings):
        name = named.get(heading)
        if name in found:
            raise HeaderDuplicate(name=heading)
        if name:
            found[name] = position
    if missing := [column.label for column in COLUMNS if column.name not in found]:
        names = Text("、".join(t.ja for t in missing), ", ".join(t.en for t in missing))
        raise HeaderMissing(names=names)
    return Header(
        positions=tuple((column, found[column.name]) for column in COLUMNS),
        width=len(cells),
        ignored=tuple(visible(one)[:40] for one in headings if one and one not in named),
    )


def _plain(heading: str) -> str:
    return "".join(unicodedata.normalize("NFKC", heading).split())
