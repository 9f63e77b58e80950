"""PIV cards (NIST SP 800-73-4), the application of most company cards and of our `ebid`."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from enum import IntEnum
from typing import Self

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from bridged.cards.base import (
    CardDriver,
    Input,
    Key,
    Keypad,
    PinBlock,
    PinObject,
    check,
    check_permitted,
    check_verified,
    tries_left,
)
from bridged.cards.certificate import load
from bridged.errors import CardFault
from bridged.model import CardType, PinAlphabet, PinRules, PinStatus, Usage
from bridged.pcsc import tlv
from bridged.pcsc.apdu import SW, Command
from bridged.pcsc.channel import Channel
from bridged.secret import Pin

AID = bytes.fromhex("A000000308")
MAX_CERTIFICATE = 0x4000
"""A certificate larger than this, compressed or not, is refused (bytes)."""

PIN = PinObject(
    "80",
    "PIN",
    PinRules(min_length=6, max_length=8, alphabet=PinAlphabet.DIGITS),
    puk=PinRules(min_length=6, max_length=8, alphabet=PinAlphabet.ASCII),
    block=PinBlock(0x80, length=8),
)


class Alg(IntEnum):
    """Algorithm identifiers (SP 800-78-4, table 6-2; RSA 3072 and 4096: SP 800-78-5)."""

    RSA_3072 = 0x05
    RSA_1024 = 0x06
    RSA_2048 = 0x07
    P_256 = 0x11
    P_384 = 0x14
    RSA_4096 = 0x16


_RSA = {1024: Alg.RSA_1024, 2048: Alg.RSA_2048, 3072: Alg.RSA_3072, 4096: Alg.RSA_4096}
_EC = {"secp256r1": Alg.P_256, "secp384r1": Alg.P_384}


@dataclass(frozen=True, slots=True)
class Slot:
    """A key reference with the data object of its certificate (SP 800-73-4, part 1, table 4b)."""

    ref: int
    object: int
    usage: Usage
    label: str
    pin_always: bool


SLOTS = (
    Slot(0x9A, 0x5FC105, Usage.AUTHENTICATION, "PIV Authentication (9A)", pin_always=False),
    Slot(0x9C, 0x5FC10A, Usage.SIGNATURE, "Digital Signature (9C)", pin_always=True),
)


class PivDriver(CardDriver):
    """The PIV application."""

    card_type = CardType.PIV
    label = "PIV"

    def __init__(self, channel: Channel) -> None:
        super().__init__(channel)
        self._epoch = channel.epoch
        self._transaction = channel.transaction
        self._certificates: dict[int, bytes | None] = {}

    @classmethod
    def detect(cls, channel: Channel) -> Self | None:
        """Select PIV by the first five bytes of its AID."""
        return cls(channel) if _select(channel) else None

    def keys(self, usage: Usage | None = None) -> list[Key]:
        """Return the keys whose slot holds a readable certificate."""
        wanted = (slot for slot in SLOTS if usage in {None, slot.usage})
        return [key for slot in wanted if (key := self._key(slot)) is not None]

    def enter(self) -> None:
        """Select, unless this very transaction has; what is verified stays so (part 2, 3.1.1)."""
        if (self._epoch, self._transaction) != (self._channel.epoch, self._channel.transaction):
            self._select()

    def pin_status(self, key: Key) -> PinStatus:
        """Return the state of the PIN, by an empty VERIFY (SP 800-73-4, part 2, 3.2.1)."""
        self.enter()
        ask = Command(0x00, 0x20, 0x00, PIN.block.reference)
        left, verified = tries_left(self._channel.transmit(ask))
        return PIN.status(tries_left=left, verified=verified)

    def verify_pin(self, key: Key, pin: Pin) -> None:
        """Verify the PIN, padded with FF to 8 bytes."""
        self._present(0x20, pin)

    def verify_on_keypad(self, key: Key, keypad: Keypad) -> None:
        """Verify a PIN typed on the reader."""
        check_verified(keypad.verify(PIN.block.verify(), PIN))

    def change_pin(self, key: Key, pin: Pin, new: Pin) -> None:
        """Change by CHANGE REFERENCE DATA (SP 800-73-4, part 2, 3.2.2)."""
        self._present(0x24, pin, new)

    def unblock_pin(self, key: Key, puk: Pin, new: Pin) -> None:
        """Unblock by RESET RETRY COUNTER (SP 800-73-4, part 2, 3.2.3)."""
        self._present(0x2C, puk, new)

    def _present(self, ins: int, *secrets: Pin) -> None:
        data = b"".join(PIN.block.of(secret.reveal()) for secret in secrets)
        command = Command(0x00, ins, 0x00, PIN.block.reference, data)
        check_verified(self._channel.transmit(command))

    def sign(self, key: Key, form: Input, data: bytes) -> bytes:
        """Sign with GENERAL AUTHENTICATE (SP 800-73-4, part 2, 3.2.4)."""
        self._ensure_selected()
        ref = int(key.ref, 16)
        template = tlv.encode(0x7C, tlv.encode(0x82), tlv.encode(0x81, data))
        le = 0x10000 if self._channel.extended else 256
        command = Command(0x00, 0x87, self._algorithm(ref), ref, template, le)
        response = self._channel.transmit(command)
        if not response.ok:
            # Another program may have selected its own application since; select ours next time.
            self._epoch = -1
        try:
            return tlv.find(check_permitted(response), 0x7C, 0x82)
        except tlv.TlvError:
            raise CardFault(sw="") from None

    def _key(self, slot: Slot) -> Key | None:
        if slot.ref not in self._certificates:
            self._certificates[slot.ref] = self._read_certificate(slot)
        der = self._certificates[slot.ref]
        if der is None:
            return None
        rsa_key = self._algorithm(slot.ref) in _RSA.values()
        return Key(
            ref=f"{slot.ref:02x}",
            usage=slot.usage,
            label=slot.label,
            pin=PIN,
            pin_always=slot.pin_always,
            inputs=frozenset({Input.RSA_BLOCK if rsa_key else Input.EC_DIGEST}),
            certificate=der,
        )

    def _read_certificate(self, slot: Slot) -> bytes | None:
        self.enter()
        le = 0x10000 if self._channel.extended else 256
        request = tlv.encode(0x5C, slot.object.to_bytes(3, "big"))
        response = self._channel.transmit(Command(0x00, 0xCB, 0x3F, 0xFF, request, le))
        if response.sw in {SW.FILE_NOT_FOUND, SW.SECURITY_STATUS}:
            return None
        try:
            der = parse_certificate_object(check(response))
            _algorithm_of(der)
        except (tlv.TlvError, ValueError, zlib.error):
            return None
        return der

    def _algorithm(self, ref: int) -> Alg:
        der = self._certificates.get(ref)
        if der is None:
            raise CardFault(sw="")
        return _algorithm_of(der)

    def _ensure_selected(self) -> None:
        """Select again after a reset; what was selected is otherwise taken to be still."""
        if self._epoch != self._channel.epoch:
            self._select()

    def _select(self) -> None:
        if not _select(self._channel):
            raise CardFault(sw="6A82")
        self._epoch, self._transaction = self._channel.epoch, self._channel.transaction


def _select(channel: Channel) -> bool:
    return channel.transmit(Command(0x00, 0xA4, 0x04, 0x00, AID, 256)).ok


def parse_certificate_object(raw: bytes) -> bytes:
    """Return the DER of a certificate data object (SP 800-73-4, part 1, table 10).

    Raises `TlvError`, `ValueError` or a decompression error; never gives more than 16 KiB.
    """
    content = tlv.find(raw, 0x53)
    certificate = tlv.find(content, 0x70)
    try:
        compressed = bool(tlv.find(content, 0x71)[:1] == b"\x01")
    except tlv.TlvError:
        compressed = False
    if compressed:
        certificate = _decompress(certificate)
    if len(certificate) > MAX_CERTIFICATE:
        raise ValueError("the certificate is too large")
    return certificate


def _decompress(data: bytes) -> bytes:
    if data[:2] == b"\x01\x00":
        # A two-byte mark and the plain length, little-endian, then zlib.
        return zlib.decompressobj().decompress(data[4:], MAX_CERTIFICATE + 1)
    return zlib.decompressobj(wbits=31).decompress(data, MAX_CERTIFICATE + 1)


def _algorithm_of(der: bytes) -> Alg:
    key = load(der).public_key()
    if isinstance(key, rsa.RSAPublicKey) and key.key_size in _RSA:
        return _RSA[key.key_size]
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _EC:
        return _EC[key.curve.name]
    raise ValueError("a key of a kind PIV has no name for")
