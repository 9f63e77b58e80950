"""Who gets into the office, and who does not."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from portal_demo.models import Session
from portal_demo.office import totp
from portal_demo.office.demo import PASSWORD
from portal_demo.office.models import AuditEntry
from portal_demo.office.officers import add_officer, find_officer
from portal_demo.office.roles import Role
from portal_demo.pages import PORTAL
from portal_demo.users import hash_password

WRONG = "wrong-password-1"
OWN = "a-long-password-of-theirs"


async def audited(app, action):
    async with app[PORTAL].database.transaction() as db:
        entries = await db.scalars(select(AuditEntry).where(AuditEntry.action == action))
        return [(entry.actor, entry.detail) for entry in entries]


async def test_password_and_code_lead_to_the_queue(app, new_clerk):
    clerk = await new_clerk(None)
    answer = await clerk.try_log_in("shinsa01")
    assert answer.url == "/office/applications"
    assert answer.element("role") == "審査"
    assert await audited(app, "log-in") == [("shinsa01", "password")]


@pytest.mark.parametrize(
    ("login", "password", "code"),
    [
        ("shinsa01", WRONG, None),
        ("shinsa01", PASSWORD, "000000"),
        ("shinsa01", PASSWORD, ""),
        ("nobody", PASSWORD, "000000"),
        ("nobody", "nobody's password", "000000"),
    ],
)
async def test_a_refusal_does_not_tell_what_is_wrong(new_clerk, login, password, code):
    clerk = await new_clerk(None)
    if code is None:
        code = await clerk.code(login)
    answer = await clerk.try_log_in(login, password=password, code=code)
    assert answer.status == 422
    assert 'data-reason="office-log-in-refused"' in answer.text
    assert password not in answer.text.partition('id="demo"')[0]
    assert (await clerk.get("/office/applications")).url == "/office/login"


async def test_a_code_is_good_once(new_clerk, clock):
    first, second = await new_clerk(None), await new_clerk(None)
    code = await first.code("shinsa01")
    assert (await first.try_log_in("shinsa01", code=code)).url == "/office/applications"
    assert (await second.try_log_in("shinsa01", code=code)).status == 422
    clock.advance(seconds=totp.PERIOD_S)
    assert (await second.try_log_in("shinsa01", code=code)).status == 422
    clock.advance(seconds=totp.PERIOD_S)
    assert (await second.try_log_in("shinsa01")).url == "/office/applications"


async def test_codes_of_the_neighbouring_periods_are_taken_and_no_others(new_clerk, clock):
    clerk = await new_clerk(None)
    code = await clerk.code("shinsa01")
    clock.advance(seconds=2 * totp.PERIOD_S)
    assert (await clerk.try_log_in("shinsa01", code=code)).status == 422
    clock.advance(seconds=60)
    code = await clerk.code("shinsa01")
    clock.advance(seconds=totp.PERIOD_S)
    assert (await clerk.try_log_in("shinsa01", code=code)).url == "/office/applications"


async def test_guessing_locks_the_account_for_a_while(app, new_clerk, clock):
    clerk = await new_clerk(None)
    for _ in range(5):
        assert (await clerk.try_log_in("shinsa01", password=WRONG)).status == 422
        clock.advance(seconds=20)
    answer = await clerk.try_log_in("shinsa01")
    assert answer.status == 429
    assert "15分" in answer.text or "14分" in answer.text
    assert len(await audited(app, "log-in-refused")) == 5
    clock.advance(minutes=16)
    assert (await clerk.try_log_in("shinsa01")).url == "/office/applications"


async def test_what_is_typed_for_nobody_is_not_written_down(app, new_clerk):
    clerk = await new_clerk(None)
    await clerk.try_log_in("my-secret-password", code="000000")
    assert await audited(app, "log-in-refused") == []


async def test_a_disabled_officer_is_out_at_once(app, clerk, new_clerk):
    async with app[PORTAL].database.transaction() as db:
        (await find_officer(db, "shinsa01")).disabled = True
    assert (await clerk.get("/office/applications")).url == "/office/login"
    other = await new_clerk(None)
    assert (await other.try_log_in("shinsa01")).status == 422


async def test_a_log_in_gives_the_session_a_new_id(new_clerk):
    clerk = await new_clerk(None)
    await clerk.get("/office/login")
    before = clerk.browser.cookie()
    await clerk.log_in()
    after = clerk.browser.cookie()
    assert before != after
    clerk.browser.client.session.cookie_jar.clear()
    headers = {"Cookie": f"portal-office={before}"}
    assert (await clerk.get("/office/applications", headers=headers)).url == "/office/login"


async def test_a_session_of_one_side_is_none_of_the_other(app, clerk, visitor, card):
    office = clerk.browser.cookie()
    await visitor.log_in(card)
    bidder = visitor.cookie()
    async with app[PORTAL].database.transaction() as db:
        assert sorted(await db.scalars(select(Session.realm))) == ["bidder", "office"]
    for browser, path, name, cookie in (
        (clerk.browser, "/office/applications", "portal-office", bidder),
        (visitor, "/registration/search", "portal-session", office),
    ):
        browser.client.session.cookie_jar.clear()
        answer = await browser.get(path, headers={"Cookie": f"{name}={cookie}"})
        assert answer.url == "/office/login" or answer.status == 401


async def test_the_session_ends_when_nothing_happens(clerk, clock):
    clock.advance(minutes=9)
    assert (await clerk.get("/office/applications")).status == 200
    clock.advance(minutes=11)
    assert (await clerk.get("/office/applications")).url == "/office/login"


async def test_the_session_ends_after_eight_hours_however_busy(clerk, clock):
    for _ in range(8 * 60 // 9):
        clock.advance(minutes=9)
        assert (await clerk.get("/office/account")).url == "/office/account"
    clock.advance(minutes=9)
    assert (await clerk.get("/office/account")).url == "/office/login"


async def test_who_logs_out_is_out(app, clerk):
    cookie = clerk.browser.cookie()
    assert (await clerk.post("/office/logout")).url == "/office/login"
    clerk.browser.client.session.cookie_jar.clear()
    headers = {"Cookie": f"portal-office={cookie}"}
    assert (await clerk.get("/office/applications", headers=headers)).url == "/office/login"
    assert await audited(app, "log-out") == [("shinsa01", "")]


async def new_officer(app, clock, password=OWN):
    async with app[PORTAL].database.transaction() as db:
        await add_officer(
            db,
            login="shinjin",
            name="新人",
            mail="shinjin@example.jp",
            role=Role.ADMINISTRATOR,
            now=clock(),
            password_hash=await hash_password(password) if password else "",
        )
    return password


async def test_a_password_alone_is_good_for_enrolling_and_nothing_else(app, new_clerk, clock):
    password = await new_officer(app, clock)
    clerk = await new_clerk(None)
    page = await clerk.try_log_in("shinjin", password=password, code="")
    assert page.url == "/office/setup"
    assert "<svg" in page.text
    assert (await clerk.get("/office/applications")).url == "/office/setup"
    secret = page.element("secret").replace(" ", "")
    wrong = await clerk.post("/office/setup", code="000000")
    assert (wrong.status, wrong.element("secret").replace(" ", "")) == (422, secret)
    code = await clerk.code("shinjin")
    done = await clerk.post("/office/setup", code=" ".join((code[:3], code[3:])))
    assert 'data-screen="office-recovery-codes"' in done.text
    assert await audited(app, "totp-enrolled") == [("shinjin", "")]
    again = await clerk.get("/office/setup")
    assert again.url == "/office/applications"
    assert secret not in again.text
    other = await new_clerk(None)
    assert (await other.try_log_in("shinjin", password=password, code="")).status == 422


async def test_who_has_no_password_yet_does_not_get_in(app, new_clerk, clock):
    await new_officer(app, clock, password="")
    clerk = await new_clerk(None)
    for password in ("", "nobody's password"):
        clock.advance(minutes=1)
        assert (await clerk.try_log_in("shinjin", password=password, code="")).status == 422


async def test_a_log_in_from_elsewhere_is_refused(new_clerk):
    clerk = await new_clerk(None)
    await clerk.get("/office/login")
    clerk.browser.csrf = "forged"
    fields = {"login": "shinsa01", "password": PASSWORD, "code": await clerk.code("shinsa01")}
    assert (await clerk.post("/office/login", **fields)).status == 403
    clerk.browser.origin = "http://evil.test"
    await clerk.get("/office/login")
    assert (await clerk.post("/office/login", **fields)).status == 403


async def test_nobody_keeps_the_server_busy_with_names(new_clerk):
    clerk = await new_clerk(None)
    page = await clerk.get("/office/login")
    assert page.status == 200
    answers = [
        await clerk.post("/office/login", login=f"nobody{n}", password=WRONG, code="")
        for n in range(21)
    ]
    assert [answer.status for answer in answers] == [422] * 20 + [429]


# ---- the own account ----


async def test_an_officer_changes_the_password(app, clerk, new_clerk):
    other = await new_clerk()
    answer = await clerk.post("/office/account", old=PASSWORD, password=OWN, again=OWN)
    assert 'id="changed"' in answer.text
    assert (await other.get("/office/applications")).url == "/office/login"
    assert (await clerk.get("/office/applications")).status == 200
    assert ("shinsa01", "") in await audited(app, "password-set")
    await clerk.post("/office/logout")
    assert (await clerk.try_log_in("shinsa01")).status == 422
    clerk.clock.advance(minutes=1)
    assert (await clerk.try_log_in("shinsa01", password=OWN)).url == "/office/applications"


@pytest.mark.parametrize(
    ("old", "new", "again", "reason"),
    [
        (WRONG, OWN, OWN, "password-not-theirs"),
        (PASSWORD, "short", "short", "password-unfit"),
        (PASSWORD, OWN, OWN + "x", "password-unfit"),
        (PASSWORD, "my-name-is-SHINSA01", "my-name-is-SHINSA01", "password-unfit"),
    ],
)
async def test_a_password_that_is_not_good_is_not_set(clerk, old, new, again, reason):
    answer = await clerk.post("/office/account", old=old, password=new, again=again)
    assert (answer.status, f'data-reason="{reason}"' in answer.text) == (422, True)


async def test_guessing_at_an_open_desk_is_slowed_down(clerk):
    for _ in range(5):
        await clerk.post("/office/account", old=WRONG, password=OWN, again=OWN)
        clerk.clock.advance(seconds=20)
    answer = await clerk.post("/office/account", old=PASSWORD, password=OWN, again=OWN)
    assert (answer.status, 'data-reason="locked-out"' in answer.text) == (429, True)


# ---- recovery codes ----


async def make_codes(clerk, password=PASSWORD):
    page = await clerk.post("/office/account/recovery-codes", password=password)
    return re.findall(r"<li>([a-z0-9-]{19})</li>", page.text)


async def left(clerk):
    return re.search(r"残り(\d+)個", (await clerk.get("/office/account")).element("codes-left"))[1]


async def test_who_enrols_gets_ten_recovery_codes_that_are_stored_nowhere(
    app, new_clerk, clock, backend, settings
):
    await new_officer(app, clock)
    clerk = await new_clerk(None)
    assert (await clerk.try_log_in("shinjin", password=OWN, code="")).url == "/office/setup"
    page = await clerk.post("/office/setup", code=await clerk.code("shinjin"))
    codes = re.findall(r"<li>([a-z0-9-]{19})</li>", page.text)
    assert len(set(codes)) == 10
    assert await left(clerk) == "10"
    assert ("shinjin", "") in await audited(app, "recovery-codes-made")
    stored = backend.everything(settings.database)
    assert not any(
        one.encode() in stored for code in codes for one in (code, code.replace("-", ""))
    )
    page = await clerk.post("/office/setup", code=await clerk.code("shinjin"))
    assert page.url == "/office/applications"  # they are shown once


@pytest.mark.parametrize("typed", [str, str.upper, lambda code: code.replace("-", " ")])
async def test_a_recovery_code_lets_in_once(app, clerk, new_clerk, clock, typed):
    code = typed((await make_codes(clerk))[3])
    other = await new_clerk(None)
    assert (await other.try_log_in("shinsa01", code=code)).url == "/office/applications"
    assert await audited(app, "recovery-code-used") == [("shinsa01", "9")]
    assert await left(other) == "9"
    again = await new_clerk(None)
    assert (await again.try_log_in("shinsa01", code=code)).status == 422


async def test_a_recovery_code_is_its_officers_and_takes_the_password_too(clerk, new_clerk, clock):
    code = (await make_codes(clerk))[0]
    other = await new_clerk(None)
    assert (await other.try_log_in("kanri01", code=code)).status == 422
    assert (await other.try_log_in("shinsa01", password=WRONG, code=code)).status == 422
    clock.advance(minutes=1)
    assert (await other.try_log_in("shinsa01", code=code)).url == "/office/applications"


async def test_guessing_recovery_codes_locks_the_account(clerk, new_clerk, clock):
    code = (await make_codes(clerk))[0]
    other = await new_clerk(None)
    for _ in range(5):
        await other.try_log_in("shinsa01", code="abcd-efgh-jkmn-pqrs")
        clock.advance(seconds=20)
    assert (await other.try_log_in("shinsa01", code=code)).status == 429


async def test_new_recovery_codes_take_the_password_and_the_place_of_the_old(
    clerk, new_clerk, clock
):
    old = await make_codes(clerk)
    assert await make_codes(clerk, WRONG) == []
    clock.advance(minutes=1)
    new = await make_codes(clerk)
    assert len(new) == 10
    other = await new_clerk(None)
    assert (await other.try_log_in("shinsa01", code=old[0])).status == 422
    clock.advance(minutes=1)
    assert (await other.try_log_in("shinsa01", code=new[0])).url == "/office/applications"
