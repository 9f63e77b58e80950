"""What the answers of a card mean (ISO/IEC 7816-4), as data or as an error."""

from __future__ import annotations

from bridged.errors import CardFault, PinBlocked, PinIncorrect
from bridged.pcsc.apdu import SW, Response


class SecurityStatus(Exception):
    """The card wants the PIN before it does this (6982)."""


def check(response: Response) -> bytes:
    """Return the data of a good answer; raises `CardFault`."""
    if not response.ok:
        raise CardFault(sw=f"{response.sw:04X}")
    return response.data


def check_permitted(response: Response) -> bytes:
    """Return the data of a good answer where a PIN may be wanted first; raises `SecurityStatus`."""
    if response.sw == SW.SECURITY_STATUS:
        raise SecurityStatus
    return check(response)


def check_verified(response: Response) -> None:
    """Raise what the answer to a VERIFY with a PIN means."""
    if response.ok:
        return
    if response.tries_left == 0:
        raise PinBlocked
    if response.tries_left is not None or response.sw == SW.NO_INFORMATION:
        raise PinIncorrect(tries_left=response.tries_left)
    check(response)


def tries_left(response: Response) -> tuple[int | None, bool]:
    """Return tries left and "is verified", from the answer to a VERIFY without data."""
    if response.ok:
        return None, True
    if response.tries_left is None and response.sw != SW.NO_INFORMATION:
        raise CardFault(sw=f"{response.sw:04X}")
    return response.tries_left, False
