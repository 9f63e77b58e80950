"""The queue of applications, one of them with all that speaks for it, and the decision."""

from __future__ import annotations

import secrets

from aiohttp import web

from portal_demo.characters import visible
from portal_demo.documents import digest_of, parse_document
from portal_demo.evidence import attached_to
from portal_demo.language import Text
from portal_demo.models import Company
from portal_demo.office import queue, standing
from portal_demo.office.audit import Action
from portal_demo.office.decisions import (
    MAX_REASON,
    Verdict,
    decide,
    decision_on,
    find_any,
    review_of,
)
from portal_demo.office.dossier import before, files_of, sections_of
from portal_demo.office.errors import EntryUnknown, NotVerified
from portal_demo.office.paging import next_page, words_of
from portal_demo.office.queue import Search
from portal_demo.office.roles import Permission
from portal_demo.office.views.desk import HOME, Desk, Route, see_other
from portal_demo.procedures import BY_KIND, Kind
from portal_demo.status import STATUS_NAMES
from portal_demo.verification import verify
from portal_demo.views.receipt import NUMBER, signer_of

_TOKEN = 43
_ONE = f"{HOME}/{NUMBER}"
_NO_VERDICT = Text(
    "「受理する」か「不受理とする」のボタンを押してください。",
    "Press “Accept” or “Reject”, please.",
)
_NO_REASON = Text(
    "不受理の理由を入力してください。申請者にメールで通知します。",
    "Enter the reason; it is mailed to the bidder.",
)
_LONG_REASON = Text(
    f"理由は{MAX_REASON}文字以内で入力してください。", f"Up to {MAX_REASON} characters, please."
)


async def show_list(desk: Desk) -> web.StreamResponse:
    """Show a page of the applications."""
    search = Search.parse(desk.request.query)
    async with desk.transaction() as db:
        page = await queue.find(db, search)
    return desk.render(
        "applications.html",
        screen="applications",
        search=search,
        page=page,
        words=queue,
        procedures=BY_KIND,
        names=STATUS_NAMES,
        address=next_page(HOME, search.query()),
    )


async def show(desk: Desk) -> web.StreamResponse:
    """Show one application."""
    return await _page(desk, "", None)


async def settle(desk: Desk) -> web.StreamResponse:
    """Accept or reject."""
    accepted = desk.fields.get("verdict") == "accept"
    reason = visible(desk.fields.get("reason", "")).strip()
    if fault := _fault(desk.fields.get("verdict"), reason):
        return await _page(desk, reason, fault)
    verdict = Verdict(
        accepted, reason, desk.fields.get("seen", ""), words_of(desk.fields.get("token"), _TOKEN)
    )
    number = desk.request.match_info["number"]
    async with desk.transaction() as db:
        if accepted and not (await verify(db, number, desk.portal.authorities)).good:
            raise NotVerified
        decided = await decide(
            db,
            number,
            verdict,
            officer=desk.officer,
            now=desk.now,
        )
        if decided:
            action = Action.ACCEPT if accepted else Action.REJECT
            await desk.record(db, action, number, reason)
    return see_other(f"{HOME}/{number}")


def _fault(verdict: str | None, reason: str) -> Text | None:
    if verdict not in {"accept", "reject"}:
        return _NO_VERDICT
    if len(reason) > MAX_REASON:
        return _LONG_REASON
    return None if reason or verdict == "accept" else _NO_REASON


async def _page(desk: Desk, reason: str, fault: Text | None) -> web.Response:
    async with desk.transaction() as db:
        application = await find_any(db, desk.request.match_info["number"])
        company = await db.get_one(Company, application.company_number)
        review = await review_of(db, application)
        decision = await decision_on(db, application)
        evidence = await attached_to(db, application.id)
        earlier = await before(db, application)
        report = await verify(db, application.number or "", desk.portal.authorities)
    document = parse_document(application.document)
    against = await standing.against(desk.portal.trust, application, document, evidence)
    return desk.render(
        "application.html",
        screen="application",
        status=422 if fault else 200,
        application=application,
        procedure_title=BY_KIND[Kind(application.procedure)].title,
        company=company,
        document=document,
        document_company=document.value("company_name"),
        sections=sections_of(document, earlier),
        earlier=earlier,
        raw=application.document.decode(),
        digest=digest_of(application.document),
        signers=[signer_of(signature) for signature in application.signatures],
        review=review,
        report=report,
        against=against,
        decision=decision,
        files=files_of(application, evidence),
        names=STATUS_NAMES,
        token=secrets.token_urlsafe(32),
        reason=reason,
        fault=fault,
        max_reason=MAX_REASON,
    )


async def download(desk: Desk) -> web.StreamResponse:
    """Give one of the files of an application. Raises EntryUnknown."""
    number, name = desk.request.match_info["number"], desk.request.match_info["name"]
    async with desk.transaction() as db:
        application = await find_any(db, number)
        files = files_of(application, await attached_to(db, application.id))
        found = next((file for file in files if file.name == name), None)
        if found is None:
            raise EntryUnknown
        await desk.record(db, Action.DOWNLOAD, number, name)
    disposition = f'attachment; filename="{found.name}"'
    return web.Response(
        body=found.content,
        content_type=found.content_type,
        headers={"Content-Disposition": disposition},
    )


ROUTES = (
    Route("GET", HOME, Permission.READ_APPLICATIONS, show_list),
    Route("GET", _ONE, Permission.READ_APPLICATIONS, show),
    Route("POST", _ONE, Permission.DECIDE, settle),
    Route("GET", f"{_ONE}/files/{{name}}", Permission.READ_APPLICATIONS, download),
)
