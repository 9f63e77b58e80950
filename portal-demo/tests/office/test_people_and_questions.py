"""Users who are locked out, questions that wait for an answer, and the mail that went out."""

from __future__ import annotations

import re

import pytest

from portal_demo.mail.models import Mail
from portal_demo.mail.outbox import Status, mails
from portal_demo.models import MergedNumber
from portal_demo.office.audit import Search, find
from portal_demo.pages import PORTAL

EVIL = "<img src=x onerror=alert(1)>"


async def sent(app):
    async with app[PORTAL].database.transaction() as db:
        return await mails(db)


async def audited(app):
    async with app[PORTAL].database.transaction() as db:
        return [(e.actor, e.action, e.subject) for e in (await find(db, Search())).lines]


# ---- users ----


async def test_a_lock_is_lifted(app, clerk, visitor):
    for _ in range(5):
        await visitor.log_in_user(password="wrong00")
        clerk.clock.advance(seconds=20)
    assert (await visitor.log_in_user()).status == 429
    assert "ロック中" in (await clerk.get("/office/users?q=shogaku")).element("users")
    page = await clerk.get("/office/users/1")
    assert "受け付けません" in page.element("locked")
    page = await clerk.post("/office/users/1/unlock")
    assert page.element("locked") == "なし"
    assert ("shinsa01", "unlocked", "1234567897 shogaku07") in await audited(app)
    assert (await visitor.log_in_user()).url == "/small/form"


async def test_a_password_is_set_anew_by_a_mailed_link(app, clerk, visitor, second_visitor):
    await visitor.log_in_user()
    page = await clerk.confirm("/office/users/1/reset")
    assert 'id="sent"' in page.text
    assert (await visitor.get("/small/form")).status == 401
    [mail] = [m for m in await sent(app) if m.template == "password-reset"]
    assert (mail.recipient, mail.secret) == ("shogaku07@example.jp", True)
    link = re.search(r"http://portal\.test(/password/\S+)", mail.body).group(1)
    assert link not in page.text
    assert (await visitor.log_in_user()).url == "/small/form"  # good until there is a new one
    for _ in range(5):  # a lock ends with the password that was guessed at
        await second_visitor.log_in_user(password="wrongone1")
        clerk.clock.advance(seconds=20)
    for password, again in (("short", "short"), ("", ""), ("newpass1", "newpass2")):
        assert (await second_visitor.post_form(link, password=password, again=again)).status == 422
    done = await second_visitor.post_form(link, password="newpass1", again="newpass1")
    assert 'href="/small/search"' in done.text
    assert (await visitor.get("/small/form")).status == 401
    assert (await second_visitor.get(link)).status == 410
    assert (await visitor.log_in_user(password="newpass1")).url == "/small/form"
    clerk.clock.advance(minutes=1)
    assert (await second_visitor.log_in_user()).status == 422


async def test_a_new_password_is_asked_first_and_mailed_once(app, clerk):
    path = "/office/users/1/reset"
    assert f'href="{path}"' in (await clerk.get("/office/users/1")).text
    page = await clerk.get(path)
    for told in ("1234567897", "shogaku07", "shogaku07@example.jp"):
        assert told in page.element("whom")
    assert "ログアウト" in page.element("follows")
    for seen in ("", page.hidden("seen"), page.hidden("seen")):  # without the page: nothing
        assert (await clerk.post(path, seen=seen)).url.startswith("/office/users/1")
    assert len([m for m in await sent(app) if m.template == "password-reset"]) == 1
    assert [entry[1] for entry in await audited(app)].count("access-reset") == 1


async def test_a_link_from_elsewhere_is_not_obeyed(app, clerk, second_visitor):
    await clerk.confirm("/office/users/1/reset")
    [mail] = [m for m in await sent(app) if m.template == "password-reset"]
    link = re.search(r"http://portal\.test(/password/\S+)", mail.body).group(1)
    second_visitor.origin = "http://evil.test"
    assert (
        await second_visitor.post_form(link, password="newpass1", again="newpass1")
    ).status == 403


async def test_users_are_looked_for(app, clerk):
    async with app[PORTAL].database.transaction() as db:
        db.add(MergedNumber(number="0000000999", company_number="1234567897"))
    for words, found in (
        ("shogaku07", True),
        ("1234567897", True),
        ("0000000999", True),
        ("少額IT", True),
        ("%", False),
        ("nobody", False),
    ):
        page = await clerk.get("/office/users", params={"q": words})
        assert ("shogaku07</a>" in page.text) == found
    assert (await clerk.get("/office/users/99")).status == 404


# ---- questions ----


