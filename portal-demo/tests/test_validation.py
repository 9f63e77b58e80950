from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal_demo.characters import ALLOWED
from portal_demo.fields import (
    CARD_FORM,
    CODE_LENGTHS,
    SEARCH_FIELDS,
    USER_FORM,
    USER_SEARCH_FIELDS,
    Rule,
)
from portal_demo.validation import check, convert, fault

FORM_FIELDS = (*CARD_FORM.fields, *USER_FORM.fields)
TABLES = {
    "card-search": SEARCH_FIELDS,
    "card": CARD_FORM.fields,
    "user-search": USER_SEARCH_FIELDS,
    "user": USER_FORM.fields,
}
# Fields of the two flows may have one name and different rules.
ALL = {f"{flow}-{field.name}": field for flow, fields in TABLES.items() for field in fields}
GOOD = {
    Rule.NUMBER: "1234567890",
    Rule.POSTAL: "123-4567",
    Rule.PHONE: "03-0000-0000",
    Rule.MAIL: "test@example.jp",
    Rule.TEXT: "長野商店",
    Rule.CODE: "abc123",
}
HOSTILE = (
    "<script>alert(1)</script>",
    "'; DROP TABLE company; --",
    "{{ 7 * 7 }}",
    "../../etc/passwd",
    "%00%0a",
    "a" * 999,
)


def of_rule(*rules: Rule) -> list[str]:
    return [name for name, field in ALL.items() if field.rule in rules]


def faults(name: str, typed: str) -> str | None:
    field = ALL[name]
    wrong = fault(field, convert(field, typed))
    return wrong.ja if wrong else None


_CONTACT = {
    "department": (Rule.TEXT, 60),
    "postal": (Rule.POSTAL, 8),
    "address": (Rule.TEXT, 60),
    "person": (Rule.TEXT, 20),
    "phone": (Rule.PHONE, 15),
    "fax": (Rule.PHONE, 15),
    "mail": (Rule.MAIL, 100),
}
# The manual's own limits, so that a change of the table is seen.
MANUAL = {
    "card-search": {"number": (Rule.NUMBER, 10), "name": (Rule.TEXT, 60)},
    "card": {
        "company_phone": (Rule.PHONE, 15),
        "company_fax": (Rule.PHONE, 15),
        "branch_name": (Rule.TEXT, 30),
        **{f"contact_{name}": limit for name, limit in _CONTACT.items()},
        **{f"card_{name}": limit for name, limit in _CONTACT.items()},
        "qualification_name": (Rule.TEXT, 60),
    },
    "user-search": {
        "number": (Rule.NUMBER, 10),
        "user_id": (Rule.CODE, 256),
        "password": (Rule.CODE, 256),
    },
    "user": {
        **{f"contact_{name}": limit for name, limit in _CONTACT.items()},
        **{f"requester_{name}": limit for name, limit in _CONTACT.items()},
        "password": (Rule.CODE, 256),
        "new_password": (Rule.CODE, 256),
        "new_password_again": (Rule.CODE, 256),
        "qualification_name": (Rule.TEXT, 60),
    },
}


@pytest.mark.parametrize("flow", TABLES)
def test_each_field_has_the_rule_and_length_of_the_manual(flow):
    found = {field.name: (field.rule, field.max_length) for field in TABLES[flow]}
    assert found == MANUAL[flow]


@pytest.mark.parametrize("name", ALL)
def test_a_good_value_passes(name):
    assert faults(name, GOOD[ALL[name].rule]) is None


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("typed", ["", " ", "　", " 　 "])
def test_an_empty_value_is_asked_for(name, typed):
    asked = f"{ALL[name].label.ja}を入力して下さい。"
    assert faults(name, typed) == (asked if ALL[name].required else None)


@pytest.mark.parametrize("name", of_rule(Rule.TEXT))
def test_text_may_have_exactly_its_length(name):
    length = ALL[name].max_length
    assert faults(name, "あ" * (length - 1)) is None
    assert faults(name, "あ" * length) is None
    assert f"{length}文字以内" in faults(name, "あ" * (length + 1))
    assert f"現在{length + 1}文字" in faults(name, "a" * (length + 1))


