"""Administrators look after officers; one-time links set passwords."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import select

from portal_demo.certificates import sha256_of
from portal_demo.cli import main
from portal_demo.db import Database
from portal_demo.mail.outbox import mails
from portal_demo.office.audit import Search, find
from portal_demo.office.links import OFFICER_LIFETIME, make_link
from portal_demo.office.models import Officer
from portal_demo.office.officers import find_officer
from portal_demo.pages import PORTAL

NEW = {"login": "shinjin", "name": "新人 一郎", "mail": "shinjin@example.jp", "role": "examiner"}
PASSWORD = "correct horse battery"


@pytest.fixture
async def admin(new_clerk):
    return await new_clerk("kanri01")


async def officer(app, login):
    async with app[PORTAL].database.transaction() as db:
        return await find_officer(db, login)


async def linked(app):
    """Return the path of the link in the newest mail."""
    async with app[PORTAL].database.transaction() as db:
        mail = (await mails(db))[0]
    return re.search(r"http://portal\.test(/password/\S+)", mail.body).group(1)


async def audited(app):
    async with app[PORTAL].database.transaction() as db:
        return [(e.actor, e.action, e.subject, e.detail) for e in (await find(db, Search())).lines]


async def test_a_new_officer_sets_a_password_enrols_and_works(app, admin, new_clerk, clock):
    page = await admin.post("/office/officers/new", **NEW)
    assert page.url.startswith("/office/officers/")
    assert page.element("has-password") == "未設定"
    assert ("kanri01", "officer-created", "shinjin", "examiner") in await audited(app)
    link = await linked(app)
    assert link not in page.text
    clerk = await new_clerk(None)
    assert (await clerk.get(link)).status == 200
    assert (await clerk.post(link, password="short", again="short")).status == 422
    assert (await clerk.post(link, password=PASSWORD, again=PASSWORD + "x")).status == 422
    done = await clerk.post(link, password=PASSWORD, again=PASSWORD)
    assert 'href="/office/login"' in done.text
    assert (
        await clerk.post(link, password="another password", again="another password")
    ).status == 410
    page = await clerk.try_log_in("shinjin", password=PASSWORD, code="")
    assert page.url == "/office/setup"
    await clerk.post("/office/setup", code=await clerk.code("shinjin"))
    page = await clerk.get("/office")
    assert (page.url, page.element("role")) == ("/office/applications", "審査")


async def test_a_link_is_good_for_a_day_and_until_the_next_one(app, admin, new_clerk, clock):
    page = await admin.post("/office/officers/new", **NEW)
    first = await linked(app)
    clock.advance(seconds=1)
    await admin.confirm(f"{page.url}/reset")
    second = await linked(app)
    clerk = await new_clerk(None)
    assert (await clerk.get(first)).status == 410
    assert (await clerk.get(second)).status == 200
    clock.now += OFFICER_LIFETIME - timedelta(seconds=1)
    assert (await clerk.get(second)).status == 200
    clock.advance(seconds=2)
    assert (await clerk.get(second)).status == 410
    assert (await clerk.post(second, password=PASSWORD, again=PASSWORD)).status == 410


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("login", "A"),
        ("login", "あいう"),
        ("name", ""),
        ("mail", "nobody"),
        ("role", "root"),
        ("name", "長" * 41),
    ],
)
async def test_what_is_wrong_is_said(app, admin, name, value):
    page = await admin.post("/office/officers/new", **{**NEW, name: value})
    assert page.status == 422
    assert f'href="#{name}"' in page.text
    assert await officer(app, "shinjin") is None


async def test_a_name_is_given_once(admin):
    assert (await admin.post("/office/officers/new", **{**NEW, "login": "shinsa01"})).status == 409


async def test_role_and_disabling_take_effect_at_once(app, admin, clerk):
    subject = await officer(app, "shinsa01")
    path = f"/office/officers/{subject.id}"
    values = {"name": subject.name, "mail": subject.mail}
    assert (await admin.post(path, **values, role="viewer")).status == 200
    assert (await clerk.get("/office/applications")).url == "/office/login"
    assert ("kanri01", "officer-changed", "shinsa01", "examiner → viewer") in await audited(app)
    await admin.confirm(f"{path}/disable")
    assert (await officer(app, "shinsa01")).disabled
    assert (await clerk.try_log_in("shinsa01")).status == 422
    page = await admin.confirm(f"{path}/enable")
    assert page.element("may-log-in") == "可"
    admin.clock.advance(minutes=1)
    assert (await clerk.try_log_in("shinsa01")).url == "/office/applications"


async def test_a_reset_takes_password_and_authenticator_away(app, admin, clerk):
    subject = await officer(app, "shinsa01")
    page = await admin.confirm(f"/office/officers/{subject.id}/reset")
    assert 'id="sent"' in page.text
    assert (await clerk.get("/office/applications")).url == "/office/login"
    reset = await officer(app, "shinsa01")
    assert (reset.password_hash, reset.totp_secret, reset.totp_enrolled) == ("", "", False)


@pytest.mark.parametrize(
    ("step", "action"), [("reset", "access-reset"), ("disable", "officer-disabled")]
)
async def test_what_is_taken_away_is_asked_first_and_done_once(app, admin, step, action):
    subject = await officer(app, "shinsa01")
    path = f"/office/officers/{subject.id}/{step}"
    page = await admin.get(path)
    assert "審査 花子" in page.element("whom")
    assert "shinsa01" in page.element("whom")
    assert "ログアウト" in page.element("follows")
    for seen in ("", page.hidden("seen"), page.hidden("seen")):  # without the page: nothing
        assert (await admin.post(path, seen=seen)).url.startswith(f"/office/officers/{subject.id}")
    assert [entry[1] for entry in await audited(app)].count(action) == 1
    async with app[PORTAL].database.transaction() as db:
        assert len(await mails(db)) == (step == "reset")


async def test_a_page_that_is_out_of_date_takes_no_new_card_away(app, admin):
    subject = await officer(app, "shinsa01")
    path = f"/office/officers/{subject.id}/remove-card"

    async def give_card(digit: str) -> None:
        async with app[PORTAL].database.transaction() as db:
            (await find_officer(db, "shinsa01")).certificate_sha256 = digit * 64

    await give_card("0")
    page = await admin.get(path)
    await give_card("1")
    await admin.post(path, seen=page.hidden("seen"))
    assert (await officer(app, "shinsa01")).certificate_sha256 == "1" * 64


async def test_what_is_so_already_is_not_asked(app, admin):
    path = f"/office/officers/{(await officer(app, 'shinsa01')).id}"
    for step in ("remove-card", "enable"):
        assert (await admin.get(f"{path}/{step}")).url == path
    await admin.confirm(f"{path}/disable")
    assert (await admin.get(f"{path}/disable")).url == path


async def test_a_card_that_is_to_be_removed_is_named_and_ones_own_session_stays(app, admin, card):
    async with app[PORTAL].database.transaction() as db:
        own = await find_officer(db, "kanri01")
        own.certificate_sha256 = sha256_of(card.authentication)
        own.certificate = card.authentication.public_bytes(Encoding.DER)
    path = f"/office/officers/{own.id}/remove-card"
    page = await admin.get(path)
    assert "長野 太郎" in page.element("whom")
    assert "この画面のほかに" in page.element("follows")
    page = await admin.confirm(path)
    assert page.element("has-card") == "未登録"


async def test_a_password_set_by_a_link_ends_what_is_open(app, clerk, new_clerk, clock):
    subject = await officer(app, "shinsa01")
    async with app[PORTAL].database.transaction() as db:
        link = await make_link(db, "", clock(), officer_id=subject.id)
    other = await new_clerk(None)
    assert (await other.post(link, password=PASSWORD, again=PASSWORD)).status == 200
    assert (await clerk.get("/office/applications")).url == "/office/login"


async def test_a_lock_is_lifted(app, admin, new_clerk):
    subject = await officer(app, "shinsa01")
    clerk = await new_clerk(None)
    for _ in range(5):
        await clerk.try_log_in("shinsa01", password="wrong password")
        admin.clock.advance(seconds=20)
    page = await admin.get(f"/office/officers/{subject.id}")
    assert 'id="locked"' in page.text
    page = await admin.post(f"/office/officers/{subject.id}/unlock")
    assert 'id="locked"' not in page.text
    assert (await clerk.try_log_in("shinsa01")).url == "/office/applications"


@pytest.mark.parametrize("action", ["/reset", "/disable", "/enable", ""])
async def test_nobody_shuts_themselves_out(app, admin, action):
    own = await officer(app, "kanri01")
    fields = {"name": own.name, "mail": own.mail, "role": "viewer"}
    answer = await admin.post(f"/office/officers/{own.id}{action}", **fields)
    assert (answer.status, 'data-reason="own-account"' in answer.text) == (409, True)
    assert (await officer(app, "kanri01")).role == "administrator"


async def test_a_card_is_registered_for_one_officer(app, admin, card, tools):
    subject, other = await officer(app, "shinsa01"), await officer(app, "etsuran01")

    async def register(officer_id):
        await admin.get(f"/office/officers/{officer_id}/card")
        challenge = (await admin.browser.post("/api/office/challenge", {})).json["challenge"]
        body = {"challenge": challenge, "token": card.token(tools.ORIGIN, challenge)}
        return await admin.browser.post(f"/api/office/officers/{officer_id}/card", body)

    answer = await register(subject.id)
    assert answer.json == {"location": f"/office/officers/{subject.id}"}
    assert "長野 太郎" in (await admin.get(answer.json["location"])).element("has-card")
    assert (await register(other.id)).reason == "card-taken"
    assert (await register(999)).reason == "entry-unknown"
    await admin.confirm(f"/office/officers/{subject.id}/remove-card")
    assert (await officer(app, "shinsa01")).certificate_sha256 is None
    actions = [action for _, action, _, _ in await audited(app)]
    assert {"card-registered", "card-removed"} <= set(actions)


async def test_what_officers_are_called_is_text(admin):
    page = await admin.post("/office/officers/new", **{**NEW, "name": "<b>x</b>"})
    assert "<b>x</b>" not in page.text
    assert "<b>x</b>" not in (await admin.get("/office/officers")).text


# ---- portal-demo create-admin ----


def create(url, *more, file=None):
    arguments = ["create-admin", "hajime", "--name", "始", "--mail", "hajime@example.jp"]
    secret = ["--password-file", str(file)] if file else []
    return main([*arguments, "--database", url, *secret, *more])


async def stored(url):
    database = Database(url)
    try:
        async with database.transaction() as db:
            return list(await db.scalars(select(Officer)))
    finally:
        await database.close()


def test_the_command_adds_an_administrator(tmp_path, capsys, sync_database_url):
    url, read = sync_database_url
    file = tmp_path / "password"
    file.write_text(PASSWORD + "\n")
    assert create(url, file=file) == 0
    assert "added hajime" in capsys.readouterr().out
    [added] = read(stored(url))
    assert (added.login, added.role, added.totp_enrolled) == ("hajime", "administrator", False)
    assert PASSWORD not in added.password_hash
    assert create(url, file=file) == 1
    assert "already" in capsys.readouterr().err


def test_the_command_asks_for_the_password(monkeypatch, capsys, sync_database_url):
    url, read = sync_database_url
    typed = iter([PASSWORD, PASSWORD + "x", PASSWORD, PASSWORD])
    monkeypatch.setattr("getpass.getpass", lambda _: next(typed))
    assert create(url) == 1
    assert "differ" in capsys.readouterr().err
    assert create(url) == 0
    assert len(read(stored(url))) == 1


@pytest.mark.parametrize("more", [["--mail", "nobody"], []])
def test_the_command_refuses_what_is_wrong(tmp_path, capsys, sync_database_url, more):
    file = tmp_path / "password"
    file.write_text("short\n")
    assert create(sync_database_url[0], *more, file=file) == 1
    assert "portal-demo: " in capsys.readouterr().err
