"""Check what a person typed; lengths count characters, classes are ASCII only."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from portal_demo.characters import first_forbidden, to_jis
from portal_demo.fields import CODE_LENGTHS, Field, Rule
from portal_demo.language import Text

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
_CODE = re.compile("[0-9A-Za-z]{{{},{}}}".format(*CODE_LENGTHS))
_MAIL_LOCAL_LENGTH = 64  # RFC 5321, 4.5.3.1.1


@dataclass(frozen=True, slots=True)
class Checked:
    """Values as they will be kept, and a message for each field that is wrong."""

    values: dict[str, str]
    faults: dict[str, Text]


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


def fault(field: Field, value: str) -> Text | None:
    """Return what is wrong with a converted value, as a sentence for the person."""
    if not value:
        return _EMPTY.fill(label=field.label) if field.required else None
    return _RULES[field.rule](field, value)


def _text(field: Field, value: str) -> Text | None:
    forbidden = first_forbidden(value)
    if forbidden is None:
        return _too_long(field, value)
    instead = _INSTEAD.fill(text=forbidden.substitute) if forbidden.substitute else _ANOTHER
    return _FORBIDDEN.fill(label=field.label, shown=forbidden.shown, instead=instead)


def _too_long(field: Field, value: str) -> Text | None:
    if len(value) <= field.max_length:
        return None
    return _TOO_LONG.fill(label=field.label, max=field.max_length, length=len(value))


def _of_form(pattern: re.Pattern[str], sentence: Text) -> Callable[[Field, str], Text | None]:
    def rule(field: Field, value: str) -> Text | None:
        return None if pattern.fullmatch(value) else sentence.fill(label=field.label)

    return rule


def _mail(field: Field, value: str) -> Text | None:
    if too_long := _too_long(field, value):
        return too_long
    return None if is_mail(value) else _MAIL_FORM.fill(label=field.label)


def is_number(value: str) -> bool:
    """Tell whether a value has the form of a registration number."""
    return bool(_NUMBER.fullmatch(value))


def is_mail(value: str) -> bool:
    """Tell whether a value has the form of a mail address."""
    return bool(_MAIL.fullmatch(value)) and value.index("@") <= _MAIL_LOCAL_LENGTH


_EMPTY = Text("{label}を入力して下さい。", "{label}: this item is required.")
_FORBIDDEN = Text(
    "{label}に使用できない文字{shown}が含まれています。{instead}に置き換えて下さい。",
    "{label} holds {shown}, which cannot be used. Replace it with {instead}.",
)
_INSTEAD = Text("「{text}」", "“{text}”")
_ANOTHER = Text("別の文字", "another character")
_TOO_LONG = Text(
    "{label}は{max}文字以内で入力して下さい。（現在{length}文字）",
    "{label}: up to {max} characters, please (now {length}).",
)
_NUMBER_FORM = Text(
    "{label}は半角数字10文字で入力して下さい。", "{label}: 10 half-width digits, please."
)
_POSTAL_FORM = Text(
    "{label}は半角数字とハイフンで入力して下さい。（例:123-4567）",
    "{label}: half-width digits and a hyphen, please (e.g. 123-4567).",
)
_PHONE_FORM = Text(
    "{label}は半角数字とハイフンで入力して下さい。（例:03-0000-0000）",
    "{label}: half-width digits and hyphens, please (e.g. 03-0000-0000).",
)
_MAIL_FORM = Text(
    "{label}は半角で、name@example.jpのような形式で入力して下さい。",
    "{label}: half-width, please, in the form of name@example.jp.",
)
_CODE_FORM = Text(
    "{label}は半角英数字6文字以上256文字以内で入力して下さい。",
    "{label}: 6 to 256 half-width letters and digits, please.",
)

_RULES: dict[Rule, Callable[[Field, str], Text | None]] = {
    Rule.TEXT: _text,
    Rule.NUMBER: _of_form(_NUMBER, _NUMBER_FORM),
    Rule.POSTAL: _of_form(_POSTAL, _POSTAL_FORM),
    Rule.PHONE: _of_form(_PHONE, _PHONE_FORM),
    Rule.MAIL: _mail,
    Rule.CODE: _of_form(_CODE, _CODE_FORM),
}
