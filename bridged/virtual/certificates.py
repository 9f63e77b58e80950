"""Certificates shaped like those on real cards: an e-bidding CA's, and JPKI's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from bridged.pcsc import tlv
from bridged.virtual.ca import DemoCa, Extension, key_usage

# 2.999 is the arc for examples (ITU-T X.660).
POLICY = x509.ObjectIdentifier("2.999.24781.1.1")
JPKI_SAN_ARC = "1.2.392.200149.8.5.5"

SIGNATURE_USAGE = ("digital_signature", "content_commitment")
Validity = tuple[datetime, datetime]


class Cardholder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A person and the company they act for, as application forms give them.

    `corporate_number` is the 13-digit 法人番号; `birth` is what JPKI certificates carry, the
    era's digit and YYYYMMDD.
    """

    company: str = "IT業者電子01"
    company_romaji: str = "IT Gyosha Denshi 01"
    name: str = "長野 太郎"
    name_romaji: str = "Nagano Taro"
    address: str = "長野県長野市南長野1-2-3"
    corporate_number: str | None = None
    sex: str = "1"
    birth: str = "419900401"


def valid_for(days: int) -> Validity:
    """Return a validity that began yesterday and lasts for `days` from now (negative: over)."""
    now = datetime.now(UTC).replace(microsecond=0)
    return now + timedelta(days=min(-1, days - 1)), now + timedelta(days=days)


def _name(*attributes: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in attributes])


# ---- e-bidding ----


def ebid_authentication(
    ca: DemoCa, key: CertificatePublicKeyTypes, holder: Cardholder, validity: Validity
) -> x509.Certificate:
    """Issue a certificate for TLS-like client authentication."""
    return ebid(
        ca,
        key,
        holder,
        validity,
        unit="Authentication",
        usage=("digital_signature",),
        client_authentication=True,
    )


def ebid_signature(
    ca: DemoCa,
    key: CertificatePublicKeyTypes,
    holder: Cardholder,
    validity: Validity,
    usage: tuple[str, ...] = SIGNATURE_USAGE,
) -> x509.Certificate:
    """Issue a certificate for signatures on bids and applications."""
    return ebid(ca, key, holder, validity, unit="Signature", usage=usage)


def ebid(
    ca: DemoCa,
    key: CertificatePublicKeyTypes,
    holder: Cardholder,
    validity: Validity,
    *,
    unit: str,
    usage: tuple[str, ...],
    client_authentication: bool = False,
    subject: x509.Name | None = None,
    kanji: bool = True,
) -> x509.Certificate:
    """Issue a certificate to a company's person, by default in their romaji with kanji beside."""
    extensions = [key_usage(*usage)]
    if client_authentication:
        extensions.append(Extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])))
    if kanji:
        extensions.append(_kanji(holder))
    extensions.append(_policy())
    return ca.issue(subject or _ebid_subject(holder, unit), key, validity, extensions)


def _ebid_subject(holder: Cardholder, unit: str) -> x509.Name:
    names = (
        (NameOID.COUNTRY_NAME, "JP"),
        (NameOID.ORGANIZATION_NAME, holder.company_romaji),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, unit),
        (NameOID.COMMON_NAME, holder.name_romaji),
    )
    return _name(*((oid, value) for oid, value in names if value))


def _kanji(holder: Cardholder) -> Extension:
    kanji = [
        (NameOID.COUNTRY_NAME, "JP"),
        (NameOID.LOCALITY_NAME, holder.address),
        (NameOID.ORGANIZATION_NAME, holder.company),
        (NameOID.COMMON_NAME, holder.name),
    ]
    if holder.corporate_number is not None:
        # ETSI EN 319 412-1, 5.1.4: the national trade register is the nearest type.
        kanji.insert(3, (NameOID.ORGANIZATION_IDENTIFIER, f"NTRJP-{holder.corporate_number}"))
    return Extension(x509.SubjectAlternativeName([x509.DirectoryName(_name(*kanji))]))


# ---- JPKI ----


def jpki_issuer(purpose: str) -> x509.Name:
    """Return the DN of a JPKI CA; `purpose` is `digital signature` or `user authentication`."""
    return _name(
        (NameOID.COUNTRY_NAME, "JP"),
        (NameOID.ORGANIZATION_NAME, "JPKI"),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, f"JPKI for {purpose}"),
        (
            NameOID.ORGANIZATIONAL_UNIT_NAME,
            "Japan Agency for Local Authority Information Systems",
        ),
    )


def jpki_authentication(
    ca: DemoCa, key: CertificatePublicKeyTypes, validity: Validity
) -> x509.Certificate:
    """Issue a user authentication certificate; it names nobody."""
    subject = _name((NameOID.COUNTRY_NAME, "JP"), (NameOID.COMMON_NAME, "0123456789ABCD"))
    return ca.issue(subject, key, validity, [key_usage("digital_signature"), _policy()])


def jpki_signature(
    ca: DemoCa,
    key: CertificatePublicKeyTypes,
    holder: Cardholder,
    validity: Validity,
    usage: tuple[str, ...] = SIGNATURE_USAGE,
) -> x509.Certificate:
    """Issue a digital signature certificate with name, sex, birth and address of the person."""
    subject = _name((NameOID.COUNTRY_NAME, "JP"), (NameOID.COMMON_NAME, "ABCD0123456789"))
    particulars = {
        1: holder.name,
        2: "0" * len(holder.name),
        3: holder.sex,
        4: holder.birth,
        5: holder.address,
        6: "0" * len(holder.address),
    }
    names = [
        x509.OtherName(
            x509.ObjectIdentifier(f"{JPKI_SAN_ARC}.{n}"), tlv.encode(0x0C, text.encode())
        )
        for n, text in particulars.items()
    ]
    extensions = [key_usage(*usage), Extension(x509.SubjectAlternativeName(names)), _policy()]
    return ca.issue(subject, key, validity, extensions)


def _policy() -> Extension:
    return Extension(x509.CertificatePolicies([x509.PolicyInformation(POLICY, None)]))
