"""A PIV applet (NIST SP 800-73-4, part 2): PINs, data objects and signing; no card management."""

from __future__ import annotations

import gzip
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from bridged.pcsc import tlv
from bridged.pcsc.apdu import SW, Command, Response
from bridged.virtual.keys import raw_rsa
from bridged.virtual.keystore import CardKey
from bridged.virtual.reference_data import ReferenceData

AID = bytes.fromhex("A000000308 000010000100")
AUTHENTICATION, SIGNATURE, KEY_MANAGEMENT, CARD_AUTHENTICATION = 0x9A, 0x9C, 0x9D, 0x9E
RETIRED = range(0x82, 0x96)
OBJECT_OF_KEY = {
    AUTHENTICATION: 0x5FC105,
    SIGNATURE: 0x5FC10A,
    KEY_MANAGEMENT: 0x5FC10B,
    CARD_AUTHENTICATION: 0x5FC101,
    **{reference: 0x5FC10D + n for n, reference in enumerate(RETIRED)},
}
OBJECT_CHUID, OBJECT_CCC, OBJECT_DISCOVERY = 0x5FC102, 0x5FC107, 0x7E
OBJECT_KEY_HISTORY = 0x5FC10C
KEY_GLOBAL_PIN, KEY_PIN, KEY_PUK = 0x00, 0x80, 0x81
RSA_ALGORITHMS = {1024: 0x06, 2048: 0x07, 3072: 0x05, 4096: 0x16}
EC_ALGORITHMS = {"secp256r1": 0x11, "secp384r1": 0x14}
ALGORITHM_ED25519 = 0xE0

DIGESTS = {digest.digest_size: digest for digest in (hashes.SHA256(), hashes.SHA384())}

PIN_FORM = re.compile(rb"(?=.{8}\Z)[0-9]{6,8}\xff*", re.DOTALL)
PUK_FORM = re.compile(rb".{8}", re.DOTALL)

# The FASC-N that stands for "not a federal card" (SP 800-73-4 part 1, 3.1.2).
FASC_N = bytes.fromhex("D4E739DA739CED39CE739D836858210842108421C84210C3EB")


VERSION = bytes(3)
"""What yubico-piv-tool asks any card for, and since 2.7 does not go on without: none of YubiKey's."""


@dataclass(frozen=True, slots=True)
class PivKey:
    """A key with its certificate (DER); `pin_always` asks for the PIN before each signature.

    The key of 9E never asks. `compressed` keeps the certificate as gzip (part 1, 4.2).
    """

    reference: int
    key: CardKey
    certificate: bytes
    pin_always: bool = False
    compressed: bool = False

    @property
    def algorithm(self) -> int:
        """Its algorithm identifier (SP 800-78-5, table 6-2; E0 is Ed25519 on YubiKeys)."""
        if isinstance(self.key, rsa.RSAPrivateKey):
            return RSA_ALGORITHMS[self.key.key_size]
        if isinstance(self.key, ec.EllipticCurvePrivateKey):
            return EC_ALGORITHMS[self.key.curve.name]
        return ALGORITHM_ED25519

    @property
    def certificate_object(self) -> bytes:
        """The data object of the certificate."""
        content = gzip.compress(self.certificate) if self.compressed else self.certificate
        info = b"\1" if self.compressed else b"\0"
        return tlv.encode(0x53, tlv.encode(0x70, content), tlv.encode(0x71, info), b"\xfe\0")


