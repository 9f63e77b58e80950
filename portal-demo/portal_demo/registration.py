"""The use case with a card: propose a document, take its signatures, store the application."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from portal_demo import challenges, documents, evidence, sessions, signatures
from portal_demo.applications import find_confirmed, store
from portal_demo.card_errors import (
    CertificateRegistered,
    HolderDiffers,
    SignatureInvalid,
)
from portal_demo.cards import (
    applying_certificate,
    login_certificate,
    registered_with,
    require_registered,
)
from portal_demo.certificates import parse_certificate, sha256_of
from portal_demo.challenges import Purpose
from portal_demo.clock import Clock
from portal_demo.db import Database
from portal_demo.documents import ApplicationDocument
from portal_demo.drafts import Form, load_form, require_confirmation
from portal_demo.errors import ChallengeUnknown, FormIncomplete, PortalError
from portal_demo.holders import same_holder
from portal_demo.language import Language
from portal_demo.models import Application, Card, Session, Signature
from portal_demo.procedures import Kind, Procedure
from portal_demo.status import Status
from portal_demo.trust import Verified


@dataclass(frozen=True, slots=True)
class Proposal:
    """The bytes to sign, and the challenge in them that names them."""

    challenge: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature that the page brings back, and whose it is."""

    algorithm: str
    signature: bytes
    signer: Verified


@dataclass(frozen=True, slots=True)
class Answer:
    """What the page brings back; with an ICカード更新 the new card's signature, then the old one's.

    `cards` are the certificates of `log_ins`, verified again.
    """

    confirmation: str
    challenge: str
    signed: tuple[Signed, ...]
    cards: tuple[Verified, ...]
    language: Language


@dataclass(frozen=True, slots=True)
class Registration:
    """Registers, changes and renews cards for companies, for one portal."""

    origin: str
    clock: Clock

    async def propose(
        self,
        db: AsyncSession,
        session: Session,
        procedure: Procedure,
        confirmation: str,
        certificate: x509.Certificate,
    ) -> Proposal:
        """Make the document for the confirmed form, to be signed with a verified `certificate`."""
        form = require_confirmation(await load_form(db, session, procedure), confirmation)
        login = applying_certificate(session, procedure)
        card = await _require_card(db, session, procedure, login, certificate)
        challenge = challenges.new_value()
        renewed = card if procedure.kind is Kind.RENEW else None
        content = ApplicationDocument(
            procedure=procedure.title.ja,
            procurement=procedure.procurement,
            status=card.status if card else Status.PROVISIONAL,
            origin=self.origin,
            company_number=form.company.number,
            difference_accepted=form.names_differ and form.draft.difference_accepted,
            items=documents.items_of(procedure.table, form.values),
            login_certificate=documents.note(login),
            signing_certificate=documents.note(certificate),
            replaced_login_certificate=(
                documents.note(login_certificate(session)) if renewed else None
            ),
            replaced_signing_certificate=(
                documents.note(await _signing_certificate(db, renewed)) if renewed else None
            ),
            confirmation=confirmation,
            challenge=challenge,
            time=self.clock(),
        ).canonical()
        await challenges.issue(
            db, session, Purpose.SIGN, self.clock, value=challenge, document=content
        )
        return Proposal(challenge, content)

    async def accept(
        self, database: Database, session: Session, procedure: Procedure, answer: Answer
    ) -> Application:
        """Verify the signatures and store the application with them, in one transaction.

        The same confirmation sent again gives the same application. A refused signature uses
        its challenge up: the transaction is committed before the refusal is raised.
        """
        try:
            async with database.transaction() as db:
                await sessions.hold(db, session)
                # Another browser of the same card that accepts this waits here, and finds it done.
                form = await load_form(db, session, procedure)
                try:
                    taken = await challenges.consume(
                        db, session, Purpose.SIGN, answer.challenge, self.clock
                    )
                except ChallengeUnknown:
                    if done := await find_confirmed(db, session, answer.confirmation):
                        return done
                    raise
                if done := await find_confirmed(db, session, answer.confirmation):
                    return done
                try:
                    taken.require_fresh()
                    return await self._take(db, session, form, answer, taken.document or b"")
                except PortalError as e:
                    refusal = e
        except IntegrityError as e:  # another session registered this card at the same moment
            raise CertificateRegistered from e
        raise refusal

    async def _take(
        self,
        db: AsyncSession,
        session: Session,
        form: Form | None,
        answer: Answer,
        content: bytes,
    ) -> Application:
        document = documents.parse_document(content)
        form = require_confirmation(form, answer.confirmation)
        procedure = form.procedure
        if document.confirmation != answer.confirmation:
            raise FormIncomplete
        _require_signatures(document, content, answer.signed)
        login = applying_certificate(session, procedure)
        signer = answer.signed[0].signer.certificate
        await db.get(Card, sha256_of(login_certificate(session)), with_for_update=True)
        card = await _require_card(db, session, procedure, login, signer)
        application = await store(
            db,
            session,
            form,
            document=document,
            content=content,
            signatures=list(map(_row, answer.signed)),
            language=answer.language,
            status=Status(card.status) if card else Status.PROVISIONAL,
            now=self.clock(),
        )
        if procedure.kind is Kind.CHANGE and card:
            card.values = form.draft.values
        else:
            new = _new_card(form, application, login, signer)
            db.add(new)
            if card:
                card.replaced_by = new.login_sha256
        verified = [*(signed.signer for signed in answer.signed), *answer.cards]
        await evidence.attach(db, application.id, [e for one in verified for e in one.evidence])
        return application