@pytest.mark.parametrize("name", of_rule(Rule.TEXT))
def test_text_counts_characters_and_not_bytes_or_marks(name):
    length = ALL[name].max_length
    split = "か\u3099" * length  # が as macOS splits it
    assert faults(name, split) is None
    assert convert(ALL[name], split) == "が" * length


@pytest.mark.parametrize("name", of_rule(Rule.MAIL))
def test_mail_may_have_exactly_its_length(name):
    def of_length(n: int) -> str:
        domain = f"{'d' * 58}.example.jp"
        return f"{'a' * (n - len(domain) - 1)}@{domain}"

    assert len(of_length(100)) == 100
    assert faults(name, of_length(99)) is None
    assert faults(name, of_length(100)) is None
    assert "100文字以内" in faults(name, of_length(101))


@pytest.mark.parametrize("name", of_rule(Rule.MAIL))
@pytest.mark.parametrize(
    "typed",
    ["test", "test@", "@example.jp", "a@b@example.jp", "a b@example.jp", "a@example", "a..b@example.jp",
     ".a@example.jp", "a.@example.jp", "a@-example.jp", "a@example-.jp", "a@example..jp", "a@[127.0.0.1]",
     "a@example.jp\nBcc: b@example.jp", '"a b"@example.jp', "テスト@example.jp", "a" * 65 + "@example.jp"],
)  # fmt: skip
def test_mail_of_another_form_is_refused(name, typed):
    assert faults(name, typed)


@pytest.mark.parametrize("name", of_rule(Rule.MAIL))
@pytest.mark.parametrize("typed", ["a@example.jp", "a.b+c_d-e@x.example.co.jp", "A1@xn--wgv71a.jp"])
def test_mail_of_usual_forms_passes(name, typed):
    assert faults(name, typed) is None


@pytest.mark.parametrize("name", of_rule(Rule.POSTAL))
@pytest.mark.parametrize(
    "typed",
    ["12-4567", "1234-567", "123-456", "123-45678", "1234567", "abc-defg", "123-456७", "123-4567x"],
)
def test_a_postal_code_of_another_form_is_refused(name, typed):
    assert "123-4567" in faults(name, typed)


@pytest.mark.parametrize("name", of_rule(Rule.POSTAL))
def test_a_postal_code_that_does_not_exist_passes(name):
    assert faults(name, "000-0002") is None


@pytest.mark.parametrize("name", of_rule(Rule.PHONE))
@pytest.mark.parametrize(
    "typed", ["0300000000", "0-000-0000", "000000-0-0000", "03-00000-0000", "03-0000-00", "03-0000-00000",
              "03--0000", "03-0000-0000-1", "+81-3-0000-0000", "03(0000)0000", "03-०००० -0000"]
)  # fmt: skip
def test_a_telephone_number_of_another_form_is_refused(name, typed):
    assert "03-0000-0000" in faults(name, typed)


@pytest.mark.parametrize("name", of_rule(Rule.PHONE))
@pytest.mark.parametrize(
    "typed", ["03-0000-0000", "000-000-0000", "0263-00-0001", "00000-0-0000", "0120-00-000"]
)
def test_a_telephone_number_of_usual_forms_passes(name, typed):
    assert faults(name, typed) is None


@pytest.mark.parametrize("name", of_rule(Rule.NUMBER))
@pytest.mark.parametrize(
    "typed", ["123456789", "12345678901", "123456789a", "123 456 789", "12345-6789"]
)
def test_a_registration_number_of_another_form_is_refused(name, typed):
    assert "半角数字10文字" in faults(name, typed)


@pytest.mark.parametrize("name", of_rule(Rule.CODE))
def test_a_user_id_or_password_may_have_6_to_256_letters_and_digits(name):
    shortest, longest = CODE_LENGTHS
    for length in (shortest, shortest + 1, longest - 1, longest):
        assert faults(name, "aZ9"[:1] * length) is None
    for length in (1, shortest - 1, longest + 1):
        assert "半角英数字6文字以上256文字以内" in faults(name, "a" * length)


@pytest.mark.parametrize("name", of_rule(Rule.CODE))
@pytest.mark.parametrize(
    "typed", ["abc 123", "abc-123", "abcdeé", "パスワード", "abc123\n", "аbcdef"]
)
def test_a_user_id_or_password_of_other_characters_is_refused(name, typed):
    assert "半角英数字" in faults(name, typed)