class PivApplet:
    """The applet, with the PIN in `pins["pin"]` and the PUK in `pins["puk"]`.

    A `global_pin` opens the keys as the PIN does, and is the one that people are to be asked for.
    """

    aid = AID

    def __init__(
        self,
        keys: Sequence[PivKey],
        pin: ReferenceData,
        puk: ReferenceData,
        global_pin: ReferenceData | None = None,
    ) -> None:
        self.pins: Mapping[str, ReferenceData] = {"pin": pin, "puk": puk}
        self._pins_by_reference = {KEY_PIN: pin}
        if global_pin is not None:
            self.pins = {**self.pins, "global": global_pin}
            self._pins_by_reference[KEY_GLOBAL_PIN] = global_pin
        self._pin, self._puk = pin, puk
        self._pin_just_verified = False
        self._keys = {key.reference: key for key in keys}
        self._objects = {
            OBJECT_CHUID: _chuid(uuid.uuid4().bytes),
            OBJECT_CCC: _capability_container(uuid.uuid4().bytes[:14]),
            OBJECT_DISCOVERY: _discovery(prefers_global_pin=global_pin is not None),
        }
        for key in keys:
            self._objects[OBJECT_OF_KEY[key.reference]] = key.certificate_object
        if retired := sum(reference in RETIRED for reference in self._keys):
            self._objects[OBJECT_KEY_HISTORY] = _key_history(retired)

    def select(self, p2: int) -> Response:
        """Return the application property template; the security status stays as it is (3.1.1)."""
        self._pin_just_verified = False
        authority = tlv.encode(0x79, tlv.encode(0x4F, AID[:5]))
        return Response(tlv.encode(0x61, tlv.encode(0x4F, AID[5:]), authority), SW.OK)

    def deselect(self) -> None:
        """Forget that the PIN was verified."""
        self._pin_just_verified = False
        for pin in self._pins_by_reference.values():
            pin.verified = False

    def process(self, command: Command) -> Response:
        """Carry out one command."""
        just_verified, self._pin_just_verified = self._pin_just_verified, False
        if command.cla != 0x00:
            return Response(b"", SW.CLA_UNSUPPORTED)
        match command.ins:
            case 0xCB:
                return self._get_data(command)
            case 0x20:
                return self._verify(command)
            case 0x24:
                return self._change_reference_data(command)
            case 0x2C:
                return self._reset_retry_counter(command)
            case 0x87:
                return self._general_authenticate(command, just_verified=just_verified)
            case 0xFD:
                return Response(VERSION, SW.OK)
            case _:
                return Response(b"", SW.INS_UNSUPPORTED)

    def _get_data(self, command: Command) -> Response:
        """GET DATA (3.1.2)."""
        if (command.p1, command.p2) != (0x3F, 0xFF):
            return Response(b"", SW.WRONG_P1P2)
        try:
            tag = int.from_bytes(tlv.find(command.data, 0x5C), "big")
        except tlv.TlvError:
            return Response(b"", SW.WRONG_DATA)
        content = self._objects.get(tag)
        return Response(b"", SW.FILE_NOT_FOUND) if content is None else Response(content, SW.OK)

    def _verify(self, command: Command) -> Response:
        """VERIFY (3.2.1). A PIN of the wrong form is 6A80 and costs no try, as the text allows."""
        pin = self._pins_by_reference.get(command.p2)
        if pin is None:
            return Response(b"", SW.REFERENCE_NOT_FOUND)
        if command.p1 == 0xFF and not command.data:
            pin.verified = False
            return Response(b"", SW.OK)
        if command.p1 != 0x00:
            return Response(b"", SW.WRONG_P1P2)
        if not command.data:
            return Response(b"", SW.OK if pin.verified else _refusal(pin))
        if pin.blocked:
            return _refused(pin)
        if not PIN_FORM.fullmatch(command.data):
            return Response(b"", SW.WRONG_DATA)
        if not pin.verify(command.data):
            return _refused_after_try(pin)
        self._pin_just_verified = True
        return Response(b"", SW.OK)

    def _change_reference_data(self, command: Command) -> Response:
        """CHANGE REFERENCE DATA (3.2.2) for a PIN or the PUK."""
        forms = {reference: (pin, PIN_FORM) for reference, pin in self._pins_by_reference.items()}
        forms[KEY_PUK] = (self._puk, PUK_FORM)
        if command.p1 != 0x00:
            return Response(b"", SW.WRONG_P1P2)
        if command.p2 not in forms:
            return Response(b"", SW.REFERENCE_NOT_FOUND)
        reference, form = forms[command.p2]
        return self._replace(command.data, by=reference, of=reference, form=form)

    def _reset_retry_counter(self, command: Command) -> Response:
        """RESET RETRY COUNTER (3.2.3): the PUK, then the new PIN."""
        if command.p1 != 0x00:
            return Response(b"", SW.WRONG_P1P2)
        if command.p2 != KEY_PIN:
            return Response(b"", SW.REFERENCE_NOT_FOUND)
        response = self._replace(command.data, by=self._puk, of=self._pin, form=PIN_FORM)
        self._puk.verified = False
        return response

    def _replace(
        self, data: bytes, *, by: ReferenceData, of: ReferenceData, form: re.Pattern[bytes]
    ) -> Response:
        """Set `of` to the last 8 bytes of `data` where the first 8 are `by`."""
        if by.blocked:
            return _refused(by)
        if len(data) != 16 or not form.fullmatch(data[8:]):
            return Response(b"", SW.WRONG_DATA)
        if not by.verify(data[:8]):
            return _refused_after_try(by)
        of.set(data[8:])
        return Response(b"", SW.OK)

    def _general_authenticate(self, command: Command, *, just_verified: bool) -> Response:
        """GENERAL AUTHENTICATE (3.2.4) in its signing form: 7C {82 empty, 81 what to sign}."""
        key = self._keys.get(command.p2)
        if key is None or command.p1 != key.algorithm:
            return Response(b"", SW.WRONG_P1P2)
        if not self._permits(key, just_verified=just_verified):
            return Response(b"", SW.SECURITY_STATUS)
        try:
            template = dict(tlv.parse(tlv.find(command.data, 0x7C)))
            if template.keys() != {0x81, 0x82} or template[0x82]:
                return Response(b"", SW.WRONG_DATA)
            signature = _sign(key.key, template[0x81])
        except ValueError:
            return Response(b"", SW.WRONG_DATA)
        return Response(tlv.encode(0x7C, tlv.encode(0x82, signature)), SW.OK)

    def _permits(self, key: PivKey, *, just_verified: bool) -> bool:
        """Whether a key may sign now (SP 800-73-4 part 1, table 4b)."""
        if key.reference == CARD_AUTHENTICATION:
            return True
        verified = any(pin.verified for pin in self._pins_by_reference.values())
        return verified and (just_verified or not key.pin_always)


