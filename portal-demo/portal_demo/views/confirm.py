"""Screen 8: 登録内容確認, and the signature over what is shown there."""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from msgspec import Meta

from portal_demo import fields
from portal_demo.certificates import KeyPurpose, parse_certificate, sha256_of
from portal_demo.drafts import load_form
from portal_demo.models import Session
from portal_demo.pages import PORTAL, Portal, json_answer, render
from portal_demo.registration import Signed, login_certificate, registered_with
from portal_demo.trust import Verified
from portal_demo.views.common import (
    ApiBody,
    CertificateDer,
    ChainDer,
    check_header_token,
    parse_chain,
    read_json,
    require_login,
)


class ProposalBody(ApiBody, frozen=True):
    """The certificate that is going to sign."""

    certificate: CertificateDer
    chain: ChainDer = ()


class SignatureBody(ApiBody, frozen=True):
    """The signature over the document that `challenge` names."""

    challenge: Annotated[str, Meta(max_length=128)]
    algorithm: Annotated[str, Meta(max_length=8)]
    signature: Annotated[bytes, Meta(min_length=1, max_length=1024)]
    certificate: CertificateDer
    chain: ChainDer = ()


def add_routes(router: web.UrlDispatcher) -> None:
    """Add screen 8 and its two requests."""
    router.add_get("/registration/confirm", show)
    router.add_post("/api/application/document", propose)
    router.add_post("/api/application", accept)


async def show(request: web.Request) -> web.StreamResponse:
    """Show everything read-only."""
    async with request.app[PORTAL].database.transaction() as db:
        session = await require_login(request, db)
        application = await registered_with(db, login_certificate(session))
        form = await load_form(db, session)
    if application is not None:
        raise web.HTTPSeeOther("/registration/registered")
    if form is None or form.draft.confirmation is None or form.faults:
        raise web.HTTPSeeOther("/registration/form")
    return render(
        request,
        "confirm.html",
        screen="8",
        step=4,
        session=session,
        form=form,
        values=form.values,
        table=fields,
        login_sha256=sha256_of(login_certificate(session)),
    )


async def propose(request: web.Request) -> web.StreamResponse:
    """Give the page the bytes to sign."""
    portal = request.app[PORTAL]
    body = await read_json(request, ProposalBody)
    await _session(request)
    signer = await _signer(portal, body.certificate, body.chain)
    async with portal.database.transaction() as db:
        session = await require_login(request, db)
        proposal = await portal.registration.propose(db, session, signer.certificate)
    return json_answer({"challenge": proposal.challenge, "document": proposal.content})


async def accept(request: web.Request) -> web.StreamResponse:
    """Take the signature and lead to the receipt."""
    portal = request.app[PORTAL]
    body = await read_json(request, SignatureBody)
    session = await _session(request)
    signed = Signed(
        challenge=body.challenge,
        algorithm=body.algorithm,
        signature=body.signature,
        signer=await _signer(portal, body.certificate, body.chain),
    )
    application = await portal.registration.accept(portal.database, session, signed)
    return json_answer({"location": receipt_path(application.number)})


async def _session(request: web.Request) -> Session:
    """Return the session, before somebody else is asked on its behalf. Raises SessionEnded."""
    async with request.app[PORTAL].database.transaction() as db:
        session = await require_login(request, db)
    check_header_token(request, session)
    return session


async def _signer(portal: Portal, certificate: bytes, chain: tuple[bytes, ...]) -> Verified:
    return await portal.trust.verify(
        parse_certificate(certificate), KeyPurpose.SIGNATURE, parse_chain(chain)
    )


def receipt_path(number: str | None) -> str:
    """Return the address of a receipt."""
    return f"/registration/complete/{number}"
