"""Where a certificate's revocation is told, and what an answer says (RFC 5280, RFC 6960)."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from asn1crypto import crl as asn1_crl
from asn1crypto import ocsp as asn1_ocsp
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID
from pyhanko_certvalidator.context import ValidationContext
from pyhanko_certvalidator.errors import (
    CRLValidationError,
    CRLValidationIndeterminateError,
    OCSPValidationError,
    RevokedError,
    ValidationError,
)
from pyhanko_certvalidator.revinfo.validate_crl import verify_crl
from pyhanko_certvalidator.revinfo.validate_ocsp import verify_ocsp_response

from portal_demo.card_errors import CertificateRevoked
from portal_demo.certificates import PARSE_ERRORS
from portal_demo.clock import date_text
from portal_demo.language import Text
from portal_demo.paths import CLOCK_SKEW, Path

Kind = Literal["ocsp", "crl"]
MAX_SOURCES = 4

# CRLReason (RFC 5280, section 5.3.1), as the validator names it.
_REASONS = {
    "key_compromise": Text("鍵の危殆化", "key compromise"),
    "ca_compromise": Text("認証局の鍵の危殆化", "compromise of the authority"),
    "affiliation_changed": Text("記載事項の変更", "change of affiliation"),
    "superseded": Text("証明書の更新", "superseded by a new certificate"),
    "cessation_of_operation": Text("利用の終了", "cessation of operation"),
    "certificate_hold": Text("一時停止", "on hold"),
    "privilege_withdrawn": Text("権限の取消し", "privilege withdrawn"),
}
_NO_REASON = Text("理由の記載なし", "no reason given")


class Unusable(Exception):
    """An answer that tells nothing about the certificate; the text is for the log."""


@dataclass(frozen=True, slots=True)
class Source:
    """One place that tells about one certificate; `request` is what an OCSP responder is asked."""

    kind: Kind
    url: str
    request: bytes = b""

    @property
    def key(self) -> str:
        """Return the name of its answer in the cache."""
        question = f"{self.kind} {self.url} ".encode() + self.request
        return hashlib.sha256(question).hexdigest()


@dataclass(frozen=True, slots=True)
class Sources:
    """Where to ask; `offered` tells that the certificate's authority says it tells."""

    offered: bool
    allowed: tuple[Source, ...]


def sources_of(path: Path, position: int) -> Sources:
    """Return where the certificate at a position of a valid path may be asked about, OCSP first.

    What the trust list names comes before what the certificate names.
    """
    certificate = _certificate(path.certificates[position])
    issuer = (
        _certificate(path.certificates[position - 1]) if position else path.authority.certificate
    )
    named_ocsp, named_crl = list(_ocsp_urls(certificate)), list(_crl_urls(certificate))
    request = ocsp_request(certificate, issuer)
    sources = [Source("ocsp", url, request) for url in (*path.authority.ocsp, *named_ocsp)]
    sources += [Source("crl", url) for url in (*path.authority.crl, *named_crl)]
    allowed = [source for source in sources if path.authority.may_ask(source.url)]
    return Sources(bool(sources), tuple(dict.fromkeys(allowed))[:MAX_SOURCES])


def ocsp_request(certificate: x509.Certificate, issuer: x509.Certificate) -> bytes:
    """Return the question to a responder, without a nonce, so that the answer can be kept.

    SHA-1 only names the issuer here, and is what every responder knows (RFC 6960, 4.1.1).
    """
    builder = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, SHA1())  # noqa: S303
    return builder.build().public_bytes(Encoding.DER)


async def judge(path: Path, position: int, kind: Kind, answer: bytes, now: datetime) -> None:
    """Return if an answer says that the certificate at a position is good.

    Raises CertificateRevoked if it says otherwise, Unusable if it cannot be believed or is of
    another certificate or another time.
    """
    try:
        if kind == "ocsp":
            response = asn1_ocsp.OCSPResponse.load(answer, strict=True)
            context = _context(path, now, ocsps=[response])
            await verify_ocsp_response(path.certificates[position], path.to(position), context)
        else:
            await asyncio.to_thread(_search, path, position, answer, now)
    except RevokedError as e:
        why = _REASONS.get(e.reason.native, _NO_REASON)
        raise CertificateRevoked(date_text(e.revocation_dt), why) from e
    except (OCSPValidationError, CRLValidationError, CRLValidationIndeterminateError) as e:
        raise Unusable(f"{e} {getattr(e, 'failures', '')}") from e
    except (ValidationError, *PARSE_ERRORS) as e:
        raise Unusable(f"{type(e).__name__}: {e}") from e


def _search(path: Path, position: int, answer: bytes, now: datetime) -> None:
    """Look through a list, on a thread: one of 100,000 entries takes seconds."""
    crl = asn1_crl.CertificateList.load(answer, strict=True)
    context = _context(path, now, crls=[crl])
    asyncio.run(verify_crl(path.certificates[position], path.to(position), context))


def next_update(kind: Kind, answer: bytes) -> datetime | None:
    """Return until when a judged answer may be used."""
    if kind == "ocsp":
        return ocsp.load_der_ocsp_response(answer).next_update_utc
    return x509.load_der_x509_crl(answer).next_update_utc


def _context(
    path: Path,
    now: datetime,
    *,
    ocsps: list[asn1_ocsp.OCSPResponse] | None = None,
    crls: list[asn1_crl.CertificateList] | None = None,
) -> ValidationContext:
    """Return a context for one answer.

    It fetches nothing: a responder whose own certificate wants to be asked about is no use.
    """
    return ValidationContext(
        trust_roots=[path.anchor],
        other_certs=path.certificates,
        moment=now,
        ocsps=ocsps,
        crls=crls,
        revocation_mode="hard-fail",
        time_tolerance=CLOCK_SKEW,
    )


def _certificate(certificate: asn1.Certificate) -> x509.Certificate:
    return x509.load_der_x509_certificate(certificate.dump())


def _ocsp_urls(certificate: x509.Certificate) -> Iterator[str]:
    try:
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess)
    except x509.ExtensionNotFound:
        return
    for description in access.value:
        if description.access_method == AuthorityInformationAccessOID.OCSP:
            yield from _urls([description.access_location])


def _crl_urls(certificate: x509.Certificate) -> Iterator[str]:
    try:
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints)
    except x509.ExtensionNotFound:
        return
    for point in points.value:
        yield from _urls(point.full_name or ())


def _urls(names: Iterable[x509.GeneralName]) -> Iterator[str]:
    for name in names:
        if isinstance(name, x509.UniformResourceIdentifier):
            yield name.value
