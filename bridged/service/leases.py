"""Leases: which connection may use which key of a card without the PIN (one for each card)."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from bridged.cards.key import Key
from bridged.errors import CardLeased, LeaseEnded, PinRequired
from bridged.protocol.messages import LeaseEnd
from bridged.secret import Pin
from bridged.service.card import InsertedCard

Owner = object
OnEnd = Callable[["Held", LeaseEnd | None], None]


@dataclass(eq=False, slots=True)
class Held:
    """A lease. `epoch` is the card's when its PIN was verified; `pin` is kept for PIN-always.

    `asked` says that the person gave the PIN to us and not to the page, and so did not see yet
    what will be signed; `keypad` that it was typed on the reader; `by` is the way for the audit. `refused` is set on the card's thread as soon as the card takes the kept PIN no more.
    """

    owner: Owner
    card: InsertedCard
    key: Key
    epoch: int
    pin: Pin | None
    asked: bool
    keypad: bool
    by: str | None
    id: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    timer: asyncio.TimerHandle | None = None
    refused: bool = False


class Leases:
    """Compare and swap: a card belongs to the first connection that asks, till it lets go."""

    def __init__(self, on_end: OnEnd) -> None:
        self._on_end = on_end
        self._owners: dict[str, Owner] = {}
        self._held: dict[str, Held] = {}

    def reserve(self, card: InsertedCard, owner: Owner, *, successor: Owner | None = None) -> None:
        """Take the card for a PIN to be verified; ends the owner's lease on it.

        With a `successor`, a request of the owner, the card is that one's alone. Raises
        `CardLeased` when another connection has the card, or this one is at it already.
        """
        held = self._held.get(card.id)
        if card.id in self._owners and (held is None or held.owner is not owner):
            raise CardLeased
        if held is not None:
            self.end(held, LeaseEnd.REPLACED)
        self._owners[card.id] = successor or owner

    def cancel(self, card: InsertedCard) -> None:
        """Give a reserved card back."""
        self._owners.pop(card.id, None)

    def grant(
        self,
        card: InsertedCard,
        key: Key,
        *,
        epoch: int,
        pin: Pin | None,
        seconds: float | None,
        asked: bool = False,
        keypad: bool = False,
        by: str | None = None,
    ) -> Held:
        """Turn the reservation into a lease; without `seconds` it lasts until it is ended."""
        held = Held(self._owners[card.id], card, key, epoch, pin, asked, keypad, by)
        if seconds is not None:
            loop = asyncio.get_running_loop()
            held.timer = loop.call_later(seconds, self.end, held, LeaseEnd.EXPIRED)
        self._held[card.id] = held
        return held

    def find(self, card: InsertedCard, owner: Owner) -> Held | None:
        """Return the owner's lease on the card; raises `CardLeased` when it is another's."""
        holder = self._owners.get(card.id)
        if holder is not None and holder is not owner:
            raise CardLeased
        return self._held.get(card.id)

    def holds(self, card: InsertedCard, owner: Owner, key: Key) -> bool:
        """Whether the owner has a lease on just this key."""
        held = self._held.get(card.id)
        return held is not None and held.owner is owner and held.key.ref == key.ref

    def under(self, card: InsertedCard, owner: Owner, key: Key) -> Held | None:
        """Return the lease a key signs under, None if it needs none; raises as `find`, and `PinRequired`."""
        held = self.find(card, owner)
        if key.pin is None:
            return None
        if held is None or held.key.ref != key.ref:
            raise PinRequired
        return held

    def release(self, lease_id: str, owner: Owner) -> None:
        """End a lease at its owner's wish; raises `LeaseEnded` where there is none."""
        for held in self._held.values():
            if held.owner is owner and secrets.compare_digest(held.id, lease_id):
                return self.end(held, None)
        raise LeaseEnded

    def owner_left(self, owner: Owner) -> None:
        """End every lease of a connection."""
        for held in [held for held in self._held.values() if held.owner is owner]:
            self.end(held, None)

    def card_removed(self, card: InsertedCard) -> None:
        """End the lease on a card that is gone."""
        if (held := self._held.get(card.id)) is not None:
            self.end(held, LeaseEnd.CARD_REMOVED)
        self._owners.pop(card.id, None)

    def end(self, held: Held, cause: LeaseEnd | None) -> None:
        """End a lease, wipe its PIN and tell; does nothing the second time."""
        if self._held.get(held.card.id) is not held:
            return
        del self._held[held.card.id]
        self._owners.pop(held.card.id, None)
        if held.timer is not None:
            held.timer.cancel()
        if held.pin is not None:
            held.pin.wipe()
        self._on_end(held, cause)
