"""The least that takes a registration: one aiohttp handler that writes the rows the portal leaves.

`python bench_portal_floor.py PORT DATABASE` copies what the last registration in the database left,
under new keys, for every POST.
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web
from sqlalchemy import Table, select

from portal_demo.db import Database
from portal_demo.mail.models import Mail
from portal_demo.models import Application, ApplicationEvidence, Base, Card, Session, Signature

Row = dict[str, Any]
_TABLES: dict[type[Base], Mapping[str, Callable[[], str]]] = {
    Session: {"id": lambda: secrets.token_hex(32)},
    Application: {"number": lambda: secrets.token_hex(10), "confirmation": secrets.token_urlsafe},
    Signature: {},
    Card: {
        "login_sha256": lambda: secrets.token_hex(32),
        "signing_sha256": lambda: secrets.token_hex(32),
    },
    ApplicationEvidence: {},
    Mail: {"event_key": lambda: secrets.token_hex(32)},
}
"""What a registration leaves, in the order of its foreign keys, and the keys that are made anew."""


def _table(model: type[Base]) -> Table:
    table = model.__table__
    assert isinstance(table, Table)
    return table


async def _last_registration(database: Database) -> dict[type[Base], list[Row]]:
    """Return the rows that the last registration left."""
    async with database.transaction() as db:
        last = await db.scalar(select(Application).order_by(Application.id.desc()).limit(1))
        assert last is not None
        card = await db.scalar(select(Card).where(Card.application_id == last.id))
        assert card is not None
        left = {
            Session: Session.created <= last.created,
            Application: Application.id == last.id,
            Signature: Signature.application_id == last.id,
            Card: Card.application_id == last.id,
            ApplicationEvidence: ApplicationEvidence.application_id == last.id,
            Mail: Mail.event_key.contains(str(last.number)),
        }
        rows: dict[type[Base], list[Row]] = {}
        for model, condition in left.items():
            found = await db.execute(select(_table(model)).where(condition))
            rows[model] = [dict(row) for row in found.mappings()]
        rows[Session] = rows[Session][-1:]
    for model in (Application, Signature, Mail):
        for row in rows[model]:
            del row["id"]
    return rows


async def _write(database: Database, rows: Mapping[type[Base], list[Row]]) -> None:
    async with database.transaction() as db:
        application_id = None
        for model, keys in _TABLES.items():
            table = _table(model)
            for row in rows[model]:
                new = {**row, **{name: make() for name, make in keys.items()}}
                if "application_id" in new:
                    new["application_id"] = application_id
                if model is Application:
                    statement = table.insert().values(new).returning(table.c.id)
                    application_id = await db.scalar(statement)
                else:
                    await db.execute(table.insert().values(new))


def main() -> None:
    port, url = sys.argv[1:]
    app = web.Application()
    database = Database(url)

    async def take(_request: web.Request) -> web.Response:
        await _write(database, app[rows])
        return web.Response()

    async def read(app: web.Application) -> None:
        app[rows] = await _last_registration(database)

    async def close(_app: web.Application) -> None:
        await database.close()

    rows = web.AppKey("rows", Mapping[type[Base], list[Row]])
    app.router.add_post("/", take)
    app.router.add_get("/", lambda _request: _ok())
    app.on_startup.append(read)
    app.on_cleanup.append(close)
    web.run_app(app, host="127.0.0.1", port=int(port), access_log=None, print=None)


async def _ok() -> web.Response:
    return web.Response()


if __name__ == "__main__":
    main()