@pytest.mark.parametrize(
    ("rule", "typed", "kept"),
    [
        (Rule.NUMBER, "１２３４５６７８９０", "1234567890"),
        (Rule.POSTAL, "１２３－４５６７", "123-4567"),
        (Rule.POSTAL, "１２３ー４５６７", "123-4567"),
        (Rule.POSTAL, "123‐4567", "123-4567"),
        (Rule.PHONE, "０３−００００−００００", "03-0000-0000"),
        (Rule.PHONE, "　03-0000-0000 ", "03-0000-0000"),
        (Rule.CODE, "ＡＢＣ１２３", "ABC123"),
        (Rule.MAIL, "ｔｅｓｔ＠ｅｘａｍｐｌｅ．ｊｐ", "test@example.jp"),
    ],
)
def test_full_width_characters_in_a_half_width_field_are_converted(rule, typed, kept):
    for name in of_rule(rule):
        assert convert(ALL[name], typed) == kept
        assert faults(name, typed) is None


@pytest.mark.parametrize("name", of_rule(Rule.TEXT))
@pytest.mark.parametrize(
    ("typed", "named", "instead"),
    [
        ("髙橋", "「髙」", "「高」"),
        ("山﨑", "「﨑」", "「崎」"),
        ("𠮟る", "「𠮟」", "「叱」"),
        ("①番", "「①」", "「(1)」"),
        ("⑳番", "「⑳」", "「(20)」"),
        ("㈱商店", "「㈱」", "「(株)」"),
        ("ｶﾌﾞｼｷ会社", "「ｶﾌﾞｼｷ」", "「カブシキ」"),
        ("Ⅳ課", "「Ⅳ」", "「IV」"),
        ("福\U0001f600", "「\U0001f600」", "別の文字"),
        ("한국", "「한」", "別の文字"),
        ("a\x00b", "U+0000", "別の文字"),
        ("a\u202eb", "U+202E", "別の文字"),
        ("a\nb", "U+000A", "別の文字"),
    ],
)
def test_a_forbidden_character_is_named_with_what_to_write(name, typed, named, instead):
    message = faults(name, typed)
    assert (
        message
        == f"{ALL[name].label.ja}に使用できない文字"
        + (named if named.startswith("「") else f"目に見えない文字（{named}）")
        + f"が含まれています。{instead}に置き換えて下さい。"
    )


@pytest.mark.parametrize("name", of_rule(Rule.TEXT))
@pytest.mark.parametrize(
    ("windows", "jis"),
    [("～", "〜"), ("－", "−"), ("∥", "‖"), ("￠", "¢"), ("￡", "£"), ("￢", "¬")],
)
def test_what_windows_types_for_a_jis_character_is_mapped(name, windows, jis):
    assert convert(ALL[name], f"あ{windows}い") == f"あ{jis}い"
    assert faults(name, f"あ{windows}い") is None


@pytest.mark.parametrize("name", of_rule(Rule.TEXT))
def test_full_width_letters_in_a_text_stay_as_typed(name):
    assert convert(ALL[name], "ＡＢＣ１２３") == "ＡＢＣ１２３"


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("typed", HOSTILE)
def test_hostile_text_is_refused_or_kept_as_it_is(name, typed):
    message = faults(name, typed)
    if message is None:
        assert convert(ALL[name], typed) == typed


@given(st.text(max_size=120))
def test_whatever_passes_holds_allowed_characters_only(typed):
    for field in FORM_FIELDS:
        value = convert(field, typed)
        if fault(field, value) is None:
            assert set(value) <= ALLOWED
            assert len(value) <= field.max_length


@given(st.text(max_size=40))
def test_converting_twice_changes_nothing(typed):
    for field in FORM_FIELDS:
        assert convert(field, convert(field, typed)) == convert(field, typed)


def test_a_missing_field_counts_as_empty():
    checked = check([ALL["card-branch_name"]], {})
    assert checked.values == {"branch_name": ""}
    assert {name: text.ja for name, text in checked.faults.items()} == {
        "branch_name": "支店名等を入力して下さい。"
    }
