"""担当者: who works in the office, as what, and how they get in."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from portal_demo import sessions
from portal_demo.certificates import parse_certificate, sha256_of
from portal_demo.challenges import Purpose
from portal_demo.characters import visible
from portal_demo.holders import holder_of, short_name
from portal_demo.language import Language, Text
from portal_demo.mail import templates
from portal_demo.mail.outbox import enqueue
from portal_demo.models import LoginFailures
from portal_demo.office.audit import Action
from portal_demo.office.errors import CardTaken, EntryUnknown, LoginTaken, OwnAccount
from portal_demo.office.links import OFFICER_LIFETIME, make_link
from portal_demo.office.models import Officer
from portal_demo.office.officers import add_officer, find_officer, is_login, key_of
from portal_demo.office.roles import ROLE_NAMES, Permission, Role
from portal_demo.office.views.desk import Desk, Route, see_other
from portal_demo.pages import json_answer
from portal_demo.sessions import Realm
from portal_demo.users import forget_guesses
from portal_demo.validation import is_mail
from portal_demo.views.common import TokenBody, read_json, read_token

PATH = "/office/officers"
ONE = f"{PATH}/{{id:[0-9]{{1,9}}}}"
_FAULTS = {
    "login": Text(
        "半角英小文字で始まる3文字以上40文字以内（英小文字、数字、. _ -）で入力してください。",
        "3 to 40 half-width characters: lower-case letters, digits, . _ -; a letter first.",
    ),
    "name": Text("氏名を40文字以内で入力してください。", "Enter the name, up to 40 characters."),
    "mail": Text(
        "半角で、name@example.jpのような形式で入力してください。",
        "Half-width, please, in the form of name@example.jp.",
    ),
    "role": Text("権限を選択してください。", "Choose the role."),
}


async def show_list(desk: Desk) -> web.StreamResponse:
    """Show all officers."""
    async with desk.transaction() as db:
        officers = list(await db.scalars(select(Officer).order_by(Officer.login)))
    return desk.render("officers.html", screen="officers", officers=officers, names=ROLE_NAMES)


async def show_new(desk: Desk) -> web.StreamResponse:
    """Show an empty form."""
    return _form(desk, {"login": "", "name": "", "mail": "", "role": Role.VIEWER}, {})


async def add(desk: Desk) -> web.StreamResponse:
    """Add an officer, and mail them a link to set their password with."""
    values, faults = _check(desk.fields, new=True)
    if faults:
        return _form(desk, values, faults)
    async with desk.transaction() as db:
        if await find_officer(db, values["login"]):
            raise LoginTaken
        officer = await add_officer(
            db,
            login=values["login"],
            name=values["name"],
            mail=values["mail"],
            role=Role(values["role"]),
            now=desk.now,
        )
        await invite(desk, db, officer)
        await desk.record(db, Action.OFFICER_CREATED, officer.login, officer.role)
    return see_other(f"{PATH}/{officer.id}")


async def show(desk: Desk) -> web.StreamResponse:
    """Show an officer."""
    async with desk.transaction() as db:
        officer = await find(desk, db)
    return await _page(desk, officer, {})


async def save(desk: Desk) -> web.StreamResponse:
    """Change name, mail address and role."""
    values, faults = _check(desk.fields, new=False)
    async with desk.transaction() as db:
        officer = await find(desk, db)
        if not faults:
            before = (officer.name, officer.mail, officer.role)
            after = (values["name"], values["mail"], values["role"])
            if officer.id == desk.officer.id and before[2:] != after[2:]:
                raise OwnAccount
            if before[2:] != after[2:]:
                await sessions.end_all(db, officer_id=officer.id)
            officer.name, officer.mail, officer.role = after
            changed = (f"{a} → {b}" for a, b in zip(before, after, strict=True) if a != b)
            await desk.record(db, Action.OFFICER_CHANGED, officer.login, ", ".join(changed))
    if faults:
        return await _page(desk, officer, faults)
    return see_other(f"{PATH}/{officer.id}")


async def unlock(desk: Desk) -> web.StreamResponse:
    """Let the officer try again at once."""
    async with desk.transaction() as db:
        officer = await find(desk, db)
        await desk.record(db, Action.UNLOCKED, officer.login)
        await forget_guesses(db, key_of(officer.login))
    return see_other(f"{PATH}/{officer.id}")


async def show_card(desk: Desk) -> web.StreamResponse:
    """Ask for the officer's card and its PIN, which shows that it is theirs."""
    async with desk.transaction() as db:
        officer = await find(desk, db)
    return desk.render("officer_card.html", screen="officer-card", subject=officer)


