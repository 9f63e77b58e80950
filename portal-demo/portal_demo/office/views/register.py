"""資格審査情報: the register of companies, from a CSV file and back, and 登録番号の統合."""

from __future__ import annotations

import asyncio
import re
import tempfile
from pathlib import Path

from aiohttp import BodyPartReader, web
from sqlalchemy import func, select

from portal_demo.errors import PersonError
from portal_demo.merge_errors import CompaniesDiffer
from portal_demo.merging import contacts, merge, plan
from portal_demo.models import Company, MergedNumber
from portal_demo.office.audit import Action
from portal_demo.office.roles import Permission
from portal_demo.office.views.desk import Desk, Route, see_other
from portal_demo.register_csv.columns import COLUMNS
from portal_demo.register_csv.comparing import Effect, changes
from portal_demo.register_csv.errors import FileEmpty, FileTooLarge
from portal_demo.register_csv.importing import apply, find, preview
from portal_demo.register_csv.models import RegisterImport
from portal_demo.register_csv.reading import MAX_BYTES
from portal_demo.register_csv.writing import register_lines

_PATH = "/office/register"
_IMPORT = f"{_PATH}/import"
_ONE = f"{_IMPORT}/{{digest:[0-9a-f]{{64}}}}"
_MERGE = f"{_PATH}/merge"
_CHUNK = 64 * 1024
_SHOWN = 20
_SEPARATORS = re.compile(r"[\s,、，]+")
_LABELS = {column.name: column.label for column in COLUMNS}


async def show(desk: Desk) -> web.StreamResponse:
    """Show what can be done, and what was done last."""
    return await _hub(desk, None)


async def _hub(desk: Desk, error: PersonError | None) -> web.Response:
    async with desk.transaction() as db:
        companies = await db.scalar(select(func.count()).select_from(Company))
        last = await db.scalar(
            select(RegisterImport)
            .where(RegisterImport.applied.is_not(None))
            .order_by(RegisterImport.applied.desc())
            .limit(1)
        )
    return desk.render(
        "register.html",
        screen="register",
        status=error.status if error else 200,
        error=error,
        companies=companies,
        last=last,
        headings=[column.label.ja for column in COLUMNS],
    )


async def upload(desk: Desk) -> web.StreamResponse:
    """Take a file, compare it with the register, and go on to the preview."""
    with tempfile.TemporaryDirectory(prefix="portal-demo-") as folder:
        file = Path(folder, "register.csv")
        try:
            await _receive(desk, file)
            seen = await preview(desk.portal.database, file, desk.portal.clock)
        except PersonError as error:
            return await _hub(desk, error)
    return see_other(f"{_IMPORT}/{seen.digest}")


