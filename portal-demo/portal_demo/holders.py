"""Whom a certificate names: kanji where it carries them, else as in the subject.

E-bidding cards put company and person in romaji into the subject and in kanji into a
directoryName of SubjectAltName; JPKI puts name and address into otherName values.
"""

from __future__ import annotations

from dataclasses import dataclass

from cryptography import x509
from cryptography.x509.oid import NameOID

JPKI_NAME = x509.ObjectIdentifier("1.2.392.200149.8.5.5.1")
JPKI_ADDRESS = x509.ObjectIdentifier("1.2.392.200149.8.5.5.5")
_UTF8_STRING = 0x0C


@dataclass(frozen=True, slots=True)
class Holder:
    """Person, company and address; None where the certificate does not say."""

    name: str | None
    organization: str | None
    address: str | None


def holder_of(certificate: x509.Certificate) -> Holder:
    """Return whom the certificate names."""
    kanji, other = _alternative_names(certificate)
    names = [*kanji, certificate.subject]
    jpki = _is_jpki(certificate.issuer)
    return Holder(
        name=other.get(JPKI_NAME) or (None if jpki else _first(names, NameOID.COMMON_NAME)),
        organization=_first(names, NameOID.ORGANIZATION_NAME),
        address=other.get(JPKI_ADDRESS) or _address(names),
    )


def same_holder(login: x509.Certificate, signing: x509.Certificate) -> bool:
    """Tell whether two certificates of one card name one holder.

    JPKI's authentication certificate names nobody; there only the issuing service can be
    compared, and the signed document ties the two by naming the certificate that logged in.
    """
    if login == signing or login.subject == signing.subject:
        return True
    if _is_jpki(login.issuer) or _is_jpki(signing.issuer):
        return _is_jpki(login.issuer) and _is_jpki(signing.issuer)
    a, b = holder_of(login), holder_of(signing)
    return bool(a.name) and (a.name, a.organization) == (b.name, b.organization)


def short_name(name: x509.Name) -> str:
    """Return the common name of a distinguished name, else its organization, else all of it."""
    return (
        _first([name], NameOID.COMMON_NAME)
        or _first([name], NameOID.ORGANIZATION_NAME)
        or name.rfc4514_string()
    )


def _first(names: list[x509.Name], oid: x509.ObjectIdentifier) -> str | None:
    for name in names:
        for attribute in name.get_attributes_for_oid(oid):
            if isinstance(attribute.value, str) and attribute.value:
                return attribute.value
    return None


def _address(names: list[x509.Name]) -> str | None:
    for name in names:
        parts = [
            _first([name], oid)
            for oid in (
                NameOID.STATE_OR_PROVINCE_NAME,
                NameOID.LOCALITY_NAME,
                NameOID.STREET_ADDRESS,
            )
        ]
        if any(parts):
            return "".join(part for part in parts if part)
    return None


def _is_jpki(issuer: x509.Name) -> bool:
    return _first([issuer], NameOID.ORGANIZATION_NAME) == "JPKI"


def _alternative_names(
    certificate: x509.Certificate,
) -> tuple[list[x509.Name], dict[x509.ObjectIdentifier, str]]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return [], {}
    directory = names.get_values_for_type(x509.DirectoryName)
    other = {n.type_id: _utf8(n.value) for n in names if isinstance(n, x509.OtherName)}
    return directory, other


def _utf8(der: bytes) -> str:
    """Return the text of a short or long form UTF8String, empty if it is none."""
    if len(der) < 2 or der[0] != _UTF8_STRING:
        return ""
    octets = der[1] & 0x7F if der[1] & 0x80 else 0
    start = 2 + octets
    length = int.from_bytes(der[2:start]) if octets else der[1]
    body = der[start : start + length]
    if len(body) != length or octets > 2:
        return ""
    return body.decode("utf-8", errors="replace")
