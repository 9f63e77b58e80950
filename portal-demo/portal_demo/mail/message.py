"""A mail as it goes over the wire (RFC 5322, MIME)."""

from __future__ import annotations

from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from portal_demo.language import Language
from portal_demo.mail.models import Mail
from portal_demo.mail.templates import SENDER


def wire_message(mail: Mail, sender: str) -> bytes:
    """Return the message, in ASCII; the same at every attempt, Message-ID and Date included.

    A server that got it before can tell by the Message-ID (RFC 5322, section 3.6.4).
    """
    message = EmailMessage(policy=SMTP)
    message["From"] = Address(SENDER[Language(mail.language)], addr_spec=sender)
    message["To"] = Address(addr_spec=mail.recipient)
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(mail.created)
    message["Message-ID"] = f"<{mail.token}@{sender.partition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no automatic answers, please
    message.set_content(mail.body, cte="base64")
    message["Content-Language"] = mail.language  # after the content, which takes such headers away
    return message.as_bytes()
