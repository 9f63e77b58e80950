"""Readers, cards, PINs and certificates, from what the daemon says of them or from the cards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from bridged.doctor.context import Context
from bridged.doctor.finding import Fields, Finding
from bridged.errors import BridgedError, CardInUse, CardMute, CardUnsupported, NoCard
from bridged.model import Certificate, PinStatus, Reader, ReaderState

SOON_DAYS = 30
"""A certificate that lasts no longer may end before the bids are opened."""
SMART_CARD_CLASS = "0b"
"""The USB interface class of smart card readers (USB CCID, section 4.1)."""

_STATES = {
    ReaderState.EMPTY: "reader-empty",
    ReaderState.MUTE: "card-mute",
    ReaderState.UNAVAILABLE: "reader-unavailable",
    ReaderState.IN_USE: "card-in-use",
}
_ERRORS: dict[type[BridgedError], str] = {
    NoCard: "reader-empty",
    CardMute: "card-mute",
    CardInUse: "card-in-use",
    CardUnsupported: "card-unknown",
}


class View(Protocol):
    """What there is to see, through the daemon or past it."""

    async def readers(self) -> Sequence[Reader]:
        """Return all readers."""

    async def certificates(self, *, reader: str) -> Sequence[Certificate]:
        """Return the certificates of one reader's card; raises `BridgedError`."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A reader with its certificates, or what stood in the way of them."""

    reader: Reader
    certificates: Sequence[Certificate] | None = ()
    """None: nobody has read the card yet."""
    error: BridgedError | None = None


async def look(view: View) -> list[Seen]:
    """Look at every reader and its card, once."""
    seen = []
    for reader in await view.readers():
        if reader.state is ReaderState.PRESENT:
            try:
                certificates = await view.certificates(reader=reader.id)
            except BridgedError as error:
                seen.append(Seen(reader, error=error))
            else:
                # Only now is it known which card it is.
                known = {each.id: each for each in await view.readers()}
                seen.append(Seen(known.get(reader.id, reader), certificates))
        else:
            seen.append(Seen(reader))
    return seen


def readers(context: Context, seen: Sequence[Seen]) -> Iterator[Finding]:
    """Report on every reader; where there is none, on what hangs on USB."""
    for each in seen:
        yield from _reader(context, each)
    if not seen:
        device = _usb_reader(context)
        yield (
            Finding("reader-without-driver", {"device": device})
            if device
            else Finding("reader-none")
        )


def _reader(context: Context, seen: Seen) -> Iterator[Finding]:
    reader = seen.reader
    about: Fields = {"reader": reader.name}
    if seen.error is not None:
        name = _ERRORS.get(type(seen.error), "card-fault")
        detail: Fields = {"detail": seen.error.reason} if name == "card-fault" else {}
        yield Finding(name, about | detail)
    elif reader.state is not ReaderState.PRESENT:
        yield Finding(_STATES[reader.state], about)
    elif seen.certificates is None:
        yield Finding("card-unread", about)
    elif not seen.certificates:
        yield Finding("card-without-certificate", about)
    else:
        label = reader.card.label if reader.card else "?"
        yield Finding("card-good", about | {"card": label})
        yield from _pins(seen.certificates)
        for certificate in seen.certificates:
            yield _certificate(context, certificate)


def _pins(certificates: Sequence[Certificate]) -> Iterator[Finding]:
    """Report on each PIN once, though several keys may share it."""
    pins = {pin.label: pin for each in certificates if (pin := each.pin) is not None}
    for pin in pins.values():
        yield Finding(_pin(pin), {"label": pin.label, "tries": pin.tries_left or 0})


def _pin(pin: PinStatus) -> str:
    if pin.blocked:
        return "pin-blocked"
    if pin.tries_left is None:
        return "pin-uncounted"
    return "pin-last-try" if pin.tries_left == 1 else "pin-good"


def _certificate(context: Context, certificate: Certificate) -> Finding:
    about: Fields = {"label": certificate.label}
    x509 = certificate.x509
    if x509 is None:
        name = "certificate-locked" if certificate.locked else "certificate-unreadable"
        return Finding(name, about)
    about |= {"since": _day(x509.not_before), "until": _day(x509.not_after)}
    if context.now < x509.not_before:
        return Finding("certificate-not-yet-valid", about)
    if context.now > x509.not_after:
        return Finding("certificate-expired", about)
    days = (x509.not_after - context.now).days
    if days <= SOON_DAYS:
        return Finding("certificate-expiring", about | {"days": days})
    holder = x509.holder.organization or x509.holder.name or "-"
    return Finding("certificate-good", about | {"holder": holder}, frozenset({"holder"}))


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d}"


def _usb_reader(context: Context) -> str | None:
    """Return the name of a card reader on USB, known to the kernel if not to pcscd (sysfs).

    An interface `1-2:1.0` belongs to the device `1-2`, which stands beside it.
    """
    devices = context.below("/sys/bus/usb/devices")
    for interface in sorted(devices.glob("*/bInterfaceClass")):
        if interface.read_text(encoding="ascii").strip() == SMART_CARD_CLASS:
            product = devices / interface.parent.name.partition(":")[0] / "product"
            return product.read_text(errors="replace").strip() if product.exists() else "USB"
    return None
