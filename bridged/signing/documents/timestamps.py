"""Time-stamps: what is asked of the authority, and whether its answer holds (RFC 3161)."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from asn1crypto import cms, tsp, x509
from pyhanko.sign.general import check_ess_certid
from pyhanko.sign.timestamps import TimeStamper
from pyhanko.sign.validation.generic_cms import validate_sig_integrity
from pyhanko_certvalidator import CertificateValidator, ValidationContext

from bridged.errors import TimestampUnavailable
from bridged.signing.documents.job import Outside

GRANTED = {"granted", "granted_with_mods"}
HASHES = {"sha256", "sha384", "sha512"}
MAX_SKEW = timedelta(minutes=10)
"""How far the authority's time may be from this computer's clock."""


class CheckedTimeStamper(TimeStamper):
    """Gets time-stamps from outside and takes none that it has not checked."""

    def __init__(self, outside: Outside, roots: Sequence[bytes]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._outside = outside
        self._roots = roots

    async def async_timestamp(self, message_digest: bytes, md_algorithm: str) -> cms.ContentInfo:
        """Return a token for a digest; raises `TimestampUnavailable`."""
        _, request = self.request_cms(message_digest, md_algorithm)  # type: ignore[no-untyped-call]
        answer = self._outside.timestamp(request.dump())
        try:
            return await _checked(request, answer, self._roots)
        except TimestampUnavailable:
            raise
        except Exception as error:  # noqa: BLE001
            # An answer may break its parsers in any way.
            raise TimestampUnavailable(detail=f"a malformed answer: {error}"[:200]) from None


def timestamp(data: bytes, outside: Outside, roots: Sequence[bytes]) -> bytes:
    """Return a token for data, DER; raises `TimestampUnavailable`."""
    stamper = CheckedTimeStamper(outside, roots)
    token = asyncio.run(stamper.async_timestamp(hashlib.sha256(data).digest(), "sha256"))
    return bytes(token.dump())


async def _checked(
    request: tsp.TimeStampReq, answer: bytes, roots: Sequence[bytes]
) -> cms.ContentInfo:
    response = tsp.TimeStampResp.load(answer, strict=True)
    status = response["status"]["status"].native
    _require(status in GRANTED, f"the authority answered {status}")
    token = response["time_stamp_token"]
    _require(token["content_type"].native == "signed_data", "no signed token")
    signed = token["content"]
    info = signed["encap_content_info"]["content"].parsed
    _require(isinstance(info, tsp.TSTInfo), "no signed token")
    _require(
        info["message_imprint"].dump() == request["message_imprint"].dump(),
        "it is for another document",
    )
    _require(info["nonce"].native == request["nonce"].native, "it answers another request")
    _check_time(info["gen_time"].native)
    certificates = [each.chosen for each in signed["certificates"] if each.name == "certificate"]
    signer = _check_signature(signed, certificates)
    validity = signer["tbs_certificate"]["validity"]
    _require(
        validity["not_before"].native <= info["gen_time"].native <= validity["not_after"].native,
        "its certificate was not valid then",
    )
    if roots:
        await _check_chain(signer, certificates, roots)
    return token


def _check_time(at: datetime) -> None:
    now = datetime.now(UTC)
    _require(
        abs(at - now) <= MAX_SKEW,
        f"it says {at:%Y-%m-%d %H:%M} UTC, this computer's clock {now:%Y-%m-%d %H:%M} UTC",
    )


def _check_signature(
    signed: cms.SignedData, certificates: list[x509.Certificate]
) -> x509.Certificate:
    """Return the certificate of the one signer, whose signature holds."""
    (signer_info,) = signed["signer_infos"]
    signer = next((c for c in certificates if _is_of(signer_info["sid"], c)), None)
    if signer is None:
        raise TimestampUnavailable(detail="its certificate is missing")
    usage = signer.extended_key_usage_value
    _require(
        usage is not None
        and usage.native == ["time_stamping"]
        and "extended_key_usage" in signer.critical_extensions,
        "its certificate is not for time-stamps",
    )
    _check_binding(signer_info, signer)
    content = signed["encap_content_info"]["content"]
    digest = hashlib.new(signer_info["digest_algorithm"]["algorithm"].native, content.contents)
    intact, valid = validate_sig_integrity(
        signer_info,
        signer,
        expected_content_type="tst_info",
        actual_digest=digest.digest(),
    )
    _require(intact and valid, "its signature is wrong")
    return signer


def _check_binding(signer_info: cms.SignerInfo, signer: x509.Certificate) -> None:
    """Require that the signature names its certificate (RFC 3161, 2.4.1; RFC 5816)."""
    attributes = {each["type"].native: each["values"] for each in signer_info["signed_attrs"]}
    named = [
        signing_certificate["certs"][0]
        for name in ("signing_certificate", "signing_certificate_v2")
        for signing_certificate in attributes.get(name, ())
    ]
    _require(
        bool(named) and all(check_ess_certid(signer, each) for each in named),
        "its signature does not name its certificate",
    )
    _require(
        signer_info["digest_algorithm"]["algorithm"].native in HASHES,
        "it is signed with a weak hash",
    )


def _is_of(sid: cms.SignerIdentifier, certificate: x509.Certificate) -> bool:
    if sid.name == "issuer_and_serial_number":
        return bool(
            sid.chosen["issuer"] == certificate.issuer
            and sid.chosen["serial_number"].native == certificate.serial_number
        )
    return bool(sid.chosen.native == certificate.key_identifier)


async def _check_chain(
    signer: x509.Certificate, certificates: list[x509.Certificate], roots: Sequence[bytes]
) -> None:
    context = ValidationContext(
        trust_roots=[x509.Certificate.load(root) for root in roots], allow_fetching=False
    )
    validator = CertificateValidator(signer, certificates, validation_context=context)
    await validator.async_validate_usage(set(), {"time_stamping"})


def _require(holds: bool, detail: str) -> None:  # noqa: FBT001
    if not holds:
        raise TimestampUnavailable(detail=detail)
