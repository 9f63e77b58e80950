"""受理 rests on what was signed: on it being whole, and on the moment that it came in."""

from __future__ import annotations

from datetime import timedelta

import pytest
from bureau import Reason
from sqlalchemy import delete, select

from portal_demo.mail.outbox import mails
from portal_demo.models import Application, ApplicationEvidence, Card, Signature
from portal_demo.pages import PORTAL

FIRST = "20260604-000001"


async def test_what_was_tampered_with_can_be_rejected_only(app, clerk, registered):
    await registered()
    async with app[PORTAL].database.transaction() as db:
        signature = await db.scalar(select(Signature))
        signature.signature = bytes(len(signature.signature))
    page = await clerk.page(FIRST)
    assert 'id="report" data-good="false"' in page.text
    answer = await clerk.decide(FIRST, "accept")
    assert (answer.status, 'data-reason="not-verified"' in answer.text) == (409, True)
    async with app[PORTAL].database.transaction() as db:
        assert list(await db.scalars(select(Application.status))) == ["仮登録"]
        assert list(await db.scalars(select(Card.status))) == ["仮登録"]
        assert [mail.template for mail in await mails(db)] == ["application-received"]
    answer = await clerk.decide(FIRST, "reject", "電子署名を確認できません。")
    assert answer.element("status") == "不受理"


async def test_what_was_not_kept_at_its_time_is_told_as_such_and_not_accepted(
    app, clerk, registered
):
    await registered()
    async with app[PORTAL].database.transaction() as db:
        application = await db.scalar(select(Application))
        application.log_in_kept = False
        log_in = application.owner.removeprefix("card:")
        await db.execute(
            delete(ApplicationEvidence).where(ApplicationEvidence.evidence_sha256 == log_in)
        )
    page = await clerk.page(FIRST)
    assert "すべては検証できません" in page.text
    assert 'data-outcome="not-kept"' in page.text
    assert "問題が見つかりました" not in page.text
    answer = await clerk.decide(FIRST, "accept")
    assert (answer.status, 'data-reason="not-verified"' in answer.text) == (409, True)


async def test_a_card_that_was_revoked_since_signed_well_and_logs_in_no_more(
    asking, bureau, pointed_card, clock, tools, clerk_at
):
    app, client = asking
    bidder = tools.Visitor(client)
    await bidder.reach_confirmation(pointed_card)
    assert (await bidder.register(pointed_card)).status == 200
    early = await clerk_at(app, client).log_in()
    assert 'id="card-' not in (await early.page(FIRST)).text
    clock.advance(days=2)
    for certificate in (pointed_card.authentication, pointed_card.signature):
        revoked = clock() - timedelta(hours=2), Reason.key_compromise
        bureau.revoked[certificate.serial_number] = revoked
    clerk = await clerk_at(app, client).log_in()
    bureau.faults.add("ocsp down")
    assert "確認できませんでした" in (await clerk.page(FIRST)).element("card-unknown")
    bureau.faults.clear()
    page = await clerk.page(FIRST)
    assert "失効日：2026年06月06日、理由：鍵の危殆化" in page.element("card-revoked")
    answer = await clerk.decide(FIRST, "accept")
    assert answer.element("status") == "本登録"
    assert 'id="report" data-good="true"' in answer.text
    late = await tools.Visitor(client).log_in(pointed_card)
    assert (late.status, late.reason) == (403, "certificate-revoked")


@pytest.mark.parametrize("verdict", ["", "approve", "accept "])
async def test_what_is_neither_decides_nothing(app, clerk, registered, verdict):
    await registered()
    answer = await clerk.decide(FIRST, verdict, "理由")
    assert answer.status == 422
    assert "受理する" in answer.element("reason-error")
    async with app[PORTAL].database.transaction() as db:
        assert list(await db.scalars(select(Application.status))) == ["仮登録"]
