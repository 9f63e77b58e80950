"""What an administrator takes from an officer, or gives back: each asked on a page of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncSession

from portal_demo import sessions
from portal_demo.certificates import parse_certificate
from portal_demo.holders import holder_of
from portal_demo.language import Text
from portal_demo.office.audit import Action
from portal_demo.office.errors import OwnAccount
from portal_demo.office.links import open_link
from portal_demo.office.models import Officer
from portal_demo.office.officers import access_of
from portal_demo.office.recovery import forget_codes
from portal_demo.office.roles import ROLE_NAMES, Permission, Role
from portal_demo.office.views.asking import Question, ask_first, name_of
from portal_demo.office.views.desk import Desk, Route, see_other
from portal_demo.office.views.officers import ONE, PATH, find_alone, invite


@dataclass(frozen=True, slots=True)
class Step:
    """Something that is done to an officer's access, once it is asked."""

    name: str
    question: Question
    do: Callable[[Desk, AsyncSession, Officer], Awaitable[None]]
    applies: Callable[[Officer], bool]
    """Whether there is anything to do."""
    action: Action
    own: bool = False
    """Whether administrators may do it to themselves."""
    after: str = ""


async def _reset(desk: Desk, db: AsyncSession, officer: Officer) -> None:
    await invite(desk, db, officer)
    await sessions.end_all(db, officer_id=officer.id)
    officer.password_hash = officer.totp_secret = ""
    officer.totp_enrolled = False
    await forget_codes(db, officer.id)


async def _remove_card(desk: Desk, db: AsyncSession, officer: Officer) -> None:
    await sessions.end_all(db, officer_id=officer.id, but=desk.session)
    officer.certificate_sha256 = officer.certificate = None


async def _disable(_desk: Desk, db: AsyncSession, officer: Officer) -> None:
    await sessions.end_all(db, officer_id=officer.id)
    officer.disabled = True


async def _enable(_desk: Desk, _db: AsyncSession, officer: Officer) -> None:
    officer.disabled = False


_ENDS_ELSEWHERE = Text(
    "この画面のほかにログイン中の場合は、直ちにログアウトされます。",
    "What else you are logged in on is logged out at once.",
)
_ENDS = Text(
    "ログイン中の場合は、直ちにログアウトされます。", "Who is logged in is logged out at once."
)
STEPS = (
    Step(
        "reset",
        Question(
            Text("パスワードと認証アプリの再設定", "Reset password and authenticator"),
            (
                Text(
                    "現在のパスワード、認証アプリ、リカバリーコードは使用できなくなります。",
                    "The present password, authenticator and recovery codes are no good any more.",
                ),
                _ENDS,
                Text(
                    "パスワードを設定するためのリンクを、担当者にメールで送信します。以前に送信したリンクは無効になります。",
                    "A link to set a password with is mailed to the officer; one that was sent before is no good any more.",
                ),
                Text("ICカードの登録は、そのまま残ります。", "A registered IC card stays."),
            ),
            Text("再設定してリンクを送信する", "Reset and mail the link"),
        ),
        _reset,
        lambda _officer: True,
        Action.ACCESS_RESET,
        after="?sent=1",
    ),
    Step(
        "remove-card",
        Question(
            Text("ICカードの登録の削除", "Remove the card"),
            (
                Text(
                    "このICカードでは、ログインできなくなります。もう一度登録するには、ICカードとPIN番号が必要です。",
                    "This IC card logs in no more. To register it again takes the card and its PIN.",
                ),
                _ENDS,
            ),
            Text("登録を削除する", "Remove it"),
        ),
        _remove_card,
        lambda officer: officer.certificate_sha256 is not None,
        Action.CARD_REMOVED,
        own=True,
    ),
    Step(
        "disable",
        Question(
            Text("ログインの停止", "Stop log-ins"),
            (
                Text(
                    "停止を解除するまで、パスワードでもICカードでもログインできません。",
                    "Neither password nor IC card logs in until it is let again.",
                ),
                _ENDS,
                Text(
                    "これまでの審査や回答の記録は、そのまま残ります。",
                    "What the officer has decided and answered stays.",
                ),
            ),
            Text("ログインを停止する", "Stop them"),
        ),
        _disable,
        lambda officer: not officer.disabled,
        Action.OFFICER_DISABLED,
    ),
    Step(
        "enable",
        Question(
            Text("ログインの停止の解除", "Let log in again"),
            (
                Text(
                    "停止する前のパスワード、認証アプリ、ICカードで、再びログインできるようになります。",
                    "Password, authenticator and IC card of before log in again.",
                ),
            ),
            Text("停止を解除する", "Let them log in"),
        ),
        _enable,
        lambda officer: officer.disabled,
        Action.OFFICER_ENABLED,
    ),
)


def _ask(step: Step) -> Callable[[Desk], Awaitable[web.StreamResponse]]:
    async def ask(desk: Desk) -> web.StreamResponse:
        """Tell whom it concerns and what follows."""
        async with desk.transaction() as db:
            officer = await _subject(desk, db, step)
            seen = await _state_of(db, officer)
        if not step.applies(officer):
            return see_other(f"{PATH}/{officer.id}")
        return ask_first(
            desk,
            _as_asked(step.question, own=officer.id == desk.officer.id),
            screen=f"officer-{step.name}",
            back=(f"{PATH}/{officer.id}", Text("担当者に戻る", "To the officer")),
            whom=(
                (Text("対象の担当者", "Officer"), f"{officer.name}（{officer.login}）"),
                (Text("権限", "Role"), ROLE_NAMES[Role(officer.role)]),
                (Text("メールアドレス", "Mail address"), officer.mail),
                *_card_of(officer),
            ),
            seen=seen,
        )

    return ask


def _do(step: Step) -> Callable[[Desk], Awaitable[web.StreamResponse]]:
    async def do(desk: Desk) -> web.StreamResponse:
        """Do it, unless the officer's access is not what the page showed: it was done, then."""
        async with desk.transaction() as db:
            officer = await _subject(desk, db, step)
            if desk.fields.get("seen") != await _state_of(db, officer) or not step.applies(officer):
                return see_other(f"{PATH}/{officer.id}")
            await step.do(desk, db, officer)
            await desk.record(db, step.action, officer.login)
        return see_other(f"{PATH}/{officer.id}{step.after}")

    return do


def _as_asked(question: Question, *, own: bool) -> Question:
    """Return a question as it is put: one's own session does not end with the others."""
    if not own:
        return question
    follows = (_ENDS_ELSEWHERE if text is _ENDS else text for text in question.follows)
    return replace(question, follows=tuple(follows))


def _card_of(officer: Officer) -> Iterator[tuple[Text, str]]:
    """Tell the officer's card, if there is one."""
    if officer.certificate:
        holder = holder_of(parse_certificate(officer.certificate))
        names = filter(None, (holder.organization, holder.name))
        yield Text("登録されているICカード", "Registered IC card"), "　".join(names)


async def _subject(desk: Desk, db: AsyncSession, step: Step) -> Officer:
    """Return the officer; the same sent twice comes in turn. Raises OwnAccount."""
    officer = await find_alone(desk, db)
    if officer.id == desk.officer.id and not step.own:
        raise OwnAccount
    return officer


async def _state_of(db: AsyncSession, officer: Officer) -> str:
    """Name how the officer gets in now."""
    return name_of(access_of(officer), await open_link(db, officer_id=officer.id))


ROUTES = tuple(
    Route(method, f"{ONE}/{step.name}", Permission.MANAGE_OFFICERS, make(step))
    for step in STEPS
    for method, make in (("GET", _ask), ("POST", _do))
)
