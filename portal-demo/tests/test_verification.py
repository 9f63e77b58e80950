"""An application is verified again, years later; whatever was changed is named."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest
from alembic.script import ScriptDirectory
from bureau import DAY, Reason, pointers
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import delete, select, update

from portal_demo import schema
from portal_demo.authorities import load_authorities
from portal_demo.cli import main
from portal_demo.cli.verify import _words
from portal_demo.errors import ApplicationUnknown
from portal_demo.language import Language
from portal_demo.merging import merge
from portal_demo.models import Application, ApplicationEvidence, EvidenceFile, Signature
from portal_demo.pages import PORTAL
from portal_demo.verification import Check, Outcome, verify

NUMBER = "20260604-000001"


@pytest.fixture
def portal(asking):
    return asking[0][PORTAL]


@pytest.fixture
async def registered(asking, pointed_card, tools):
    visitor = tools.Visitor(asking[1])
    await apply(visitor, pointed_card)
    return visitor


async def apply(visitor, card) -> None:
    await visitor.reach_confirmation(card)
    assert (await visitor.register(card)).status == 200


async def report_of(portal, number=NUMBER, authorities=None):
    known = load_authorities(portal.settings.trust) if authorities is None else authorities
    async with portal.database.transaction() as db:
        return await verify(db, number, known)


async def run(portal, *statements):
    async with portal.database.transaction() as db:
        for statement in statements:
            await db.execute(statement)


def bad(report) -> set[Check]:
    return {finding.check for finding in report.findings if finding.outcome is Outcome.BAD}


def flipped(data: bytes, position=-20) -> bytes:
    changed = bytearray(data)
    changed[position] ^= 1
    return bytes(changed)


async def flip(portal, column, *where):
    """Change a bit of what is stored."""
    async with portal.database.transaction() as db:
        row = (await db.scalars(select(column.class_).where(*where))).first()
        setattr(row, column.key, flipped(getattr(row, column.key)))
    return row


async def test_an_application_is_good_long_after_its_certificates_have_expired(
    portal, registered, clock
):
    clock.advance(days=5000)
    report = await report_of(portal)
    assert report.good, report.findings
    assert report.received == clock() - timedelta(days=5000)
    outcomes = {(finding.check, finding.outcome) for finding in report.findings}
    assert outcomes == {(check, Outcome.GOOD) for check in Check}


async def test_an_application_is_good_after_its_number_was_merged(portal, registered, clock):
    for old, new in (("1234567890", "2234567890"), ("2234567890", "3234567890")):
        async with portal.database.transaction() as db:
            await merge(db, [old], new, portal="http://portal.test", now=clock())
    report = await report_of(portal)
    assert report.good, report.findings


async def test_it_asks_nobody(portal, registered, bureau, pointed_card, clock):
    bureau.asked.clear()
    bureau.revoked[pointed_card.signature.serial_number] = clock(), Reason.key_compromise
    assert (await report_of(portal)).good
    assert not bureau.asked


async def test_an_unknown_number_is_refused(portal, registered):
    with pytest.raises(ApplicationUnknown):
        await report_of(portal, "20260604-000002")


async def test_a_changed_document_is_named(portal, registered):
    async with portal.database.transaction() as db:
        application = await db.get_one(Application, 1)
        application.document = application.document.replace("長野県".encode(), "長崎県".encode(), 1)
    assert bad(await report_of(portal)) == {Check.DOCUMENT, Check.SIGNATURE}


async def test_a_document_that_cannot_be_read_is_named(portal, registered):
    await run(portal, update(Application).values(document=b"\xff{"))
    assert bad(await report_of(portal)) == {Check.DOCUMENT, Check.SIGNATURE}


async def test_a_changed_signature_is_named(portal, registered):
    await flip(portal, Signature.signature)
    assert bad(await report_of(portal)) == {Check.SIGNATURE}


async def test_a_signature_that_was_taken_away_is_named(portal, registered):
    await run(portal, delete(Signature))
    assert bad(await report_of(portal)) == {Check.SIGNATURE}


async def test_a_signature_by_another_certificate_is_named(portal, registered, make_card):
    other = make_card().signature.public_bytes(Encoding.DER)
    await run(portal, update(Signature).values(certificate=other))
    assert bad(await report_of(portal)) == {Check.SIGNATURE}


async def test_a_certificate_that_cannot_be_read_is_named(portal, registered):
    await run(portal, update(Signature).values(certificate=b"nonsense"))
    assert bad(await report_of(portal)) == {Check.SIGNATURE, Check.PATH}


@pytest.mark.parametrize(
    "changes",
    [
        {"number": "20260604-000002"},
        {"company_number": "1234567891"},
        {"procedure": "renew"},
        {"owner": "card:" + 64 * "0"},
        {"confirmation": "x"},
    ],
    ids=lambda changes: next(iter(changes)),
)
async def test_a_record_that_differs_from_the_document_is_named(portal, registered, changes):
    await run(portal, update(Application).values(changes))
    report = await report_of(portal, changes.get("number", NUMBER))
    assert bad(report) == {Check.RECORD}
    [name] = changes
    assert any(name in finding.text.en for finding in report.findings)


OTHER = "20260604-000002"
# What is put in the place of an application's own, and what then speaks against it.
SWAPS = {
    "document": {Check.DOCUMENT, Check.RECORD, Check.SIGNATURE, Check.PATH},
    "all that was received": {Check.RECORD, Check.SIGNATURE, Check.PATH},
    "signature": {Check.SIGNATURE},
    "signatures": {Check.SIGNATURE, Check.REVOCATION},
    "evidence": {Check.PATH, Check.REVOCATION},
}


@pytest.mark.parametrize("swap", SWAPS)
async def test_what_belongs_to_another_application_is_named(
    portal, registered, asking, make_card, bureau, tools, swap
):
    other = make_card(more=pointers(bureau.url("ocsp")))
    await apply(tools.Visitor(asking[1]), other)
    assert (await report_of(portal, OTHER)).good
    async with portal.database.transaction() as db:
        one, two = await db.get_one(Application, 1), await db.get_one(Application, 2)
        [mine], [theirs] = one.signatures, two.signatures
        if swap in {"document", "all that was received"}:
            one.document = two.document
        if swap == "all that was received":
            one.document_sha256 = two.document_sha256
        if swap == "signature":
            mine.signature = theirs.signature
        if swap == "signatures":
            mine.signature, mine.certificate = theirs.signature, theirs.certificate
        if swap == "evidence":
            links = ApplicationEvidence
            await db.execute(delete(links).where(links.application_id == 1))
            theirs = links.application_id == 2
            await db.execute(update(links).where(theirs).values(application_id=1))
    assert bad(await report_of(portal)) == SWAPS[swap]


@pytest.mark.parametrize("minutes", [-10, 10])
async def test_a_time_that_differs_from_the_signed_one_is_named(portal, registered, clock, minutes):
    moved = clock() + timedelta(minutes=minutes)
    await run(portal, update(Application).values(created=moved))
    assert Check.TIME in bad(await report_of(portal))


@pytest.mark.parametrize("kind", ["certificate", "ocsp"])
async def test_a_changed_file_of_the_evidence_is_named(portal, registered, pointed_card, kind):
    changed = await flip(portal, EvidenceFile.content, EvidenceFile.kind == kind)
    report = await report_of(portal)
    assert Check.EVIDENCE in bad(report)
    assert f"{kind} {changed.sha256[:16]}" in [
        finding.about for finding in report.findings if finding.outcome is Outcome.BAD
    ]


async def test_a_changed_answer_proves_nothing(portal, registered):
    await flip(portal, EvidenceFile.content, EvidenceFile.kind == "ocsp")
    assert bad(await report_of(portal)) == {Check.EVIDENCE, Check.REVOCATION}


async def test_an_answer_that_was_taken_away_is_named(portal, registered):
    answers = select(EvidenceFile.sha256).where(EvidenceFile.kind == "ocsp")
    await run(
        portal,
        delete(ApplicationEvidence).where(ApplicationEvidence.evidence_sha256.in_(answers)),
    )
    assert bad(await report_of(portal)) == {Check.REVOCATION}


async def test_an_answer_of_another_time_proves_nothing(portal, registered, bureau, pointed_card):
    bureau.clock.advance(days=30)
    late = bureau.response(pointed_card.signature.serial_number)
    await run(portal, update(EvidenceFile).where(EvidenceFile.kind == "ocsp").values(content=late))
    assert Check.REVOCATION in bad(await report_of(portal))


async def test_an_answer_that_it_was_revoked_is_told(
    portal, registered, bureau, pointed_card, clock
):
    serial = pointed_card.signature.serial_number
    bureau.revoked[serial] = clock() - DAY, Reason.key_compromise
    told = bureau.response(serial)
    await run(portal, update(EvidenceFile).where(EvidenceFile.kind == "ocsp").values(content=told))
    report = await report_of(portal)
    assert Check.REVOCATION in bad(report)
    assert any("失効しました" in finding.text.ja for finding in report.findings)


async def test_an_authority_off_the_trust_list_is_named(portal, registered, stranger, tmp_path):
    other = tmp_path / "other.pem"
    other.write_bytes(stranger.certificate.public_bytes(Encoding.PEM))
    assert bad(await report_of(portal, authorities=load_authorities([other]))) == {Check.PATH}
    assert bad(await report_of(portal, authorities=[])) == {Check.PATH}


async def test_a_path_with_an_authority_between_is_followed_and_its_loss_named(
    app, visitor, authority, keys, make_card, tools
):
    between = tools.Authority.create(keys[3], tools.distinguished(c="JP", cn="Sub CA"), authority)
    card = make_card(by=between)
    der = between.certificate.public_bytes(Encoding.DER)
    card = tools.replace(card, chain=(der,))
    await visitor.reach_confirmation(card)
    assert (await visitor.register(card)).status == 200
    portal = app[PORTAL]
    report = await report_of(portal)
    assert report.good
    assert Outcome.NONE in {f.outcome for f in report.findings if f.check is Check.REVOCATION}
    await run(
        portal, update(EvidenceFile).where(EvidenceFile.content == der).values(content=flipped(der))
    )
    assert bad(await report_of(portal)) == {Check.EVIDENCE, Check.PATH}


async def test_a_log_in_is_followed_through_the_authority_that_its_card_gave(
    app, visitor, authority, keys, make_card, tools
):
    between = tools.Authority.create(keys[3], tools.distinguished(c="JP", cn="Sub CA"), authority)
    below, signing = make_card(by=between), make_card()
    der = between.certificate.public_bytes(Encoding.DER)
    card = tools.replace(signing, authentication=below.authentication, chain=(der,))
    await visitor.reach_confirmation(card)
    assert (await visitor.register(tools.replace(card, chain=()))).status == 200
    assert (await report_of(app[PORTAL])).good


async def test_a_log_in_certificate_that_was_taken_away_is_named(portal, registered, pointed_card):
    der = pointed_card.authentication.public_bytes(Encoding.DER)
    kept = select(EvidenceFile.sha256).where(EvidenceFile.content == der)
    await run(
        portal, delete(ApplicationEvidence).where(ApplicationEvidence.evidence_sha256.in_(kept))
    )
    report = await report_of(portal)
    assert bad(report) == {Check.PATH}
    assert any("ログインに使われた" in finding.text.ja for finding in report.findings)


async def test_an_application_from_before_log_ins_were_kept_is_neither_good_nor_tampered_with(
    portal, registered, pointed_card
):
    mark = ScriptDirectory.from_config(schema.configuration()).get_revision("0010").module.mark
    async with portal.database.transaction() as db:
        await db.run_sync(lambda session: mark(session.connection()))
    assert (await report_of(portal)).good, "its log-in certificate is there, so it is not marked"
    der = pointed_card.authentication.public_bytes(Encoding.DER)
    kept = select(EvidenceFile.sha256).where(EvidenceFile.content == der)
    await run(
        portal, delete(ApplicationEvidence).where(ApplicationEvidence.evidence_sha256.in_(kept))
    )
    assert bad(await report_of(portal)) == {Check.PATH}
    async with portal.database.transaction() as db:
        await db.run_sync(lambda session: mark(session.connection()))
    report = await report_of(portal)
    assert report.outcomes == {Outcome.GOOD, Outcome.NOT_KEPT}
    assert not report.good
    assert "一部を検証できませんでした" in _words(report, Language.JA)
    await flip(portal, Signature.signature)
    assert Outcome.BAD in (await report_of(portal)).outcomes, "it hides nothing else"


async def test_a_user_without_a_card_signed_nothing(app, visitor):
    await visitor.log_in_user()
    page = await visitor.fill_user(contact_person="変更 花子")
    assert page.url == "/small/confirm"
    await visitor.post_form("/small/confirm", confirmation=visitor.confirmation)
    report = await report_of(app[PORTAL])
    assert report.good
    [signature] = [f for f in report.findings if f.check is Check.SIGNATURE]
    assert signature.outcome is Outcome.NONE
    await run(app[PORTAL], update(Application).values(document=b"{}"))
    assert Check.DOCUMENT in bad(await report_of(app[PORTAL]))


# ---- the command ----


async def command(portal, *arguments):
    settings = portal.settings
    flags = ["--database", settings.database, "--trust", str(settings.trust[0])]
    return await asyncio.to_thread(main, ["verify", NUMBER, *flags, *arguments])


async def test_the_command_tells_a_good_one_in_both_languages(portal, registered, capsys):
    assert await command(portal, "--language", "ja") == 0
    japanese = capsys.readouterr().out
    assert "検証の結果、問題はありません。" in japanese
    assert "受付 2026年06月04日 13時33分" in japanese
    assert await command(portal, "--language", "en") == 0
    english = capsys.readouterr().out
    assert "Verified: nothing speaks against it." in english
    assert not any(ord(c) > 0x2FFF for c in english)


async def test_the_command_ends_with_1_and_says_in_json_what_is_wrong(portal, registered, capsys):
    await flip(portal, Signature.signature)
    assert await command(portal, "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert told["good"] is False
    assert told["number"] == NUMBER
    wrong = [finding for finding in told["findings"] if finding["outcome"] == "bad"]
    assert [finding["check"] for finding in wrong] == ["signature"]
    assert set(wrong[0]["text"]) == {"ja", "en"}
    assert await command(portal, "--language", "en") == 1
    assert "BAD\tSignature" in capsys.readouterr().out


async def test_the_command_refuses_an_unknown_number_in_one_line(database_url, capsys):
    assert await asyncio.to_thread(main, ["verify", "1", "--database", database_url]) == 1
    assert capsys.readouterr().err.count("\n") == 1
