"""Requests that change state must come from a page of this portal and of this session."""

from __future__ import annotations

import hmac

from aiohttp import web

from portal_demo.errors import CsrfRefused
from portal_demo.models import Session

FORM_FIELD = "csrf"
HEADER = "X-CSRF-Token"


def check_source(request: web.Request, origin: str) -> None:
    """Refuse a request that the browser says comes from elsewhere. Raises CsrfRefused."""
    sent = request.headers.get("Origin")
    if sent is not None and sent != origin:
        raise CsrfRefused
    if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        raise CsrfRefused


def check_token(session: Session, token: object) -> None:
    """Refuse a token that is not the session's. Raises CsrfRefused."""
    sent = token if isinstance(token, str) else ""
    if not hmac.compare_digest(sent.encode(), session.csrf.encode()):
        raise CsrfRefused
