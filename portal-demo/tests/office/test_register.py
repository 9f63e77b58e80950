"""The register from a file and back, and numbers merged, on the office's screens."""

from __future__ import annotations

import aiohttp
import pytest
from sqlalchemy import select

from portal_demo.mail.outbox import mails
from portal_demo.models import Company, MergedNumber
from portal_demo.office.audit import Search, find
from portal_demo.pages import PORTAL
from portal_demo.register_csv.columns import COLUMNS

NEW = {"number": "2234567890", "name": "新規商事株式会社", "permit_number": "20269999"}


@pytest.fixture
async def admin(new_clerk):
    return await new_clerk("kanri01")


def csv_of(*companies):
    heading = ",".join(column.label.ja for column in COLUMNS)
    rows = (",".join(one.get(column.name, "") for column in COLUMNS) for one in companies)
    lines = [heading, *rows]
    return "\r\n".join(lines).encode("utf-8-sig")


async def company(app, number):
    async with app[PORTAL].database.transaction() as db:
        return await db.get(Company, number)


async def full(app, **changes):
    """Return a company of the register as a line of a file, with changes."""
    known = await company(app, "1234567890")
    return {**{column.name: getattr(known, column.name) for column in COLUMNS}, **changes}


async def send(clerk, content, *, token=None, name="file", first="csrf"):
    await clerk.get("/office/register")
    form = aiohttp.FormData()
    form.add_field(first, clerk.browser.csrf if token is None else token)
    form.add_field(name, content, filename="会社.csv", content_type="text/csv")
    headers = {"Origin": clerk.browser.origin}
    path = "/office/register/import"
    async with clerk.browser.client.post(path, data=form, headers=headers) as response:
        return clerk.browser._answer(response, await response.text())


async def audited(app):
    async with app[PORTAL].database.transaction() as db:
        return [(e.action, e.subject, e.detail) for e in (await find(db, Search())).lines]


async def test_a_file_is_looked_at_and_then_imported_once(app, admin):
    changed = await full(app, name="IT業者電子01改")
    page = await send(admin, csv_of(changed, await full(app, **NEW)))
    counts = [page.element(f"count-{name}") for name in ("added", "changed", "unchanged", "faults")]
    assert counts == ["1", "1", "0", "0"]
    assert "新規商事株式会社" in page.element("added-list")
    assert "IT業者電子01改" in page.element("changed-list")
    assert await company(app, NEW["number"]) is None
    for _ in range(2):
        done = await admin.post(page.url)
        assert 'id="applied"' in done.text
    assert (await company(app, NEW["number"])).name == NEW["name"]
    assert (await company(app, "1234567890")).name == "IT業者電子01改"
    imported = [entry for entry in await audited(app) if entry[0] == "register-imported"]
    assert [detail for _, _, detail in imported] == ["+1 ~1 =0"]


async def test_what_is_wrong_with_a_line_is_said_and_nothing_imported(app, admin):
    page = await send(admin, csv_of(await full(app, **{**NEW, "number": "12", "name": "<b>x</b>"})))
    assert 'id="faulty"' in page.text
    assert page.element("count-faults") != "0"
    assert 'id="apply"' not in page.text
    assert "<b>x</b>" not in page.text
    assert (await admin.post(page.url)).status == 409


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "file-empty"), (b"\0\1", "file-not-text"), (b"a,b\r\n", "header-missing")],
)
async def test_what_is_no_register_is_refused(admin, content, reason):
    page = await send(admin, content)
    assert page.status >= 400
    assert f'data-reason="{reason}"' in page.text


async def test_a_file_larger_than_a_form_is_taken(app, admin):
    lines = [await full(app, number=f"3{n:09d}") for n in range(1500)]
    content = csv_of(*lines)
    assert len(content) > 128 * 1024
    assert (await send(admin, content)).element("count-added") == "1500"


