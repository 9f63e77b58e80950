"""Certificates are told apart by what they say."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from bridged.errors import InvalidParams
from bridged.model import X509, KeyUsage
from bridged.signing.certificates import read
from bridged.signing.selection import Selection
from bridged.virtual import certificates
from bridged.virtual.ca import DemoCa, new_rsa_key

ROOT = "CN=bridged demo CA - do not trust,O=bridged demo,C=JP"
POLICY = certificates.POLICY.dotted_string


@dataclass
class Issued:
    """A certificate of an issuing CA below the root, and its chain."""

    x509: X509
    chain: tuple[bytes, ...]


@pytest.fixture(scope="module")
def issued(ca: DemoCa) -> dict[int, Issued]:
    """Certificates by the days that they are valid."""
    below, key = ca.subordinate(certificates.jpki_issuer("x")), new_rsa_key().public_key()
    chain = (below.certificate.public_bytes(Encoding.DER),)
    holder = certificates.Cardholder()
    return {
        days: Issued(
            read(
                certificates.ebid_signature(
                    below, key, holder, certificates.valid_for(days)
                ).public_bytes(Encoding.DER)
            ),
            chain,
        )
        for days in (30, -1)
    }


def select(**wanted: object) -> Selection:
    asked = {"issuers": (), "key_usage": (), "policies": (), "valid_only": False, **wanted}
    return Selection.of(**asked)  # type: ignore[arg-type]


def test_policies_are_read(issued: dict[int, Issued]) -> None:
    assert issued[30].x509.policies == (POLICY,)


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"issuers": [ROOT]},
        {"issuers": ["CN=nobody", "CN=BRIDGED demo ca  - do not  trust,O=Bridged Demo,C=jp"]},
        {"key_usage": [KeyUsage.NON_REPUDIATION]},
        {"key_usage": [KeyUsage.NON_REPUDIATION, KeyUsage.DIGITAL_SIGNATURE]},
        {"policies": ["1.2.3", POLICY]},
        {"valid_only": True},
        {"issuers": [ROOT], "key_usage": [KeyUsage.DIGITAL_SIGNATURE], "policies": [POLICY]},
    ],
)
def test_a_certificate_that_has_it_is_taken(issued: dict[int, Issued], wanted: dict) -> None:
    each = issued[30]
    assert select(**wanted).takes(each.x509, each.chain)


@pytest.mark.parametrize(
    "wanted",
    [
        {"issuers": ["CN=nobody"]},
        {"issuers": ["C=JP,O=bridged demo,CN=bridged demo CA - do not trust"]},
        {"issuers": ["O=bridged demo,C=JP"]},
        {"issuers": ["OU=bridged demo CA - do not trust,O=bridged demo,C=JP"]},
        {"key_usage": [KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_AGREEMENT]},
        {"policies": ["1.2.3", POLICY + ".1"]},
        {"issuers": [ROOT], "policies": ["1.2.3"]},
    ],
)
def test_a_certificate_that_lacks_some_of_it_is_left_out(
    issued: dict[int, Issued], wanted: dict
) -> None:
    each = issued[30]
    assert not select(**wanted).takes(each.x509, each.chain)


def test_the_issuer_of_the_chain_counts_with_its_chain_alone(issued: dict[int, Issued]) -> None:
    assert not select(issuers=[ROOT]).takes(issued[30].x509, ())
    assert select(issuers=[issued[30].x509.issuer.rfc4514]).takes(issued[30].x509, ())


def test_what_is_over_is_left_out_where_that_is_asked(issued: dict[int, Issued]) -> None:
    over = issued[-1]
    assert select().takes(over.x509, over.chain)
    assert not select(valid_only=True).takes(over.x509, over.chain)


@pytest.mark.parametrize("text", ["nobody", "CN", "=x", "CN=x,", "XX=y"])
def test_a_name_that_is_none_is_told(text: str) -> None:
    with pytest.raises(InvalidParams) as refused:
        select(issuers=[ROOT, text])
    assert refused.value.path == "issuers[1]"
