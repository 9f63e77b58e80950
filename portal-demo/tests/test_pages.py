"""The screens say what the manual says, and nothing a person types becomes markup."""

from __future__ import annotations

import re
from html import escape

import pytest

from portal_demo.fields import (
    CARD_FORM,
    SEARCH_FIELDS,
    USER_FORM,
    USER_SEARCH_FIELDS,
    ReadOnly,
)
from portal_demo.models import Company
from portal_demo.pages import PORTAL

LABELS = {
    "/": ["利用者登録の手順", "利用者登録に必要な情報", "既存の登録番号との統合が完了次第、新しい登録番号（10桁）を通知します。"],
    "/procurement": ["調達区分の選択", "物品、役務", "少額物品", "工事", "コンサル"],
    "/procurement/goods": ["利用者登録", "電子入札"],
    "/registration": ["利用者登録"],
    "/registration/menu": ["利用者登録メニュー", "登録", "変更", "ICカード更新"],
    "/registration/pin": ["PIN番号", "OK", "キャンセル"],
}  # fmt: skip
NOTES = {
    "代表電話番号": "(※)(半角 例:03-0000-0000)",
    "代表FAX番号": "(※)(半角 例:03-0000-0000)",
    "支店名等": "(※)(30文字以内)",
    "連絡先名称(部署名等)": "(※)(60文字以内)",
    "連絡先郵便番号": "(※)(半角 例:123-4567)",
    "連絡先住所": "(※)(60文字以内)",
    "連絡先氏名": "(※)(20文字以内)",
    "連絡先電話番号": "(※)(半角 例:03-0000-0000)",
    "連絡先FAX番号": "(※)(半角 例:03-0000-0000)",
    "連絡先メールアドレス": "(※)(半角100文字以内)",
    "商号又は名称": "(※)(60文字以内)",
}
READ_ONLY = [
    "入札参加許可番号", "商号又は名称", "企業郵便番号", "企業住所", "代表者名", "代表者役職",
    "地域区分コード", "資格の種類", "ICカード企業名称", "ICカード取得者氏名", "ICカード取得者住所",
]  # fmt: skip
SECTIONS = ["企業情報", "代表窓口情報", "ICカード利用部署情報", "資格審査情報"]
XSS = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>"


@pytest.mark.parametrize("path", LABELS)
async def test_every_screen_has_the_labels_of_the_manual(visitor, path):
    page = await visitor.get(path)
    assert page.status == 200
    for label in [*LABELS[path], "CALS/EC 電子入札システム", "入札情報サービス"]:
        assert label in page.text
    assert page.element("menu-registration") == "利用者登録"
    assert page.element("menu-chat") == "ご質問にチャットでお答えします"
    assert page.element("clock") == "2026年06月04日 13時33分"


async def test_the_form_has_the_fields_labels_and_notes_of_the_manual(visitor, card):
    await visitor.log_in(card)
    page = await visitor.find()
    assert "この画面では、ICカードを追加で仮登録します。" in page.text
    assert "本登録処理を実施するまではシステムを利用する事ができません。" in page.text
    assert "指名時はここにメールが送信されます。" in page.text
    for field in CARD_FORM.fields:
        assert field.note.ja == NOTES[field.label.ja]
        assert page.element(f"{field.name}-note") == field.note.ja
        assert f'<label class="row-label" for="{field.name}">{field.label.ja}</label>' in page.text
    assert [line.label.ja for line in CARD_FORM.layout if isinstance(line, ReadOnly)] == READ_ONLY
    assert re.findall(r'<h2 id="section-\d">([^<]+)<', page.text) == SECTIONS
    assert page.element("to-confirm") == "入力内容確認"
    assert page.element("back") == "戻る"


async def test_the_search_has_the_labels_of_the_manual(visitor, card):
    await visitor.log_in(card)
    page = await visitor.get("/registration/search")
    assert page.element("number-note") == "(※)(半角数字10文字)"
    assert page.element("search") == "検索"
    assert {field.label.ja for field in SEARCH_FIELDS} == {"登録番号", "商号又は名称"}


@pytest.mark.parametrize("path", ["/procurement/small/bidding", "/procurement/goods/bidding"])
async def test_what_is_not_here_says_so(visitor, path):
    page = await visitor.get(path)
    assert page.status == 200
    assert "この版では利用できません" in page.text


async def test_every_link_of_the_open_pages_leads_somewhere(visitor):
    seen, todo = set(), {"/"}
    while todo:
        path = todo.pop()
        seen.add(path)
        page = await visitor.get(path)
        assert page.status == 200, path
        links = set(re.findall(r'(?:href|src)="(/[^"#]*)"', page.text))
        todo |= {link for link in links if not link.startswith("/static/bridged")} - seen
    assert {"/registration/menu", "/registration/pin", "/questions", "/bid-information"} <= seen
    assert "/static/js/login.js" in seen