async def test_a_file_that_never_ends_is_given_up_midway(admin, monkeypatch):
    monkeypatch.setattr("portal_demo.office.views.register.MAX_BYTES", 200 * 1024)
    written = []
    monkeypatch.setattr("portal_demo.office.views.register.preview", written.append)
    page = await send(admin, b"a" * (200 * 1024 + 1))
    assert (page.status, 'data-reason="file-too-large"' in page.text) == (413, True)
    assert written == []


@pytest.mark.parametrize("wrong", [{"token": "forged"}, {"token": ""}, {"first": "other"}])
async def test_a_file_without_the_token_is_not_read(app, admin, wrong):
    page = await send(admin, csv_of(await full(app, **NEW)), **wrong)
    assert (page.status, "csrf-refused" in page.text) == (403, True)


async def test_a_file_from_elsewhere_is_not_read(app, admin):
    admin.browser.origin = "http://evil.test"
    assert (await send(admin, csv_of())).status == 403


async def test_an_examiner_imports_nothing(app, clerk):
    page = await send(clerk, csv_of(await full(app, **NEW)))
    assert (page.status, "forbidden" in page.text) == (403, True)


async def test_an_export_holds_no_formula_and_can_be_imported_again(app, admin):
    async with app[PORTAL].database.transaction() as db:
        (await db.get(Company, "1234567891")).name = "=HYPERLINK(1)"
    async with admin.browser.client.get("/office/register/register.csv") as response:
        content = await response.read()
        assert response.headers["Content-Disposition"] == 'attachment; filename="register.csv"'
    lines = content.decode("utf-8-sig").splitlines()
    assert any("'=HYPERLINK(1)" in line for line in lines)
    assert not any(cell.startswith("=") for line in lines for cell in line.split(","))
    assert ("download", "register.csv", "") in await audited(app)


# ---- 登録番号の統合 ----

OLD = "1234567890\n1234567891"


async def test_numbers_are_merged_after_a_look(app, admin):
    page = await admin.post("/office/register/merge", old=OLD, new="9234567890")
    assert (page.status, 'data-reason="companies-differ"' in page.text) == (409, True)
    fields = {"old": OLD, "new": "9234567890", "names-differ": "on"}
    page = await admin.post("/office/register/merge", **fields)
    assert "株式会社信州印刷" in page.element("companies")
    assert await company(app, "9234567890") is None
    done = await admin.post("/office/register/merge", **fields, confirm="1")
    assert done.url == "/office/register/merge/9234567890"
    assert done.element("old-numbers") == "0000000123、0000000456、1234567890、1234567891"
    async with app[PORTAL].database.transaction() as db:
        merged = select(MergedNumber.number).where(MergedNumber.company_number == "9234567890")
        assert {"1234567890", "1234567891"} <= set(await db.scalars(merged))
    assert ("numbers-merged", "9234567890", "1234567890, 1234567891 → 9234567890") in await audited(
        app
    )
    again = await admin.post("/office/register/merge", **fields, confirm="1")
    assert again.status == 409


async def test_the_company_is_told_its_new_number(app, admin, registered):
    await registered()
    fields = {"old": "1234567890", "new": "9234567890", "confirm": "1"}
    await admin.post("/office/register/merge", **fields)
    async with app[PORTAL].database.transaction() as db:
        [told] = [mail for mail in await mails(db) if mail.template == "numbers-merged"]
    assert told.recipient == "test@example.jp"
    page = await admin.page("20260604-000001")
    number = page.element("company-number")
    assert number == "9234567890申請時：1234567890（統合前の登録番号）"
    assert page.text.count('data-good="true"') == 1
    assert (await admin.decide("20260604-000001", "accept")).element("status") == "本登録"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("", "9234567890", "merge-empty"),
        ("12", "9234567890", "number-malformed"),
        ("1234567890", "1234567891", "number-used"),
        ("0000000123", "9234567890", "number-merged-already"),
        ("<b>x</b>", "9234567890", "number-malformed"),
    ],
)
async def test_what_cannot_be_merged_is_said(admin, old, new, reason):
    page = await admin.post("/office/register/merge", old=old, new=new)
    assert f'data-reason="{reason}"' in page.text
    assert "<b>x</b>" not in page.text
