"""Mail is written with what it tells of, once for each event and recipient."""

from __future__ import annotations

import asyncio
from string import Formatter

import pytest
from sqlalchemy.exc import IntegrityError

from portal_demo.language import Language, Text
from portal_demo.mail import outbox, templates
from portal_demo.mail.outbox import Status, enqueue, mails, mails_of, try_again
from portal_demo.models import MergedNumber

VALUES = {
    "number": "20260604-000001",
    "procedure": Text("利用者登録", "User registration"),
    "company_number": "1234567890",
    "company": "IT業者電子01",
    "reason": "商号が登記と異なります。\r\nご確認ください。",
    "portal": "http://portal.test",
}
KEY = "application-rejected:20260604-000001"


async def tell(db, clock, to=("a@example.jp", "b@example.jp"), language=Language.JA, **changes):
    values = {**VALUES, **changes}
    await enqueue(
        db, KEY, templates.APPLICATION_REJECTED, to, values, language=language, now=clock()
    )


async def test_each_recipient_gets_one_mail_of_an_event(database, clock):
    for to in (("a@example.jp", "b@example.jp", "a@example.jp"), ("b@example.jp", "c@example.jp")):
        async with database.transaction() as db:
            await tell(db, clock, to)
    async with database.transaction() as db:
        written = await mails_of(db, KEY)
    assert [mail.recipient for mail in written] == ["a@example.jp", "b@example.jp", "c@example.jp"]
    assert {mail.status for mail in written} == {Status.WAITING}
    assert len({mail.token for mail in written}) == 3


async def test_a_transaction_that_fails_writes_no_mail_and_wakes_nobody(database, clock):
    async def fail() -> None:
        async with database.transaction() as db:
            await tell(db, clock)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    async with database.transaction() as db:
        assert await mails(db) == []
    assert not database.mail_waiting.is_set()


async def test_what_the_caller_got_wrong_is_no_known_mail(database, clock):
    async def fail() -> None:
        async with database.transaction() as db:
            db.add(MergedNumber(number="1", company_number="9999999999"))
            await tell(db, clock)

    with pytest.raises(IntegrityError):
        await fail()


async def test_the_worker_is_woken_when_mail_is_committed(database, clock):
    async with database.transaction() as db:
        await tell(db, clock)
        assert not database.mail_waiting.is_set()
    await asyncio.wait_for(database.mail_waiting.wait(), 50)


async def test_a_mail_is_in_the_language_of_its_reader(database, clock):
    async with database.transaction() as db:
        await tell(db, clock, "a@example.jp")
        await tell(db, clock, "b@example.jp", Language.EN)
        ja, en = await mails_of(db, KEY)
    assert ja.subject == "利用申請 不受理のお知らせ（20260604-000001）"
    assert "【理由】\n商号が登記と異なります。\nご確認ください。\n" in ja.body
    assert "利用者登録" in ja.body
    assert "http://portal.test" in ja.body
    assert "User registration" in en.body


@pytest.mark.parametrize(
    "address",
    [
        "",
        "a" * 60 + "@" + "b" * 60 + ".jp",
        "a@example.jp\nBcc: c@example.jp",
        "a@example.jp, b@example.jp",
        "é@example.jp",
        "a@b",
    ],
)
async def test_what_is_no_address_is_refused(database, clock, address):
    with pytest.raises(ValueError, match="no mail address"):
        async with database.transaction() as db:
            await tell(db, clock, address)


async def test_values_can_neither_break_the_subject_nor_hide_in_the_text(database, clock):
    async with database.transaction() as db:
        await tell(
            db, clock, number="1\r\nBcc: x@example.jp", company="一\u202e二\x00三\u3000四 {reason}"
        )
        mail = (await mails_of(db, KEY))[0]
    assert mail.subject == "利用申請 不受理のお知らせ（1 Bcc: x@example.jp）"
    assert "一二三\u3000四 {reason}\n" in mail.body


async def test_only_a_failed_mail_is_tried_again(database, clock):
    async with database.transaction() as db:
        await tell(db, clock, "a@example.jp")
        mail = (await mails(db, status=Status.WAITING))[0]
        assert not await try_again(db, mail.id, clock())
        mail.status, mail.error, mail.due, mail.attempts = Status.FAILED, "550 no", None, 9
    database.mail_waiting.clear()
    async with database.transaction() as db:
        assert await mails(db, status=Status.WAITING) == []
        assert await try_again(db, mail.id, clock())
        assert not await try_again(db, 999, clock())
    assert database.mail_waiting.is_set()
    async with database.transaction() as db:
        again = (await mails(db, status=Status.WAITING))[0]
    assert (again.attempts, again.error, again.due) == (0, "", clock())


def test_every_status_has_a_name_for_people():
    assert set(outbox.STATUS_LABELS) == set(Status)


@pytest.mark.parametrize(
    "template", [t for t in vars(templates).values() if isinstance(t, templates.Template)]
)
@pytest.mark.parametrize("language", Language)
def test_every_template_asks_for_the_same_in_both_languages_and_fits_the_table(template, language):
    asked = {
        name
        for text in (template.subject, template.body)
        for _, name, _, _ in Formatter().parse(text[language])
        if name
    }
    subject, body = template.render(Language.EN, dict.fromkeys({*asked, "portal"}, "値"))
    assert subject + body
    assert "{" not in subject + body
    assert len(template.name) <= 24
