"""Certificates read for people: who holds it, who issued it, how long it lasts (RFC 5280)."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import NameOID, ObjectIdentifier

from bridged.cards.certificate import load
from bridged.model import X509, Holder, Name
from bridged.pcsc import tlv
from bridged.signing import corporate_number, issuers

JPKI_NAME = ObjectIdentifier("1.2.392.200149.8.5.5.1")
JPKI_ADDRESS = ObjectIdentifier("1.2.392.200149.8.5.5.5")
MAX_TEXT = 300
"""Text of a certificate is cut to this many characters: it is shown, not trusted."""

_UNREADABLE = (
    x509.ExtensionNotFound,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    ValueError,
)
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Categories of characters that move, turn or hide what stands beside them (bidi, control)."""
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800\u034f")
"""Letters that look like nothing: fillers of Hangul and Braille, the grapheme joiner."""
_ADDRESS = (NameOID.STATE_OR_PROVINCE_NAME, NameOID.LOCALITY_NAME, NameOID.STREET_ADDRESS)
_KEY_USAGE = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
)


def read(der: bytes, *, now: datetime | None = None) -> X509:
    """Read a certificate; raises `ValueError` where it is none."""
    certificate = load(der)
    now = now or datetime.now(UTC)
    issuer = _name(certificate.issuer)
    return X509(
        der=der,
        sha256=hashlib.sha256(der).hexdigest(),
        subject=_name(certificate.subject),
        issuer=issuer,
        issuer_family=issuers.family(
            (issuer.common_name, issuer.organization, issuer.organizational_unit)
        ),
        holder=_holder(certificate),
        serial_number=f"{certificate.serial_number:x}",
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        expires_in_days=(certificate.not_valid_after_utc - now).days,
        key_type=_key_type(certificate.public_key()),
        key_usage=_key_usage(certificate),
        policies=_policies(certificate),
    )


def validity(der: bytes) -> tuple[datetime, datetime]:
    """Return from when until when a certificate holds, for a signature, which need not know more.

    Raises `ValueError` where `read` does.
    """
    certificate = load(der)
    _names = certificate.subject, certificate.issuer  # they are read when they are asked for
    return certificate.not_valid_before_utc, certificate.not_valid_after_utc


def _text(name: x509.Name, *oids: ObjectIdentifier, separator: str = " / ") -> str | None:
    parts = [str(a.value) for oid in oids for a in name.get_attributes_for_oid(oid)]
    return visible(separator.join(parts))


def visible(text: str, most: int = MAX_TEXT) -> str | None:
    """Return text as it may be shown: bounded, and all of it to be seen."""
    if not (text.isprintable() and _BLANK.isdisjoint(text)):
        text = "".join(
            c for c in text if unicodedata.category(c) not in _UNSEEN and c not in _BLANK
        )
    return text[:most] or None


def _name(name: x509.Name) -> Name:
    return Name(
        common_name=_text(name, NameOID.COMMON_NAME),
        organization=_text(name, NameOID.ORGANIZATION_NAME),
        organizational_unit=_text(name, NameOID.ORGANIZATIONAL_UNIT_NAME),
        rfc4514=visible(name.rfc4514_string(), 4 * MAX_TEXT) or "",
    )


def _holder(certificate: x509.Certificate) -> Holder:
    """Prefer what the subject alternative name says: the kanji stand there.

    JPKI's common name is a number of the card, and names nobody.
    """
    alternative = _alternative_names(certificate)
    names = [n.value for n in alternative if isinstance(n, x509.DirectoryName)]
    names.append(certificate.subject)
    other = {n.type_id: n.value for n in alternative if isinstance(n, x509.OtherName)}
    jpki = _text(certificate.issuer, NameOID.ORGANIZATION_NAME) == "JPKI"
    common_names = () if jpki else (_text(n, NameOID.COMMON_NAME) for n in names)
    return Holder(
        name=_utf8(other.get(JPKI_NAME)) or _first(common_names),
        organization=_first(_text(n, NameOID.ORGANIZATION_NAME) for n in names),
        address=_utf8(other.get(JPKI_ADDRESS))
        or _first(_text(n, *_ADDRESS, separator="") for n in names),
        corporate_number=corporate_number.find(names),
    )


def _alternative_names(certificate: x509.Certificate) -> Iterable[x509.GeneralName]:
    try:
        return list(
            certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        )
    except _UNREADABLE:
        return []


def _utf8(der: bytes | None) -> str | None:
    """Return the text of a DER UTF8String."""
    try:
        return visible(tlv.find(der or b"", 0x0C).decode())
    except (tlv.TlvError, UnicodeDecodeError):
        return None


def _first(texts: Iterable[str | None]) -> str | None:
    return next((text for text in texts if text), None)


def _key_type(key: CertificatePublicKeyTypes) -> str:
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA-{key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC-{key.curve.name}"
    return type(key).__name__.removesuffix("PublicKey")


def _key_usage(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return the bits that are set, by their RFC 5280 names; none where nothing is said."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except _UNREADABLE:
        return ()
    names = {"content_commitment": "nonRepudiation", "crl_sign": "cRLSign"}
    return tuple(names.get(bit) or _camel(bit) for bit in _KEY_USAGE if getattr(usage, bit))


def _policies(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return the OIDs of the certificate policies, in order (RFC 5280, 4.2.1.4)."""
    try:
        named = certificate.extensions.get_extension_for_class(x509.CertificatePolicies).value
    except _UNREADABLE:
        return ()
    return tuple(each.policy_identifier.dotted_string for each in named)


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.title() for part in rest)
