"""Officers' cards: those on the office's own list log in, and no others."""

from __future__ import annotations

from datetime import timedelta

import pytest
from bureau import Reason
from sqlalchemy import select

from portal_demo.office.models import AuditEntry
from portal_demo.office.officers import find_officer
from portal_demo.pages import PORTAL

HOME = "/office/applications"


async def audited(app):
    async with app[PORTAL].database.transaction() as db:
        entries = await db.scalars(select(AuditEntry).order_by(AuditEntry.id))
        return [(entry.actor, entry.action, entry.detail) for entry in entries]


async def refused(app):
    async with app[PORTAL].database.transaction() as db:
        entries = select(AuditEntry).where(AuditEntry.action == "log-in-refused")
        return [(one.actor, one.subject, one.detail) for one in await db.scalars(entries)]


def sha256_of(card) -> str:
    return card.authentication.fingerprint(card.authentication.signature_hash_algorithm).hex()


async def allow(app, card, **changes):
    """Put a card on the list, as shinsa01's."""
    async with app[PORTAL].database.transaction() as db:
        officer = await find_officer(db, "shinsa01")
        officer.certificate_sha256 = sha256_of(card)
        for name, value in changes.items():
            setattr(officer, name, value)
    return officer.id


async def answer_of(clerk, card, tools, page="/office/login/card"):
    """Return what the card makes of a challenge that the office gives."""
    await clerk.get(page)
    challenge = (await clerk.browser.post("/api/office/challenge", {})).json["challenge"]
    return {"challenge": challenge, "token": card.token(tools.ORIGIN, challenge)}


async def log_in_with(clerk, card, tools):
    return await clerk.browser.post("/api/office/login", await answer_of(clerk, card, tools))


async def test_an_officers_card_logs_in(app, new_clerk, card, tools):
    await allow(app, card)
    clerk = await new_clerk(None)
    answer = await log_in_with(clerk, card, tools)
    assert answer.json == {"location": HOME}
    assert (await clerk.get(HOME)).status == 200
    assert await audited(app) == [("shinsa01", "log-in", "card")]


async def test_an_officers_card_is_no_bidders_log_in(app, new_clerk, card, tools):
    await allow(app, card)
    clerk = await new_clerk(None)
    await log_in_with(clerk, card, tools)
    cookie = clerk.browser.cookie()
    clerk.browser.client.session.cookie_jar.clear()
    headers = {"Cookie": f"portal-session={cookie}"}
    assert (await clerk.get("/registration/search", headers=headers)).status == 401


async def test_another_card_of_the_same_authority_does_not(app, new_clerk, card, make_card, tools):
    await allow(app, card)
    clerk = await new_clerk(None)
    other = make_card()
    answer = await log_in_with(clerk, other, tools)
    assert (answer.status, answer.reason) == (403, "officer-card-unknown")
    assert (await clerk.get(HOME)).url == "/office/login"
    assert await refused(app) == [("", sha256_of(other), "officer-card-unknown")]


async def test_a_refused_card_that_nobody_knows_is_shown_by_its_fingerprint_alone(
    new_clerk, card, tools
):
    await log_in_with(await new_clerk(None), card, tools)
    admin = await new_clerk("kanri01")
    page = await admin.get("/office/audit", params={"action": "log-in-refused"})
    assert sha256_of(card) in page.text
    assert "担当者のICカードではありません" in page.text
    assert "長野 太郎" not in page.text
    assert "Nagano" not in page.text


async def test_what_anybody_can_make_up_is_not_written_down(
    app, new_clerk, card, make_card, tools, stranger
):
    await allow(app, card)
    clerk = await new_clerk(None)
    answer = await log_in_with(clerk, make_card(by=stranger), tools)
    assert answer.reason == "certificate-untrusted"
    body = await answer_of(clerk, card, tools)
    body["token"] = card.token("https://elsewhere.example", body["challenge"])
    assert (await clerk.browser.post("/api/office/login", body)).reason == "signature-invalid"
    assert await refused(app) == []


