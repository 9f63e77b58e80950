"""PIV cards (NIST SP 800-73-4), the application of most company cards and of our `ebid`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Self

from bridged.cards.answers import check, check_permitted, check_verified, tries_left
from bridged.cards.base import CardDriver
from bridged.cards.key import Input, Key, Keypad, PinBlock, PinObject
from bridged.cards.piv_objects import (
    AUTHENTICATION,
    CARD_AUTHENTICATION,
    DISCOVERY,
    KEY_HISTORY,
    KEY_MANAGEMENT,
    RETIRED,
    SIGNATURE,
    Certified,
    Slot,
    certified,
    prefers_global_pin,
    retired_certificates,
)
from bridged.errors import CardFault, PinBlocked, PinIncorrect, PinUnblockUnsupported
from bridged.model import CardType, PinAlphabet, PinRules, PinStatus, Usage
from bridged.pcsc import tlv
from bridged.pcsc.apdu import ELSEWHERE, SW, Command, Response
from bridged.pcsc.atr import historical_bytes
from bridged.pcsc.channel import Channel
from bridged.secret import Pin

AID = bytes.fromhex("A000000308")
DIGITS = PinRules(min_length=6, max_length=8, alphabet=PinAlphabet.DIGITS)
PUK = PinRules(min_length=6, max_length=8, alphabet=PinAlphabet.ASCII)

PUK_REFERENCE = 0x81

PIN = PinObject("80", "PIN", DIGITS, puk=PUK, block=PinBlock(0x80, length=8))
GLOBAL_PIN = PinObject("00", "Global PIN", DIGITS, block=PinBlock(0x00, length=8))
"""The PIN of the whole card, where that is the one people know; PIV's PUK is not for it."""

PLACES = {Usage.AUTHENTICATION: AUTHENTICATION, Usage.SIGNATURE: SIGNATURE}
"""Where a key of each usage is; the others are looked at where nothing is there, or for all keys."""
OTHERS = (CARD_AUTHENTICATION, KEY_MANAGEMENT)
YUBIKEY = (b"YubiKey", b"Yubikey")
"""In the ATR of tokens whose retired slots are filled without a word in the key history."""
GET_PUK_METADATA = Command(0x00, 0xF7, 0x00, PUK_REFERENCE, le=256)
METADATA_RETRIES = 0x06
"""All tries, and those left (Yubico, "PIV commands: get metadata"); no standard has this command."""


