"""The audit of the office: entries are only added, each bound to the one before."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

import msgspec
from sqlalchemy import ColumnElement, event, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal_demo.card_errors import CardError
from portal_demo.language import Text
from portal_demo.office.errors import OfficerCardUnknown
from portal_demo.office.models import AuditEntry
from portal_demo.office.paging import Page, address, day, during, one_of, page_of, row_id, words_of
from portal_demo.office.roles import ROLE_NAMES
from portal_demo.rows import alone

log = logging.getLogger(__name__)

FIRST = "0" * 64
_HEAD = re.compile("([0-9]{1,18}):([0-9a-f]{64})")
_LOGGED = "office audit "
_LONGEST = {"actor": 40, "subject": 100, "detail": 1100, "address": 45}


class Action(StrEnum):
    """What can be done, as it is stored."""

    LOG_IN = "log-in"
    LOG_IN_REFUSED = "log-in-refused"
    LOG_OUT = "log-out"
    PASSWORD_SET = "password-set"  # noqa: S105
    TOTP_ENROLLED = "totp-enrolled"
    RECOVERY_CODES_MADE = "recovery-codes-made"
    RECOVERY_CODE_USED = "recovery-code-used"
    ACCEPT = "accept"
    REJECT = "reject"
    DOWNLOAD = "download"
    OFFICER_CREATED = "officer-created"
    OFFICER_CHANGED = "officer-changed"
    OFFICER_DISABLED = "officer-disabled"
    OFFICER_ENABLED = "officer-enabled"
    ACCESS_RESET = "access-reset"
    CARD_REGISTERED = "card-registered"
    CARD_REMOVED = "card-removed"
    UNLOCKED = "unlocked"
    ANSWERED = "answered"
    QUESTION_CLOSED = "question-closed"
    MAIL_AGAIN = "mail-again"
    REGISTER_IMPORTED = "register-imported"
    NUMBERS_MERGED = "numbers-merged"


ACTION_NAMES = {
    Action.LOG_IN: Text("ログイン", "Logged in"),
    Action.LOG_IN_REFUSED: Text("ログイン失敗", "Log-in refused"),
    Action.LOG_OUT: Text("ログアウト", "Logged out"),
    Action.PASSWORD_SET: Text("パスワード設定", "Password set"),
    Action.TOTP_ENROLLED: Text("認証アプリ登録", "Authenticator enrolled"),
    Action.RECOVERY_CODES_MADE: Text("リカバリーコードの発行", "Recovery codes made"),
    Action.RECOVERY_CODE_USED: Text("リカバリーコードの使用", "Recovery code used"),
    Action.ACCEPT: Text("受理", "Accepted"),
    Action.REJECT: Text("不受理", "Rejected"),
    Action.DOWNLOAD: Text("ダウンロード", "Downloaded"),
    Action.OFFICER_CREATED: Text("担当者の登録", "Officer added"),
    Action.OFFICER_CHANGED: Text("担当者の変更", "Officer changed"),
    Action.OFFICER_DISABLED: Text("ログインの停止", "Log-ins stopped"),
    Action.OFFICER_ENABLED: Text("ログインの停止の解除", "Log-ins let again"),
    Action.ACCESS_RESET: Text("パスワード再設定の案内", "Password reset sent"),
    Action.CARD_REGISTERED: Text("ICカードの登録", "Card registered"),
    Action.CARD_REMOVED: Text("ICカードの削除", "Card removed"),
    Action.UNLOCKED: Text("ロックの解除", "Unlocked"),
    Action.ANSWERED: Text("質問への回答", "Question answered"),
    Action.QUESTION_CLOSED: Text("質問を対応不要に変更", "Question put aside"),
    Action.MAIL_AGAIN: Text("メールの再送", "Mail sent again"),
    Action.REGISTER_IMPORTED: Text("資格審査情報の取込", "Register imported"),
    Action.NUMBERS_MERGED: Text("登録番号の統合", "Numbers merged"),
}


DISABLED = "disabled"
DETAILS = {
    "password": Text("パスワード", "password"),
    "card": Text("ICカード", "IC card"),
    DISABLED: Text("ICカード（ログイン停止中）", "IC card, log-ins are stopped"),
    **{one.reason: one.title for one in CardError.__subclasses__()},
    OfficerCardUnknown.reason: OfficerCardUnknown.title,
    **{str(role): name for role, name in ROLE_NAMES.items()},
}


def detail_of(entry: AuditEntry) -> Text:
    """Return an entry's detail as it is shown."""
    if entry.action == Action.RECOVERY_CODE_USED:
        return Text("残り{n}個", "{n} left").fill(n=entry.detail)
    return DETAILS.get(entry.detail, Text(entry.detail, entry.detail))


