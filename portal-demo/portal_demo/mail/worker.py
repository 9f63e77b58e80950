"""Send what waits in the outbox; several processes may do so at once.

A mail is claimed in a transaction of its own before anything is sent. Who finds a claim that has
run out knows that a worker died with it: the mail is sent once more and, should that end the same
way, given up, so that nobody gets it more than twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import select

from portal_demo.clock import Clock
from portal_demo.db import Database
from portal_demo.mail.message import wire_message
from portal_demo.mail.models import Mail
from portal_demo.mail.outbox import BATCH, Status, forget_before
from portal_demo.mail.smtp import (
    ATTEMPT_S,
    Interrupted,
    Postponed,
    Refused,
    Server,
    Undelivered,
    Unreachable,
)

log = logging.getLogger(__name__)

CLAIMED = timedelta(seconds=ATTEMPT_S) + timedelta(minutes=2)
FIRST_DELAY, LONGEST_DELAY = timedelta(minutes=1), timedelta(hours=1)
LONGEST_PAUSE = timedelta(minutes=10)
GIVEN_UP = timedelta(days=4)  # RFC 5321, 4.5.4.1
LOOK_AGAIN_S = 30.0
"""How soon mail is seen that another process has written; what this one writes wakes it at once."""
STOP_S = 5.0
UNCERTAIN = "the connection or the portal broke off twice while it was being sent"
MAX_ERROR = 300
FORGET_EVERY = timedelta(hours=1)
_CODES = re.compile(r"[0-9]{3}( [245]\.[0-9]{1,3}\.[0-9]{1,3})?")  # RFC 5321, RFC 3463


def delay_after(attempts: int, longest: timedelta = LONGEST_DELAY) -> timedelta:
    """Return how long to wait after so many attempts: doubling, a quarter more or less."""
    doublings = min(max(attempts - 1, 0), 20)
    return min(FIRST_DELAY * (1 << doublings), longest) * _jitter()


def _jitter() -> float:
    return random.uniform(0.75, 1.25)  # noqa: S311 - only spreads the load


@dataclass(slots=True)
class Worker:
    """Sends the mail of a database; without a `server` it is marked as shown only."""

    database: Database
    server: Server | None
    clock: Clock
    kept: timedelta | None = None
    """How long text and addresses are kept; None: for good."""
    _failures: int = 0
    _paused_until: datetime | None = None
    _stopping: bool = field(default=False)
    _forget_next: datetime | None = None

    async def run(self) -> None:
        """Send mail as it comes, until `stop`."""
        waiting = self.database.mail_waiting
        while not self._stopping:
            waiting.clear()
            try:
                await self.send_due()
                await self.forget_old()
            except Exception:  # the database is away: it will be back
                log.exception("the outbox cannot be read")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(waiting.wait(), LOOK_AGAIN_S)

    async def stop(self, running: asyncio.Task[None]) -> None:
        """End `run`, after the mail that is being sent if that takes no more than STOP_S."""
        self._stopping = True
        self.database.mail_waiting.set()
        await asyncio.wait([running], timeout=STOP_S)
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running

    async def send_due(self) -> None:
        """Send all that is due; while the server cannot be reached, nothing."""
        while not self._stopping and not self._paused():
            mail = await self._claim()
            if mail is None:
                return
            await self._attempt(mail)

    async def forget_old(self) -> None:
        """Remove texts and addresses that have been kept long enough; looks once an hour."""
        now = self.clock()
        if self.kept is None or (self._forget_next is not None and now < self._forget_next):
            return
        self._forget_next = now + FORGET_EVERY
        forgotten = BATCH
        while forgotten == BATCH and not self._stopping:
            async with self.database.transaction() as db:
                forgotten = await forget_before(db, now - self.kept, now)

    def _paused(self) -> bool:
        return self._paused_until is not None and self.clock() < self._paused_until

    async def _claim(self) -> Mail | None:
        """Take the mail that has been due for longest, so that no other worker does."""
        now = self.clock()
        due = select(Mail).where(Mail.status.in_((Status.WAITING, Status.SENDING)), Mail.due <= now)
        async with self.database.transaction() as db:
            mail: Mail | None = await db.scalar(
                due.order_by(Mail.due, Mail.id).limit(1).with_for_update(skip_locked=True)
            )
            if mail is not None:
                mail.interruptions += mail.status == Status.SENDING
                mail.status, mail.claim = Status.SENDING, secrets.token_hex(16)
                mail.due = now + CLAIMED
        return mail

    async def _attempt(self, mail: Mail) -> None:
        if mail.interruptions > 1:
            await self._close(mail, Status.FAILED, UNCERTAIN)
        elif self.server is None:
            await self._close(mail, Status.SHOWN)
        else:
            await self._send(self.server, mail)

    async def _send(self, server: Server, mail: Mail) -> None:
        try:
            await server.deliver(wire_message(mail, server.sender), mail.recipient)
        except Unreachable as e:
            await self._pause(mail, str(e))
        except Undelivered as e:
            await self._count(mail, e)
        except Exception as e:  # a defect of the portal: it must not hold the other mail up
            log.exception("internal error with mail %d", mail.id)
            await self._count(mail, Postponed(type(e).__name__))
        else:
            self._failures, self._paused_until = 0, None
            await self._close(mail, Status.SENT)

    async def _pause(self, mail: Mail, error: str) -> None:
        """Put the whole queue off: no mail is at fault, none is given up for it."""
        self._failures += 1
        self._paused_until = self.clock() + delay_after(self._failures, LONGEST_PAUSE)
        log.warning("the mail server cannot be reached: %s", error)
        await self._record(mail, status=Status.WAITING, due=self.clock(), error=error)

    async def _count(self, mail: Mail, fault: Undelivered) -> None:
        """Put a mail off that was not taken, or give it up."""
        now, attempts = self.clock(), mail.attempts + 1
        interruptions = mail.interruptions + isinstance(fault, Interrupted)
        if isinstance(fault, Refused) or interruptions > 1 or now >= mail.created + GIVEN_UP:
            await self._close(mail, Status.FAILED, str(fault))
            return
        await self._record(
            mail,
            status=Status.WAITING,
            due=now + delay_after(attempts),
            attempts=attempts,
            interruptions=interruptions,
            error=str(fault),
        )

    async def _close(self, mail: Mail, status: Status, error: str = "") -> None:
        """End a mail's way; the text of a secret one is forgotten unless it is to be read here."""
        if status is Status.FAILED:
            # A server's words may name whom it was for; the office's page shows them.
            said = _CODES.match(error)
            why = said.group() if said else error
            log.error("mail %d (%s) was not sent: %s", mail.id, mail.template, why)
        body = "" if mail.secret and status is not Status.SHOWN else mail.body
        sent = self.clock() if status is Status.SENT else None
        attempts = mail.attempts + (status is not Status.SHOWN)
        await self._record(
            mail, status=status, due=None, body=body, sent=sent, attempts=attempts, error=error
        )

    async def _record(self, mail: Mail, *, error: str, **changes: object) -> None:
        """Write down how an attempt ended, unless the mail is another worker's by now."""
        async with self.database.transaction() as db:
            row = await db.get(Mail, mail.id, with_for_update=True)
            if row is None or row.claim != mail.claim:
                return
            for name, value in {**changes, "claim": None, "error": error[:MAX_ERROR]}.items():
                setattr(row, name, value)
