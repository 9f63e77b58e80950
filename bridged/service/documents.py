"""Documents signed by a process of their own, which asks for the card and the time-stamp authority."""

from __future__ import annotations

import asyncio
import logging
import os
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import msgspec

from bridged.child import python
from bridged.errors import (
    BridgedError,
    Busy,
    DocumentMalformed,
    DocumentProtected,
    InternalError,
    TimestampNotConfigured,
    TimestampUnavailable,
)
from bridged.model import SignatureLevel
from bridged.protocol import codec
from bridged.service.tsa import TimestampAuthority
from bridged.signing.documents.job import Job
from bridged.signing.documents.process import Done, Failed, Sign, Timestamp, Told, pack

log = logging.getLogger(__name__)

MAX_PROCESSES = 4
REPLY_TIMEOUT_S = 60.0
"""The longest a process may think before it asks or tells something, or hears what it is told."""
MAX_REPLY = 64 << 20
OF_DOCUMENTS = (DocumentMalformed, DocumentProtected, TimestampUnavailable, InternalError)
"""What a document's process may report."""
_ENVIRONMENT = ("LANG", "LC_ALL", "PATH", "SYSTEMROOT")

_told: msgspec.msgpack.Decoder[Told] = msgspec.msgpack.Decoder(Told)

SignDigest = Callable[[bytes], Awaitable[bytes]]


class Documents:
    """Signs documents, so many at a time, with time stamps of `tsa`, which may be exchanged."""

    def __init__(self, tsa: TimestampAuthority | None = None) -> None:
        self.tsa = tsa
        self._room = asyncio.Semaphore(MAX_PROCESSES)

    def check(self, level: SignatureLevel) -> None:
        """Raise `TimestampNotConfigured` where a time-stamp is wanted and none can be had."""
        if level is SignatureLevel.B_T and self.tsa is None:
            raise TimestampNotConfigured

    async def sign(self, job: Job, sign: SignDigest) -> bytes:
        """Return the signed document; raises what `sign` raises.

        Raises `DocumentMalformed`, `DocumentProtected`, `TimestampNotConfigured`,
        `TimestampUnavailable`, and `Busy` where the computer lets no process start.
        """
        self.check(job.level)
        tsa = self.tsa
        if tsa is not None:
            job = msgspec.structs.replace(job, tsa_roots=tsa.roots)
        async with self._room, _process() as process:
            return await _converse(Conversation(process, job), sign, tsa)


class Conversation:
    """What is said to a document's process, and what it says."""

    def __init__(self, process: Process, job: Job) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._to, self._from = process.stdin, process.stdout
        self._job = job

    async def begin(self) -> None:
        """Send the document."""
        await self.answer(self._job)

    async def answer(self, value: object) -> None:
        """Send a frame; that nobody reads it any more shows in the reply. Raises as `reply`."""
        self._to.write(pack(value))
        try:
            async with asyncio.timeout(REPLY_TIMEOUT_S):
                await self._to.drain()
        except ConnectionError:
            return
        except TimeoutError:
            raise self._endless() from None

    async def reply(self) -> Told:
        """Return the next frame; raises `DocumentMalformed` where the document ended the process."""
        try:
            async with asyncio.timeout(REPLY_TIMEOUT_S):
                size = int.from_bytes(await self._from.readexactly(4), "big")
                if size > MAX_REPLY:
                    raise self.malformed("it becomes too large")
                return _told.decode(await self._from.readexactly(size))
        except (TimeoutError, EOFError):
            raise self._endless() from None
        except msgspec.MsgspecError:
            raise self.malformed("what reads it answers nonsense") from None

    def _endless(self) -> BridgedError:
        return self.malformed("it takes too much to read")

    def failed(self, error: BridgedError) -> BridgedError:
        """Return what to raise for an error that the process tells of, if it is one of a document's."""
        return error if isinstance(error, OF_DOCUMENTS) else self.malformed("it cannot be read")

    def malformed(self, detail: str) -> BridgedError:
        """Return what to raise where the document is at fault."""
        return DocumentMalformed(format=self._job.format, detail=detail)


async def _converse(
    conversation: Conversation, sign: SignDigest, tsa: TimestampAuthority | None
) -> bytes:
    await conversation.begin()
    signed = False
    while True:
        match await conversation.reply():
            case Sign() if signed:
                # What reads a hostile document may be in its power; the person agreed to one.
                raise conversation.malformed("it wants more than one signature")
            case Sign(digest):
                signed = True
                await conversation.answer(await sign(digest))
            case Timestamp(request):
                if tsa is None:
                    raise TimestampNotConfigured
                await conversation.answer(await tsa.ask(request))
            case Done(document):
                return document
            case Failed(error):
                raise conversation.failed(codec.error_from(error))


@asynccontextmanager
async def _process() -> AsyncIterator[Process]:
    """Start the process of a document; it does not outlive the context. Raises `Busy`."""
    try:
        process = await asyncio.create_subprocess_exec(
            *python("bridged.signing.documents.process"),
            stdin=PIPE,
            stdout=PIPE,
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
        )
    except OSError as error:
        log.error("the process of a document could not be started: %s", error)
        raise Busy from None
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
