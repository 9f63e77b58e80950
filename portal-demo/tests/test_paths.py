"""From a card to an authority of the trust list, and from nowhere else."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from portal_demo.authorities import Authority
from portal_demo.card_errors import (
    CertificatePolicy,
    CertificateUntrusted,
    CertificateUsage,
    CertificateWeak,
)
from portal_demo.certificates import KeyPurpose, parse_certificate
from portal_demo.errors import PortalError
from portal_demo.paths import PathFinder, to_asn1

LOGIN, SIGN = KeyPurpose.AUTHENTICATION, KeyPurpose.SIGNATURE
POLICY, OTHER_POLICY = "2.999.1", "2.999.2"


def policies(*oids: str) -> tuple[x509.CertificatePolicies, bool]:
    named = [x509.PolicyInformation(x509.ObjectIdentifier(oid), None) for oid in oids]
    return x509.CertificatePolicies(named), False


@pytest.fixture
def find(authority, tools):
    """Find the path of a certificate to the test's authority, or to others."""

    async def find(certificate, purpose=LOGIN, intermediates=(), *, authorities=None, **limits):
        known = authorities or [Authority(authority.certificate, **limits)]
        return await PathFinder(known).find(certificate, purpose, intermediates, tools.NOON)

    return find


@pytest.fixture
def below(authority, keys, tools):
    """Make an authority below the test's, with its own key (the third)."""

    def below(*more, parent=authority, name="Below", key=keys[2]):
        extensions = [
            (x509.BasicConstraints(ca=True, path_length=0), True),
            (tools.key_usage("key_cert_sign", "crl_sign"), True),
            *more,
        ]
        subject = tools.distinguished(c="JP", cn=name)
        return tools.Authority(key, parent.sign(key.public_key(), subject, extensions))

    return below


async def test_a_card_of_a_trusted_authority_is_taken(find, make_card):
    card = make_card()
    path = await find(card.authentication)
    assert [one.dump() for one in path.certificates] == [to_asn1(card.authentication).dump()]
    await find(card.signature, SIGN)


async def test_a_card_of_another_authority_is_refused(find, make_card, stranger):
    with pytest.raises(CertificateUntrusted) as caught:
        await find(make_card(by=stranger).authentication)
    assert caught.value.issuer == "Other CA"


async def test_a_trusted_name_with_another_key_is_refused(find, authority, keys, make_card, tools):
    impostor = tools.Authority(keys[3], authority.certificate)
    with pytest.raises(CertificateUntrusted):
        await find(make_card(by=impostor).authentication)


async def test_a_portal_without_authorities_takes_no_card(make_card, tools):
    with pytest.raises(CertificateUntrusted):
        await PathFinder([]).find(make_card().authentication, LOGIN, [], tools.NOON)


async def test_authorities_of_one_name_are_told_apart_by_their_keys(find, authority, keys, tools):
    """As with JPKI, whose generations share one name."""
    older = tools.Authority.create(keys[3], authority.certificate.subject)
    both = [Authority(older.certificate), Authority(authority.certificate)]
    for issuer in (older, authority):
        path = await find(issuer.issue(keys[1]), authorities=both)
        assert path.authority.certificate == issuer.certificate


async def test_a_cardholder_is_no_authority(find, keys, make_card, tools):
    holder = make_card()
    forged = tools.Authority(keys[1], holder.authentication).issue(keys[2])
    with pytest.raises(CertificateUntrusted):
        await find(forged, LOGIN, [holder.authentication])


async def test_an_intermediate_is_believed_only_under_an_authority(find, stranger, keys, below):
    good, bad = below(), below(parent=stranger)
    path = await find(good.issue(keys[1]), LOGIN, [good.certificate])
    assert len(path.certificates) == 2
    with pytest.raises(CertificateUntrusted):
        await find(good.issue(keys[1]), LOGIN)
    with pytest.raises(CertificateUntrusted):
        await find(bad.issue(keys[1]), LOGIN, [bad.certificate])


async def test_an_authority_below_may_have_none_below_itself(find, keys, below):
    middle = below()
    lowest = below(parent=middle, name="Lowest", key=keys[3])
    with pytest.raises(CertificateUntrusted):
        await find(lowest.issue(keys[1]), LOGIN, [middle.certificate, lowest.certificate])


async def test_an_authority_that_may_not_sign_certificates_is_none(find, authority, keys, tools):
    extensions = [
        (x509.BasicConstraints(ca=True, path_length=0), True),
        (tools.key_usage("crl_sign"), True),
    ]
    name = tools.distinguished(cn="Below")
    certificate = authority.sign(keys[2].public_key(), name, extensions)
    issued = tools.Authority(keys[2], certificate).issue(keys[1])
    with pytest.raises(CertificateUntrusted):
        await find(issued, LOGIN, [certificate])


