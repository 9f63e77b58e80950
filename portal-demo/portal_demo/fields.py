"""The one table of fields: templates, validation and tests all read it.

Labels and notes are those of the manual.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from portal_demo.language import Text


class Rule(Enum):
    """How a value is checked; see `validation`."""

    TEXT = "text"
    NUMBER = "number"
    POSTAL = "postal"
    PHONE = "phone"
    MAIL = "mail"


class Section(Enum):
    """The parts of the form, with their headings."""

    SEARCH = Text("資格審査情報検索", "Search of the qualification register")
    COMPANY = Text("企業情報", "Company")
    CONTACT = Text("代表窓口情報", "Main contact")
    CARD = Text("ICカード利用部署情報", "Department that uses the IC card")
    QUALIFICATION = Text("資格審査情報", "Qualification register")


@dataclass(frozen=True, slots=True)
class Field:
    """A field a person fills in; `max_length` counts characters, `note` stands beside it.

    `autocomplete` is the token of HTML for what the field holds.
    """

    name: str
    label: Text
    section: Section
    rule: Rule
    max_length: int
    note: Text
    autocomplete: str = "off"


@dataclass(frozen=True, slots=True)
class ReadOnly:
    """A value that is shown and not typed, from the register or the certificate."""

    name: str
    label: Text
    section: Section


_POSTAL_NOTE = Text("(※)(半角 例:123-4567)", "(※) (half-width, e.g. 123-4567)")
_PHONE_NOTE = Text("(※)(半角 例:03-0000-0000)", "(※) (half-width, e.g. 03-0000-0000)")
PHONE_LENGTH = 15
POSTAL_LENGTH = 8
MAIL_LENGTH = 100

SEARCH_FIELDS = (
    Field(
        "number",
        Text("登録番号", "Registration number"),
        Section.SEARCH,
        Rule.NUMBER,
        10,
        Text("(※)(半角数字10文字)", "(※) (10 half-width digits)"),
    ),
    Field(
        "name",
        Text("商号又は名称", "Company name"),
        Section.SEARCH,
        Rule.TEXT,
        60,
        Text("(※)", "(※)"),
        "organization",
    ),
)


def _contact(prefix: str, section: Section) -> tuple[Field, ...]:
    """Return the seven fields of a contact."""
    rows = (
        (
            "department",
            Text("連絡先名称(部署名等)", "Contact (department)"),
            Rule.TEXT,
            60,
            Text("(※)(60文字以内)", "(※) (up to 60 characters)"),
            "organization",
        ),
        (
            "postal",
            Text("連絡先郵便番号", "Contact postal code"),
            Rule.POSTAL,
            POSTAL_LENGTH,
            _POSTAL_NOTE,
            "postal-code",
        ),
        (
            "address",
            Text("連絡先住所", "Contact address"),
            Rule.TEXT,
            60,
            Text("(※)(60文字以内)", "(※) (up to 60 characters)"),
            "street-address",
        ),
        (
            "person",
            Text("連絡先氏名", "Contact person"),
            Rule.TEXT,
            20,
            Text("(※)(20文字以内)", "(※) (up to 20 characters)"),
            "name",
        ),
        (
            "phone",
            Text("連絡先電話番号", "Contact telephone"),
            Rule.PHONE,
            PHONE_LENGTH,
            _PHONE_NOTE,
            "tel",
        ),
        ("fax", Text("連絡先FAX番号", "Contact fax"), Rule.PHONE, PHONE_LENGTH, _PHONE_NOTE, "off"),
        (
            "mail",
            Text("連絡先メールアドレス", "Contact e-mail address"),
            Rule.MAIL,
            MAIL_LENGTH,
            Text("(※)(半角100文字以内)", "(※) (half-width, up to 100 characters)"),
            "email",
        ),
    )
    return tuple(
        Field(f"{prefix}_{name}", label, section, rule, length, note, autocomplete)
        for name, label, rule, length, note, autocomplete in rows
    )


FORM_FIELDS = (
    Field(
        "company_phone",
        Text("代表電話番号", "Main telephone"),
        Section.COMPANY,
        Rule.PHONE,
        PHONE_LENGTH,
        _PHONE_NOTE,
    ),
    Field(
        "company_fax",
        Text("代表FAX番号", "Main fax"),
        Section.COMPANY,
        Rule.PHONE,
        PHONE_LENGTH,
        _PHONE_NOTE,
    ),
    Field(
        "branch_name",
        Text("支店名等", "Branch"),
        Section.COMPANY,
        Rule.TEXT,
        30,
        Text("(※)(30文字以内)", "(※) (up to 30 characters)"),
    ),
    *_contact("contact", Section.CONTACT),
    *_contact("card", Section.CARD),
    Field(
        "qualification_name",
        Text("商号又は名称", "Company name"),
        Section.QUALIFICATION,
        Rule.TEXT,
        60,
        Text("(※)(60文字以内)", "(※) (up to 60 characters)"),
    ),
)
BY_NAME = {field.name: field for field in FORM_FIELDS}
SECTION_OF = {field.name: field.section.value for field in FORM_FIELDS}

_C, _K = Section.COMPANY, Section.CARD

# The whole form in the order of the manual.
LAYOUT: tuple[Field | ReadOnly, ...] = (
    ReadOnly("permit_number", Text("入札参加許可番号", "Bidding permit number"), _C),
    ReadOnly("company_name", Text("商号又は名称", "Company name"), _C),
    ReadOnly("company_postal", Text("企業郵便番号", "Company postal code"), _C),
    ReadOnly("company_address", Text("企業住所", "Company address"), _C),
    ReadOnly("representative_name", Text("代表者名", "Representative"), _C),
    ReadOnly("representative_title", Text("代表者役職", "Representative's title"), _C),
    BY_NAME["company_phone"],
    BY_NAME["company_fax"],
    ReadOnly("region", Text("地域区分コード", "Region code"), _C),
    ReadOnly("qualification", Text("資格の種類", "Kind of qualification"), _C),
    BY_NAME["branch_name"],
    *(field for field in FORM_FIELDS if field.section is Section.CONTACT),
    ReadOnly("card_company", Text("ICカード企業名称", "Company on the IC card"), _K),
    ReadOnly("card_holder", Text("ICカード取得者氏名", "Holder of the IC card"), _K),
    ReadOnly("card_holder_address", Text("ICカード取得者住所", "Address of the card holder"), _K),
    *(field for field in FORM_FIELDS if field.section is Section.CARD),
    BY_NAME["qualification_name"],
)

SECTION_NOTES = {
    Section.CONTACT: Text(
        "指名時はここにメールが送信されます。", "Nomination notices are mailed to this address."
    ),
}
FORM_SECTIONS = (Section.COMPANY, Section.CONTACT, Section.CARD, Section.QUALIFICATION)