@pytest.mark.parametrize("field", CARD_FORM.fields, ids=lambda field: field.name)
async def test_markup_in_a_field_stays_text(visitor, card, field):
    await visitor.log_in(card)
    await visitor.find()
    page = await visitor.fill(**{field.name: XSS})
    text = page.text
    if page.url == "/registration/form":
        assert page.value(field.name)
    assert "<script>alert" not in text
    assert "<img src=x" not in text
    assert text.count("<script") == text.count('<script type="module" src="/static/js/')


@pytest.mark.parametrize("field", USER_FORM.fields, ids=lambda field: field.name)
async def test_markup_in_a_field_of_the_user_stays_text(visitor, field):
    await visitor.log_in_user()
    page = await visitor.fill_user(**{field.name: XSS})
    assert page.value(field.name) == "" if field.secret else True
    assert "<script>alert" not in page.text
    assert "<img src=x" not in page.text
    assert page.text.count("<script") == page.text.count('<script type="module" src="/static/js/')


@pytest.mark.parametrize("field", USER_SEARCH_FIELDS, ids=lambda field: field.name)
async def test_markup_in_the_search_of_the_user_stays_text(visitor, field):
    page = await visitor.log_in_user(**{field.name: XSS})
    assert page.status == 422
    assert "<script>alert" not in page.text


async def test_the_user_form_has_the_labels_and_notes_of_the_manual(visitor):
    page = await visitor.log_in_user()
    assert "利用者変更では、登録されている業者情報の変更を行います。" in page.text
    assert re.findall(r'<h2 id="section-\d">([^<]+)<', page.text) == [
        "企業情報", "代表窓口連絡先情報", "ID登録依頼者連絡先情報", "資格審査情報",
    ]  # fmt: skip
    for name, note in [
        ("password", "(※)(半角英数字6文字以上256以内)"),
        ("requester_mail", "(※)(半角100文字以内)"),
        ("qualification_name", "(※)(60文字以内)"),
    ]:
        assert page.element(f"{name}-note") == note
    labels = {line.label.ja for line in USER_FORM.layout}
    assert {"地域区分", "ユーザID", "パスワード", "新パスワード", "新パスワード確認"} <= labels


@pytest.mark.parametrize("field", SEARCH_FIELDS, ids=lambda field: field.name)
async def test_markup_in_the_search_stays_text(visitor, card, field):
    await visitor.log_in(card)
    good = {"number": "1234567890", "name": "IT業者電子01"}
    page = await visitor.find(**{**good, field.name: XSS})
    assert page.status == 422
    assert "<script>alert" not in page.text


async def test_markup_in_the_register_and_on_the_card_stays_text(app, visitor, make_card, tools):
    hostile = "<b onclick=alert(1)>"
    async with app[PORTAL].database.transaction() as db:
        company = await db.get_one(Company, "1234567890")
        company.representative_name = hostile
    oids = [attribute.oid for attribute in tools.distinguished(o="x", cn="y")]
    card = make_card(kanji=((hostile, oids[0]), (hostile, oids[1])))
    await visitor.log_in(card)
    page = await visitor.find()
    assert hostile not in page.text
    assert escape(hostile) in page.text
    page = await visitor.fill(**{"accept-name-difference": "1"})
    assert page.url == "/registration/confirm"
    assert hostile not in page.text
    location = (await visitor.register(card)).json["location"]
    receipt = await visitor.get(location)
    assert hostile not in receipt.text
    assert escape(hostile) in receipt.text


async def test_no_page_holds_inline_script_or_style(visitor, card):
    await visitor.reach_confirmation(card)
    for path in ("/", "/registration/pin", "/registration/form", "/registration/confirm"):
        page = await visitor.get(path)
        assert "<style" not in page.text
        assert not re.search(r'<[^>]+ (?:style|on\w+)="', page.text)


@pytest.mark.parametrize("path", ["/registration/pin", "/registration/confirm"])
async def test_the_pin_field_can_never_be_submitted(visitor, card, path):
    await visitor.reach_confirmation(card)
    text = (await visitor.get(path)).text
    pin = re.search(r'<input id="pin"[^>]*>', text).group()
    assert "name=" not in pin
    assert 'autocomplete="off"' in pin
    assert text[: text.index(pin)].count("<form") == text[: text.index(pin)].count("</form>")


async def test_pages_without_scripts_say_that_the_card_needs_them(visitor):
    page = await visitor.get("/registration/pin")
    assert re.search(r"<noscript>.*JavaScriptが必要です.*</noscript>", page.text, re.DOTALL)
