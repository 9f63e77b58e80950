"""The one table of fields: templates, validation and tests all read it.

Labels and notes are those of the manual.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Rule(Enum):
    """How a value is checked; see `validation`."""

    TEXT = "text"
    NUMBER = "number"
    POSTAL = "postal"
    PHONE = "phone"
    MAIL = "mail"


class Section(Enum):
    """The parts of the form, with their headings."""

    SEARCH = "資格審査情報検索"
    COMPANY = "企業情報"
    CONTACT = "代表窓口情報"
    CARD = "ICカード利用部署情報"
    QUALIFICATION = "資格審査情報"


@dataclass(frozen=True, slots=True)
class Field:
    """A field a person fills in; `max_length` counts characters, `note` stands beside it.

    `autocomplete` is the token of HTML for what the field holds.
    """

    name: str
    label: str
    section: Section
    rule: Rule
    max_length: int
    note: str
    autocomplete: str = "off"


@dataclass(frozen=True, slots=True)
class ReadOnly:
    """A value that is shown and not typed, from the register or the certificate."""

    name: str
    label: str
    section: Section


_POSTAL_NOTE = "(※)(半角 例:123-4567)"
_PHONE_NOTE = "(※)(半角 例:03-0000-0000)"
PHONE_LENGTH = 15
POSTAL_LENGTH = 8
MAIL_LENGTH = 100

SEARCH_FIELDS = (
    Field("number", "登録番号", Section.SEARCH, Rule.NUMBER, 10, "(※)(半角数字10文字)"),
    Field("name", "商号又は名称", Section.SEARCH, Rule.TEXT, 60, "(※)", "organization"),
)


def _contact(prefix: str, section: Section) -> tuple[Field, ...]:
    """Return the seven fields of a contact."""
    rows = (
        ("department", "連絡先名称(部署名等)", Rule.TEXT, 60, "(※)(60文字以内)", "organization"),
        ("postal", "連絡先郵便番号", Rule.POSTAL, POSTAL_LENGTH, _POSTAL_NOTE, "postal-code"),
        ("address", "連絡先住所", Rule.TEXT, 60, "(※)(60文字以内)", "street-address"),
        ("person", "連絡先氏名", Rule.TEXT, 20, "(※)(20文字以内)", "name"),
        ("phone", "連絡先電話番号", Rule.PHONE, PHONE_LENGTH, _PHONE_NOTE, "tel"),
        ("fax", "連絡先FAX番号", Rule.PHONE, PHONE_LENGTH, _PHONE_NOTE, "off"),
        ("mail", "連絡先メールアドレス", Rule.MAIL, MAIL_LENGTH, "(※)(半角100文字以内)", "email"),
    )
    return tuple(
        Field(f"{prefix}_{name}", label, section, rule, length, note, autocomplete)
        for name, label, rule, length, note, autocomplete in rows
    )


FORM_FIELDS = (
    Field("company_phone", "代表電話番号", Section.COMPANY, Rule.PHONE, PHONE_LENGTH, _PHONE_NOTE),
    Field("company_fax", "代表FAX番号", Section.COMPANY, Rule.PHONE, PHONE_LENGTH, _PHONE_NOTE),
    Field("branch_name", "支店名等", Section.COMPANY, Rule.TEXT, 30, "(※)(30文字以内)"),
    *_contact("contact", Section.CONTACT),
    *_contact("card", Section.CARD),
    Field(
        "qualification_name",
        "商号又は名称",
        Section.QUALIFICATION,
        Rule.TEXT,
        60,
        "(※)(60文字以内)",
    ),
)
BY_NAME = {field.name: field for field in FORM_FIELDS}
SECTION_OF = {field.name: field.section.value for field in FORM_FIELDS}

_C, _K = Section.COMPANY, Section.CARD

# The whole form in the order of the manual.
LAYOUT: tuple[Field | ReadOnly, ...] = (
    ReadOnly("permit_number", "入札参加許可番号", _C),
    ReadOnly("company_name", "商号又は名称", _C),
    ReadOnly("company_postal", "企業郵便番号", _C),
    ReadOnly("company_address", "企業住所", _C),
    ReadOnly("representative_name", "代表者名", _C),
    ReadOnly("representative_title", "代表者役職", _C),
    BY_NAME["company_phone"],
    BY_NAME["company_fax"],
    ReadOnly("region", "地域区分コード", _C),
    ReadOnly("qualification", "資格の種類", _C),
    BY_NAME["branch_name"],
    *(field for field in FORM_FIELDS if field.section is Section.CONTACT),
    ReadOnly("card_company", "ICカード企業名称", _K),
    ReadOnly("card_holder", "ICカード取得者氏名", _K),
    ReadOnly("card_holder_address", "ICカード取得者住所", _K),
    *(field for field in FORM_FIELDS if field.section is Section.CARD),
    BY_NAME["qualification_name"],
)

SECTION_NOTES = {
    Section.CONTACT: "指名時はここにメールが送信されます。",
}
FORM_SECTIONS = (Section.COMPANY, Section.CONTACT, Section.CARD, Section.QUALIFICATION)
