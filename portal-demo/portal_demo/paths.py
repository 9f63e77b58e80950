"""From a person's certificate to an authority of the trust list (RFC 5280, section 6.1)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko_certvalidator.authority import (
    CertTrustAnchor,
    TrustQualifiers,
    derive_quals_from_cert,
)
from pyhanko_certvalidator.context import ValidationContext
from pyhanko_certvalidator.errors import (
    DisallowedAlgorithmError,
    PathBuildingError,
    ValidationError,
)
from pyhanko_certvalidator.path import ValidationPath
from pyhanko_certvalidator.policy_decl import PKIXValidationParams
from pyhanko_certvalidator.validate import async_validate_path

from portal_demo.authorities import Authority
from portal_demo.card_errors import (
    CertificatePolicy,
    CertificateUntrusted,
    CertificateUsage,
    CertificateWeak,
)
from portal_demo.certificates import PARSE_ERRORS, KeyPurpose, issuer_name, require_suitable

CLOCK_SKEW = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Path:
    """A valid path; `certificates` go from the one below the authority to the person's."""

    authority: Authority
    anchor: CertTrustAnchor
    certificates: tuple[asn1.Certificate, ...]

    def to(self, position: int) -> ValidationPath:
        """Return the path to the certificate at a position."""
        return ValidationPath(
            self.anchor, list(self.certificates[:position]), self.certificates[position]
        )


class PathFinder:
    """Finds paths to the authorities of a trust list."""

    def __init__(self, authorities: Iterable[Authority]) -> None:
        self._authorities = {_anchor(authority): authority for authority in authorities}

    async def find(
        self,
        certificate: x509.Certificate,
        purpose: KeyPurpose,
        intermediates: Iterable[x509.Certificate],
        now: datetime,
    ) -> Path:
        """Return the path of a person's certificate that is good for a purpose.

        `intermediates` come from the card and are believed only as far as an authority vouches.
        Asks nobody: revocation is another matter. Raises the errors of `require_suitable`,
        CertificateUntrusted, CertificateWeak, CertificatePolicy or CertificateUsage.
        """
        require_suitable(certificate, purpose, now)
        found = await self._valid_path(certificate, list(intermediates), now)
        anchor = found.trust_anchor
        if not isinstance(anchor, CertTrustAnchor):
            raise TypeError("every authority has a certificate")
        authority = self._authorities[anchor]
        if authority.policies and not await _has_policy(found, authority, now):
            raise CertificatePolicy(issuer=issuer_name(certificate))
        if purpose not in authority.usage:
            raise CertificateUsage
        return Path(authority, anchor, tuple(found.iter_certs(include_root=False)))

    async def _valid_path(
        self, certificate: x509.Certificate, intermediates: list[x509.Certificate], now: datetime
    ) -> ValidationPath:
        refusal: Exception = CertificateUntrusted(issuer=issuer_name(certificate))
        if not self._authorities:
            raise refusal
        try:
            context = ValidationContext(
                trust_roots=list(self._authorities),
                other_certs=[to_asn1(one) for one in intermediates],
                moment=now,
                time_tolerance=CLOCK_SKEW,
            )
            paths: list[ValidationPath] = await context.path_builder.async_build_paths(
                to_asn1(certificate)
            )
            for path in paths:
                try:
                    await async_validate_path(context, path)
                except DisallowedAlgorithmError:
                    refusal = CertificateWeak()
                except ValidationError:
                    continue
                else:
                    return path
        except (PathBuildingError, *PARSE_ERRORS) as e:
            raise refusal from e
        raise refusal


async def _has_policy(path: ValidationPath, authority: Authority, now: datetime) -> bool:
    wanted = PKIXValidationParams(
        user_initial_policy_set=authority.policies,
        initial_explicit_policy=True,
        initial_policy_mapping_inhibit=True,
    )
    context = ValidationContext(
        trust_roots=[path.trust_anchor], moment=now, time_tolerance=CLOCK_SKEW
    )
    try:
        await async_validate_path(context, path, wanted)
    except ValidationError:
        return False
    return True


def _anchor(authority: Authority) -> CertTrustAnchor:
    """Return the anchor with what its own certificate says of validity, length and names."""
    certificate = to_asn1(authority.certificate)
    own = derive_quals_from_cert(certificate)
    names = own.standard_parameters
    limits = TrustQualifiers(
        standard_parameters=names
        and PKIXValidationParams(
            initial_permitted_subtrees=names.initial_permitted_subtrees,
            initial_excluded_subtrees=names.initial_excluded_subtrees,
        ),
        max_path_length=own.max_path_length,
        max_aa_path_length=own.max_path_length,  # the library reckons with both or with none
        valid_from=own.valid_from,
        valid_until=own.valid_until,
    )
    return CertTrustAnchor(certificate, limits)


def to_asn1(certificate: x509.Certificate) -> asn1.Certificate:
    """Return a certificate as the validator wants it."""
    return asn1.Certificate.load(certificate.public_bytes(Encoding.DER), strict=True)