async def leave(visitor, **changes):
    page = await visitor.get("/questions/contact")
    fields = {
        "name": "長野 太郎",
        "company": "",
        "mail": "taro@example.jp",
        "question": "いつですか",
    }
    sent_ = {**fields, "token": page.hidden("token"), "screen": "7", **changes}
    return (await visitor.post_form("/questions/contact", **sent_)).element("inquiry-number")


async def test_a_question_is_answered_by_mail(app, clerk, visitor):
    number = await leave(visitor)
    assert number in (await clerk.get("/office/questions")).text
    page = await clerk.get(f"/office/questions/{number}")
    assert page.element("question") == "いつですか"
    page = await clerk.post(f"/office/questions/{number}", answer=" ", seen="0")
    assert page.status == 422
    page = await clerk.post(f"/office/questions/{number}", answer="5日です。", seen="0")
    assert page.element("status") == "回答済"
    assert "審査 花子" in page.text
    again = await clerk.post(f"/office/questions/{number}", answer="5日です。", seen="0")
    assert again.status == 200
    answers = [m for m in await sent(app) if m.template == "inquiry-answered"]
    assert [(m.recipient, "5日です。" in m.body) for m in answers] == [("taro@example.jp", True)]
    assert number not in (await clerk.get("/office/questions")).text
    assert number in (await clerk.get("/office/questions?status=answered")).text
    assert [entry for entry in await audited(app) if entry[1] == "answered"] == [
        ("shinsa01", "answered", number)
    ]


async def test_of_two_answers_the_second_is_not_sent_unread(app, clerk, new_clerk, visitor):
    number = await leave(visitor)
    other = await new_clerk("kanri01")
    await clerk.post(f"/office/questions/{number}", answer="5日です。", seen="0")
    answer = await other.post(f"/office/questions/{number}", answer="6日です。", seen="0")
    assert (answer.status, "審査 花子" in answer.element("error")) == (409, True)
    assert len([m for m in await sent(app) if m.template == "inquiry-answered"]) == 1
    answer = await other.post(f"/office/questions/{number}", answer="6日です。", seen="1")
    assert answer.status == 200
    assert len([m for m in await sent(app) if m.template == "inquiry-answered"]) == 2


async def test_a_question_is_put_aside(clerk, visitor):
    number = await leave(visitor)
    page = await clerk.post(f"/office/questions/{number}/close")
    assert page.element("status") == "対応不要"
    assert 'id="none-found"' in (await clerk.get("/office/questions")).text
    await clerk.post(f"/office/questions/{number}", answer="5日です。", seen="0")
    page = await clerk.post(f"/office/questions/{number}/close")
    assert page.element("status") == "回答済"


async def test_what_people_ask_is_text(clerk, visitor):
    number = await leave(visitor, name=EVIL, company=EVIL, question=EVIL, screen=EVIL)
    for path in ("/office/questions", f"/office/questions/{number}"):
        assert EVIL not in (await clerk.get(path)).text


async def test_a_viewer_sees_no_form(new_clerk, visitor):
    number = await leave(visitor)
    viewer = await new_clerk("etsuran01")
    assert 'id="answer-form"' not in (await viewer.get(f"/office/questions/{number}")).text
    assert 'id="reset"' not in (await viewer.get("/office/users/1")).text


# ---- mail ----


async def test_the_mail_is_listed_and_links_are_hidden(app, clerk, new_clerk, visitor):
    number = await leave(visitor)
    await clerk.confirm("/office/users/1/reset")
    admin = await new_clerk("kanri01")
    page = await admin.get("/office/mail")
    assert f"お問い合わせ受付のお知らせ（{number}）" in page.element("mails")
    secret, plain = await sent(app)
    assert secret.secret
    page = await admin.get(f"/office/mail/{secret.id}")
    assert "/password/" not in page.text
    assert number in (await admin.get(f"/office/mail/{plain.id}")).element("text")
    assert (await admin.get("/office/mail/999")).status == 404


@pytest.mark.parametrize(("status", "code"), [(Status.FAILED, 200), (Status.SENT, 404)])
async def test_a_mail_that_failed_is_sent_again(app, new_clerk, clock, status, code):
    async with app[PORTAL].database.transaction() as db:
        mail = Mail(
            event_key="x",
            recipient="taro@example.jp",
            template="inquiry-received",
            language="ja",
            subject="x",
            body="x",
            secret=False,
            token="x",
            status=status,
            error="550 no such user",
            created=clock(),
        )
        db.add(mail)
    admin = await new_clerk("kanri01")
    answer = await admin.post(f"/office/mail/{mail.id}/again")
    assert answer.status == code
    assert (("kanri01", "mail-again", str(mail.id)) in await audited(app)) == (code == 200)
