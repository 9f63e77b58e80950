"""Keys of inserted cards: described for a page, unlocked with a PIN, used to sign."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from msgspec.structs import replace as replaced

from bridged.cards.answers import SecurityStatus
from bridged.cards.base import Driver
from bridged.cards.key import Key
from bridged.errors import (
    CardFault,
    CardUnsupported,
    CertificateExpired,
    CertificateNotFound,
    KeyUsageForbidden,
    LeaseEnded,
    PinBlocked,
    PinIncorrect,
    PinLastTry,
    PinRequired,
)
from bridged.model import X509, Algorithm, Certificate, PinStatus, Usage
from bridged.pcsc.apdu import SW
from bridged.secret import Pin
from bridged.service.card import InsertedCard
from bridged.service.leases import Held
from bridged.signing import algorithms
from bridged.signing.certificates import read, validity
from bridged.signing.signer import sign_digest

log = logging.getLogger(__name__)


async def describe(card: InsertedCard, key: Key, *, unlocked: bool) -> Certificate:
    """Return the key as a page sees it; a private certificate only where it is `unlocked`."""
    pin = await card.known_pin_status(key) if key.pin else None
    told = _told(card, key, pin, unlocked=unlocked)
    return told if told.locked else replaced(told, chain=await card.chain(key))


def last_seen(card: InsertedCard) -> list[Certificate] | None:
    """Return what is known of the card's keys, but for their chains, without talking to it.

    None: nobody has asked yet.
    """
    known = card.known()
    if known is None:
        return None
    return [_told(card, key, pin, unlocked=False) for key, pin in known]


def _told(card: InsertedCard, key: Key, pin: PinStatus | None, *, unlocked: bool) -> Certificate:
    hidden = key.certificate is None or (key.certificate_private and not unlocked)
    info = None if hidden else readable(key)
    return Certificate(
        id=f"{card.id}.{key.ref}",
        reader=card.reader,
        card=card.id,
        usage=key.usage,
        label=key.label,
        locked=hidden,
        algorithms=algorithms.supported_by(key) if info else (),
        pin=pin,
        x509=info,
        chain=(),
    )


async def verify(card: InsertedCard, key: Key, pin: Pin, *, accept_last_try: bool) -> int:
    """Verify a PIN on the card; return the epoch in which that holds.

    Raises `PinIncorrect`, `PinBlocked` and `PinLastTry`, and what the card's thread raises.
    """
    own = pin.copy()

    def job(driver: Driver) -> int:
        driver.verify_pin_guarded(key, own, accept_last_try=accept_last_try)
        return driver.epoch

    return await _verified(card, job, pins=(own,))


async def verify_on_keypad(card: InsertedCard, key: Key, *, accept_last_try: bool) -> int:
    """Let the PIN be typed on the reader, or for the card's own software; returns and raises as `verify`, and `UserCancelled`.

    A key that wants its PIN each time is only looked at: it is typed with each signature.
    """

    def job(driver: Driver) -> int:
        driver.guard(key, accept_last_try=accept_last_try)
        if key.pin is not None and key.pin.protected:
            driver.verify_protected(key)
        elif not typed_each_time(key):
            driver.verify_on_keypad(key, card.keypad)
        return driver.epoch

    return await _verified(card, job, entries=1)


def typed_each_time(key: Key) -> bool:
    """Whether a PIN that is typed on the reader is typed anew for each signature."""
    return key.pin_always and key.pin is not None and not key.pin.protected


async def _verified(
    card: InsertedCard, job: Callable[[Driver], int], *, entries: int = 0, pins: Sequence[Pin] = ()
) -> int:
    try:
        return await card.run(job, entries=entries, pins=pins)
    except (PinIncorrect, PinLastTry, PinBlocked):
        raise
    except BaseException:
        # The job may still succeed with nobody to own its result.
        card.worker.disconnect(reset=True)
        raise


class Guarded(Protocol):
    """A driver's guarded method that sets a PIN or PUK, by the right of another."""

    def __call__(  # noqa: D102 - see above
        self, driver: Driver, key: Key, old: Pin, new: Pin, /, *, accept_last_try: bool
    ) -> None: ...


