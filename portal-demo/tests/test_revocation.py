"""A card that its authority has revoked is refused; the authority is asked with care."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from datetime import timedelta

import pytest
from bureau import DAY, HOUR, Reason, pointers
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from portal_demo import fetch, revocation, trust
from portal_demo.authorities import Authority
from portal_demo.card_errors import (
    CertificateRevoked,
    CertificateStatusUnknown,
    CertificateUntrusted,
)
from portal_demo.certificates import KeyPurpose
from portal_demo.evidence import attached_to
from portal_demo.fetch import FetchError, get_crl
from portal_demo.pages import PORTAL
from portal_demo.trust import Trust

LOGIN = KeyPurpose.AUTHENTICATION


@pytest.fixture
def make_trust(authority, bureau, database, clock):
    def make(*, hard=True, hosts=None, **entry) -> Trust:
        hosts = frozenset([bureau.host] if hosts is None else hosts)
        known = Authority(authority.certificate, hosts=hosts, **entry)
        return Trust([known], database, clock, hard=hard)

    return make


@pytest.fixture
def issue(authority, bureau, keys):
    """Issue a card that names where its revocation is told."""

    def issue(*kinds, by=authority, urls=None):
        return by.issue(keys[1], more=pointers(*(urls or [bureau.url(kind) for kind in kinds])))

    return issue


@pytest.mark.parametrize("kind", ["ocsp", "crl"])
async def test_a_card_that_is_not_revoked_is_taken_with_the_answer(make_trust, bureau, issue, kind):
    verified = await make_trust().verify(issue(kind), LOGIN)
    assert [one.kind for one in verified.evidence] == ["certificate", "certificate", kind]
    assert bureau.asked == {kind: 1}


@pytest.mark.parametrize("hard", [True, False])
@pytest.mark.parametrize("kind", ["ocsp", "crl"])
async def test_a_revoked_card_is_refused_with_date_and_reason(
    make_trust, bureau, issue, clock, kind, hard
):
    certificate = issue(kind)
    bureau.revoked[certificate.serial_number] = clock() - 3 * DAY, Reason.key_compromise
    trust = make_trust(hard=hard)
    for _ in range(2):
        with pytest.raises(CertificateRevoked) as caught:
            await trust.verify(certificate, LOGIN)
        message = caught.value.message()
        assert "2026年06月01日に失効しました（理由：鍵の危殆化）" in message.ja
        assert "revoked on 1 June 2026 (key compromise)" in message.en
    assert bureau.asked[kind] == 1


@pytest.mark.parametrize("reason", set(Reason) - {Reason.remove_from_crl}, ids=str)
async def test_every_reason_is_told_in_words(make_trust, bureau, issue, clock, reason):
    certificate = issue("ocsp")
    bureau.revoked[certificate.serial_number] = clock() - DAY, reason
    with pytest.raises(CertificateRevoked) as caught:
        await make_trust().verify(certificate, LOGIN)
    assert "理由：)" not in caught.value.message().ja
    assert "_" not in caught.value.message().en


async def test_an_answer_is_kept_until_its_next_update(make_trust, bureau, issue, clock):
    certificate, trust = issue("ocsp"), make_trust()
    await trust.verify(certificate, LOGIN)
    clock.advance(hours=22)
    await trust.verify(certificate, LOGIN)
    assert bureau.asked["ocsp"] == 1
    bureau.revoked[certificate.serial_number] = clock(), Reason.superseded
    clock.advance(hours=2)
    with pytest.raises(CertificateRevoked):
        await trust.verify(certificate, LOGIN)
    assert bureau.asked["ocsp"] == 2


async def test_an_answer_is_kept_for_a_day_at_most(make_trust, bureau, issue, clock):
    bureau.lasts = 300 * DAY
    certificate, trust = issue("crl"), make_trust()
    await trust.verify(certificate, LOGIN)
    clock.advance(hours=25)
    await trust.verify(certificate, LOGIN)
    assert bureau.asked["crl"] == 2


async def test_an_answer_without_a_next_update_is_not_kept(make_trust, bureau, issue):
    bureau.lasts, bureau.age = None, timedelta(minutes=1)
    certificate, trust = issue("ocsp"), make_trust()
    for _ in range(2):
        await trust.verify(certificate, LOGIN)
    assert bureau.asked["ocsp"] == 2


@pytest.mark.parametrize("fault", ["down", "silent", "moved", "garbage", "endless", "tampered"])
@pytest.mark.parametrize("kind", ["ocsp", "crl"])
async def test_an_authority_that_does_not_answer_well_is_no_witness(
    make_trust, bureau, issue, monkeypatch, kind, fault
):
    monkeypatch.setattr(fetch, "TIMEOUT_S", 0.2)
    bureau.faults.add(f"{kind} {fault}")
    certificate = issue(kind)
    with pytest.raises(CertificateStatusUnknown):
        await make_trust().verify(certificate, LOGIN)
    verified = await make_trust(hard=False).verify(certificate, LOGIN)
    assert {one.kind for one in verified.evidence} == {"certificate"}
    assert bureau.asked["elsewhere"] == 0
    bureau.faults.clear()
    await make_trust().verify(certificate, LOGIN)


@pytest.mark.parametrize("fault", ["ocsp for another", "ocsp unknown", "ocsp refuses"])
async def test_a_responder_that_does_not_know_the_card_is_no_witness(
    make_trust, bureau, issue, fault
):
    bureau.faults.add(fault)
    with pytest.raises(CertificateStatusUnknown):
        await make_trust().verify(issue("ocsp"), LOGIN)


@pytest.mark.parametrize("kind", ["ocsp", "crl"])
@pytest.mark.parametrize("age", [3 * DAY, -HOUR], ids=["stale", "of tomorrow"])
async def test_an_answer_of_another_time_is_no_use(make_trust, bureau, issue, kind, age):
    bureau.age = age
    with pytest.raises(CertificateStatusUnknown):
        await make_trust().verify(issue(kind), LOGIN)


async def test_the_list_is_asked_when_the_responder_fails(make_trust, bureau, issue, clock):
    bureau.faults.add("ocsp down")
    certificate = issue("ocsp", "crl")
    verified = await make_trust().verify(certificate, LOGIN)
    assert verified.evidence[-1].kind == "crl"
    bureau.revoked[certificate.serial_number] = clock(), Reason.unspecified
    clock.advance(days=2)
    with pytest.raises(CertificateRevoked):
        await make_trust().verify(certificate, LOGIN)


async def test_a_list_signed_by_somebody_else_is_no_use(make_trust, bureau, issue, keys, tools):
    bureau.authority = tools.Authority(keys[3], bureau.authority.certificate)
    for kind in ("crl", "ocsp"):
        with pytest.raises(CertificateStatusUnknown):
            await make_trust().verify(issue(kind), LOGIN)


@pytest.mark.parametrize(
    ("usage", "no_check", "good"),
    [
        (ExtendedKeyUsageOID.OCSP_SIGNING, True, True),
        (ExtendedKeyUsageOID.OCSP_SIGNING, False, True),
        (ExtendedKeyUsageOID.CLIENT_AUTH, True, False),
    ],
)
async def test_a_responder_needs_its_authoritys_mandate(
    make_trust, bureau, issue, authority, keys, tools, usage, no_check, good
):
    more = [(x509.ExtendedKeyUsage([usage]), False)]
    if no_check:
        more.append((x509.OCSPNoCheck(), False))
    name = tools.distinguished(cn="Responder")
    certificate = authority.issue(keys[2], subject=name, kanji=(), more=more)
    bureau.responder = tools.Authority(keys[2], certificate)
    with contextlib.nullcontext() if good else pytest.raises(CertificateStatusUnknown):
        await make_trust().verify(issue("ocsp"), LOGIN)


async def test_a_responder_whose_own_certificate_must_be_asked_about_is_no_use(
    make_trust, bureau, issue, authority, keys, tools
):
    usage = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), False)
    more = [usage, *pointers(bureau.url("crl"))]
    name = tools.distinguished(cn="Responder")
    certificate = authority.issue(keys[2], subject=name, kanji=(), more=more)
    bureau.responder = tools.Authority(keys[2], certificate)
    with pytest.raises(CertificateStatusUnknown):
        await make_trust().verify(issue("ocsp"), LOGIN)
    assert bureau.asked["crl"] == 0


async def test_a_responder_of_another_authority_is_no_use(
    make_trust, bureau, issue, stranger, keys, tools
):
    more = [
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), False),
        (x509.OCSPNoCheck(), False),
    ]
    certificate = stranger.issue(keys[2], subject=tools.distinguished(cn="Responder"), more=more)
    bureau.responder = tools.Authority(keys[2], certificate)
    with pytest.raises(CertificateStatusUnknown):
        await make_trust().verify(issue("ocsp"), LOGIN)


async def test_a_revoked_authority_below_takes_its_cards_with_it(
    make_trust, bureau, issue, authority, keys, tools, clock
):
    name = tools.distinguished(c="JP", cn="Below")
    extensions = [
        (x509.BasicConstraints(ca=True, path_length=0), True),
        (tools.key_usage("key_cert_sign", "crl_sign"), True),
        *pointers(bureau.url("ocsp")),
    ]
    below = tools.Authority(keys[2], authority.sign(keys[2].public_key(), name, extensions))
    certificate = below.issue(keys[1])
    await make_trust().verify(certificate, LOGIN, [below.certificate])
    bureau.revoked[below.certificate.serial_number] = clock(), Reason.ca_compromise
    clock.advance(days=2)
    with pytest.raises(CertificateRevoked):
        await make_trust().verify(certificate, LOGIN, [below.certificate])


async def test_others_are_served_while_a_list_is_looked_through(make_trust, issue, monkeypatch):
    """The search waits here for what only a running event loop can do."""
    began, may_end = threading.Event(), threading.Event()
    search = revocation._search

    def slow(*arguments):
        began.set()
        assert may_end.wait(20)
        search(*arguments)

    monkeypatch.setattr(revocation, "_search", slow)
    searching = asyncio.create_task(make_trust().verify(issue("crl"), LOGIN))
    await asyncio.to_thread(began.wait, 20)
    may_end.set()
    assert (await searching).evidence[-1].kind == "crl"


# ---- whom the portal asks ----


async def test_a_card_that_names_no_place_is_taken_as_its_authority_tells_nothing(
    make_trust, bureau, issue
):
    await make_trust().verify(issue(), LOGIN)
    assert not bureau.asked


@pytest.mark.parametrize("kind", ["ocsp", "crl"])
async def test_the_trust_list_may_name_the_place(make_trust, bureau, issue, kind):
    await make_trust(**{kind: (bureau.url(kind),)}).verify(issue(), LOGIN)
    assert bureau.asked == {kind: 1}


async def test_a_host_that_is_not_listed_is_never_asked(make_trust, bureau, issue):
    certificate = issue("ocsp", "crl")
    with pytest.raises(CertificateStatusUnknown):
        await make_trust(hosts=["ocsp.example.jp"]).verify(certificate, LOGIN)
    await make_trust(hosts=[], hard=False).verify(certificate, LOGIN)
    assert not bureau.asked


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/crl",
        "http://[::ffff:127.0.0.1]:{port}/crl",
        "http://localhost:{port}/crl",
        "http://127.1:{port}/crl",
        "http://x@127.0.0.1:{port}/crl",
        "https://127.0.0.1/crl",
        "file:///etc/passwd",
        "ldap://127.0.0.1:{port}/crl",
    ],
)
async def test_an_odd_address_on_a_good_card_is_never_asked(make_trust, bureau, issue, url):
    certificate = issue(urls=[url.format(port=bureau.server.port)])
    with pytest.raises(CertificateStatusUnknown):
        await make_trust().verify(certificate, LOGIN)
    assert not bureau.asked


async def test_nobody_is_asked_for_a_card_of_an_unknown_authority(
    make_trust, bureau, issue, stranger
):
    with pytest.raises(CertificateUntrusted):
        await make_trust().verify(issue("ocsp", "crl", by=stranger), LOGIN)
    assert not bureau.asked


async def test_a_card_full_of_addresses_is_asked_about_at_a_few(
    make_trust, bureau, authority, keys
):
    bureau.faults.add("crl down")
    urls = [x509.UniformResourceIdentifier(bureau.url(f"crl?{n}")) for n in range(20)]
    points = x509.CRLDistributionPoints([x509.DistributionPoint(urls, None, None, None)])
    certificate = authority.issue(keys[1], more=[(points, False)])
    with pytest.raises(CertificateStatusUnknown):
        await make_trust().verify(certificate, LOGIN)
    assert bureau.asked["crl"] == 4


async def test_waiting_for_all_answers_together_ends(make_trust, bureau, issue, monkeypatch):
    monkeypatch.setattr(trust, "LONGEST_S", 0.2)
    bureau.faults.add("crl silent")
    with pytest.raises(CertificateStatusUnknown):
        await make_trust().verify(issue("crl"), LOGIN)
    await make_trust(hard=False).verify(issue("crl"), LOGIN)


async def test_a_proxy_of_the_environment_is_not_used(bureau, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    x509.load_der_x509_crl(await get_crl(bureau.url("crl")))
    assert bureau.asked == {"crl": 1}


async def test_a_host_that_does_not_exist_is_a_plain_failure():
    with pytest.raises(FetchError, match="invalid"):
        await get_crl("http://crl.invalid/ca.crl")


# ---- in the portal ----


async def test_a_revoked_card_does_not_log_in(asking, bureau, pointed_card, clock, tools):
    serial = pointed_card.authentication.serial_number
    bureau.revoked[serial] = clock() - DAY, Reason.key_compromise
    answer = await tools.Visitor(asking[1]).log_in(pointed_card)
    assert (answer.status, answer.reason) == (403, "certificate-revoked")
    assert "失効しました" in answer.json["error"]["messages"]["ja"]


async def test_a_revoked_card_does_not_sign(asking, bureau, pointed_card, clock, tools):
    visitor = tools.Visitor(asking[1])
    await visitor.reach_confirmation(pointed_card)
    serial = pointed_card.signature.serial_number
    bureau.revoked[serial] = clock() - DAY, Reason.certificate_hold
    answer = await visitor.propose(pointed_card)
    assert answer.reason == "certificate-revoked"
    assert "一時停止" in answer.json["error"]["messages"]["ja"]


async def test_a_card_revoked_between_proposal_and_signature_is_refused(
    asking, bureau, pointed_card, clock, tools
):
    visitor = tools.Visitor(asking[1])
    bureau.lasts = bureau.age + timedelta(minutes=1)
    await visitor.reach_confirmation(pointed_card)
    proposal = (await visitor.propose(pointed_card)).json
    bureau.revoked[pointed_card.signature.serial_number] = clock(), Reason.superseded
    clock.advance(minutes=3)
    body = visitor.signed_body(pointed_card, proposal)
    assert (await visitor.post("/api/application", body)).reason == "certificate-revoked"


async def test_a_log_in_that_was_revoked_since_is_refused_with_the_signature(
    asking, bureau, pointed_card, clock, tools
):
    visitor = tools.Visitor(asking[1])
    bureau.lasts = bureau.age + timedelta(minutes=1)
    await visitor.reach_confirmation(pointed_card)
    bureau.revoked[pointed_card.authentication.serial_number] = clock(), Reason.superseded
    clock.advance(minutes=3)
    assert (await visitor.register(pointed_card)).reason == "certificate-revoked"


async def kept_with(app, application_id):
    """Return the certificates, and the serial numbers that an answer says are good."""
    async with app[PORTAL].database.transaction() as db:
        files = await attached_to(db, application_id)
    answers = [ocsp.load_der_ocsp_response(one.content) for one in files if one.kind == "ocsp"]
    assert {one.certificate_status for one in answers} == {ocsp.OCSPCertStatus.GOOD}
    certificates = {one.content for one in files if one.kind == "certificate"}
    return certificates, {one.serial_number for one in answers}


async def test_an_application_keeps_what_showed_that_its_card_was_good(
    asking, authority, pointed_card, tools
):
    app, client = asking
    visitor = tools.Visitor(client)
    await visitor.reach_confirmation(pointed_card)
    assert (await visitor.register(pointed_card)).status == 200
    both = (pointed_card.authentication, pointed_card.signature)
    assert await kept_with(app, 1) == (
        {one.public_bytes(Encoding.DER) for one in (authority.certificate, *both)},
        {one.serial_number for one in both},
    )


async def test_a_renewal_keeps_what_showed_that_both_cards_were_good(
    asking, bureau, authority, make_card, tools
):
    app, client = asking
    visitor = tools.Visitor(client)
    old, new = (make_card(more=pointers(bureau.url("ocsp"))) for _ in range(2))
    await visitor.reach_confirmation(old)
    assert (await visitor.register(old)).status == 200
    await visitor.log_in(old, procedure="renew")
    await visitor.log_in(new, "/api/renewal/card")
    await visitor.fill("/renewal/form")
    assert (await visitor.register(new, old, procedure="renew")).status == 200
    four = (old.authentication, old.signature, new.authentication, new.signature)
    assert await kept_with(app, 2) == (
        {one.public_bytes(Encoding.DER) for one in (authority.certificate, *four)},
        {one.serial_number for one in four},
    )


async def test_a_check_that_fails_ends_those_beside_it(
    asking, bureau, make_card, stranger, pointed_card, tools
):
    app, client = asking
    visitor = tools.Visitor(client)
    await visitor.reach_confirmation(pointed_card)
    proposal = (await visitor.propose(pointed_card)).json
    body = visitor.signed_body(make_card(by=stranger), proposal)
    asked = make_card(more=pointers(bureau.url("ocsp")))
    body["signatures"].insert(0, visitor.signed_body(asked, proposal)["signatures"][0])
    bureau.faults.add("ocsp silent")
    answer = await visitor.post("/api/application", body)
    assert (answer.status, answer.reason) == (403, "certificate-untrusted")
    assert not [task for task in asyncio.all_tasks() if "_signer" in repr(task.get_coro())]
    assert app[PORTAL].database._idle.is_set()


async def test_a_check_that_is_not_wanted_any_more_leaves_no_transaction_half_done(
    make_trust, bureau, issue, database, monkeypatch
):
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def keep_answer(*_arguments):
        begun.set()
        await go_on.wait()

    monkeypatch.setattr("portal_demo.evidence.keep_answer", keep_answer)
    check = asyncio.create_task(make_trust().verify(issue("ocsp"), LOGIN))
    await begun.wait()
    check.cancel()
    await asyncio.sleep(0)
    assert not check.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await check
    assert database._idle.is_set()