@dataclass(frozen=True, slots=True)
class Head:
    """An entry by its number and digest: kept elsewhere, it shows what is missing after it."""

    number: int
    digest: str

    def __str__(self) -> str:
        return f"{self.number}:{self.digest}"

    @classmethod
    def parse(cls, text: str) -> Head:
        """Read what `str` gave. Raises ValueError."""
        found = _HEAD.fullmatch(text.strip())
        if not found:
            raise ValueError(text)
        return cls(int(found[1]), found[2])


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and the address of their computer."""

    login: str
    address: str


async def record(
    db: AsyncSession,
    actor: Actor,
    action: Action,
    subject: str,
    *,
    now: datetime,
    detail: str = "",
) -> None:
    """Add an entry in the caller's transaction: what is undone was not done.

    Once it is committed its head goes to the log, which is out of the database's reach.
    """
    await alone(db, "office audit")  # one writer at a time, so that the chain has no forks
    last = await db.scalar(select(AuditEntry.digest).order_by(AuditEntry.id.desc()).limit(1))
    entry = AuditEntry(
        made=now,
        actor=actor.login[: _LONGEST["actor"]],
        action=action,
        subject=subject[: _LONGEST["subject"]],
        detail=detail[: _LONGEST["detail"]],
        address=actor.address[: _LONGEST["address"]],
        previous=last or FIRST,
    )
    entry.digest = digest_of(entry)
    db.add(entry)
    await db.flush()
    added = Head(entry.id, entry.digest)
    event.listen(db.sync_session, "after_commit", lambda _session: _tell(added), once=True)


def _tell(added: Head) -> None:
    log.info("%s%s", _LOGGED, added, extra={"fields": {"head": str(added)}})


def heads_in(lines: Iterable[str]) -> Iterator[Head]:
    """Find the heads in a log of the portal, in either of its formats."""
    for line in lines:
        found = re.search(_LOGGED + _HEAD.pattern, line)
        if found:
            yield Head(int(found[1]), found[2])


def digest_of(entry: AuditEntry) -> str:
    """Return the digest that an entry must have."""
    content = [
        entry.previous,
        entry.made.isoformat(),
        entry.actor,
        entry.action,
        entry.subject,
        entry.detail,
        entry.address,
    ]
    return hashlib.sha256(msgspec.json.encode(content)).hexdigest()


async def first_break(db: AsyncSession) -> int | None:
    """Return the id of the first entry that does not follow from the one before, if any."""
    previous = FIRST
    async for entry in await db.stream_scalars(select(AuditEntry).order_by(AuditEntry.id)):
        if entry.previous != previous or entry.digest != digest_of(entry):
            return entry.id
        previous = entry.digest
    return None


async def head(db: AsyncSession) -> Head | None:
    """Return the last entry; None if there is none."""
    last = select(AuditEntry.id, AuditEntry.digest).order_by(AuditEntry.id.desc()).limit(1)
    found = (await db.execute(last)).first()
    return Head(*found) if found else None


async def missing(db: AsyncSession, known: Iterable[Head]) -> int | None:
    """Return the number of the first entry that is known from elsewhere and not there, if any."""
    wanted = set(known)
    if not wanted:
        return None
    since = min(one.number for one in wanted)
    rows = await db.stream(select(AuditEntry.id, AuditEntry.digest).where(AuditEntry.id >= since))
    async for number, digest in rows:
        wanted.discard(Head(number, digest))
    return min((one.number for one in wanted), default=None)


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for in the audit; empty means anything."""

    actor: str = ""
    action: str = ""
    subject: str = ""
    begin: date | None = None
    end: date | None = None
    after: int | None = None

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> Search:
        """Read the address of a page; what cannot be read is not looked for."""
        return cls(
            actor=words_of(query.get("actor"), _LONGEST["actor"]),
            action=one_of(ACTION_NAMES, query.get("action")),
            subject=words_of(query.get("subject"), _LONGEST["subject"]),
            begin=day(query.get("from")),
            end=day(query.get("to")),
            after=row_id(query.get("after")),
        )

    def query(self) -> dict[str, str]:
        """Return the address of the first page, as `parse` reads it."""
        return address(
            actor=self.actor,
            action=self.action,
            subject=self.subject,
            begin=self.begin,
            end=self.end,
        )


async def find(db: AsyncSession, search: Search) -> Page[AuditEntry]:
    """Return a page of the audit, the newest first."""
    conditions: list[ColumnElement[bool]] = during(AuditEntry.made, search.begin, search.end)
    for column, value in (
        (AuditEntry.actor, search.actor),
        (AuditEntry.action, search.action),
        (AuditEntry.subject, search.subject),
    ):
        if value:
            conditions.append(column == value)
    query = select(AuditEntry.id, AuditEntry).where(*conditions)
    return await page_of(
        db, query, AuditEntry.id, search.after, newest=True, line=lambda row: row[1]
    )
