"""利用者: users without an IC card; locks are lifted and passwords set anew, but never seen."""

from __future__ import annotations

from itertools import groupby

from aiohttp import web

from portal_demo.fields import USER_FORM
from portal_demo.office import people
from portal_demo.office.audit import Action
from portal_demo.office.paging import next_page, row_id
from portal_demo.office.roles import Permission
from portal_demo.office.views.desk import Desk, Route, see_other
from portal_demo.users import forget_guesses

_PATH = "/office/users"
_ONE = f"{_PATH}/{{id:[0-9]{{1,9}}}}"


async def show_list(desk: Desk) -> web.StreamResponse:
    """Show a page of the users."""
    words = desk.request.query.get("q", "")
    async with desk.transaction() as db:
        page = await people.find(db, words, row_id(desk.request.query.get("after")), desk.now)
    return desk.render(
        "users.html",
        screen="users",
        words=words,
        page=page,
        address=next_page(_PATH, {"q": words}),
    )


async def show(desk: Desk) -> web.StreamResponse:
    """Show one user."""
    async with desk.transaction() as db:
        person = await people.get(db, _id(desk), desk.now)
    values = person.user.values
    shown = [field for field in USER_FORM.kept if values.get(field.name)]
    return desk.render(
        "user.html",
        screen="user",
        person=person,
        sections=[
            (title, [(field, values[field.name]) for field in fields])
            for title, fields in groupby(shown, key=lambda field: field.section.title)
        ],
        sent="sent" in desk.request.query,
    )


async def unlock(desk: Desk) -> web.StreamResponse:
    """Let the user try again at once."""
    async with desk.transaction() as db:
        person = await people.get(db, _id(desk), desk.now)
        await desk.record(db, Action.UNLOCKED, _subject(person))
        await forget_guesses(db, people.key_of(person.user))
    return see_other(f"{_PATH}/{_id(desk)}")


async def reset(desk: Desk) -> web.StreamResponse:
    """Mail the user a link to set a new password with."""
    async with desk.transaction() as db:
        person = await people.get(db, _id(desk), desk.now)
        await people.send_link(db, person, desk.portal.settings.origin, desk.now)
        await desk.record(db, Action.ACCESS_RESET, _subject(person), person.mail)
    return see_other(f"{_PATH}/{_id(desk)}?sent=1")


def _id(desk: Desk) -> int:
    return int(desk.request.match_info["id"])


def _subject(person: people.Person) -> str:
    return f"{person.user.company_number} {person.user.name}"


ROUTES = (
    Route("GET", _PATH, Permission.READ_USERS, show_list),
    Route("GET", _ONE, Permission.READ_USERS, show),
    Route("POST", f"{_ONE}/unlock", Permission.HELP_USERS, unlock),
    Route("POST", f"{_ONE}/reset", Permission.HELP_USERS, reset),
)
