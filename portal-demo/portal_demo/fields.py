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
    CODE = "code"


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a form: its heading, and what stands below it."""

    title: Text
    notes: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True)
class Field:
    """A field a person fills in; lengths count characters, `note` stands beside it.

    `autocomplete` is the token of HTML for what the field holds. A `secret` is neither shown nor
    kept in a draft.
    """

    name: str
    label: Text
    section: Section
    rule: Rule
    max_length: int
    note: Text
    autocomplete: str = "off"
    required: bool = True
    secret: bool = False


@dataclass(frozen=True, slots=True)
class ReadOnly:
    """A value that is shown and not typed, from the register or the certificate."""

    name: str
    label: Text
    section: Section


@dataclass(frozen=True, slots=True)
class Table:
    """The lines of a form, in the order of the manual."""

    layout: tuple[Field | ReadOnly, ...]

    @property
    def fields(self) -> tuple[Field, ...]:
        """The lines a person fills in."""
        return tuple(line for line in self.layout if isinstance(line, Field))

    @property
    def kept(self) -> tuple[Field, ...]:
        """The fields that a draft keeps."""
        return tuple(field for field in self.fields if not field.secret)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the fields."""
        return tuple(field.name for field in self.fields)

    @property
    def sections(self) -> tuple[Section, ...]:
        """The sections."""
        return tuple(dict.fromkeys(line.section for line in self.layout))

    @property
    def section_titles(self) -> dict[str, Text]:
        """The heading that each field stands under."""
        return {field.name: field.section.title for field in self.fields}

    def shown_in(self, section: Section) -> tuple[Field | ReadOnly, ...]:
        """Return the lines of a section."""
        return tuple(line for line in self.layout if line.section == section)


PHONE_LENGTH = 15
POSTAL_LENGTH = 8
MAIL_LENGTH = 100
CODE_LENGTHS = (6, 256)

_POSTAL_NOTE = Text("(※)(半角 例:123-4567)", "(※) (half-width, e.g. 123-4567)")
_PHONE_NOTE = Text("(※)(半角 例:03-0000-0000)", "(※) (half-width, e.g. 03-0000-0000)")
_MAIL_NOTE = Text("(※)(半角100文字以内)", "(※) (half-width, up to 100 characters)")
_CODE_NOTE = Text("(※)(半角英数字6文字以上256以内)", "(※) (6 to 256 half-width letters and digits)")
_NEW_CODE_NOTE = Text(
    "(半角英数字6文字以上256以内。変更しない場合は空白)",
    "(6 to 256 half-width letters and digits; leave blank to keep the present one)",
)


def _up_to(length: int) -> Text:
    return Text(f"(※)({length}文字以内)", f"(※) (up to {length} characters)")


_NUMBER = Text("登録番号", "Registration number")
_COMPANY_NAME = Text("商号又は名称", "Company name")
_USER_ID = Text("ユーザID", "User ID")
_PASSWORD = Text("パスワード", "Password")
_PHONE = Text("代表電話番号", "Main telephone")
_FAX = Text("代表FAX番号", "Main fax")
_BRANCH = Text("支店名等", "Branch")

SEARCH = Section(Text("資格審査情報検索", "Search of the qualification register"))
_NUMBER_FIELD = Field(
    "number",
    _NUMBER,
    SEARCH,
    Rule.NUMBER,
    10,
    Text("(※)(半角数字10文字)", "(※) (10 half-width digits)"),
)
SEARCH_FIELDS = (
    _NUMBER_FIELD,
    Field("name", _COMPANY_NAME, SEARCH, Rule.TEXT, 60, Text("(※)", "(※)"), "organization"),
)
USER_SEARCH_FIELDS = (
    _NUMBER_FIELD,
    Field("user_id", _USER_ID, SEARCH, Rule.CODE, 256, _CODE_NOTE, "username"),
    Field(
        "password", _PASSWORD, SEARCH, Rule.CODE, 256, _CODE_NOTE, "current-password", secret=True
    ),
)

COMPANY = Section(Text("企業情報", "Company"))
_MAILED_HERE = Text(
    "指名時はここにメールが送信されます。", "Nomination notices are mailed to this address."
)
CONTACT = Section(
    Text("代表窓口情報", "Main contact"),
    (
        _MAILED_HERE,
        Text(
            "代表窓口情報には指名通知時の連絡先を入力します。",
            "Enter whom nomination notices go to.",
        ),
    ),
)
CARD = Section(
    Text("ICカード利用部署情報", "Department that uses the IC card"),
    (
        Text(
            "ICカード利用部署情報には、全ての入札方式における入札書等提出時の連絡先を入力します。",
            "Enter the contact for submitting bids, in every kind of bidding.",
        ),
    ),
)
USER_CONTACT = Section(Text("代表窓口連絡先情報", "Main contact"), (_MAILED_HERE,))
REQUESTER = Section(Text("ID登録依頼者連絡先情報", "Contact of the person who asked for the ID"))
QUALIFICATION = Section(Text("資格審査情報", "Qualification register"))


