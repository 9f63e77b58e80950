"""What a card's PKCS#11 objects amount to: which keys there are, and what each is for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from bridged.cards.certificate import load
from bridged.cards.key import Input
from bridged.cards.pkcs11.calls import CertificateObject, Token, TokenFlag
from bridged.model import Usage

CKM_RSA_PKCS, CKM_RSA_X_509, CKM_RSA_PKCS_PSS = 0x1, 0x3, 0xD
CKM_ECDSA, CKM_EDDSA = 0x1041, 0x1057

MECHANISMS = {
    Input.RSA_DIGEST_INFO: CKM_RSA_PKCS,
    Input.RSA_BLOCK: CKM_RSA_X_509,
    Input.RSA_PSS: CKM_RSA_PKCS_PSS,
    Input.EC_DIGEST: CKM_ECDSA,
    Input.ED_MESSAGE: CKM_EDDSA,
}
"""PKCS#11 2.40, section 2.1 (RSA), 2.3.6 (ECDSA); 3.0, section 2.3.14 (EdDSA)."""

_KINDS = (
    (rsa.RSAPublicKey, {Input.RSA_DIGEST_INFO, Input.RSA_BLOCK, Input.RSA_PSS}),
    (ec.EllipticCurvePublicKey, {Input.EC_DIGEST}),
    (ed25519.Ed25519PublicKey, {Input.ED_MESSAGE}),
)
_LOG_IN = frozenset({ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE})
LONGEST_CHAIN = 4
BOTH = (Usage.SIGNATURE, Usage.AUTHENTICATION)


@dataclass(frozen=True, slots=True)
class Found:
    """A key of the token with the index `token`, and what its certificate lets it do, best first.

    `id` is its CKA_ID, empty for one that must be there but shows itself only after the PIN.
    """

    token: int
    id: bytes
    label: str
    certificate: bytes | None
    private: bool
    fits: tuple[Usage, ...]


def found_in(token: int, now: Token, before: Token, *, logged_in: bool) -> list[Found]:
    """Return the keys of a token as it is now, where `before` is what it showed to anyone.

    Before the login private keys are hidden as a rule, and a certificate stands for its key; once
    logged in, a certificate without its key is no use. A token that shows nothing before the login
    has one key that is still to be seen.
    """
    keys = {key.id: key for key in now.keys if key.id and key.sign}
    refused = {key.id for key in now.keys} - set(keys)
    certificates = {each.id: each for each in _of_holders(now.certificates)}
    public = {each.value for each in before.certificates}
    found = [
        Found(
            token=token,
            id=key_id,
            label=each.label,
            certificate=each.value,
            private=each.value not in public,
            fits=fits(each.value),
        )
        for key_id, each in certificates.items()
        if key_id in keys or not (logged_in or key_id in refused)
    ]
    if logged_in:
        return found
    found += [
        Found(token, key.id, key.label, None, True, BOTH)  # noqa: FBT003
        for key in keys.values()
        if key.id not in certificates
    ]
    hides = TokenFlag.LOGIN_REQUIRED | TokenFlag.USER_PIN_INITIALIZED
    if not found and now.flags & hides == hides:
        found.append(Found(token, b"", "", None, True, BOTH))  # noqa: FBT003
    return found


def _of_holders(certificates: Iterable[CertificateObject]) -> list[CertificateObject]:
    """Return the certificates that belong to a key, the one that lasts longest last."""
    held: list[tuple[datetime, int, CertificateObject]] = []
    for each in certificates:
        certificate = _loaded(each.value)
        if certificate is not None and each.id and not _is_ca(certificate):
            held.append((certificate.not_valid_after_utc, len(held), each))
    return [each for _, _, each in sorted(held, key=lambda entry: entry[:2])]


def usages(found: Sequence[Found]) -> list[tuple[Found, Usage]]:
    """Return each key with each of its usages, authentication first.

    A key has the usage it fits best, and another that it fits where no key of the card would have
    that: a card with one key for both logs in and signs with it.
    """
    served = {each.fits[0] for each in found if each.fits}
    return [
        (each, usage)
        for usage in Usage
        for each in found
        if usage in each.fits and (usage is each.fits[0] or usage not in served)
    ]


def fits(der: bytes) -> tuple[Usage, ...]:
    """Return what a certificate lets its key do, best first (RFC 5280, 4.2.1.3 and 4.2.1.12).

    nonRepudiation is for signatures. digitalSignature is for authentication, unless the purposes
    leave that out, and for signatures too, unless the purpose is that clients log in.
    """
    certificate = _loaded(der)
    if certificate is None:
        return ()
    usage, purposes = _extensions(certificate)
    binds = usage is None or usage.content_commitment
    proves = usage is None or usage.digital_signature
    found = []
    if binds:
        found.append(Usage.SIGNATURE)
    if proves and (not purposes or purposes & _LOG_IN):
        found.append(Usage.AUTHENTICATION)
    if proves and not binds and not purposes & _LOG_IN:
        found.append(Usage.SIGNATURE)
    return tuple(found)


def inputs(der: bytes | None, mechanisms: frozenset[int]) -> frozenset[Input]:
    """Return what the token takes of the key of a certificate, or of any key while that hides."""
    forms = set(Input)
    if der is not None:
        certificate = _loaded(der)
        public = None if certificate is None else certificate.public_key()
        forms = next((forms for kind, forms in _KINDS if isinstance(public, kind)), set())
    return frozenset(form for form in forms if MECHANISMS[form] in mechanisms)


def chain(der: bytes | None, certificates: Iterable[CertificateObject]) -> tuple[bytes, ...]:
    """Return the issuers of a certificate that the card carries, in order."""
    here = None if der is None else _loaded(der)
    authorities = [
        (loaded, each.value)
        for each in certificates
        if (loaded := _loaded(each.value)) is not None and _is_ca(loaded)
    ]
    issuers: list[bytes] = []
    while here is not None and len(issuers) < LONGEST_CHAIN:
        issuer = next(((ca, der) for ca, der in authorities if _issued(ca, here)), None)
        if issuer is None or issuer[1] in issuers:
            break
        here = issuer[0]
        issuers.append(issuer[1])
    return tuple(issuers)


def _loaded(der: bytes) -> x509.Certificate | None:
    try:
        return load(der)
    except ValueError:
        return None


def _issued(ca: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(ca)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _is_ca(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return False


def _extensions(
    certificate: x509.Certificate,
) -> tuple[x509.KeyUsage | None, frozenset[x509.ObjectIdentifier]]:
    try:
        extensions = certificate.extensions
    except (x509.DuplicateExtension, x509.UnsupportedGeneralNameType, ValueError):
        return None, frozenset()
    usage: x509.KeyUsage | None = None
    purposes: frozenset[x509.ObjectIdentifier] = frozenset()
    for extension in extensions:
        if isinstance(extension.value, x509.KeyUsage):
            usage = extension.value
        elif isinstance(extension.value, x509.ExtendedKeyUsage):
            purposes = frozenset(extension.value)
    return usage, purposes
