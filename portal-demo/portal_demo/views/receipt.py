"""Screen 9: the receipt, and what was signed to take away and verify."""

from __future__ import annotations

from asyncio import to_thread
from functools import partial

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncSession

from portal_demo.announcements import recipients
from portal_demo.applications import find_application
from portal_demo.certificates import issuer_name, parse_certificate
from portal_demo.documents import digest_of, parse_document
from portal_demo.errors import PageUnknown
from portal_demo.holders import holder_of
from portal_demo.models import Application, Session, Signature
from portal_demo.office.decisions import decision_on
from portal_demo.pages import PORTAL, render
from portal_demo.procedures import DONE_STEP, PROCEDURES, Procedure
from portal_demo.receipt_pdf import Receipt, Signer, make_pdf
from portal_demo.status import STATUS_NAMES
from portal_demo.views.common import require_login

NUMBER = "{number:[0-9]{8}-[0-9]{6,}}"


def add_routes(router: web.UrlDispatcher) -> None:
    """Add screen 9 of every procedure, and its files."""
    for procedure in PROCEDURES:
        root = receipt_path(procedure, NUMBER)
        router.add_get(root, partial(show, procedure=procedure))
        for name, download in (
            ("receipt.pdf", download_receipt),
            ("application.json", download_document),
            ("application{signer:(-old)?}.sig", download_signature),
            ("certificate{signer:(-old)?}.cer", download_certificate),
        ):
            router.add_get(f"{root}/{name}", partial(download, procedure=procedure))


def receipt_path(procedure: Procedure, number: str | None) -> str:
    """Return the address of a receipt."""
    return f"{procedure.root}/complete/{number}"


async def _find(
    request: web.Request, db: AsyncSession, procedure: Procedure
) -> tuple[Session, Application]:
    session = await require_login(request, db, procedure)
    return session, await find_application(db, session, request.match_info["number"])


async def _find_application(request: web.Request, procedure: Procedure) -> Application:
    async with request.app[PORTAL].database.transaction() as db:
        return (await _find(request, db, procedure))[1]


async def _find_signature(
    request: web.Request, procedure: Procedure
) -> tuple[Application, Signature]:
    """Return the signature that a file is about. Raises PageUnknown where there is none."""
    application = await _find_application(request, procedure)
    position = 1 if request.match_info["signer"] else 0
    try:
        return application, application.signatures[position]
    except IndexError as e:
        raise PageUnknown from e


async def show(request: web.Request, *, procedure: Procedure) -> web.StreamResponse:
    """Show the receipt."""
    async with request.app[PORTAL].database.transaction() as db:
        session, application = await _find(request, db, procedure)
        decision = await decision_on(db, application)
    document = parse_document(application.document)
    return render(
        request,
        "complete.html",
        screen=f"{procedure.screens}9",
        step=procedure.step(DONE_STEP),
        session=session,
        application=application,
        document=document,
        company_name=document.value("company_name"),
        signers=list(map(signer_of, application.signatures)),
        digest=digest_of(application.document),
        mailed_to=recipients(document),
        demo=request.app[PORTAL].settings.demo,
        statuses=STATUS_NAMES,
        rejected_because=decision.reason if decision and not decision.accepted else "",
    )


async def download_receipt(request: web.Request, *, procedure: Procedure) -> web.StreamResponse:
    """Give the receipt as a sheet of paper."""
    application = await _find_application(request, procedure)
    document = parse_document(application.document)
    receipt = Receipt(
        title=procedure.receipt.ja,
        number=application.number or "",
        created=application.created,
        procedure=procedure.title.ja,
        status=application.status,
        procurement=document.procurement,
        company_number=document.company_number,
        number_now=application.company_number,
        company_name=document.value("company_name"),
        signers=tuple(signer_of(signature) for signature in application.signatures),
        digest=digest_of(application.document),
        portal=request.app[PORTAL].settings.origin,
    )
    return file_answer(application, await to_thread(make_pdf, receipt), "pdf", "application/pdf")


def signer_of(signature: Signature) -> Signer:
    """Return whose signature it is."""
    certificate = parse_certificate(signature.certificate)
    holder = holder_of(certificate)
    return Signer(
        names="　".join(name for name in (holder.organization, holder.name) if name),
        issuer=issuer_name(certificate),
        serial_number=f"{certificate.serial_number:x}",
        not_after=certificate.not_valid_after_utc,
        algorithm=signature.algorithm,
    )


async def download_document(request: web.Request, *, procedure: Procedure) -> web.StreamResponse:
    """Give the signed bytes."""
    application = await _find_application(request, procedure)
    return file_answer(application, application.document, "json", "application/json")


async def download_signature(request: web.Request, *, procedure: Procedure) -> web.StreamResponse:
    """Give a signature as it came; ECDSA is raw r||s."""
    application, signature = await _find_signature(request, procedure)
    return file_answer(application, signature.signature, "sig", "application/octet-stream")


async def download_certificate(request: web.Request, *, procedure: Procedure) -> web.StreamResponse:
    """Give the certificate of a signature in DER."""
    application, signature = await _find_signature(request, procedure)
    return file_answer(application, signature.certificate, "cer", "application/pkix-cert")


def file_answer(
    application: Application, body: bytes, suffix: str, content_type: str
) -> web.Response:
    """Return a file of an application to be saved."""
    name = f'attachment; filename="application-{application.number}.{suffix}"'
    return web.Response(body=body, content_type=content_type, headers={"Content-Disposition": name})
