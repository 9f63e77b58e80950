"""Which certificates a page wants to see: by issuer, key usage, policy and time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from cryptography import x509

from bridged.cards.certificate import load
from bridged.errors import InvalidParams
from bridged.model import X509, KeyUsage

Canonical = tuple[frozenset[tuple[str, str]], ...]


@dataclass(frozen=True, slots=True)
class Selection:
    """What a certificate must have; what is empty asks for nothing."""

    issuers: frozenset[Canonical] = frozenset()
    key_usage: frozenset[str] = frozenset()
    policies: frozenset[str] = frozenset()
    valid_only: bool = False

    @classmethod
    def of(
        cls,
        issuers: Sequence[str],
        key_usage: Sequence[KeyUsage],
        policies: Sequence[str],
        *,
        valid_only: bool,
    ) -> Self:
        """Read what was asked for; raises `InvalidParams` for a name that is none."""
        names = frozenset(_issuer(index, text) for index, text in enumerate(issuers))
        return cls(names, frozenset(key_usage), frozenset(policies), valid_only)

    def takes(self, certificate: X509, chain: Sequence[bytes]) -> bool:
        """Whether a certificate has all of it.

        One of the issuers must have issued it or a certificate of its chain (RFC 5280, 7.1); every
        bit of the key usage must be set; one of the policies must be named.
        """
        return (
            (not self.issuers or not self.issuers.isdisjoint(_issuers(certificate.der, *chain)))
            and self.key_usage <= set(certificate.key_usage)
            and (not self.policies or not self.policies.isdisjoint(certificate.policies))
            and (not self.valid_only or _is_valid(certificate))
        )


def _issuer(index: int, text: str) -> Canonical:
    try:
        return _canonical(x509.Name.from_rfc4514_string(text))
    except ValueError as error:
        detail = str(error)[:200] or "no distinguished name (RFC 4514)"
        raise InvalidParams(path=f"issuers[{index}]", detail=detail) from None


def _issuers(*certificates: bytes) -> set[Canonical]:
    return {_canonical(load(certificate).issuer) for certificate in certificates}


def _canonical(name: x509.Name) -> Canonical:
    """Return a name as it is compared: letter case and runs of spaces do not matter."""
    return tuple(
        frozenset(
            (each.oid.dotted_string, " ".join(str(each.value).casefold().split())) for each in rdn
        )
        for rdn in name.rdns
    )


def _is_valid(certificate: X509) -> bool:
    return certificate.not_before <= datetime.now(UTC) <= certificate.not_after
