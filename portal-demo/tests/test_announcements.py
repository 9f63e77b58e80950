"""People are told by mail, with what it tells of or not at all."""

from __future__ import annotations

import asyncio

import msgspec
from sqlalchemy import select

from portal_demo import announcements
from portal_demo.app import create_app
from portal_demo.language import COOKIE
from portal_demo.mail.outbox import Status, mails
from portal_demo.models import Inquiry

CONTACT = {"name": "長野 太郎", "mail": "a@example.jp", "company": "", "question": "いつですか"}


async def written(database):
    async with database.transaction() as db:
        return await mails(db)


async def test_both_contacts_are_told_that_the_application_came_in(visitor, card, portals_database):
    await visitor.log_in(card)
    await visitor.find()
    await visitor.fill(contact_mail="contact@example.jp", card_mail="card@example.jp")
    answer = await visitor.register(card)
    mails_ = await written(portals_database)
    assert {mail.recipient for mail in mails_} == {"contact@example.jp", "card@example.jp"}
    assert {mail.subject for mail in mails_} == {"利用申請 受付のお知らせ（20260604-000001）"}
    body = mails_[0].body
    for told in ("20260604-000001", "利用者登録", "1234567890", "IT業者電子01",
                 "2026年06月04日 13時33分", "仮登録", "http://portal.test"):  # fmt: skip
        assert told in body
    receipt = await visitor.get(answer.json["location"])
    assert "contact@example.jp、card@example.jp" in receipt.element("mailed-to")


async def test_one_contact_with_both_roles_gets_one_mail(visitor, card, portals_database):
    await visitor.reach_confirmation(card)
    await visitor.register(card)
    assert [mail.recipient for mail in await written(portals_database)] == ["test@example.jp"]


async def test_mail_is_in_the_language_of_the_screen(visitor, card, portals_database):
    visitor.client.session.cookie_jar.update_cookies({COOKIE: "en"}, visitor.client.make_url("/"))
    await visitor.reach_confirmation(card)
    await visitor.register(card)
    (mail,) = await written(portals_database)
    assert mail.subject == "Your application was received (20260604-000001)"
    assert "4 June 2026, 13:33 (JST)" in mail.body


async def test_a_refused_signature_sends_no_mail(visitor, card, make_card, portals_database):
    await visitor.reach_confirmation(card)
    answer = await visitor.register(card, signature="AAAA")
    assert answer.status == 403
    assert await written(portals_database) == []


async def test_the_same_application_sent_twice_is_told_once(visitor, card, portals_database):
    await visitor.reach_confirmation(card)
    proposal = (await visitor.propose(card)).json
    body = {"procedure": "register", **visitor.signed_body(card, proposal)}
    first = await visitor.post("/api/application", body)
    second = await visitor.post("/api/application", body)
    assert first.json == second.json
    assert len(await written(portals_database)) == 1


async def test_a_change_without_a_card_is_told_too(visitor, portals_database):
    await visitor.log_in_user()
    await visitor.fill_user(contact_mail="c@example.jp", requester_mail="r@example.jp")
    await visitor.post_form("/small/confirm", confirmation=visitor.confirmation)
    mails_ = await written(portals_database)
    assert {mail.recipient for mail in mails_} == {"c@example.jp", "r@example.jp"}
    assert "変更済" in mails_[0].body
    assert "仮登録" not in mails_[0].body


async def leave(visitor, n=0, mail="a@example.jp"):
    await visitor.get("/questions/contact")
    token = f"{n:043d}"
    return await visitor.post_form(
        "/questions/contact", **{**CONTACT, "mail": mail, "token": token, "screen": "8"}
    )


async def test_a_question_is_confirmed_without_repeating_it(visitor, portals_database):
    await leave(visitor)
    (mail,) = await written(portals_database)
    assert mail.subject == "お問い合わせ受付のお知らせ（Q20260604-00001）"
    assert "いつですか" not in mail.body
    assert "長野" not in mail.body


async def test_nobody_is_flooded_through_the_contact_form(visitor, portals_database, clock):
    for n in range(5):
        await leave(visitor, n, "A@example.jp" if n % 2 else "a@example.jp")
    assert len(await written(portals_database)) == 3
    async with portals_database.transaction() as db:
        assert len(list(await db.scalars(select(Inquiry)))) == 5


async def test_an_answer_goes_to_who_asked_and_another_answer_is_another_mail(
    visitor, portals_database, clock
):
    await leave(visitor)
    for answer in ("審査は3日です。", "審査は3日です。", "訂正: 5日です。"):
        async with portals_database.transaction() as db:
            inquiry = await db.scalar(select(Inquiry))
            await announcements.inquiry_answered(db, inquiry, answer, "http://portal.test", clock())
    answers = [
        mail for mail in await written(portals_database) if mail.template == "inquiry-answered"
    ]
    assert len(answers) == 2
    assert "長野 太郎 様" in answers[0].body
    assert "訂正: 5日です。\n\n【ご質問】\nいつですか" in answers[0].body


async def test_the_demo_shows_its_mail_and_escapes_it(visitor, card, portals_database, clock):
    empty = await visitor.get("/demo/mail")
    assert "まだメールはありません" in empty.text
    await visitor.reach_confirmation(card)
    await visitor.register(card)
    await leave(visitor)
    async with portals_database.transaction() as db:
        inquiry = await db.scalar(select(Inquiry))
        await announcements.inquiry_answered(
            db, inquiry, "<script>alert(1)</script>", "http://portal.test", clock()
        )
    page = await visitor.get("/demo/mail")
    assert "利用申請 受付のお知らせ（20260604-000001）" in page.text
    assert "&lt;script&gt;alert(1)" in page.text
    assert "<script>alert(1)" not in page.text


async def test_only_the_demo_shows_mail(settings, clock, aiohttp_client, caplog):
    client = await aiohttp_client(create_app(msgspec.structs.replace(settings, demo=False), clock))
    async with client.get("/demo/mail") as response:
        assert response.status == 404
    assert "no smtp_host is set" in caplog.text


async def test_the_running_portal_takes_its_mail_out_of_the_box(visitor, card, portals_database):
    await visitor.reach_confirmation(card)
    await visitor.register(card)
    async with asyncio.timeout(30):
        while (await written(portals_database))[0].status != Status.SHOWN:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
