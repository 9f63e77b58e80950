"""JPKI, the public key application of the Individual Number Card (マイナンバーカード).

No public specification exists; the facts are those that OpenSC and myna agree upon.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Self

from bridged.cards.base import (
    CardDriver,
    Input,
    Key,
    Keypad,
    PinObject,
    SecurityStatus,
    check,
    check_permitted,
    check_verified,
    tries_left,
)
from bridged.cards.certificate import is_certificate
from bridged.errors import CardFault
from bridged.model import CardType, PinAlphabet, PinRules, PinStatus, Usage
from bridged.pcsc import tlv
from bridged.pcsc.apdu import SW, Command, Response
from bridged.pcsc.channel import Channel
from bridged.secret import Pin

AID = bytes.fromhex("D392F000260100000001")
SEQUENCE = 0x30
SHORTEST_READ = 32
"""A card that gives fewer bytes at a time than this wants to hold us up."""
MAX_CERTIFICATE = 0x2000
"""No certificate on the card is larger (bytes)."""


class EF(IntEnum):
    """File identifiers."""

    SIGNATURE_CERTIFICATE = 0x0001
    SIGNATURE_CA = 0x0002
    AUTHENTICATION_CERTIFICATE = 0x000A
    AUTHENTICATION_CA = 0x000B
    AUTHENTICATION_KEY = 0x0017
    AUTHENTICATION_PIN = 0x0018
    SIGNATURE_KEY = 0x001A
    SIGNATURE_PIN = 0x001B


@dataclass(frozen=True, slots=True)
class Slot:
    """A key with its files and the rules of its PIN."""

    key: EF
    pin: EF
    certificate: EF
    ca: EF
    usage: Usage
    label: str
    pin_object: PinObject
    private: bool


SLOTS = (
    Slot(
        EF.AUTHENTICATION_KEY,
        EF.AUTHENTICATION_PIN,
        EF.AUTHENTICATION_CERTIFICATE,
        EF.AUTHENTICATION_CA,
        Usage.AUTHENTICATION,
        "利用者証明用電子証明書",
        PinObject(
            "0018",
            "利用者証明用パスワード",
            PinRules(min_length=4, max_length=4, alphabet=PinAlphabet.DIGITS),
        ),
        private=False,
    ),
    Slot(
        EF.SIGNATURE_KEY,
        EF.SIGNATURE_PIN,
        EF.SIGNATURE_CERTIFICATE,
        EF.SIGNATURE_CA,
        Usage.SIGNATURE,
        "署名用電子証明書",
        PinObject(
            "001b",
            "署名用パスワード",
            PinRules(min_length=6, max_length=16, alphabet=PinAlphabet.UPPER_ALNUM),
        ),
        private=True,
    ),
)


class JpkiDriver(CardDriver):
    """The JPKI application (公的個人認証AP)."""

    card_type = CardType.JPKI
    label = "マイナンバーカード"

    def __init__(self, channel: Channel) -> None:
        super().__init__(channel)
        self._certificates: dict[EF, bytes] = {}
        self._file: tuple[int, int, EF] | None = None
        self._verified: set[EF] = set()
        self._entered()

    @classmethod
    def detect(cls, channel: Channel) -> Self | None:
        """Select the application by its AID."""
        return cls(channel) if _select_application(channel) else None

    def keys(self, usage: Usage | None = None) -> list[Key]:
        """Return the keys that have one; the signature certificate is None until its PIN was verified."""
        wanted = (slot for slot in SLOTS if usage in {None, slot.usage})
        return [key for slot in wanted if (key := self._key(slot)) is not None]

    def enter(self) -> None:
        """Select the application, which logs out every PIN of it."""
        self._select()

    def pin_status(self, key: Key) -> PinStatus:
        """Return the state of the PIN of a key, by a VERIFY without data."""
        self._ensure_selected()
        self._select_file(_slot(key).pin)
        left, verified = tries_left(self._channel.transmit(Command(0x00, 0x20, 0x00, 0x80)))
        return _slot(key).pin_object.status(tries_left=left, verified=verified)

    def verify_pin(self, key: Key, pin: Pin) -> None:
        """Verify the PIN of a key."""
        command = _slot(key).pin_object.block.verify(pin.reveal())
        self._verify(key, lambda: self._channel.transmit(command))

    def verify_on_keypad(self, key: Key, keypad: Keypad) -> None:
        """Verify the PIN of a key, typed on the reader."""
        pin = _slot(key).pin_object
        self._verify(key, lambda: keypad.verify(pin.block.verify(), pin))

    def _verify(self, key: Key, present: Callable[[], Response]) -> None:
        slot = _slot(key)
        self._verified.discard(slot.pin)
        self._select_file(slot.pin)
        check_verified(present())
        self._verified.add(slot.pin)

    def change_pin(self, key: Key, pin: Pin, new: Pin) -> None:
        """Verify, then change by CHANGE REFERENCE DATA with the new PIN alone."""
        self.verify_pin(key, pin)
        check(self._channel.transmit(Command(0x00, 0x24, 0x01, 0x80, new.reveal())))

    def sign(self, key: Key, form: Input, data: bytes) -> bytes:
        """Sign a DigestInfo with COMPUTE DIGITAL SIGNATURE."""
        self._ensure_selected()
        self._select_file(_slot(key).key)
        response = self._channel.transmit(Command(0x80, 0x2A, 0x00, 0x80, data, 256))
        return check_permitted(self._noted(response))

    def _noted(self, response: Response) -> Response:
        if not response.ok:
            # Another program may have selected its own application since; select ours next time.
            self._epoch = -1
        return response

    def _key(self, slot: Slot) -> Key | None:
        locked = slot.private and not self._is_verified(slot.pin)
        certificate = None if locked else self._read_certificate(slot.certificate)
        if certificate == b"":
            return None
        ca = self._read_certificate(slot.ca)
        return Key(
            ref=f"{slot.key:04x}",
            usage=slot.usage,
            label=slot.label,
            pin=slot.pin_object,
            pin_always=False,
            inputs=frozenset({Input.RSA_DIGEST_INFO}),
            certificate=certificate,
            certificate_private=slot.private,
            chain=(ca,) if ca else (),
        )

    def _read_certificate(self, file: EF) -> bytes | None:
        """Return a certificate, empty where the file holds none; None where it needs the PIN."""
        if file not in self._certificates:
            self._ensure_selected()
            try:
                self._select_file(file)
                der = self._read_der()
            except SecurityStatus:
                # It was verified, and another program has selected the application since.
                return None
            self._certificates[file] = der if is_certificate(der) else b""
        return self._certificates[file]

    def _read_der(self) -> bytes:
        """Read the selected file as far as the DER in it goes (READ BINARY, 15-bit offset)."""
        data = self._read(0, 0x10000 if self._channel.extended else 256)
        try:
            tag, size = tlv.header(data)
        except tlv.TlvError:
            return b""
        if tag != SEQUENCE or size > MAX_CERTIFICATE:
            return b""
        while len(data) < size:
            more = self._read(len(data), min(size - len(data), 256))
            if len(more) < min(size - len(data), SHORTEST_READ):
                raise CardFault(sw="")
            data += more
        return data[:size]

    def _read(self, offset: int, length: int) -> bytes:
        response = self._channel.transmit(
            Command(0x00, 0xB0, offset >> 8, offset & 0xFF, le=length)
        )
        if response.sw == SW.END_OF_FILE:
            return response.data
        return check_permitted(self._noted(response))

    def _select_file(self, file: EF) -> None:
        here = (self._channel.epoch, self._channel.transaction, file)
        if self._file != here:
            command = Command(0x00, 0xA4, 0x02, 0x0C, file.to_bytes(2, "big"))
            check(self._noted(self._channel.transmit(command)))
            self._file = here

    def _is_verified(self, pin: EF) -> bool:
        return self._epoch == self._channel.epoch and pin in self._verified

    def _ensure_selected(self) -> None:
        """Select where another program may have selected, unless that would log a PIN out."""
        new_transaction = self._transaction != self._channel.transaction
        if self._epoch != self._channel.epoch or (new_transaction and not self._verified):
            self._select()

    def _select(self) -> None:
        if not _select_application(self._channel):
            raise CardFault(sw="6A82")
        self._entered()

    def _entered(self) -> None:
        """Note that the application was just selected: no file is, and no PIN is verified."""
        self._epoch, self._transaction = self._channel.epoch, self._channel.transaction
        self._file = None
        self._verified.clear()


def _select_application(channel: Channel) -> bool:
    return channel.transmit(Command(0x00, 0xA4, 0x04, 0x0C, AID)).ok


def _slot(key: Key) -> Slot:
    return next(slot for slot in SLOTS if f"{slot.key:04x}" == key.ref)
