"""The chat answers from what is written, says so when it cannot, and hands over to the office."""

from __future__ import annotations

import re
from html import unescape

import pytest
from sqlalchemy import select

from portal_demo import help  # noqa: A004
from portal_demo.inquiries import LENGTHS, OPEN
from portal_demo.models import Inquiry
from portal_demo.pages import PORTAL
from portal_demo.views.questions import CHAT_LIMIT, INQUIRY_LIMIT

ENGLISH = {"Accept-Language": "en"}
FORM = {
    "name": "長野 太郎",
    "company": "IT業者電子01",
    "mail": "taro@example.jp",
    "question": "登録番号の通知が届きません。\r\nいつ届きますか。",
}
XSS = "\"'></textarea><script>alert(1)</script><img src=x onerror=alert(1)>"


async def ask(visitor, question, **situation):
    answer = await visitor.post("/api/chat", {"question": question, **situation})
    assert answer.status == 200, answer.text
    return [one["id"] for one in answer.json["answers"]]


@pytest.mark.parametrize(
    ("question", "entry"),
    [
        ("PIN番号を間違えたらどうなりますか", "wrong-pin"),
        ("暗証番号を忘れました", "wrong-pin"),
        ("ＰＩＮがロックされてしまった", "pin-blocked"),
        ("カードリーダーが認識されない", "no-reader"),
        ("失効", "revoked"),
        ("登録番号が分からないのですが", "number-unknown"),
        ("髙の字が入力できません。使用できない文字と出ます", "characters"),
        ("郵便番号を入れても住所が出てこない", "postal"),
        ("仮登録のあと、いつから使えますか", "provisional"),
        ("ICカードの有効期限が切れました", "expired"),
        ("マイナンバーカードは使えますか", "which-cards"),
        ("少額物品の手続き", "flow-without-card"),
        ("受付票をもう一度印刷したい", "receipt"),
        ("代表窓口と部署の連絡先の違い", "contacts"),
        ("入札公告はどこ", "notices"),
        ("I entered a wrong PIN", "wrong-pin"),
        ("my card was revoked", "revoked"),
        ("is the pin sent to the server?", "pin-privacy"),
        ("which cards are supported", "which-cards"),
    ],
)
async def test_a_question_finds_its_answer(visitor, question, entry):
    assert entry in await ask(visitor, question)


@pytest.mark.parametrize(
    "question",
    [
        "今日の天気は",
        "おすすめのラーメン屋を教えて",
        "What is the capital of France?",
        "???",
        "あ",
        "%",
        "' OR 1=1 --",
    ],
)
async def test_what_it_does_not_know_it_does_not_answer(visitor, question):
    answer = await visitor.post("/api/chat", {"question": question})
    assert answer.json["answers"] == []
    assert answer.json["suggestions"]


@pytest.mark.parametrize("state", ["no-card", "no-reader", "not-running", "pin-blocked"])
async def test_what_now_is_about_what_the_page_shows(visitor, state):
    (found,) = await ask(visitor, "どうすればいいですか", state=state)
    assert state in help.entries()[found].states


async def test_it_suggests_what_fits_the_screen_and_the_card(visitor):
    async def suggested(**situation):
        answer = await visitor.post("/api/chat", situation)
        return [one["id"] for one in answer.json["suggestions"]]

    assert "no-card" in await suggested(screen="5", state="no-card")
    assert "contacts" in await suggested(screen="7")
    assert await suggested(screen="nowhere", state="nothing")


async def test_an_answer_names_its_source_in_the_persons_language(visitor):
    body = {"question": "PIN番号を間違えました"}
    answer = (await visitor.post("/api/chat", body)).json["answers"][0]
    assert answer["source"] == "よくあるご質問：PIN番号"
    visitor.headers.update(ENGLISH)
    answer = (await visitor.post("/api/chat", body)).json["answers"][0]
    assert answer["source"] == "Questions: PIN"
    assert not re.search("[ぁ-ん]", answer["text"])


def test_every_entry_is_whole_in_both_languages():
    for entry in help.entries().values():
        for text in (entry.title, entry.text, entry.section):
            assert text.ja.strip()
            assert text.en.strip()
        assert re.search("[ぁ-ん]", entry.text.ja)
        assert not re.search("[ぁ-ん]", entry.text.en)


def test_every_state_with_an_entry_is_one_of_the_card_panel(request):
    screens = (request.config.rootpath / "portal-demo" / "SCREENS.md").read_text("utf-8")
    for entry in help.entries().values():
        for state in entry.states:
            assert re.search(rf"[` \n]{re.escape(state)}[` \n]", screens), state


@pytest.mark.parametrize(
    "body",
    [
        {"question": "x" * 301},
        {"question": 5},
        {"question": "x", "screen": "x" * 33},
        {"question": "x", "state": "x" * 41},
        {"question": "x", "more": 1},
        [],
    ],
)
async def test_what_no_page_sends_is_refused(visitor, body):
    answer = await visitor.post("/api/chat", body)
    assert (answer.status, answer.reason) == (400, "token-malformed")


async def test_another_site_cannot_ask(visitor):
    visitor.origin = "https://evil.example"
    assert (await visitor.post("/api/chat", {"question": "PIN"})).reason == "csrf-refused"


