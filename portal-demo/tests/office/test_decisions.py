"""受理 and 不受理: once, by one officer, with what follows for the bidder."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import func, select

from portal_demo.mail.outbox import mails
from portal_demo.models import Application, Card
from portal_demo.office.models import AuditEntry, Decision
from portal_demo.pages import PORTAL

FIRST, SECOND = "20260604-000001", "20260604-000002"


async def states(app):
    async with app[PORTAL].database.transaction() as db:
        return (
            list(await db.scalars(select(Application.status).order_by(Application.id))),
            list(await db.scalars(select(Card.status).order_by(Card.application_id))),
        )


async def told(app):
    async with app[PORTAL].database.transaction() as db:
        found = [mail for mail in await mails(db) if mail.template.startswith("application-")]
        return [
            (m.template, m.recipient, m.subject, m.body)
            for m in found
            if "received" not in m.template
        ]


async def test_the_queue_shows_what_waits(clerk, registered):
    assert 'id="none-found"' in (await clerk.get("/office/applications")).text
    await registered()
    page = await clerk.get("/office/applications")
    assert FIRST in page.text
    assert "IT業者電子01" in page.text
    detail = await clerk.page(FIRST)
    assert detail.element("value-contact_mail") == "test@example.jp"
    assert '"companyNumber":"1234567890"' in detail.element("raw")


async def test_accepted_it_is_registered_for_good(app, clerk, registered, visitor, card):
    await registered()
    page = await clerk.decide(FIRST, "accept")
    assert page.element("status") == "本登録"
    assert "受理" in page.element("decision")
    assert "審査 花子" in page.element("decision")
    assert 'id="decide"' not in page.text
    assert await states(app) == (["本登録"], ["本登録"])
    [(template, recipient, subject, body)] = await told(app)
    assert (template, recipient) == ("application-accepted", "test@example.jp")
    assert subject == f"利用申請 受理のお知らせ（{FIRST}）"
    assert "IT業者電子01" in body
    assert FIRST not in (await clerk.get("/office/applications")).text
    receipt = await visitor.get(f"/registration/complete/{FIRST}")
    assert receipt.element("receipt-status") == "本登録"
    assert "現在は仮登録です" not in receipt.text
    await visitor.log_in(card, procedure="change")
    await visitor.fill("/change/form", contact_mail="new@example.jp")
    assert (await visitor.register(card, procedure="change")).status == 200
    assert await states(app) == (["本登録", "本登録"], ["本登録"])
    assert 'id="at-once"' in (await clerk.page(SECOND)).text


async def test_rejected_it_is_told_why_and_may_apply_again(app, clerk, registered, visitor, card):
    await registered()
    page = await clerk.decide(FIRST, "reject", "印鑑登録証明書と\n名義が異なります。")
    assert page.element("status") == "不受理"
    assert await states(app) == (["不受理"], [])
    [(template, _, subject, body)] = await told(app)
    assert (template, subject) == ("application-rejected", f"利用申請 不受理のお知らせ（{FIRST}）")
    assert "印鑑登録証明書と\n名義が異なります。" in body
    receipt = await visitor.get(f"/registration/complete/{FIRST}")
    assert receipt.element("receipt-status") == "不受理"
    assert "名義が異なります" in receipt.element("receipt-reason")
    answer = await visitor.log_in(card)
    assert answer.json["location"] == "/registration/search"
    search = await visitor.get("/registration/search")
    assert FIRST in search.element("rejected-before")
    await visitor.find()
    await visitor.fill()
    assert (await visitor.register(card)).status == 200
    assert await states(app) == (["不受理", "仮登録"], ["仮登録"])
    assert (await clerk.decide(SECOND, "accept")).element("status") == "本登録"


@pytest.mark.parametrize("reason", ["", "  \n ", "\u200b", "長" * 1001])
async def test_a_rejection_needs_a_reason(app, clerk, registered, reason):
    await registered()
    page = await clerk.decide(FIRST, "reject", reason)
    assert page.status == 422
    assert 'id="reason-error"' in page.text
    assert await states(app) == (["仮登録"], ["仮登録"])
    assert await told(app) == []


async def test_a_double_click_decides_once(app, clerk, registered):
    await registered()
    page = await clerk.page(FIRST)
    first = await clerk.decide(FIRST, "accept", page=page)
    second = await clerk.decide(FIRST, "accept", page=page)
    assert (first.status, second.status) == (200, 200)
    async with app[PORTAL].database.transaction() as db:
        assert await db.scalar(select(func.count()).select_from(Decision)) == 1
        accepted = select(func.count()).select_from(AuditEntry).where(AuditEntry.action == "accept")
        assert await db.scalar(accepted) == 1
    assert len(await told(app)) == 1


async def test_of_two_officers_the_second_is_told_of_the_first(app, clerk, new_clerk, registered):
    await registered()
    other = await new_clerk("kanri01")
    pages = await clerk.page(FIRST), await other.page(FIRST)
    answers = await asyncio.gather(
        clerk.decide(FIRST, "accept", page=pages[0]),
        other.decide(FIRST, "reject", "重複です。", page=pages[1]),
    )
    assert sorted(answer.status for answer in answers) == [200, 409]
    refused = next(answer for answer in answers if answer.status == 409)
    assert 'data-reason="already-decided"' in refused.text
    assert ("審査 花子" if answers[1] is refused else "管理 太郎") in refused.element("error")
    assert len(await told(app)) == 1


async def test_what_the_bidder_added_has_to_be_looked_at(app, clerk, registered, visitor, card):
    await registered()
    page = await clerk.page(FIRST)
    await visitor.log_in(card, procedure="change")
    await visitor.fill("/change/form", contact_mail="new@example.jp")
    await visitor.register(card, procedure="change")
    answer = await clerk.decide(FIRST, "accept", page=page)
    assert (answer.status, await told(app)) == (409, [])
    assert 'data-reason="application-moved"' in answer.text
    assert FIRST in (await clerk.page(SECOND)).element("with-another")
    changed = await clerk.page(SECOND)
    assert "test@example.jp" in changed.element("value-contact_mail")
    assert "new@example.jp" in changed.element("value-contact_mail")
    assert SECOND in (await clerk.page(FIRST)).element("decide-with")
    assert (await clerk.decide(FIRST, "accept")).status == 200
    assert await states(app) == (["本登録", "本登録"], ["本登録"])
    assert {recipient for _, recipient, _, _ in await told(app)} == {
        "new@example.jp",
        "test@example.jp",
    }


async def test_what_another_card_of_the_company_applied_for_is_no_earlier_one(
    clerk, registered, second_visitor, make_card
):
    await registered()
    other = make_card()
    await second_visitor.log_in(other)
    await second_visitor.find()
    await second_visitor.fill(contact_person="別部署 花子")
    assert (await second_visitor.register(other)).status == 200
    page = await clerk.page(SECOND)
    assert page.element("value-contact_person") == "別部署 花子"
    assert 'id="earlier"' not in page.text


async def test_a_change_is_not_decided_by_itself(clerk, registered, visitor, card):
    await registered()
    main = await clerk.page(FIRST)
    await visitor.log_in(card, procedure="change")
    await visitor.fill("/change/form", contact_mail="new@example.jp")
    await visitor.register(card, procedure="change")
    answer = await clerk.decide(SECOND, "accept", page=main)
    assert (answer.status, 'data-reason="not-decidable"' in answer.text) == (409, True)


async def test_a_card_that_was_renewed_is_decided_with_its_new_one(
    app, clerk, registered, visitor, card, make_card
):
    await registered()
    new = make_card()
    await visitor.log_in(card, procedure="renew")
    await visitor.log_in(new, "/api/renewal/card")
    await visitor.fill("/renewal/form")
    assert (await visitor.register(new, card, procedure="renew")).status == 200
    assert await states(app) == (["仮登録", "仮登録"], ["仮登録", "仮登録"])
    page = await clerk.decide(FIRST, "reject", "不備があります。")
    assert page.status == 200
    assert await states(app) == (["不受理", "不受理"], [])
    assert (await clerk.page(SECOND)).element("status") == "不受理"


async def test_a_change_drawn_up_before_the_decision_is_stored_as_what_it_is_after(
    app, clerk, registered, visitor, card
):
    await registered()
    await visitor.log_in(card, procedure="change")
    await visitor.fill("/change/form", contact_mail="new@example.jp")
    proposal = (await visitor.propose(card, "change")).json
    await clerk.decide(FIRST, "accept")
    body = {**visitor.signed_body(card, proposal), "procedure": "change"}
    assert (await visitor.post("/api/application", body)).status == 200
    assert await states(app) == (["本登録", "本登録"], ["本登録"])


async def test_what_a_user_without_a_card_changed_needs_no_decision(clerk, visitor):
    await visitor.log_in_user()
    await visitor.fill_user()
    await visitor.post_form("/small/confirm", confirmation=visitor.confirmation)
    page = await clerk.page(FIRST)
    assert 'id="at-once"' in page.text
    assert 'id="decide"' not in page.text


async def test_what_bidders_and_officers_write_is_text(app, clerk, registered, visitor, card):
    evil = "<script>alert(1)</script>"
    await visitor.log_in(card)
    await visitor.find()
    await visitor.fill(contact_person="<b>太郎</b>", company_phone="000-000-0000")
    await visitor.register(card)
    page = await clerk.page(FIRST)
    assert "<b>太郎</b>" not in page.text
    assert page.element("value-contact_person") == "<b>太郎</b>"
    page = await clerk.decide(FIRST, "reject", evil)
    assert evil not in page.text
    assert page.element("decision-reason") == evil
    assert evil not in (await visitor.get(f"/registration/complete/{FIRST}")).text


async def test_files_are_saved_and_the_audit_says_so(app, clerk, registered):
    await registered()
    page = await clerk.page(FIRST)
    names = [f"application-{FIRST}.{suffix}" for suffix in ("json", "sig", "cer")]
    for name in names:
        assert name in page.element("files")
        path = f"/office/applications/{FIRST}/files/{name}"
        async with clerk.browser.client.get(path) as answer:
            assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}"'
    assert (await clerk.get(f"/office/applications/{FIRST}/files/other")).status == 404
    assert (await clerk.page("20260604-000099")).status == 404
    async with app[PORTAL].database.transaction() as db:
        entries = await db.scalars(select(AuditEntry.detail).where(AuditEntry.action == "download"))
        assert list(entries) == names
