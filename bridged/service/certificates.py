"""The certificates of all inserted cards: listed for a page, and found again by their ids."""

from __future__ import annotations

import asyncio

from bridged.cards.key import Key, PinObject
from bridged.errors import CardMute, InvalidParams, NoCard
from bridged.model import Certificate, ReaderState, Usage
from bridged.protocol import messages as m
from bridged.service.calls import Call, Peer
from bridged.service.card import InsertedCard
from bridged.service.keys import describe
from bridged.service.leases import Leases
from bridged.service.readers import Readers, Slot
from bridged.signing.selection import Selection


class Certificates:
    """What the hub knows of certificates; an id is that of its card, a dot, and the key's."""

    def __init__(self, readers: Readers, leases: Leases) -> None:
        self._readers = readers
        self._leases = leases

    async def listed(self, call: Call, params: m.CertificateListParams) -> m.CertificateList:
        """Return what is wanted of every card that can be read.

        Where nothing is found and a card could not be read, raises why.
        """
        selection = Selection.of(
            params.issuers, params.key_usage, params.policies, valid_only=params.valid_only
        )
        slots = self._readers.chosen(params.reader)
        found = await asyncio.gather(
            *(self._in_slot(call.peer, slot, params.usage) for slot in slots),
            return_exceptions=True,
        )
        certificates: list[Certificate] = []
        failures: list[BaseException] = []
        for each in found:
            if isinstance(each, BaseException):
                failures.append(each)
            else:
                certificates += each
        if not certificates and failures:
            raise min(failures, key=lambda error: isinstance(error, NoCard))
        return m.CertificateList(
            certificates=tuple(
                each
                for each in certificates
                if each.x509 is None or selection.takes(each.x509, each.chain)
            )
        )

    async def _in_slot(self, peer: Peer, slot: Slot, usage: Usage | None) -> list[Certificate]:
        card = _card_in(slot)
        return [
            await describe(card, key, unlocked=self._leases.holds(card, peer, key))
            for key in await card.keys(usage)
        ]

    async def find(
        self, certificate_id: str, path: str = "certificate"
    ) -> tuple[InsertedCard, Key]:
        """Return the card and the key of an id that stood at `path` of a request.

        Raises `InvalidParams` and `CertificateNotFound`.
        """
        card_id, dot, ref = certificate_id.rpartition(".")
        if not dot:
            raise InvalidParams(path=path, detail="not an id that certificate.list gave")
        card = self._readers.card(card_id)
        return card, await card.key(ref)

    async def find_with_pin(self, key_id: str) -> tuple[InsertedCard, Key, PinObject]:
        """Return the same of a key that has a PIN, and that; raises `InvalidParams` where it has none."""
        card, key = await self.find(key_id, "key")
        if key.pin is None:
            raise InvalidParams(path="key", detail="this key has no PIN")
        return card, key, key.pin

    async def der(self, certificate_id: str) -> bytes | None:
        """Return a certificate as the card has it, None while its PIN hides it."""
        return (await self.find(certificate_id))[1].certificate


def _card_in(slot: Slot) -> InsertedCard:
    if slot.status.state is ReaderState.MUTE:
        raise CardMute
    if slot.card is None:
        raise NoCard
    return slot.card
