"""Numbers of one company become one; what belonged to them goes along."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import func, select

from portal_demo import merging, register
from portal_demo.demo import fill_register
from portal_demo.errors import CompanyUnknown, FormIncomplete, NumberMerged, PortalError
from portal_demo.mail.outbox import mails
from portal_demo.merge_errors import (
    CompaniesDiffer,
    MergeEmpty,
    NumberMalformed,
    NumberMergedAlready,
    NumberUnknown,
    NumberUsed,
    UserIdsCollide,
)
from portal_demo.merging import merge, plan
from portal_demo.models import Application, Card, Company, Draft, MergedNumber, RegisterChange, User
from portal_demo.pages import PORTAL as KEY

FIRST, SECOND, OTHER, NEW = "1234567891", "1234567801", "1234567892", "2234567890"
PORTAL = "http://portal.test"


def contact(address: str) -> dict[str, str]:
    return {"contact_mail": address, "card_mail": "card@example.jp"}


@pytest.fixture
async def filled(database, clock):
    """The sample register; one of its companies has a second number, cards, users, a draft."""
    async with database.transaction() as db:
        await fill_register(db)
        await db.flush()
        first = await db.get_one(Company, FIRST)
        values = {name: getattr(first, name) for name in register.COLUMNS}
        db.add(Company(number=SECOND, **{**values, "name": "（株）信州印刷"}))
        for n, number in enumerate((FIRST, SECOND)):
            application = Application(
                number=f"20260604-00000{n}", procedure="register", owner=f"card:{n}",
                company_number=number, confirmation=str(n), document=b"{}", document_sha256="0" * 64,
                status="仮登録", created=clock(), language=("ja", "en")[n],
            )  # fmt: skip
            db.add(application)
            await db.flush()
            db.add(
                Card(
                    login_sha256=str(n), signing_sha256=f"s{n}", company_number=number,
                    application_id=application.id, values=contact(f"c{n}@example.jp"),
                    status="仮登録",
                )
            )  # fmt: skip
        db.add(User(company_number=SECOND, name="second01", password_hash="x",
                    values=contact("c0@example.jp")))  # fmt: skip
        db.add(
            Draft(id="d", owner="card:1", procedure="change", company_number=SECOND,
                  values={}, confirmation="confirmed", changed=clock())
        )  # fmt: skip
    return database


async def run(database, clock, old=(FIRST, SECOND), new=NEW, **more):
    async with database.transaction() as db:
        return await merge(db, old, new, portal=PORTAL, now=clock(), **more)


async def test_all_that_belonged_to_the_old_numbers_goes_to_the_new_one(filled, clock):
    done = await run(filled, clock)
    assert done.old_numbers == (FIRST, SECOND)
    assert done.company_name == "株式会社信州印刷"
    expected = {"card": 2, "application": 2, "user": 1, "draft": 1, "merged_number": 1}
    assert done.moved.items() >= expected.items()
    async with filled.transaction() as db:
        for table in (Card, Application, User, Draft):
            numbers = await db.scalars(select(table.company_number))
            assert set(numbers) == {NEW}
        assert await db.get(Company, FIRST) is None
        company = await db.get_one(Company, NEW)
        assert (company.name, company.branch) == ("株式会社信州印刷", "本店")
        draft = await db.get_one(Draft, "d")
        assert draft.confirmation is None
        merged = {row.number: row.company_number for row in await db.scalars(select(MergedNumber))}
    assert merged == {
        "0000000123": "1234567890",  # another company's
        "0000000456": NEW,  # merged into the first before
        FIRST: NEW,
        SECOND: NEW,
    }


async def test_each_contact_is_told_once(filled, clock):
    done = await run(filled, clock)
    assert done.mailed_to == ("c0@example.jp", "c1@example.jp")
    async with filled.transaction() as db:
        written = await mails(db)
    assert {mail.event_key for mail in written} == {f"numbers-merged:{NEW}"}
    assert {mail.recipient: mail.language for mail in written} == {
        "c0@example.jp": "ja",
        "c1@example.jp": "en",
    }
    told = {mail.language: mail.body for mail in written}
    assert "新しい登録番号：2234567890\n統合前の登録番号：1234567891、1234567801\n" in told["ja"]
    assert "New registration number: 2234567890\n" in told["en"]


async def test_the_contact_of_a_card_that_was_replaced_is_not_told(filled, clock):
    async with filled.transaction() as db:
        (await db.get_one(Card, "1")).replaced_by = "0"
    assert (await run(filled, clock)).mailed_to == ("c0@example.jp",)


async def test_an_old_number_is_explained_and_the_new_one_is_found(filled, clock):
    await run(filled, clock)
    async with filled.transaction() as db:
        for old in (FIRST, SECOND, "0000000456"):
            with pytest.raises(NumberMerged, match="that was mailed to your main contact"):
                await register.search(db, old, "株式会社信州印刷")
        assert (await register.search(db, NEW, "(株)信州印刷")).number == NEW


async def test_a_merged_number_can_be_merged_on(filled, clock):
    await run(filled, clock)
    await run(filled, clock, [NEW], "3234567890")
    async with filled.transaction() as db:
        merged = {row.number: row.company_number for row in await db.scalars(select(MergedNumber))}
    assert merged[FIRST] == merged[NEW] == "3234567890"


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ([], NEW, MergeEmpty),
        ([FIRST], "12345", NumberMalformed),
        ([FIRST], "１２３４５６７８９０", NumberMalformed),
        (["x" * 999], NEW, NumberMalformed),
        ([FIRST], FIRST, NumberUsed),
        ([FIRST], "1234567890", NumberUsed),
        ([FIRST], "0000000123", NumberUsed),
        ([FIRST, "9999999999"], NEW, NumberUnknown),
        ([FIRST, "0000000123"], NEW, NumberMergedAlready),
        ([FIRST, OTHER], NEW, CompaniesDiffer),
    ],
)
async def test_a_merge_that_cannot_be_right_changes_nothing(filled, clock, old, new, error):
    with pytest.raises(error):
        await run(filled, clock, old, new)
    async with filled.transaction() as db:
        assert await db.get(Company, FIRST) is not None
        assert await db.get(Company, NEW) is None
        assert await mails(db) == []
        assert await register.last_change(db) == 0


async def test_different_names_have_to_be_accepted(filled, clock):
    done = await run(filled, clock, [FIRST, OTHER], names_differ_accepted=True)
    assert done.company_name == "株式会社信州印刷"


async def test_users_with_the_same_id_have_to_be_told_apart_first(filled, clock):
    async with filled.transaction() as db:
        db.add(User(company_number=FIRST, name="second01", password_hash="x", values={}))
    with pytest.raises(UserIdsCollide) as caught:
        await run(filled, clock)
    assert "second01" in caught.value.message().ja


async def test_a_plan_changes_nothing(filled):
    async with filled.transaction() as db:
        companies = await plan(db, [SECOND, FIRST, SECOND], NEW)
        assert [company.number for company in companies] == [SECOND, FIRST]
        assert list(await merging.contacts(db, [SECOND])) == ["c0@example.jp", "c1@example.jp"]
    async with filled.transaction() as db:
        assert await db.get(Company, NEW) is None


async def test_the_same_merge_twice_at_once_happens_once(filled, clock):
    ended = await asyncio.gather(*(run(filled, clock) for _ in range(4)), return_exceptions=True)
    refused = [end for end in ended if isinstance(end, PortalError)]
    assert len(refused) == 3
    assert {type(end) for end in refused} <= {NumberMergedAlready, NumberUsed}
    async with filled.transaction() as db:
        assert await db.scalar(select(func.count()).select_from(RegisterChange)) == 1
        assert len(await mails(db)) == 2


async def test_two_merges_at_once_cannot_take_the_same_new_number(filled, clock):
    ended = await asyncio.gather(
        run(filled, clock, [FIRST]), run(filled, clock, [OTHER]), return_exceptions=True
    )
    assert [type(end) for end in ended if isinstance(end, Exception)] == [NumberUsed]
    async with filled.transaction() as db:
        assert sorted(await db.scalars(select(RegisterChange.previous))) == [0]


async def test_who_applies_at_the_same_moment_goes_along(filled, clock):
    async with filled.transaction() as db:
        assert await register.hold(db, FIRST)
        merging_ = asyncio.create_task(run(filled, clock))
        db.add(
            Application(
                number="late", procedure="register", owner="card:late", company_number=FIRST,
                confirmation="late", document=b"{}", document_sha256="0" * 64, status="仮登録",
                created=clock(),
            )
        )  # fmt: skip
        await db.flush()
        await asyncio.wait({merging_}, timeout=0.3)
        assert not merging_.done()
    assert (await merging_).moved["application"] == 3
    async with filled.transaction() as db:
        late = await db.scalar(select(Application).where(Application.number == "late"))
        assert late.company_number == NEW


async def test_a_merge_and_an_application_do_not_wait_for_each_other_in_turn(filled, clock):
    async with filled.transaction() as db:
        for own in (Draft, Card):
            assert list(await db.scalars(select(own).with_for_update()))
        merging_ = asyncio.create_task(run(filled, clock))
        await asyncio.wait({merging_}, timeout=0.3)
        assert await register.hold(db, SECOND)
        assert await register.hold(db, FIRST)
    await merging_


async def test_who_applies_after_the_merge_has_to_look_again(filled, clock):
    async with filled.transaction() as db:
        await merge(db, [FIRST], NEW, portal=PORTAL, now=clock())
        held = asyncio.create_task(hold(filled))
        await asyncio.wait({held}, timeout=0.3)
        assert not held.done()
    assert not await held


async def hold(database) -> bool:
    async with database.transaction() as db:
        return await register.hold(db, FIRST)


async def test_a_form_that_was_confirmed_before_the_merge_is_confirmed_again(
    visitor, card, app, clock
):
    await visitor.reach_confirmation(card)
    proposal = (await visitor.propose(card)).json
    await run(app[KEY].database, clock, ["1234567890"])
    body = {"procedure": "register", **visitor.signed_body(card, proposal)}
    answer = await visitor.post("/api/application", body)
    assert answer.reason == FormIncomplete.reason
    await visitor.get("/registration/form")
    await visitor.fill()
    assert (await visitor.register(card)).status == 200
    answer = await visitor.get("/registration/complete/20260604-000001")
    assert answer.element("receipt-company-number") == NEW


async def test_a_receipt_keeps_the_number_that_was_signed(visitor, card, app, clock):
    await visitor.reach_confirmation(card)
    answer = await visitor.register(card)
    await run(app[KEY].database, clock, ["1234567890"])
    receipt = await visitor.get(answer.json["location"])
    assert receipt.element("receipt-company-number") == "1234567890"
    assert receipt.element("receipt-number-now") == NEW


async def test_a_demo_that_starts_again_brings_no_merged_number_back(filled, clock):
    await run(filled, clock)
    async with filled.transaction() as db:
        await fill_register(db)
    async with filled.transaction() as db:
        assert await db.get(Company, FIRST) is None
        assert (await db.get_one(MergedNumber, "0000000456")).company_number == NEW
        assert await db.get(Company, OTHER) is not None


async def test_a_bidder_who_types_an_old_number_is_told_what_to_do(visitor, card, app, clock):
    await run(app[KEY].database, clock, [FIRST])
    await visitor.log_in(card)
    answer = await visitor.find(FIRST, "株式会社信州印刷")
    assert NumberMerged.ja in answer.text
    assert CompanyUnknown.ja not in answer.text
