"""A mail server for tests, on a port of this computer."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.smtp import SMTP


@dataclass
class PostOffice:
    """A mail server that answers as a test wants; what it has taken is in `taken`."""

    rcpt: str = ""
    data: str = "250 OK"
    before_answer: Callable[[SMTP], Awaitable[None]] | None = None
    taken: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    port: int = 0
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        if self.rcpt:
            return self.rcpt
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        self.taken.append(message_from_bytes(envelope.content, policy=policy.default))
        self.recipients += envelope.rcpt_tos
        self.encrypted.append(session.ssl is not None)
        self._changed.set()
        if self.before_answer:
            await self.before_answer(server)
        return self.data

    async def wait_for(self, count: int) -> list[EmailMessage]:
        """Wait until so many messages have come, and return them."""
        async with asyncio.timeout(30):
            while len(self.taken) < count:
                self._changed.clear()
                await self._changed.wait()
        return self.taken

    def ids(self) -> Counter[str]:
        return Counter(str(message["Message-ID"]) for message in self.taken)


class Listening:
    """The post office on a port of this computer, which it keeps while it is closed."""

    def __init__(self, office: PostOffice, **smtp) -> None:
        self.office = office
        self._smtp = smtp
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: SMTP(self.office, hostname="post.test", loop=loop, **self._smtp),
            "127.0.0.1",
            self.office.port,
        )
        self.office.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        self._server.close()