async def replace(
    card: InsertedCard, key: Key, how: Guarded, old: Pin, new: Pin, *, accept_last_try: bool
) -> None:
    """Set a PIN or PUK anew; nothing stays verified. Raises as `how` and the card's thread do."""
    own, own_new = old.copy(), new.copy()

    def job(driver: Driver) -> None:
        how(driver, key, own, own_new, accept_last_try=accept_last_try)

    await _run_and_reset(card, job, pins=(own, own_new))


async def change_on_keypad(card: InsertedCard, key: Key, *, accept_last_try: bool) -> None:
    """Let a PIN be changed on the reader; nothing stays verified.

    Raises as `verify`, `UserCancelled`, `UserTimeout`, and `EntriesDiffer`.
    """

    def job(driver: Driver) -> None:
        driver.guard(key, accept_last_try=accept_last_try)
        driver.change_on_keypad(key, card.keypad)

    await _run_and_reset(card, job, entries=3)


async def _run_and_reset(
    card: InsertedCard, job: Callable[[Driver], None], *, entries: int = 0, pins: Sequence[Pin] = ()
) -> None:
    try:
        await card.run(job, entries=entries, pins=pins)
    finally:
        card.worker.disconnect(reset=True)
        card.pin_tried()


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that may sign now: its certificate is known and valid."""

    card: InsertedCard
    key: Key
    certificate: bytes

    @classmethod
    def of(cls, card: InsertedCard, key: Key, usage: Usage) -> SigningKey:
        """Raise `KeyUsageForbidden`, `PinRequired` (it is locked) or `CertificateExpired`.

        Raises `CardUnsupported` for a kind of key that no algorithm fits.
        """
        if key.usage is not usage:
            raise KeyUsageForbidden(usage=key.usage)
        if key.certificate is None:
            raise PinRequired
        try:
            begin, end = validity(key.certificate)
        except ValueError:
            raise CertificateNotFound from None
        if not begin <= datetime.now(UTC) <= end:
            raise CertificateExpired(
                not_before=begin.date().isoformat(), not_after=end.date().isoformat()
            )
        if not algorithms.supported_by(key):
            raise CardUnsupported
        return cls(card, key, key.certificate)

    async def sign(
        self,
        held: Held | None,
        algorithm: Algorithm,
        digest: bytes,
        *,
        accept_last_try: bool = False,
        late: Callable[[bytes], None] | None = None,
    ) -> bytes:
        """Sign one digest under a lease (None for a key without a PIN); `late` gets what the card made while it was cancelled.

        `accept_last_try` is for a PIN that is typed on the reader for this signature.

        Raises `LeaseEnded` when the card has forgotten the PIN since, `PinIncorrect` and
        `PinBlocked` when it takes the kept one no more.
        """
        own = held.pin.copy() if held is not None and held.pin is not None else None
        typed = held is not None and held.keypad and typed_each_time(self.key)

        def job(driver: Driver) -> bytes:
            if held is not None:
                _go_on_with(driver, held, own)
            if typed:
                driver.guard(self.key, accept_last_try=accept_last_try)
                driver.verify_on_keypad(self.key, self.card.keypad)
            return sign_digest(driver, self.key, self.certificate, algorithm, digest)

        try:
            return await self.card.run(
                job, late=late, entries=int(typed), pins=() if own is None else (own,)
            )
        except SecurityStatus:
            if held is None:
                raise CardFault(sw=f"{SW.SECURITY_STATUS:04X}") from None
            raise LeaseEnded from None


def _go_on_with(driver: Driver, held: Held, pin: Pin | None) -> None:
    """Raise `LeaseEnded` unless a lease still holds; verify the PIN it keeps, if it keeps one.

    Once the card has refused that PIN, it is never sent again.
    """
    if held.refused or held.epoch != driver.epoch:
        raise LeaseEnded
    if pin is None or driver.just_verified(held.key):
        return
    driver.enter()
    try:
        driver.verify_pin(held.key, pin)
    except (PinIncorrect, PinBlocked):
        held.refused = True
        raise


def readable(key: Key) -> X509 | None:
    """Return the certificate of a key as people read it, None where there is none to read."""
    try:
        return read(key.certificate) if key.certificate else None
    except ValueError:
        log.warning("the certificate of %s cannot be read", key.label)
        return None
