"""The form of each procedure (screen 7). What is typed is kept, whatever button leaves the page."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated

from aiohttp import web
from msgspec import Meta
from sqlalchemy.ext.asyncio import AsyncSession

from portal_demo import csrf
from portal_demo.drafts import DIFFERENCE_FIELD, Form, confirm, keep, load_form, revision_of
from portal_demo.errors import DraftChanged, PasswordWrong
from portal_demo.language import Text
from portal_demo.models import Session
from portal_demo.pages import PORTAL, json_answer, render
from portal_demo.procedures import BY_KIND, FORM_STEP, PROCEDURES, REGISTER, Kind, Procedure
from portal_demo.users import check_password, hash_password
from portal_demo.validation import Checked, check
from portal_demo.views.common import (
    ApiBody,
    check_header_token,
    elsewhere,
    read_form,
    read_json,
    require_login,
)

REVISION_FIELD = "revision"
_DIFFERENT = Text(
    "新パスワードと新パスワード確認が一致しません。同じパスワードを入力して下さい。",
    "The two new passwords differ. Enter the same password twice.",
)
_LIKE_USER_ID = Text(
    "ユーザIDと同じパスワードは使用できません。別のパスワードを入力して下さい。",
    "The password must not be the user ID. Enter another one.",
)


class DraftBody(ApiBody, frozen=True):
    """The form as it stands while somebody types."""

    values: Annotated[
        dict[Annotated[str, Meta(max_length=40)], Annotated[str, Meta(max_length=1000)]],
        Meta(max_length=40),
    ]
    revision: Annotated[str, Meta(max_length=40)]
    difference_accepted: bool = False
    procedure: Kind = Kind.REGISTER


def add_routes(router: web.UrlDispatcher) -> None:
    """Add screen 7 of every procedure, and its autosave."""
    for procedure in PROCEDURES:
        root = f"{procedure.root}/form"
        router.add_get(root, partial(show, procedure=procedure))
        router.add_post(root, partial(to_confirmation, procedure=procedure))
        router.add_post(f"{root}/back", partial(back, procedure=procedure))
    router.add_post("/api/draft", save)


def way_back(procedure: Procedure) -> str:
    """Return the screen before the form."""
    return f"{procedure.root}/search" if procedure is REGISTER else procedure.menu


async def show(request: web.Request, *, procedure: Procedure) -> web.StreamResponse:
    """Show the form as typed, with its faults once it has been checked."""
    async with request.app[PORTAL].database.transaction() as db:
        session = await require_login(request, db, procedure)
        if away := await elsewhere(db, session, procedure):
            raise web.HTTPSeeOther(away)
        form = await load_form(db, session, procedure)
    if form is None:
        raise web.HTTPSeeOther(
            procedure.entry if procedure is not REGISTER else way_back(procedure)
        )
    return _page(request, session, form, form.faults if form.draft.checked else {})


async def to_confirmation(request: web.Request, *, procedure: Procedure) -> web.StreamResponse:
    """Keep and check the form; on to the confirmation, or back with what is wrong."""
    posted = await read_form(request)
    async with request.app[PORTAL].database.transaction() as db:
        session, form = await _keep(request, db, procedure, posted)
        form.draft.checked = True
        faults = form.faults
        if procedure.by_card and not faults:
            confirm(form)
    if not procedure.by_card and not faults:
        faults = await _confirm_with_password(request, session, form, posted)
    if faults:
        return _page(request, session, form, faults)
    raise web.HTTPSeeOther(f"{procedure.root}/confirm")


async def _confirm_with_password(
    request: web.Request, session: Session, form: Form, posted: Mapping[str, str]
) -> dict[str, Text]:
    """Confirm a form that has passwords; return what is wrong with them instead."""
    secrets = await _check_secrets(request, form, posted)
    if secrets.faults:
        return secrets.faults
    new = secrets.values["new_password"]
    new_hash = await hash_password(new) if new else None
    async with request.app[PORTAL].database.transaction() as db:
        kept = await load_form(db, session, form.procedure)
        if kept is None or revision_of(kept.draft) != revision_of(form.draft):
            raise DraftChanged
        confirm(kept)
        kept.draft.new_password_hash = new_hash
    return {}


async def _check_secrets(request: web.Request, form: Form, posted: Mapping[str, str]) -> Checked:
    """Check passwords; the present one last, for a wrong one counts."""
    fields = [field for field in form.procedure.table.fields if field.secret]
    checked = check(fields, posted)
    if checked.faults or form.user is None:
        return checked
    new = checked.values["new_password"]
    if new != checked.values["new_password_again"]:
        return Checked(checked.values, {"new_password_again": _DIFFERENT})
    if new and new == form.user.name:
        return Checked(checked.values, {"new_password": _LIKE_USER_ID})
    portal = request.app[PORTAL]
    try:
        await check_password(
            portal.database,
            form.company.number,
            form.user.name,
            checked.values["password"],
            portal.clock,
        )
    except PasswordWrong as e:
        return Checked(checked.values, {"password": e.message()})
    return checked


async def back(request: web.Request, *, procedure: Procedure) -> web.StreamResponse:
    """Keep the form and go to the screen before."""
    posted = await read_form(request)
    async with request.app[PORTAL].database.transaction() as db:
        await _keep(request, db, procedure, posted)
    raise web.HTTPSeeOther(way_back(procedure))


async def _keep(
    request: web.Request, db: AsyncSession, procedure: Procedure, posted: Mapping[str, str]
) -> tuple[Session, Form]:
    session = await require_login(request, db, procedure)
    csrf.check_token(session, posted.get(csrf.FORM_FIELD))
    form = await load_form(db, session, procedure)
    if form is None:
        raise DraftChanged
    accepted = DIFFERENCE_FIELD in posted
    revision = posted.get(REVISION_FIELD, "")
    keep(form, revision, posted, request.app[PORTAL].clock, difference_accepted=accepted)
    return session, form


async def save(request: web.Request) -> web.StreamResponse:
    """Keep the form while somebody types; this also puts the session's end off."""
    portal = request.app[PORTAL]
    body = await read_json(request, DraftBody)
    procedure = BY_KIND[body.procedure]
    async with portal.database.transaction() as db:
        session = await require_login(request, db, procedure)
        check_header_token(request, session)
        form = await load_form(db, session, procedure)
        if form is None:
            raise DraftChanged
        accepted = body.difference_accepted
        keep(form, body.revision, body.values, portal.clock, difference_accepted=accepted)
        revision = revision_of(form.draft)
    return json_answer({"revision": revision})


def _page(
    request: web.Request, session: Session, form: Form, faults: Mapping[str, Text]
) -> web.Response:
    procedure = form.procedure
    return render(
        request,
        "form.html",
        screen=f"{procedure.screens}7",
        step=procedure.step(FORM_STEP),
        session=session,
        status=422 if faults and request.method == "POST" else 200,
        form=form,
        values=form.values,
        faults=faults,
        table=procedure.table,
        revision=revision_of(form.draft),
        restored="restored" in request.query,
        difference_field=DIFFERENCE_FIELD,
    )