async def test_nobody_keeps_the_office_busy_with_cards(new_clerk, card, tools):
    clerk = await new_clerk(None)
    await clerk.get("/office/login/card")
    body = await answer_of(clerk, card, tools)
    answers = [await clerk.browser.post("/api/office/login", body) for _ in range(21)]
    assert [answer.status for answer in answers[-2:]] == [409, 429]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"days": (-10, -1)}, "certificate-not-valid"),
        ({"days": (1, 10)}, "certificate-not-valid"),
        ({"usage": ("content_commitment",)}, "certificate-usage"),
        ({"by": "stranger"}, "certificate-untrusted"),
    ],
)
async def test_a_card_on_the_list_has_to_be_good(
    app, new_clerk, make_card, tools, stranger, change, reason
):
    card = make_card(**{**change, **({"by": stranger} if "by" in change else {})})
    await allow(app, card)
    clerk = await new_clerk(None)
    answer = await log_in_with(clerk, card, tools)
    assert (answer.status, answer.reason) == (403, reason)
    assert (await clerk.get(HOME)).url == "/office/login"
    assert await refused(app) == [("shinsa01", "shinsa01", reason)]


async def test_a_card_that_was_revoked_is_refused(
    asking, bureau, pointed_card, clock, tools, clerk_at
):
    app, client = asking
    await allow(app, pointed_card)
    clerk = clerk_at(app, client)
    assert (await log_in_with(clerk, pointed_card, tools)).status == 200
    await clerk.get(HOME)
    await clerk.post("/office/logout")
    clock.advance(days=2)  # what was heard of it is forgotten
    serial = pointed_card.authentication.serial_number
    bureau.revoked[serial] = clock() - timedelta(hours=2), Reason.key_compromise
    answer = await log_in_with(clerk, pointed_card, tools)
    assert (answer.status, answer.reason) == (403, "certificate-revoked")


async def test_a_disabled_officers_card_is_refused(app, new_clerk, card, tools):
    await allow(app, card, disabled=True)
    clerk = await new_clerk(None)
    assert (await log_in_with(clerk, card, tools)).reason == "officer-card-unknown"
    assert await refused(app) == [("shinsa01", "shinsa01", "disabled")]


async def test_a_challenge_is_good_once_and_for_five_minutes(app, new_clerk, card, tools, clock):
    await allow(app, card)
    clerk = await new_clerk(None)
    late = await answer_of(clerk, card, tools)
    clock.advance(minutes=5)
    for reason in ("challenge-expired", "challenge-unknown"):
        assert (await clerk.browser.post("/api/office/login", late)).reason == reason
    taken = await answer_of(clerk, card, tools)
    assert (await clerk.browser.post("/api/office/login", taken)).status == 200
    await clerk.get(HOME)
    assert (await clerk.browser.post("/api/office/login", taken)).reason == "challenge-unknown"


async def test_what_was_made_for_one_side_is_refused_by_the_other(
    app, new_clerk, card, visitor, tools
):
    await allow(app, card)
    clerk = await new_clerk(None)
    office = await answer_of(clerk, card, tools)
    challenge = await visitor.challenge()
    bidder = {"challenge": challenge, "token": card.token(tools.ORIGIN, challenge)}
    assert (await clerk.browser.post("/api/office/login", bidder)).reason == "challenge-unknown"
    assert (await visitor.post("/api/login", office)).reason == "challenge-unknown"


@pytest.mark.parametrize("how", ["replaced", "removed"])
async def test_a_card_taken_from_the_list_is_out_at_once(
    app, new_clerk, card, make_card, tools, how
):
    officer = await allow(app, card)
    clerk, admin = await new_clerk(None), await new_clerk("kanri01")
    await log_in_with(clerk, card, tools)
    assert (await clerk.get(HOME)).url == HOME
    if how == "removed":
        await admin.confirm(f"/office/officers/{officer}/remove-card")
    else:
        page = f"/office/officers/{officer}/card"
        body = await answer_of(admin, make_card(), tools, page)
        assert (await admin.browser.post(f"/api{page}", body)).status == 200
    assert (await clerk.get(HOME)).url == "/office/login"
    assert (await log_in_with(clerk, card, tools)).reason == "officer-card-unknown"
    assert (await admin.get("/office/officers")).url == "/office/officers"