async def test_asking_without_end_is_stopped(visitor, clock):
    for _ in range(CHAT_LIMIT.count):
        await ask(visitor, "")
    answer = await visitor.post("/api/chat", {"question": ""})
    assert (answer.status, answer.reason) == (429, "too-many-requests")
    clock.advance(minutes=1)
    await ask(visitor, "")


async def test_the_page_of_questions_works_without_scripts(visitor):
    page = await visitor.get("/questions")
    for entry in help.entries().values():
        assert entry.title.ja in unescape(page.text)
    page = await visitor.get("/questions?q=%E5%A4%B1%E5%8A%B9")
    assert "found-revoked" in page.text
    page = await visitor.get("/questions?q=%3Cscript%3Ealert(1)%3C/script%3E")
    assert "<script>alert" not in page.text


# ---- the office ----


async def inquiries(app) -> list[Inquiry]:
    async with app[PORTAL].database.transaction() as db:
        return list(await db.scalars(select(Inquiry)))


async def open_form(visitor, query="") -> dict[str, str]:
    page = await visitor.get(f"/questions/contact{query}")
    hidden = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.text)
    return {name: unescape(value) for name, value in hidden if name not in {"back", "csrf"}}


async def test_a_question_lands_in_the_offices_queue(visitor, app, clock):
    hidden = await open_form(visitor, "?q=PIN&screen=5")
    page = await visitor.post_form("/questions/contact", **hidden, **FORM)
    (inquiry,) = await inquiries(app)
    assert page.element("inquiry-number") == inquiry.number == "Q20260604-00001"
    assert inquiry.question == FORM["question"].replace("\r\n", "\n")
    assert (inquiry.status, inquiry.screen, inquiry.language) == (OPEN, "5", "ja")
    assert inquiry.created == clock()


async def test_a_form_sent_twice_is_one_inquiry(visitor, app):
    hidden = await open_form(visitor)
    pages = [await visitor.post_form("/questions/contact", **hidden, **FORM) for _ in range(2)]
    assert pages[0].url == pages[1].url
    assert len(await inquiries(app)) == 1


@pytest.mark.parametrize("name", LENGTHS)
async def test_a_field_is_bounded_and_keeps_what_was_typed(visitor, app, name):
    hidden = await open_form(visitor)
    longest = ("a" * 48 + "@example.jp") if name == "mail" else "あ" * LENGTHS[name]
    too_long = "あ" * (LENGTHS[name] + 1)
    page = await visitor.post_form("/questions/contact", **hidden, **{**FORM, name: too_long})
    assert page.status == 422
    assert f'id="{name}-error"' in page.text
    assert too_long in page.text
    assert not await inquiries(app)
    page = await visitor.post_form("/questions/contact", **hidden, **{**FORM, name: longest})
    assert getattr((await inquiries(app))[0], name) == longest


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", ""),
        ("mail", ""),
        ("question", " \n "),
        ("mail", "x"),
        ("mail", "a@b"),
        ("mail", "ａ@example.jp"),
    ],
)
async def test_what_is_missing_or_no_address_is_said(visitor, app, name, value):
    hidden = await open_form(visitor)
    page = await visitor.post_form("/questions/contact", **hidden, **{**FORM, name: value})
    assert page.element(f"{name}-error")
    assert not await inquiries(app)


async def test_markup_in_an_inquiry_stays_text(visitor):
    hidden = await open_form(visitor)
    hostile = dict.fromkeys(FORM, XSS)
    page = await visitor.post_form("/questions/contact", **hidden, **hostile)
    assert page.status == 422
    for bad in ("<script>alert", "<img src=x", "</textarea><"):
        assert bad not in page.text
    query = "%22%3E%3C/textarea%3E%3Cimg%20src=x%3E"
    page = await visitor.get(f"/questions/contact?q={query}&screen={query}")
    assert "<img src=x" not in page.text


async def test_control_characters_are_dropped(visitor, app):
    hidden = await open_form(visitor)
    await visitor.post_form(
        "/questions/contact", **hidden, **{**FORM, "name": "長野\x00\u202e\x1b太郎\n"}
    )
    assert (await inquiries(app))[0].name == "長野太郎"


async def test_an_inquiry_needs_its_own_pages_token(visitor, second_visitor, app):
    hidden = await open_form(visitor)
    page = await visitor.post_form("/questions/contact", **{**hidden, **FORM, "csrf": "x" * 43})
    assert 'data-reason="csrf-refused"' in page.text
    visitor.origin = "https://evil.example"
    page = await visitor.post_form("/questions/contact", **hidden, **FORM)
    assert 'data-reason="csrf-refused"' in page.text
    page = await second_visitor.post_form("/questions/contact", **hidden, **FORM)
    assert 'data-reason="session-ended"' in page.text
    page = await visitor.get("/questions/contact")
    visitor.origin = "http://portal.test"
    assert (await visitor.post_form("/questions/contact", **FORM)).status == 200
    assert not await inquiries(app)


async def test_a_flood_of_inquiries_is_stopped(visitor, app):
    for _ in range(INQUIRY_LIMIT.count + 1):
        page = await visitor.post_form("/questions/contact", **await open_form(visitor), **FORM)
    assert 'data-reason="too-many-requests"' in page.text
    assert len(await inquiries(app)) == INQUIRY_LIMIT.count