def _sign(key: CardKey, challenge: bytes) -> bytes:
    """Sign a padded block (RSA), a digest (EC, answered in DER), a message (Ed25519).

    Raises `ValueError`.
    """
    if isinstance(key, rsa.RSAPrivateKey):
        return raw_rsa(key, challenge)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        if len(challenge) not in DIGESTS:
            raise ValueError("as long as no digest")
        return key.sign(challenge, ec.ECDSA(Prehashed(DIGESTS[len(challenge)])))
    return key.sign(challenge)


def _refusal(reference: ReferenceData) -> int:
    return SW.AUTH_METHOD_BLOCKED if reference.blocked else 0x63C0 | reference.tries_left


def _refused(reference: ReferenceData) -> Response:
    return Response(b"", _refusal(reference))


def _refused_after_try(reference: ReferenceData) -> Response:
    return Response(b"", 0x63C0 | reference.tries_left)


def _chuid(guid: bytes) -> bytes:
    """Return the card holder unique identifier, unsigned (SP 800-73-4 part 1, 3.1.2)."""
    fields = (
        tlv.encode(0x30, FASC_N),
        tlv.encode(0x34, guid),
        tlv.encode(0x35, b"20501231"),
        b"\x3e\0\xfe\0",
    )
    return tlv.encode(0x53, *fields)


def _capability_container(card_id: bytes) -> bytes:
    """Return the card capability container (SP 800-73-4 part 1, 3.1.1)."""
    identifier = tlv.encode(0xF0, bytes.fromhex("A000000116FF02"), card_id)
    rest = "F10121 F20121 F300 F40100 F50110 F600 F700 FA00 FB00 FC00 FD00 FE00"
    return tlv.encode(0x53, identifier, bytes.fromhex(rest))


def _key_history(retired: int) -> bytes:
    """Return the key history object: so many retired keys, all certificates on the card (3.3.3)."""
    on_card, off_card = tlv.encode(0xC1, bytes((retired,))), tlv.encode(0xC2, b"\0")
    return tlv.encode(0x53, on_card, off_card, b"\xf3\0\xfe\0")


def _discovery(*, prefers_global_pin: bool) -> bytes:
    """Return the discovery object with the PIN usage policy (SP 800-73-4 part 1, 3.3.2)."""
    policy = b"\x60\x20" if prefers_global_pin else b"\x40\x00"
    return tlv.encode(OBJECT_DISCOVERY, tlv.encode(0x4F, AID), tlv.encode(0x5F2F, policy))