async def register_card(desk: Desk) -> web.StreamResponse:
    """Register the card that has answered the challenge."""
    body = await read_json(desk.request, TokenBody)
    _, certificate = await read_token(desk.request, body, Purpose.LOGIN, Realm.OFFICE)
    sha256 = sha256_of(certificate)
    async with desk.transaction() as db:
        officer = await find_alone(desk, db)
        owner = await db.scalar(select(Officer).where(Officer.certificate_sha256 == sha256))
        if owner is not None and owner.id != officer.id:
            raise CardTaken
        if officer.certificate_sha256 != sha256:  # the card before may be in other hands
            await sessions.end_all(db, officer_id=officer.id, but=desk.session)
        officer.certificate_sha256 = sha256
        officer.certificate = body.token.unverified_certificate
        subject = short_name(certificate.subject)
        await desk.record(db, Action.CARD_REGISTERED, officer.login, f"{subject} {sha256}")
    return json_answer({"location": f"{PATH}/{officer.id}"})


async def find(desk: Desk, db: AsyncSession) -> Officer:
    """Return the officer of the address. Raises EntryUnknown."""
    found = await db.get(Officer, int(desk.request.match_info["id"]))
    if found is None:
        raise EntryUnknown
    return found


async def find_alone(desk: Desk, db: AsyncSession) -> Officer:
    """Return the officer of the address, while nobody else changes how they get in."""
    await sessions.hold_access(db, officer_id=int(desk.request.match_info["id"]))
    return await find(desk, db)


async def invite(desk: Desk, db: AsyncSession, officer: Officer) -> None:
    """Mail a link to set a password with; one that was sent before is no good any more."""
    portal = desk.portal.settings.origin
    link = await make_link(db, portal, desk.now, officer_id=officer.id)
    await enqueue(
        db,
        f"{templates.OFFICER_INVITED.name}:{officer.id}:{desk.now.isoformat()}",
        templates.OFFICER_INVITED,
        officer.mail,
        {
            "name": officer.name,
            "login": officer.login,
            "link": link,
            "hours": int(OFFICER_LIFETIME.total_seconds() // 3600),
            "portal": portal,
        },
        language=Language.JA,
        now=desk.now,
    )


def _check(fields: Mapping[str, str], *, new: bool) -> tuple[dict[str, str], dict[str, Text]]:
    values = {name: visible(fields.get(name, "")).strip() for name in _FAULTS}
    good = {
        "login": not new or is_login(values["login"]),
        "name": 0 < len(values["name"]) <= 40,
        "mail": is_mail(values["mail"]),
        "role": values["role"] in list(Role),
    }
    return values, {name: _FAULTS[name] for name, is_good in good.items() if not is_good}


def _form(desk: Desk, values: Mapping[str, str], faults: Mapping[str, Text]) -> web.Response:
    return desk.render(
        "officer_new.html",
        screen="officer-new",
        status=422 if faults else 200,
        values=values,
        faults=faults,
        roles=ROLE_NAMES,
    )


async def _page(desk: Desk, officer: Officer, faults: Mapping[str, Text]) -> web.Response:
    async with desk.transaction() as db:
        failures = await db.get(LoginFailures, key_of(officer.login))
    certificate = parse_certificate(officer.certificate) if officer.certificate else None
    return desk.render(
        "officer.html",
        screen="officer",
        status=422 if faults else 200,
        subject=officer,
        faults=faults,
        roles=ROLE_NAMES,
        own=officer.id == desk.officer.id,
        locked_until=failures.not_before if failures and failures.not_before > desk.now else None,
        sent="sent" in desk.request.query,
        card=certificate,
        holder=holder_of(certificate) if certificate else None,
    )


ROUTES = (
    Route("GET", PATH, Permission.MANAGE_OFFICERS, show_list),
    Route("GET", f"{PATH}/new", Permission.MANAGE_OFFICERS, show_new),
    Route("POST", f"{PATH}/new", Permission.MANAGE_OFFICERS, add),
    Route("GET", ONE, Permission.MANAGE_OFFICERS, show),
    Route("POST", ONE, Permission.MANAGE_OFFICERS, save),
    Route("POST", f"{ONE}/unlock", Permission.MANAGE_OFFICERS, unlock),
    Route("GET", f"{ONE}/card", Permission.MANAGE_OFFICERS, show_card),
    Route("POST", f"/api{ONE}/card", Permission.MANAGE_OFFICERS, register_card),
)
