"""Check what a person typed; lengths count characters, classes are ASCII only."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from portal_demo.characters import first_forbidden, to_jis
from portal_demo.fields import Field, Rule

_FULL_WIDTH = str.maketrans({code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: " "})
# What input methods give for the hyphen key; none of these can stand in a half-width value.
_HYPHENS = re.compile("[\u2010-\u2015\u2212\u30fc\uff70\uff0d]")

_NUMBER = re.compile(r"[0-9]{10}")
_POSTAL = re.compile(r"[0-9]{3}-[0-9]{4}")
_PHONE = re.compile(r"[0-9]{2,5}-[0-9]{1,4}-[0-9]{3,4}")
_MAIL = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]{0,61}[A-Za-z0-9]"
)
_MAIL_LOCAL_LENGTH = 64  # RFC 5321, 4.5.3.1.1


@dataclass(frozen=True, slots=True)
class Checked:
    """Values as they will be kept, and a message for each field that is wrong."""

    values: dict[str, str]
    faults: dict[str, str]


def check(fields: Iterable[Field], typed: Mapping[str, str]) -> Checked:
    """Convert and check every field; a missing one counts as empty."""
    fields = tuple(fields)
    values = {field.name: convert(field, typed.get(field.name, "")) for field in fields}
    faults = {field.name: fault(field, values[field.name]) for field in fields}
    return Checked(values, {name: text for name, text in faults.items() if text})


def convert(field: Field, typed: str) -> str:
    """Return the value to keep: JIS characters, half-width where the field is half-width."""
    if field.rule is Rule.TEXT:
        return to_jis(typed)
    return _HYPHENS.sub("-", typed.translate(_FULL_WIDTH)).strip(" ")


def fault(field: Field, value: str) -> str | None:
    """Return what is wrong with a converted value, as a sentence for the person."""
    if not value:
        return f"{field.label}を入力して下さい。"
    return _RULES[field.rule](field, value)


def _text(field: Field, value: str) -> str | None:
    forbidden = first_forbidden(value)
    if forbidden is None:
        return _too_long(field, value)
    instead = f"「{forbidden.substitute}」" if forbidden.substitute else "別の文字"
    return (
        f"{field.label}に使用できない文字{forbidden.shown}が含まれています。"
        f"{instead}に置き換えて下さい。"
    )


def _too_long(field: Field, value: str) -> str | None:
    if len(value) <= field.max_length:
        return None
    return f"{field.label}は{field.max_length}文字以内で入力して下さい。（現在{len(value)}文字）"


def _number(field: Field, value: str) -> str | None:
    if _NUMBER.fullmatch(value):
        return None
    return f"{field.label}は半角数字10文字で入力して下さい。"


def _postal(field: Field, value: str) -> str | None:
    if _POSTAL.fullmatch(value):
        return None
    return f"{field.label}は半角数字とハイフンで入力して下さい。（例:123-4567）"


def _phone(field: Field, value: str) -> str | None:
    if _PHONE.fullmatch(value):
        return None
    return f"{field.label}は半角数字とハイフンで入力して下さい。（例:03-0000-0000）"


def _mail(field: Field, value: str) -> str | None:
    if too_long := _too_long(field, value):
        return too_long
    if _MAIL.fullmatch(value) and value.index("@") <= _MAIL_LOCAL_LENGTH:
        return None
    return f"{field.label}は半角で、name@example.jpのような形式で入力して下さい。"


_RULES: dict[Rule, Callable[[Field, str], str | None]] = {
    Rule.TEXT: _text,
    Rule.NUMBER: _number,
    Rule.POSTAL: _postal,
    Rule.PHONE: _phone,
    Rule.MAIL: _mail,
}
