"""Put the portal together."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from pathlib import Path

from aiohttp import web

from portal_demo import proxies
from portal_demo.authorities import load_authorities
from portal_demo.clock import Clock, utc_now
from portal_demo.db import Database
from portal_demo.demo import fill_register, fill_users
from portal_demo.demo_notices import fill_notices
from portal_demo.help import index
from portal_demo.logs import logged
from portal_demo.mail.smtp import Server, server_of
from portal_demo.mail.worker import Worker
from portal_demo.metrics import Metrics
from portal_demo.office import routes as office
from portal_demo.office.demo import fill_officers
from portal_demo.office.vault import Vault, key_file
from portal_demo.pages import PORTAL, Portal, canonical_host, done_again, refusals
from portal_demo.registration import Registration
from portal_demo.rows import alone
from portal_demo.security import STATIC_PREFIX, header_signal
from portal_demo.settings import Settings
from portal_demo.trust import Trust
from portal_demo.views import (
    confirm,
    demo_mail,
    form,
    languages,
    login,
    notices,
    postal,
    probes,
    questions,
    receipt,
    search,
    session,
    start,
    users,
)

log = logging.getLogger(__name__)

MAX_REQUEST_BYTES = 128 * 1024
METRICS = web.AppKey("metrics", Metrics)
STATIC = Path(__file__).parent / "static"
VIEWS = (
    start,
    languages,
    login,
    search,
    form,
    confirm,
    receipt,
    postal,
    probes,
    session,
    users,
    notices,
    questions,
)


def create_app(settings: Settings, clock: Clock = utc_now) -> web.Application:
    """Return the portal; `settings.origin` must be set. Raises OSError or ValueError for trust."""
    database = Database(settings.database)
    authorities = load_authorities(settings.trust)
    metrics = Metrics(database)
    behind = proxies.middleware(settings.trusted_proxies, settings.proxy_header)
    app = web.Application(
        middlewares=[logged, metrics.middleware(), behind, refusals, canonical_host, done_again],
        client_max_size=MAX_REQUEST_BYTES,
    )
    app[METRICS] = metrics
    app[PORTAL] = Portal(
        settings=settings,
        database=database,
        authorities=authorities,
        trust=Trust(authorities, database, clock, hard=settings.revocation == "hard"),
        registration=Registration(settings.origin, clock),
        clock=clock,
        vault=Vault(key_file(settings)),
    )
    for views in (*VIEWS, *((demo_mail,) if settings.demo else ())):
        views.add_routes(app.router)
    office.add_routes(app.router)
    app.router.add_static(STATIC_PREFIX, STATIC)
    app.on_response_prepare.append(header_signal(settings))
    app.cleanup_ctx.append(_database)
    app.cleanup_ctx.append(_mail(server_of(settings)))
    return app


async def fill_demo(database: Database, now: datetime) -> None:
    """Put in what the demonstration shows."""
    async with database.transaction() as db:
        await alone(db, "demonstration")
        await fill_register(db)
        await fill_users(db)
        await fill_notices(db, now)
        await fill_officers(db, now)


async def _database(app: web.Application) -> AsyncIterator[None]:
    portal = app[PORTAL]
    try:
        await portal.database.upgrade()
        async with portal.database.transaction() as db:
            await alone(db, "index of the help")
            await index(db)
        if portal.settings.demo:
            await fill_demo(portal.database, portal.clock())
        async with portal.database.transaction() as db:
            await portal.vault.prepare(db)
        yield
    finally:
        await portal.database.close()


def _mail(server: Server | None) -> Callable[[web.Application], AsyncIterator[None]]:
    async def running(app: web.Application) -> AsyncIterator[None]:
        portal = app[PORTAL]
        if server is None and not portal.settings.demo:
            log.warning("no smtp_host is set: mail is kept and not sent")
        days = portal.settings.mail_kept_days
        kept = timedelta(days=days) if days else None
        worker = Worker(portal.database, server, portal.clock, kept)
        task = asyncio.create_task(worker.run())
        yield
        await worker.stop(task)

    return running