def _require_signatures(
    document: ApplicationDocument, content: bytes, signed: tuple[Signed, ...]
) -> None:
    """Hold to the certificates that the document names. Raises SignatureInvalid."""
    notes = (document.signing_certificate, document.replaced_signing_certificate)
    expected = [note.sha256 for note in notes if note]
    if [sha256_of(one.signer.certificate) for one in signed] != expected:
        raise SignatureInvalid
    for one in signed:
        signatures.verify(
            one.signer.certificate.public_key(), one.algorithm, one.signature, content
        )


def _row(signed: Signed) -> Signature:
    return Signature(
        algorithm=signed.algorithm,
        signature=signed.signature,
        certificate=signed.signer.certificate.public_bytes(Encoding.DER),
    )


def _new_card(
    form: Form, application: Application, login: x509.Certificate, signer: x509.Certificate
) -> Card:
    return Card(
        login_sha256=sha256_of(login),
        signing_sha256=sha256_of(signer),
        company_number=form.company.number,
        application_id=application.id,
        values=form.draft.values,
        status=application.status,
    )


async def _require_card(
    db: AsyncSession,
    session: Session,
    procedure: Procedure,
    login: x509.Certificate,
    signing: x509.Certificate,
) -> Card | None:
    """Return the registered card that is changed or replaced, if the two certificates may do so.

    Raises HolderDiffers, CertificateRegistered, CardUnregistered or CardReplaced.
    """
    if not same_holder(login, signing):
        raise HolderDiffers
    if procedure.kind is not Kind.CHANGE:
        if await registered_with(db, login, signing):
            raise CertificateRegistered
        renewing = procedure.kind is Kind.RENEW
        return await require_registered(db, session, lock=True) if renewing else None
    card = await require_registered(db, session, lock=True)
    if card.signing_sha256 != sha256_of(signing):
        raise HolderDiffers
    return card


async def _signing_certificate(db: AsyncSession, card: Card) -> x509.Certificate:
    application = await db.get_one(Application, card.application_id)
    certificates = (parse_certificate(one.certificate) for one in application.signatures)
    return next(one for one in certificates if sha256_of(one) == card.signing_sha256)
