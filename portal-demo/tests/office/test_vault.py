"""Authenticators' secrets are encrypted with a key that is not in the database."""

from __future__ import annotations

import stat

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import text

from portal_demo.office.demo import PASSWORD
from portal_demo.office.errors import SecretUnreadable
from portal_demo.office.officers import add_officer, find_officer
from portal_demo.office.roles import Role
from portal_demo.office.vault import Vault, key_file
from portal_demo.pages import PORTAL
from portal_demo.settings import Settings, SettingsError, shown

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
FORGET = "UPDATE officer SET password_hash = '', totp_secret = '', totp_enrolled = false"


@pytest.fixture
def file(tmp_path):
    return tmp_path / "totp.key"


async def prepared(database, file):
    vault = Vault(file)
    async with database.transaction() as db:
        await vault.prepare(db)
    return vault


async def stored(database):
    async with database.transaction() as db:
        return await db.scalar(text("SELECT totp_secret FROM officer"))


@pytest.fixture
async def plain(database, tools):
    """A database in which an older portal has stored a secret as it is."""
    async with database.transaction() as db:
        officer = await add_officer(
            db, login="shinsa01", name="x", mail="x@example.jp", role=Role.VIEWER, now=tools.NOON
        )
        officer.totp_secret, officer.totp_enrolled = SECRET, True
    return database


async def test_what_an_older_portal_stored_is_encrypted_at_the_start(plain, file):
    vault = await prepared(plain, file)
    sealed = await stored(plain)
    assert SECRET not in sealed
    assert vault.open(sealed) == SECRET
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (await prepared(plain, file)).open(await stored(plain)) == SECRET
    assert await stored(plain) == sealed  # a second start has nothing to do


async def test_another_key_takes_over_and_the_old_one_can_go(plain, file):
    await prepared(plain, file)
    new = Fernet.generate_key().decode()
    file.write_text(f"{new}\n{file.read_text()}")
    await prepared(plain, file)
    file.write_text(f"{new}\n")
    assert (await prepared(plain, file)).open(await stored(plain)) == SECRET


async def test_a_missing_or_other_key_is_told_and_never_made_anew(plain, file):
    await prepared(plain, file)
    good = file.read_text()
    for content, told in (
        (None, "put it back from its backup"),
        (Fernet.generate_key().decode(), "another key"),
        ("nonsense", "no Fernet keys"),
        ("", "no Fernet keys"),
    ):
        file.unlink(missing_ok=True)
        if content is not None:
            file.write_text(content)
        with pytest.raises(SettingsError, match=told):
            await prepared(plain, file)
    with pytest.raises(SettingsError, match="totp_key_file is not set"):
        await prepared(plain, None)
    file.write_text(good)
    assert (await prepared(plain, file)).open(await stored(plain)) == SECRET


async def test_a_lost_key_is_got_over_as_the_readme_says(plain, file):
    await prepared(plain, file)
    file.unlink()
    async with plain.transaction() as db:
        await db.execute(text(FORGET))
    await prepared(plain, file)
    async with plain.transaction() as db:
        assert not (await find_officer(db, "shinsa01")).totp_enrolled


async def test_without_a_key_nothing_is_enrolled(database):
    with pytest.raises(SecretUnreadable):
        (await prepared(database, None)).seal(SECRET)


async def test_no_backup_holds_a_second_factor(app, server, settings, backend):
    async with app[PORTAL].database.transaction() as db:
        sealed = (await find_officer(db, "shinsa01")).totp_secret
    secret = app[PORTAL].vault.open(sealed)
    assert len(secret) == len(SECRET)
    with backend.restored(backend.backup(settings.database)) as url:
        everything = backend.everything(url)
    assert sealed.encode() in everything
    assert secret.encode() not in everything


def test_the_key_lies_beside_sqlites_file_or_where_it_is_said(tmp_path, file):
    url = f"sqlite+aiosqlite:///{tmp_path}/portal.sqlite3"
    assert key_file(Settings(database=url)) == tmp_path / "portal.sqlite3.key"
    assert key_file(Settings(database="postgresql+asyncpg:///portal")) is None
    settings = Settings(database=url, totp_key_file=file)
    assert key_file(settings) == file
    assert shown(settings)["totp_key_file"] == str(file)


async def test_a_key_that_was_exchanged_under_way_is_told_to_the_officer(app, new_clerk):
    clerk = await new_clerk(None)
    code = await clerk.code("shinsa01")
    await clerk.get("/office/login")
    app[PORTAL].vault._keys = (Fernet(Fernet.generate_key()),)
    fields = {"login": "shinsa01", "password": PASSWORD, "code": code}
    answer = await clerk.post("/office/login", **fields)
    assert (answer.status, "認証アプリを確認できません" in answer.text) == (503, True)