@pytest.mark.parametrize(
    ("permitted", "excluded", "good"),
    [("Nagano", None, True), ("Gunma", None, False), (None, "Nagano", False)],
)
async def test_an_authority_keeps_to_its_names(find, keys, tools, below, permitted, excluded, good):
    def subtree(locality):
        return locality and [x509.DirectoryName(tools.distinguished(c="JP", l=locality))]

    limits = x509.NameConstraints(subtree(permitted), subtree(excluded))
    issuer = below((limits, True))
    subject = tools.distinguished(c="JP", l="Nagano", cn="Nagano Taro")
    certificate = issuer.issue(keys[1], subject=subject, kanji=())
    if good:
        await find(certificate, LOGIN, [issuer.certificate])
    else:
        with pytest.raises(CertificateUntrusted):
            await find(certificate, LOGIN, [issuer.certificate])


async def test_an_authority_out_of_its_time_vouches_for_nobody(find, keys, tools):
    over = tools.Authority.create(keys[2], tools.distinguished(cn="Over"))
    certificate = over.sign(
        keys[2].public_key(),
        over.certificate.subject,
        [(extension.value, extension.critical) for extension in over.certificate.extensions],
        days=(-20, -10),
    )
    with pytest.raises(CertificateUntrusted):
        await find(over.issue(keys[1]), authorities=[Authority(certificate)])


@pytest.mark.parametrize(
    ("on_card", "listed", "good"),
    [
        ([POLICY], [POLICY], True),
        ([POLICY, OTHER_POLICY], [OTHER_POLICY], True),
        ([POLICY], [], True),
        ([], [], True),
        ([OTHER_POLICY], [POLICY], False),
        ([], [POLICY], False),
    ],
)
async def test_a_policy_of_the_trust_list_is_asked_for(
    find, authority, keys, on_card, listed, good
):
    more = [policies(*on_card)] if on_card else []
    certificate = authority.issue(keys[1], more=more)
    if good:
        await find(certificate, policies=frozenset(listed))
    else:
        with pytest.raises(CertificatePolicy):
            await find(certificate, policies=frozenset(listed))


async def test_a_policy_must_run_through_the_whole_path(find, keys, below):
    for named, good in (([POLICY], True), (["2.5.29.32.0"], True), ([OTHER_POLICY], False)):
        issuer = below(policies(*named))
        certificate = issuer.issue(keys[1], more=[policies(POLICY)])
        search = find(certificate, LOGIN, [issuer.certificate], policies=frozenset([POLICY]))
        if good:
            await search
        else:
            with pytest.raises(CertificatePolicy):
                await search


async def test_an_authority_certifies_what_the_list_says(find, make_card):
    card = make_card()
    await find(card.signature, SIGN, usage=frozenset([SIGN]))
    with pytest.raises(CertificateUsage):
        await find(card.authentication, LOGIN, usage=frozenset([SIGN]))


async def test_critical_certificate_policies_are_understood(find, authority, keys):
    named, _ = policies("1.2.392.200149.8.5.1.3.30")
    await find(authority.issue(keys[1], more=[(named, True)]))


async def test_an_unknown_critical_extension_is_refused(find, authority, keys):
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.999.1"), b"\x05\x00")
    with pytest.raises(CertificateUntrusted):
        await find(authority.issue(keys[1], more=[(unknown, True)]))


async def test_a_certificate_signed_with_sha1_is_refused(find, authority, make_card):
    with pytest.raises(CertificateWeak):
        await find(sha1_signed(make_card().authentication, authority.key))


def sha1_signed(certificate: x509.Certificate, key) -> x509.Certificate:
    """Sign a certificate anew; no library makes such signatures by itself any more."""
    made = to_asn1(certificate)
    made["tbs_certificate"]["signature"]["algorithm"] = "sha1_rsa"
    made["signature_algorithm"]["algorithm"] = "sha1_rsa"
    tbs = made["tbs_certificate"].dump(force=True)
    made["signature_value"] = key.sign(tbs, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303
    return x509.load_der_x509_certificate(made.dump(force=True))


@pytest.mark.parametrize("part", range(40))
async def test_a_damaged_certificate_is_refused(find, make_card, part):
    der = bytearray(to_asn1(make_card().authentication).dump())
    der[len(der) * part // 40] ^= 0x15
    with pytest.raises(PortalError):
        await find(parse_certificate(bytes(der)))