def _contact(prefix: str, section: Section) -> tuple[Field, ...]:
    """Return the seven fields of a contact."""
    rows = (
        ("department", Text("連絡先名称(部署名等)", "Contact (department)"), Rule.TEXT, 60,
         _up_to(60), "organization"),
        ("postal", Text("連絡先郵便番号", "Contact postal code"), Rule.POSTAL, POSTAL_LENGTH,
         _POSTAL_NOTE, "postal-code"),
        ("address", Text("連絡先住所", "Contact address"), Rule.TEXT, 60,
         _up_to(60), "street-address"),
        ("person", Text("連絡先氏名", "Contact person"), Rule.TEXT, 20, _up_to(20), "name"),
        ("phone", Text("連絡先電話番号", "Contact telephone"), Rule.PHONE, PHONE_LENGTH,
         _PHONE_NOTE, "tel"),
        ("fax", Text("連絡先FAX番号", "Contact fax"), Rule.PHONE, PHONE_LENGTH, _PHONE_NOTE, "off"),
        ("mail", Text("連絡先メールアドレス", "Contact e-mail address"), Rule.MAIL, MAIL_LENGTH,
         _MAIL_NOTE, "email"),
    )  # fmt: skip
    return tuple(Field(f"{prefix}_{name}", label, section, *more) for name, label, *more in rows)  # type: ignore[arg-type]


def _company(region: Text, *own: Field | ReadOnly) -> tuple[Field | ReadOnly, ...]:
    """Return the lines of the company; `own` are telephone, fax and branch."""
    phone, fax, branch = own
    return (
        ReadOnly("permit_number", Text("入札参加許可番号", "Bidding permit number"), COMPANY),
        ReadOnly("company_name", _COMPANY_NAME, COMPANY),
        ReadOnly("company_postal", Text("企業郵便番号", "Company postal code"), COMPANY),
        ReadOnly("company_address", Text("企業住所", "Company address"), COMPANY),
        ReadOnly("representative_name", Text("代表者名", "Representative"), COMPANY),
        ReadOnly("representative_title", Text("代表者役職", "Representative's title"), COMPANY),
        phone,
        fax,
        ReadOnly("region", region, COMPANY),
        ReadOnly("qualification", Text("資格の種類", "Kind of qualification"), COMPANY),
        branch,
    )


_QUALIFICATION_NAME = Field(
    "qualification_name", _COMPANY_NAME, QUALIFICATION, Rule.TEXT, 60, _up_to(60), "organization"
)

# With an IC card (物品、役務): 登録, 変更 and ICカード更新.
CARD_FORM = Table(
    (
        *_company(
            Text("地域区分コード", "Region code"),
            Field("company_phone", _PHONE, COMPANY, Rule.PHONE, PHONE_LENGTH, _PHONE_NOTE),
            Field("company_fax", _FAX, COMPANY, Rule.PHONE, PHONE_LENGTH, _PHONE_NOTE),
            Field("branch_name", _BRANCH, COMPANY, Rule.TEXT, 30, _up_to(30)),
        ),
        *_contact("contact", CONTACT),
        ReadOnly("card_company", Text("ICカード企業名称", "Company on the IC card"), CARD),
        ReadOnly("card_holder", Text("ICカード取得者氏名", "Holder of the IC card"), CARD),
        ReadOnly(
            "card_holder_address", Text("ICカード取得者住所", "Address of the card holder"), CARD
        ),
        *_contact("card", CARD),
        _QUALIFICATION_NAME,
    )
)


def _password(name: str, label: Text, *, new: bool) -> Field:
    note, kind = (_NEW_CODE_NOTE, "new-password") if new else (_CODE_NOTE, "current-password")
    return Field(name, label, REQUESTER, Rule.CODE, 256, note, kind, required=not new, secret=True)


# Without an IC card (少額物品): 利用者変更.
USER_FORM = Table(
    (
        *_company(
            Text("地域区分", "Region"),
            ReadOnly("company_phone", _PHONE, COMPANY),
            ReadOnly("company_fax", _FAX, COMPANY),
            ReadOnly("branch_name", _BRANCH, COMPANY),
        ),
        *_contact("contact", USER_CONTACT),
        *_contact("requester", REQUESTER),
        ReadOnly("user_id", _USER_ID, REQUESTER),
        _password("password", _PASSWORD, new=False),
        _password("new_password", Text("新パスワード", "New password"), new=True),
        _password(
            "new_password_again", Text("新パスワード確認", "New password once more"), new=True
        ),
        _QUALIFICATION_NAME,
    )
)
