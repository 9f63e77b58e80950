"""Screen 9: the receipt, and what was signed to take away and verify."""

from __future__ import annotations

from aiohttp import web

from portal_demo.certificates import issuer_name, parse_certificate
from portal_demo.documents import digest_of, parse_document
from portal_demo.models import Application, Session
from portal_demo.pages import PORTAL, render
from portal_demo.registration import find_application
from portal_demo.views.common import require_login

_NUMBER = "{number:[0-9]{8}-[0-9]{6,}}"


def add_routes(router: web.UrlDispatcher) -> None:
    """Add screen 9 and its three files."""
    root = f"/registration/complete/{_NUMBER}"
    router.add_get(root, show)
    router.add_get(f"{root}/application.json", download_document)
    router.add_get(f"{root}/application.sig", download_signature)
    router.add_get(f"{root}/certificate.cer", download_certificate)


async def _find(request: web.Request) -> tuple[Session, Application]:
    async with request.app[PORTAL].database.transaction() as db:
        session = await require_login(request, db)
        return session, await find_application(db, session, request.match_info["number"])


async def show(request: web.Request) -> web.StreamResponse:
    """Show the receipt."""
    session, application = await _find(request)
    document = parse_document(application.document)
    certificate = parse_certificate(application.certificate)
    return render(
        request,
        "complete.html",
        screen="9",
        step=5,
        session=session,
        application=application,
        document=document,
        company_name=next(i.value for i in document.items if i.name == "company_name"),
        certificate=certificate,
        issuer=issuer_name(certificate),
        digest=digest_of(application.document),
    )


async def download_document(request: web.Request) -> web.StreamResponse:
    """Give the signed bytes."""
    _, application = await _find(request)
    return _file(application, application.document, "json", "application/json")


async def download_signature(request: web.Request) -> web.StreamResponse:
    """Give the signature as it came; ECDSA is raw r||s."""
    _, application = await _find(request)
    return _file(application, application.signature, "sig", "application/octet-stream")


async def download_certificate(request: web.Request) -> web.StreamResponse:
    """Give the signing certificate in DER."""
    _, application = await _find(request)
    return _file(application, application.certificate, "cer", "application/pkix-cert")


def _file(application: Application, body: bytes, suffix: str, content_type: str) -> web.Response:
    name = f'attachment; filename="application-{application.number}.{suffix}"'
    return web.Response(body=body, content_type=content_type, headers={"Content-Disposition": name})
