"""What goes into the audit, and when: before a key is used, and after."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from bridged.audit.journal import Journal, Record
from bridged.errors import BridgedError
from bridged.model import Wire
from bridged.protocol import messages as m
from bridged.service.calls import Call

MAX_DIGEST = 64
"""Bytes that are written down as they are: the longest hash has so many."""
USES_OF_A_KEY = {"signature.create", "authentication.create", "document.sign"}
USES_OF_A_PIN = {"pin.verify", "pin.change", "pin.unblock", "puk.change"}

FindCertificate = Callable[[str], Awaitable[bytes | None]]


class Audit:
    """Writes records in a thread of its own; without a journal, nowhere."""

    def __init__(self, journal: Journal | None = None) -> None:
        self._journal = journal
        self._thread = ThreadPoolExecutor(1, "audit") if journal else None

    async def write(self, event: str, **record: object) -> None:
        """Return once a record is on the disk; raises `RecordFailed`."""
        if self._journal is None:
            return
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, partial(self._journal.append, event, record))

    async def close(self) -> None:
        """Wait for what is being written."""
        if self._thread is not None:
            await asyncio.to_thread(self._thread.shutdown)


class Audited:
    """Carries out requests about keys and PINs with a record of each; of others none.

    A key is not used where that could not be written down first.
    """

    def __init__(self, audit: Audit, find_certificate: FindCertificate) -> None:
        self._audit = audit
        self._find = find_certificate

    async def run(
        self,
        call: Call,
        method: str,
        params: Any,
        work: Callable[[], Awaitable[Wire]],
        undo: Callable[[Wire], None],
    ) -> Wire:
        """Do the work of a request; raises what it raises, and `RecordFailed`.

        `undo` takes back a result that nobody gets because the request failed after its work.
        """
        if method not in USES_OF_A_KEY | USES_OF_A_PIN:
            return await work()
        about: Record = {"origin": call.site.origin, "method": method, "request": call.id}
        if method in USES_OF_A_KEY:
            await self._audit.write("key.asked", **about, **await self._asked(params))
        else:
            about["certificate"] = await self._fingerprint(params.key)
        try:
            result = await work()
        except BaseException as error:
            await asyncio.shield(self._ended(call, about, _reason(error)))
            raise
        try:
            await asyncio.shield(self._ended(call, about, "done"))
        except BaseException:
            undo(result)
            raise
        return result

    async def _ended(self, call: Call, about: Record, result: str) -> None:
        event = "key.used" if about["method"] in USES_OF_A_KEY else "pin.used"
        more: Record = {"made": len(call.made)} if about["method"] == "signature.create" else {}
        more["pinBy"] = call.pin_by
        if call.lease_by is not None:
            more["leaseBy"] = call.lease_by
        await self._audit.write(event, **about, result=result, **more)

    async def _asked(self, params: Any) -> Record:
        record: Record = {"certificate": await self._fingerprint(params.certificate)}
        if isinstance(params, m.SignatureParams):
            record |= {"algorithm": params.algorithm, "title": params.title}
            record["digests"] = [_named(digest) for digest in params.digests]
        elif isinstance(params, m.AuthenticationParams):
            record["challenge"] = hashlib.sha256(params.challenge.encode()).hexdigest()
        elif isinstance(params, m.DocumentParams):
            record |= {"format": params.format, "level": params.level, "title": params.title}
            record["document"] = hashlib.sha256(params.content).hexdigest()
        return record

    async def _fingerprint(self, certificate_id: str) -> str | None:
        """Return the SHA-256 of a certificate; None where the request will fail for want of it."""
        try:
            der = await self._find(certificate_id)
        except BridgedError:
            return None
        return None if der is None else hashlib.sha256(der).hexdigest()


def _named(digest: bytes) -> str:
    """Return a digest in hexadecimal; of a longer message (Ed25519) its SHA-256, and says so."""
    if len(digest) <= MAX_DIGEST:
        return digest.hex()
    return f"sha256:{hashlib.sha256(digest).hexdigest()}"


def _reason(error: BaseException) -> str:
    if isinstance(error, BridgedError):
        return error.reason
    return "cancelled" if isinstance(error, asyncio.CancelledError) else "internal-error"