class PivDriver(CardDriver):
    """The PIV application."""

    card_type = CardType.PIV
    label = "PIV"

    def __init__(self, channel: Channel) -> None:
        super().__init__(channel)
        self._entered()
        self._certificates: dict[int, Certified | None] = {}
        self._retired: int | None = None
        self._known_pin: PinObject | None = None
        self._verified_at: tuple[int, int, int] | None = None
        self._puk_tries_left: int | None = None

    @classmethod
    def detect(cls, channel: Channel) -> Self | None:
        """Select PIV by the first five bytes of its AID."""
        return cls(channel) if _select(channel) else None

    # ---- keys ----

    def keys(self, usage: Usage | None = None) -> list[Key]:
        """Return the key in the place of a usage, or else those that other slots have for it.

        Without a usage: every key that can sign. Slots made for decrypting (9D and the retired
        ones) count where the certificate's KeyUsage allows signing.
        """
        if usage is None:
            return [*self._keys_in(PLACES.values()), *self._keys_elsewhere(*Usage)]
        return [*self._keys_in([PLACES[usage]])] or [*self._keys_elsewhere(usage)]

    def _keys_elsewhere(self, *usages: Usage) -> Iterator[Key]:
        for slots in (OTHERS, self._retired_slots()):
            may_be = (slot for slot in slots if slot.usage in {None, *usages})
            yield from (key for key in self._keys_in(may_be) if key.usage in usages)

    def _keys_in(self, slots: Iterable[Slot]) -> Iterator[Key]:
        for slot in slots:
            found = self._read(slot)
            if found is not None and found.usage is not None:
                yield Key(
                    ref=f"{slot.ref:02x}",
                    usage=found.usage,
                    label=slot.label,
                    pin=self._pin if slot.pin else None,
                    pin_always=slot.pin_always,
                    inputs=frozenset({found.input}),
                    certificate=found.der,
                )

    def _read(self, slot: Slot) -> Certified | None:
        if slot.ref not in self._certificates:
            response = self._get_data(slot.object)
            if response.sw in {SW.FILE_NOT_FOUND, SW.SECURITY_STATUS}:
                self._certificates[slot.ref] = None
            else:
                try:
                    self._certificates[slot.ref] = certified(slot, check(response))
                except ValueError:
                    self._certificates[slot.ref] = None
        return self._certificates[slot.ref]

    def _retired_slots(self) -> Iterator[Slot]:
        """Yield retired slots until as many certificates are found as there are."""
        left = self._retired_certificates()
        for slot in RETIRED:
            if left:
                yield slot
                left -= self._read(slot) is not None

    def _retired_certificates(self) -> int:
        """Return how many there may be, from the key history (SP 800-73-4, part 1, 3.3.3)."""
        if self._retired is None:
            if self._is_yubikey:
                self._retired = len(RETIRED)
            else:
                answer = self._get_data(KEY_HISTORY)
                self._retired = retired_certificates(answer.data) if answer.ok else 0
        return self._retired

    def _get_data(self, tag: int) -> Response:
        self.enter()
        le = 0x10000 if self._channel.extended else 256
        request = tlv.encode(0x5C, tag.to_bytes((tag.bit_length() + 7) // 8, "big"))
        return self._channel.transmit(Command(0x00, 0xCB, 0x3F, 0xFF, request, le))

    # ---- PIN ----

    @property
    def _pin(self) -> PinObject:
        """The PIN that people know, from the discovery object; a card without one has PIV's own."""
        if self._known_pin is None:
            discovery = self._get_data(DISCOVERY)
            prefers = discovery.ok and prefers_global_pin(discovery.data)
            self._known_pin = GLOBAL_PIN if prefers else PIN
        return self._known_pin

    def enter(self) -> None:
        """Select, unless this very transaction has; what is verified stays so (part 2, 3.1.1)."""
        if (self._epoch, self._transaction) != (self._channel.epoch, self._channel.transaction):
            self._select()

    def pin_status(self, key: Key) -> PinStatus:
        """Return the state of the PIN, by an empty VERIFY (SP 800-73-4, part 2, 3.2.1)."""
        self.enter()
        ask = Command(0x00, 0x20, 0x00, self._pin.block.reference)
        left, verified = tries_left(self._channel.transmit(ask))
        return self._pin.status(tries_left=left, verified=verified)

    def verify_pin(self, key: Key, pin: Pin) -> None:
        """Verify the PIN, padded with FF to 8 bytes."""
        self._present(0x20, pin)
        self._verified_at = self._now()

    def just_verified(self, key: Key) -> bool:
        """Whether nothing was sent in this transaction since the PIN was verified."""
        return self._verified_at == self._now()

    def _now(self) -> tuple[int, int, int]:
        return self._channel.epoch, self._channel.transaction, self._channel.apdus

    def verify_on_keypad(self, key: Key, keypad: Keypad) -> None:
        """Verify a PIN typed on the reader."""
        check_verified(keypad.verify(self._pin.block.verify(), self._pin))

    def change_pin(self, key: Key, pin: Pin, new: Pin) -> None:
        """Change by CHANGE REFERENCE DATA (SP 800-73-4, part 2, 3.2.2)."""
        self._present(0x24, pin, new)

    def unblock_pin(self, key: Key, puk: Pin, new: Pin) -> None:
        """Unblock by RESET RETRY COUNTER (SP 800-73-4, part 2, 3.2.3)."""
        self._present_puk(0x2C, self._pin.block.reference, puk, new)

    def change_puk(self, key: Key, puk: Pin, new: Pin) -> None:
        """Change by CHANGE REFERENCE DATA with reference 81 (SP 800-73-4, part 2, 3.2.2)."""
        self._present_puk(0x24, PUK_REFERENCE, puk, new)

    def puk_tries_left(self, key: Key) -> int | None:
        """Return what the last wrong PUK left: PIV has no command that asks (part 2, 3.2.1).

        A YubiKey is asked (GET METADATA, firmware 5.3 and later).
        """
        if self._is_yubikey:
            self.enter()
            answer = self._channel.transmit(GET_PUK_METADATA)
            with contextlib.suppress(tlv.TlvError, IndexError):
                if answer.ok:
                    return tlv.find(answer.data, METADATA_RETRIES)[1]
        return self._puk_tries_left

    @property
    def _is_yubikey(self) -> bool:
        history = historical_bytes(self._channel.atr)
        return any(name in history for name in YUBIKEY)

    def _present_puk(self, ins: int, reference: int, puk: Pin, new: Pin) -> None:
        if self._pin.puk is None:
            raise PinUnblockUnsupported
        try:
            self._present(ins, puk, new, reference=reference)
        except PinIncorrect as error:
            self._puk_tries_left = error.tries_left
            raise
        except PinBlocked:
            self._puk_tries_left = 0
            raise
        self._puk_tries_left = None

    def _present(self, ins: int, *secrets: Pin, reference: int | None = None) -> None:
        block = self._pin.block
        data = b"".join(block.of(secret.reveal()) for secret in secrets)
        p2 = block.reference if reference is None else reference
        check_verified(self._channel.transmit(Command(0x00, ins, 0x00, p2, data)))

    # ---- signing ----

    def sign(self, key: Key, form: Input, data: bytes) -> bytes:
        """Sign with GENERAL AUTHENTICATE (SP 800-73-4, part 2, 3.2.4)."""
        ref = int(key.ref, 16)
        found = self._certificates.get(ref)
        if found is None:
            raise CardFault(sw="")
        template = tlv.encode(0x7C, tlv.encode(0x82), tlv.encode(0x81, data))
        le = 0x10000 if self._channel.extended else 256
        command = Command(0x00, 0x87, found.alg, ref, template, le)
        try:
            return tlv.find(check_permitted(self._ask_to_sign(command)), 0x7C, 0x82)
        except tlv.TlvError:
            raise CardFault(sw="") from None

    def _ask_to_sign(self, command: Command) -> Response:
        """Send without selecting first, as nothing that follows a SELECT before is secret.

        Where another program seems to have selected its own application since, ours is selected and
        asked again; it then tells that the PIN is gone.
        """
        if self._epoch != self._channel.epoch:
            self._select()
        response = self._channel.transmit(command)
        selected_now = self._transaction == self._channel.transaction
        if response.sw in ELSEWHERE | {SW.SECURITY_STATUS} and not selected_now:
            self._select()
            response = self._channel.transmit(command)
        return response

    def _select(self) -> None:
        if not _select(self._channel):
            raise CardFault(sw="6A82")
        self._entered()

    def _entered(self) -> None:
        self._epoch, self._transaction = self._channel.epoch, self._channel.transaction


def _select(channel: Channel) -> bool:
    return channel.transmit(Command(0x00, 0xA4, 0x04, 0x00, AID, 256)).ok
