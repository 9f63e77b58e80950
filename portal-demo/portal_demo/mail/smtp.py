"""Hand a message to a mail server, and tell what became of it."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from dataclasses import dataclass, field
from typing import Literal

from aiosmtplib import SMTP, SMTPException, SMTPResponseException

from portal_demo.settings import Settings, SettingsError

STEP_S = 60.0
ATTEMPT_S = 180.0
"""Time for a whole attempt; a worker's claim lasts longer."""
PORTS = {"starttls": 587, "tls": 465, "none": 25}


class Undelivered(Exception):
    """Root: the server has not said that it took the message."""


class Refused(Undelivered):
    """The server does not take this message, and never will (5xx)."""


class Postponed(Undelivered):
    """The server does not take this message now (4xx, or the connection broke off)."""


class Unreachable(Undelivered):
    """There is no connection to the server, or none that it lets send anything."""


class Interrupted(Undelivered):
    """The connection broke off after the text was begun: it may have been taken."""


@dataclass(frozen=True, slots=True)
class Server:
    """A mail server, and the address that mail comes from."""

    host: str
    port: int
    security: Literal["starttls", "tls", "none"]
    sender: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = None

    async def deliver(self, message: bytes, recipient: str) -> None:
        """Send a message. Raises Refused, Postponed, Unreachable or Interrupted."""
        client = SMTP(
            hostname=self.host,
            port=self.port,
            username=self.user,
            password=self.password,
            local_hostname=self.sender.partition("@")[2],
            timeout=STEP_S,
            use_tls=self.security == "tls",
            start_tls=self.security == "starttls",
            tls_context=self.tls,
        )
        broken_off: type[Undelivered] = Unreachable
        try:
            async with asyncio.timeout(ATTEMPT_S):
                await client.connect()
                broken_off = Postponed
                await client.mail(self.sender)
                await client.rcpt(recipient)
                broken_off = Interrupted
                await client.data(message)
                with contextlib.suppress(SMTPException, OSError):
                    await client.quit(timeout=1)
        except SMTPResponseException as e:
            said = f"{e.code} {e.message}"
            if broken_off is Unreachable:
                raise Unreachable(said) from e
            raise (Refused if e.code >= 500 else Postponed)(said) from e
        except (SMTPException, OSError) as e:
            raise broken_off(str(e) or type(e).__name__) from e
        finally:
            client.close()


def server_of(settings: Settings) -> Server | None:
    """Return the configured server; None if there is none. Raises SettingsError or OSError."""
    if not settings.smtp_host:
        return None
    password = None
    if settings.smtp_password_file:
        password = settings.smtp_password_file.read_text(encoding="utf-8").strip("\r\n")
        if not password:
            raise SettingsError(f"smtp_password_file is empty: {settings.smtp_password_file}")
    tls = None
    if settings.smtp_security != "none":
        tls = ssl.create_default_context(cafile=settings.smtp_ca)
    return Server(
        host=settings.smtp_host,
        port=settings.smtp_port or PORTS[settings.smtp_security],
        security=settings.smtp_security,
        sender=settings.mail_from,
        user=settings.smtp_user or None,
        password=password,
        tls=tls,
    )
