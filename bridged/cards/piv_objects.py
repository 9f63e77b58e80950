"""The slots and data objects of PIV, as bytes (SP 800-73-4, part 1; SP 800-78-5). Pure."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from enum import IntEnum

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID

from bridged.cards.certificate import load
from bridged.cards.key import Input
from bridged.model import Usage
from bridged.pcsc import tlv

MAX_CERTIFICATE = 0x4000
"""A certificate larger than this, compressed or not, is refused (bytes)."""

DISCOVERY = 0x7E
KEY_HISTORY = 0x5FC10C
GLOBAL_PIN_IS_PRIMARY = 0x20


class Alg(IntEnum):
    """Algorithm identifiers (SP 800-78-4, table 6-2; SP 800-78-5; Ed25519 as YubiKeys name it)."""

    RSA_3072 = 0x05
    RSA_1024 = 0x06
    RSA_2048 = 0x07
    P_256 = 0x11
    P_384 = 0x14
    RSA_4096 = 0x16
    ED25519 = 0xE0


_RSA = {1024: Alg.RSA_1024, 2048: Alg.RSA_2048, 3072: Alg.RSA_3072, 4096: Alg.RSA_4096}
_EC = {"secp256r1": Alg.P_256, "secp384r1": Alg.P_384}


@dataclass(frozen=True, slots=True)
class Slot:
    """A key reference with the data object of its certificate (SP 800-73-4, part 1, table 4b).

    `usage` is None where the certificate says what the key is for.
    """

    ref: int
    object: int
    usage: Usage | None
    label: str
    pin: bool = True
    pin_always: bool = False


AUTHENTICATION = Slot(0x9A, 0x5FC105, Usage.AUTHENTICATION, "PIV Authentication (9A)")
SIGNATURE = Slot(0x9C, 0x5FC10A, Usage.SIGNATURE, "Digital Signature (9C)", pin_always=True)
KEY_MANAGEMENT = Slot(0x9D, 0x5FC10B, None, "Key Management (9D)")
CARD_AUTHENTICATION = Slot(
    0x9E, 0x5FC101, Usage.AUTHENTICATION, "Card Authentication (9E)", pin=False
)
RETIRED = tuple(
    Slot(0x82 + i, 0x5FC10D + i, None, f"Retired Key Management {i + 1} ({0x82 + i:X})")
    for i in range(20)
)


@dataclass(frozen=True, slots=True)
class Certified:
    """A certificate of a slot, with what the card is told to sign with its key."""

    der: bytes
    alg: Alg
    input: Input
    usage: Usage | None


def certified(slot: Slot, raw: bytes) -> Certified:
    """Read the data object of a slot; raises `ValueError` where it holds nothing we can use."""
    der = parse_certificate_object(raw)
    certificate = load(der)
    alg, form = _algorithm(certificate.public_key())
    return Certified(der, alg, form, slot.usage or signing_usage(certificate))


def parse_certificate_object(raw: bytes) -> bytes:
    """Return the DER of a certificate data object (SP 800-73-4, part 1, table 10).

    Raises `ValueError`; never gives more than 16 KiB.
    """
    content = tlv.find(raw, 0x53)
    certificate = tlv.find(content, 0x70)
    try:
        compressed = tlv.find(content, 0x71)[:1] == b"\x01"
    except tlv.TlvError:
        compressed = False
    if compressed:
        certificate = _decompress(certificate)
    if len(certificate) > MAX_CERTIFICATE:
        raise ValueError("the certificate is too large")
    return certificate


def _decompress(data: bytes) -> bytes:
    try:
        if data[:2] == b"\x01\x00":
            # A two-byte mark and the plain length, little-endian, then zlib.
            return zlib.decompressobj().decompress(data[4:], MAX_CERTIFICATE + 1)
        return zlib.decompressobj(wbits=31).decompress(data, MAX_CERTIFICATE + 1)
    except zlib.error as error:
        raise ValueError(str(error)) from None


def _algorithm(key: CertificatePublicKeyTypes) -> tuple[Alg, Input]:
    if isinstance(key, rsa.RSAPublicKey) and key.key_size in _RSA:
        return _RSA[key.key_size], Input.RSA_BLOCK
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _EC:
        return _EC[key.curve.name], Input.EC_DIGEST
    if isinstance(key, ed25519.Ed25519PublicKey):
        return Alg.ED25519, Input.ED_MESSAGE
    raise ValueError("a key of a kind PIV has no name for")


def signing_usage(certificate: x509.Certificate) -> Usage | None:
    """Return what a key made for decrypting may sign: what its KeyUsage names, mostly nothing.

    A certificate without the extension names nothing. One for digital signatures alone, made for
    TLS clients, is there to log in.
    """
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        if usage.content_commitment:
            return Usage.SIGNATURE
        if not usage.digital_signature:
            return None
        purposes = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound as missing:
        return Usage.SIGNATURE if missing.oid == x509.ExtendedKeyUsage.oid else None
    except (x509.DuplicateExtension, x509.UnsupportedGeneralNameType, ValueError):
        return None
    log_in = ExtendedKeyUsageOID.CLIENT_AUTH in purposes
    return Usage.AUTHENTICATION if log_in else Usage.SIGNATURE


def prefers_global_pin(raw: bytes) -> bool:
    """Whether a discovery object says that people know the card's global PIN (part 1, 3.3.2)."""
    try:
        policy = tlv.find(raw, DISCOVERY, 0x5F2F)
    except tlv.TlvError:
        return False
    return len(policy) == 2 and bool(policy[0] & 0x20) and policy[1] == GLOBAL_PIN_IS_PRIMARY


def retired_certificates(raw: bytes) -> int:
    """Return how many retired slots hold a certificate, from the key history (part 1, 3.3.3)."""
    try:
        return min(tlv.find(raw, 0x53, 0xC1)[0], len(RETIRED))
    except (tlv.TlvError, IndexError):
        return 0
