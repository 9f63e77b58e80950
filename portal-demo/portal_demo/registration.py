"""The use case: propose a document, take its signature, store the application."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from portal_demo import challenges, documents, evidence, signatures
from portal_demo.certificates import parse_certificate, sha256_of
from portal_demo.challenges import Purpose
from portal_demo.clock import JST, Clock
from portal_demo.db import Database
from portal_demo.drafts import load_form, require_confirmation
from portal_demo.errors import (
    ApplicationUnknown,
    CertificateRegistered,
    ChallengeUnknown,
    FormIncomplete,
    HolderDiffers,
    PortalError,
    SessionEnded,
    SignatureInvalid,
)
from portal_demo.holders import same_holder
from portal_demo.models import Application, Session
from portal_demo.trust import Verified


@dataclass(frozen=True, slots=True)
class Proposal:
    """The bytes to sign, and the challenge in them that names them."""

    challenge: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Signed:
    """What the page brings back."""

    challenge: str
    algorithm: str
    signature: bytes
    signer: Verified


@dataclass(frozen=True, slots=True)
class Registration:
    """Registers cards for companies, for one portal."""

    origin: str
    clock: Clock

    async def propose(
        self,
        db: AsyncSession,
        session: Session,
        certificate: x509.Certificate,
    ) -> Proposal:
        """Make the document for the confirmed form, to be signed with a verified `certificate`."""
        form, confirmation = require_confirmation(await load_form(db, session))
        login = login_certificate(session)
        _require_same_holder(login, certificate)
        await require_unregistered(db, login, certificate)
        challenge = challenges.new_value()
        content = documents.ApplicationDocument(
            origin=self.origin,
            company_number=form.company.number,
            difference_accepted=form.names_differ and form.draft.difference_accepted,
            items=documents.items_of(form.values),
            login_certificate=documents.note(login),
            signing_certificate=documents.note(certificate),
            confirmation=confirmation,
            challenge=challenge,
            time=self.clock(),
        ).canonical()
        await challenges.issue(
            db, session, Purpose.SIGN, self.clock, value=challenge, document=content
        )
        return Proposal(challenge, content)

    async def accept(self, database: Database, session: Session, signed: Signed) -> Application:
        """Verify a signature and store the application with it, in one transaction.

        The same confirmation sent again gives the same application. A refused signature uses
        its challenge up: the transaction is committed before the refusal is raised.
        """
        try:
            async with database.transaction() as db:
                try:
                    taken = await challenges.consume(
                        db, session, Purpose.SIGN, signed.challenge, self.clock
                    )
                except ChallengeUnknown:
                    if done := await self._already(db, session):
                        return done
                    raise
                try:
                    return await self._store(db, session, signed, taken)
                except PortalError as e:
                    refusal = e
        except IntegrityError as e:  # another session registered this card at the same moment
            raise CertificateRegistered from e
        raise refusal

    async def _store(
        self, db: AsyncSession, session: Session, signed: Signed, taken: challenges.Consumed
    ) -> Application:
        if done := await self._already(db, session):
            return done
        taken.require_fresh()
        content = taken.document or b""
        document = documents.parse_document(content)
        _, confirmation = require_confirmation(await load_form(db, session))
        if document.confirmation != confirmation:
            raise FormIncomplete
        login = login_certificate(session)
        signer = signed.signer.certificate
        if sha256_of(signer) != document.signing_certificate.sha256:
            raise SignatureInvalid
        _require_same_holder(login, signer)
        signatures.verify(signer.public_key(), signed.algorithm, signed.signature, content)
        await require_unregistered(db, login, signer)
        application = Application(
            company_number=document.company_number,
            confirmation=confirmation,
            document=content,
            signature=signed.signature,
            algorithm=signed.algorithm,
            certificate=signer.public_bytes(Encoding.DER),
            certificate_sha256=sha256_of(signer),
            login_certificate_sha256=sha256_of(login),
            status=documents.PROVISIONAL,
            created=self.clock(),
        )
        db.add(application)
        await db.flush()
        day = application.created.astimezone(JST)
        application.number = f"{day:%Y%m%d}-{application.id:06d}"
        await evidence.attach(db, application.id, signed.signer.evidence)
        return application

    async def _already(self, db: AsyncSession, session: Session) -> Application | None:
        """Return the application of the confirmation that the session stands at."""
        form = await load_form(db, session)
        if form is None or form.draft.confirmation is None:
            return None
        found: Application | None = await db.scalar(
            select(Application).where(
                Application.confirmation == form.draft.confirmation,
                Application.login_certificate_sha256 == sha256_of(login_certificate(session)),
            )
        )
        return found


def _require_same_holder(login: x509.Certificate, signing: x509.Certificate) -> None:
    if not same_holder(login, signing):
        raise HolderDiffers


def login_certificate(session: Session) -> x509.Certificate:
    """Return the certificate that logged in. Raises SessionEnded."""
    if session.certificate is None:
        raise SessionEnded
    return parse_certificate(session.certificate)


async def require_unregistered(db: AsyncSession, *certificates: x509.Certificate) -> None:
    """Hold to one card, one number. Raises CertificateRegistered."""
    if await registered_with(db, *certificates):
        raise CertificateRegistered


async def registered_with(db: AsyncSession, *certificates: x509.Certificate) -> Application | None:
    """Return the application that one of the certificates stands in."""
    prints = [sha256_of(certificate) for certificate in certificates]
    found: Application | None = await db.scalar(
        select(Application).where(
            or_(
                Application.certificate_sha256.in_(prints),
                Application.login_certificate_sha256.in_(prints),
            )
        )
    )
    return found


async def find_application(db: AsyncSession, session: Session, number: str) -> Application:
    """Return an application of the card that is logged in. Raises ApplicationUnknown."""
    application = await db.scalar(
        select(Application).where(
            Application.number == number,
            Application.login_certificate_sha256 == sha256_of(login_certificate(session)),
        )
    )
    if application is None:
        raise ApplicationUnknown
    return application
