"""Screen 8: everything once more, read-only; a card signs what is shown there."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from functools import partial
from typing import Annotated, Any

from aiohttp import web
from msgspec import Meta

from portal_demo.cards import log_ins
from portal_demo.certificates import KeyPurpose, from_pem, parse_certificate, sha256_of
from portal_demo.drafts import load_form
from portal_demo.language import language_of
from portal_demo.models import Session
from portal_demo.pages import PORTAL, Portal, json_answer, render
from portal_demo.procedures import BY_KIND, CONFIRM_STEP, PROCEDURES, Kind, Procedure
from portal_demo.registration import Answer, Signed
from portal_demo.trust import Verified
from portal_demo.views.common import (
    ApiBody,
    CertificateDer,
    ChainDer,
    check_header_token,
    elsewhere,
    parse_chain,
    read_json,
    require_login,
)
from portal_demo.views.receipt import receipt_path

Confirmation = Annotated[str, Meta(max_length=64)]


class ProposalBody(ApiBody, frozen=True):
    """The certificate that is going to sign what a page shows as confirmed."""

    certificate: CertificateDer
    confirmation: Confirmation
    chain: ChainDer = ()
    procedure: Kind = Kind.REGISTER


class SignatureBody(ApiBody, frozen=True):
    """A signature over the document that a challenge names."""

    algorithm: Annotated[str, Meta(max_length=8)]
    signature: Annotated[bytes, Meta(min_length=1, max_length=1024)]
    certificate: CertificateDer
    chain: ChainDer = ()


class ApplicationBody(ApiBody, frozen=True):
    """The signatures: the card's, or with an ICカード更新 the new card's and then the old one's."""

    challenge: Annotated[str, Meta(max_length=128)]
    confirmation: Confirmation
    signatures: Annotated[tuple[SignatureBody, ...], Meta(min_length=1, max_length=2)]
    procedure: Kind = Kind.REGISTER


def add_routes(router: web.UrlDispatcher) -> None:
    """Add screen 8 of every procedure, and the two requests of those with a card."""
    for procedure in PROCEDURES:
        router.add_get(f"{procedure.root}/confirm", partial(show, procedure=procedure))
    router.add_post("/api/application/document", propose)
    router.add_post("/api/application", accept)


async def show(request: web.Request, *, procedure: Procedure) -> web.StreamResponse:
    """Show everything read-only."""
    async with request.app[PORTAL].database.transaction() as db:
        session = await require_login(request, db, procedure)
        if away := await elsewhere(db, session, procedure):
            raise web.HTTPSeeOther(away)
        form = await load_form(db, session, procedure)
    if form is None or form.draft.confirmation is None or form.faults:
        raise web.HTTPSeeOther(f"{procedure.root}/form")
    return render(
        request,
        "confirm.html",
        screen=f"{procedure.screens}8",
        step=procedure.step(CONFIRM_STEP),
        session=session,
        form=form,
        values=form.values,
        table=procedure.table,
        signers=[sha256_of(one.certificate) for one in log_ins(session, procedure)],
    )


async def propose(request: web.Request) -> web.StreamResponse:
    """Give the page the bytes to sign."""
    portal = request.app[PORTAL]
    body = await read_json(request, ProposalBody)
    procedure = BY_KIND[body.procedure]
    await _session(request, procedure)
    signer = await _signer(portal, body.certificate, body.chain)
    async with portal.database.transaction() as db:
        session = await require_login(request, db, procedure)
        proposal = await portal.registration.propose(
            db, session, procedure, body.confirmation, signer.certificate
        )
    return json_answer({"challenge": proposal.challenge, "document": proposal.content})


async def accept(request: web.Request) -> web.StreamResponse:
    """Take the signatures and lead to the receipt."""
    portal = request.app[PORTAL]
    body = await read_json(request, ApplicationBody)
    procedure = BY_KIND[body.procedure]
    session = await _session(request, procedure)
    signers = await _all(_signer(portal, one.certificate, one.chain) for one in body.signatures)
    signed = tuple(
        Signed(one.algorithm, one.signature, signer)
        for one, signer in zip(body.signatures, signers, strict=True)
    )
    cards = await _all(
        portal.trust.verify(one.certificate, KeyPurpose.AUTHENTICATION, from_pem(one.chain))
        for one in log_ins(session, procedure)
    )
    answer = Answer(body.confirmation, body.challenge, signed, cards, language_of(request))
    application = await portal.registration.accept(portal.database, session, procedure, answer)
    return json_answer({"location": receipt_path(procedure, application.number)})


async def _all(checks: Iterable[Coroutine[Any, Any, Verified]]) -> tuple[Verified, ...]:
    """Make checks at once; the first that fails ends the others, and is what the person is told."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(check) for check in checks]
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from failed
    return tuple(task.result() for task in tasks)


async def _session(request: web.Request, procedure: Procedure) -> Session:
    """Return the session, before somebody else is asked on its behalf. Raises SessionEnded."""
    async with request.app[PORTAL].database.transaction() as db:
        session = await require_login(request, db, procedure)
    check_header_token(request, session)
    return session


async def _signer(portal: Portal, certificate: bytes, chain: tuple[bytes, ...]) -> Verified:
    return await portal.trust.verify(
        parse_certificate(certificate), KeyPurpose.SIGNATURE, parse_chain(chain)
    )
