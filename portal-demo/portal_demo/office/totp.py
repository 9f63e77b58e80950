"""One-time codes of an authenticator app (RFC 6238: SHA-1, 30 s, six digits)."""

from __future__ import annotations

import hmac
import io
import re
from datetime import datetime

import pyotp
import segno

PERIOD_S = 30
ISSUER = "CALS/EC 発注機関"
_CODE = re.compile("[0-9]{6}")
_WIDTH = str.maketrans("０１２３４５６７８９", "0123456789", " \u3000")


def new_secret() -> str:
    """Return a new secret of 160 bits in base32."""
    return pyotp.random_base32()


def matching_step(secret: str, code: str, now: datetime) -> int | None:
    """Return the period that a code belongs to: this one or a neighbour (clocks differ)."""
    code = code.translate(_WIDTH)
    if not _CODE.fullmatch(code):
        return None
    step = int(now.timestamp()) // PERIOD_S
    steps = (step - 1, step, step + 1)
    found = [s for s in steps if hmac.compare_digest(code_at(secret, s), code)]
    return found[-1] if found else None


def code_at(secret: str, step: int) -> str:
    """Return the code of a period."""
    return pyotp.HOTP(secret).at(step)


def uri(secret: str, login: str) -> str:
    """Return the `otpauth://` address that an authenticator app reads."""
    return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=ISSUER)


def qr_code(text: str) -> str:
    """Return an SVG element of a QR code, black on white in any colour scheme."""
    out = io.BytesIO()
    segno.make(text, error="m").save(
        out, kind="svg", xmldecl=False, light="#fff", dark="#000", omitsize=True, border=4
    )
    return out.getvalue().decode().strip()
