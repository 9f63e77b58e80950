"""利用者: users without an IC card; locks are lifted and passwords set anew, but never seen."""

from __future__ import annotations

from itertools import groupby

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncSession

from portal_demo import sessions
from portal_demo.fields import USER_FORM
from portal_demo.language import Text
from portal_demo.office import people
from portal_demo.office.audit import Action
from portal_demo.office.errors import NoMailAddress
from portal_demo.office.links import open_link
from portal_demo.office.paging import next_page, row_id
from portal_demo.office.roles import Permission
from portal_demo.office.views.asking import Question, ask_first, name_of
from portal_demo.office.views.desk import Desk, Route, see_other
from portal_demo.users import forget_guesses

_PATH = "/office/users"
_ONE = f"{_PATH}/{{id:[0-9]{{1,9}}}}"


_RESET = Question(
    Text("パスワードの再設定", "A new password"),
    (
        Text(
            "新しいパスワードを設定するためのリンクを、利用者にメールで送信します。リンクの有効期間は1時間です。以前に送信したリンクは無効になります。",
            "A link to set a new password with is mailed to the user, good for an hour; one that was sent before is no good any more.",
        ),
        Text(
            "ログイン中の場合は、直ちにログアウトされます。入力中の内容は保存されています。",
            "Who is logged in is logged out at once; what was typed is kept.",
        ),
        Text(
            "現在のパスワードは、新しいパスワードが設定されるまで使用できます。",
            "The present password is good until a new one is set.",
        ),
    ),
    Text("リンクを送信する", "Mail the link"),
)


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


async def ask_reset(desk: Desk) -> web.StreamResponse:
    """Tell whom a new password concerns, and what follows. Raises NoMailAddress."""
    async with desk.transaction() as db:
        person = await people.get(db, _id(desk), desk.now)
        seen = await _state_of(db, person)
    if not person.mail:
        raise NoMailAddress
    return ask_first(
        desk,
        _RESET,
        screen="user-reset",
        back=(f"{_PATH}/{_id(desk)}", Text("利用者に戻る", "To the user")),
        whom=(
            (Text("登録番号", "Registration number"), person.user.company_number),
            (Text("商号又は名称", "Company name"), person.company),
            (Text("ユーザID", "User ID"), person.user.name),
            (Text("リンクの送信先", "The link goes to"), person.mail),
        ),
        seen=seen,
    )


async def reset(desk: Desk) -> web.StreamResponse:
    """Mail the user a link to set a new password with, unless that was done since the page was shown."""
    async with desk.transaction() as db:
        await sessions.hold_access(db, user_id=_id(desk))
        person = await people.get(db, _id(desk), desk.now)
        if desk.fields.get("seen") != await _state_of(db, person):
            return see_other(f"{_PATH}/{_id(desk)}")
        await people.send_link(db, person, desk.portal.settings.origin, desk.now)
        await desk.record(db, Action.ACCESS_RESET, _subject(person), person.mail)
    return see_other(f"{_PATH}/{_id(desk)}?sent=1")


async def _state_of(db: AsyncSession, person: people.Person) -> str:
    link = await open_link(db, user_id=person.user.id)
    return name_of(person.user.password_hash, person.mail, link)


def _id(desk: Desk) -> int:
    return int(desk.request.match_info["id"])


def _subject(person: people.Person) -> str:
    return f"{person.user.company_number} {person.user.name}"


ROUTES = (
    Route("GET", _PATH, Permission.READ_USERS, show_list),
    Route("GET", _ONE, Permission.READ_USERS, show),
    Route("POST", f"{_ONE}/unlock", Permission.HELP_USERS, unlock),
    Route("GET", f"{_ONE}/reset", Permission.HELP_USERS, ask_reset),
    Route("POST", f"{_ONE}/reset", Permission.HELP_USERS, reset),
)