async def _receive(desk: Desk, file: Path) -> None:
    """Write the posted file to disk as it comes. Raises FileEmpty or FileTooLarge."""
    part = await desk.upload.next() if desk.upload else None
    if not isinstance(part, BodyPartReader) or part.name != "file":
        raise FileEmpty
    size = 0
    with await asyncio.to_thread(file.open, "wb") as f:
        while chunk := await part.read_chunk(_CHUNK):
            size += len(chunk)
            if size > MAX_BYTES:
                raise FileTooLarge(most=MAX_BYTES // 1024**2)
            await asyncio.to_thread(f.write, chunk)


async def show_preview(desk: Desk) -> web.StreamResponse:
    """Show what a file would change, or has changed."""
    async with desk.transaction() as db:
        found = await find(db, desk.request.match_info["digest"])
        added, changed = [
            await changes(db, found.id, effect, limit=_SHOWN)
            for effect in (Effect.ADDED, Effect.CHANGED)
        ]
    return desk.render(
        "import.html",
        screen="import",
        found=found,
        added=added,
        changed=changed,
        column_labels=_LABELS,
    )


async def apply_import(desk: Desk) -> web.StreamResponse:
    """Bring what was looked at into the register."""
    digest = desk.request.match_info["digest"]
    async with desk.transaction() as db:
        seen, now_applied = await apply(db, digest, desk.now)
        if now_applied:
            detail = f"+{seen.added} ~{seen.changed} ={seen.unchanged}"
            await desk.record(db, Action.REGISTER_IMPORTED, digest[:16], detail)
    return see_other(f"{_IMPORT}/{digest}")


async def export(desk: Desk) -> web.StreamResponse:
    """Give the register as CSV; written out first, so that a slow browser holds nothing up."""
    with tempfile.TemporaryFile() as file:
        async with desk.transaction() as db:
            async for line in register_lines(db):
                file.write(line.encode())
            await desk.record(db, Action.DOWNLOAD, "register.csv")
        file.seek(0)
        response = web.StreamResponse(
            headers={
                "Content-Type": "text/csv; charset=utf-8",
                "Content-Disposition": 'attachment; filename="register.csv"',
            }
        )
        await response.prepare(desk.request)
        while chunk := await asyncio.to_thread(file.read, _CHUNK):
            await response.write(chunk)
        await response.write_eof()
    return response


async def show_merge(desk: Desk) -> web.StreamResponse:
    """Ask which numbers become which."""
    return _merge_page(desk, "", "", None)


async def merge_numbers(desk: Desk) -> web.StreamResponse:
    """Show what a merge would do, or do it."""
    typed, new_number = desk.fields.get("old", ""), desk.fields.get("new", "").strip()
    old = list(filter(None, _SEPARATORS.split(typed)))
    accepted = "names-differ" in desk.fields
    try:
        async with desk.transaction() as db:
            if "confirm" not in desk.fields:
                companies = await plan(db, old, new_number, names_differ_accepted=accepted)
                told = await contacts(db, [company.number for company in companies])
                return desk.render(
                    "merge_confirm.html",
                    screen="merge-confirm",
                    companies=companies,
                    new_number=new_number,
                    told=told,
                    accepted=accepted,
                )
            done = await merge(
                db,
                old,
                new_number,
                portal=desk.portal.settings.origin,
                now=desk.now,
                names_differ_accepted=accepted,
            )
            detail = f"{', '.join(done.old_numbers)} → {new_number}"
            await desk.record(db, Action.NUMBERS_MERGED, new_number, detail)
    except PersonError as error:
        return _merge_page(desk, typed, new_number, error)
    return see_other(f"{_MERGE}/{new_number}")


async def show_merged(desk: Desk) -> web.StreamResponse:
    """Show what became of the numbers."""
    number = desk.request.match_info["number"]
    async with desk.transaction() as db:
        old = list(
            await db.scalars(
                select(MergedNumber.number)
                .where(MergedNumber.company_number == number)
                .order_by(MergedNumber.number)
            )
        )
        company = await db.get(Company, number)
    if company is None or not old:
        return see_other(_MERGE)
    return desk.render("merged.html", screen="merged", company=company, old=old)


def _merge_page(desk: Desk, old: str, new: str, error: PersonError | None) -> web.Response:
    return desk.render(
        "merge.html",
        screen="merge",
        status=error.status if error else 200,
        old=old,
        new=new,
        error=error,
        names_differ=isinstance(error, CompaniesDiffer),
    )


ROUTES = (
    Route("GET", _PATH, Permission.CHANGE_REGISTER, show),
    Route("POST", _IMPORT, Permission.CHANGE_REGISTER, upload, upload=True),
    Route("GET", _ONE, Permission.CHANGE_REGISTER, show_preview),
    Route("POST", _ONE, Permission.CHANGE_REGISTER, apply_import),
    Route("GET", f"{_PATH}/register.csv", Permission.CHANGE_REGISTER, export),
    Route("GET", _MERGE, Permission.CHANGE_REGISTER, show_merge),
    Route("POST", _MERGE, Permission.CHANGE_REGISTER, merge_numbers),
    Route("GET", f"{_MERGE}/{{number:[0-9]{{10}}}}", Permission.CHANGE_REGISTER, show_merged),
)
