"""Metrics for Prometheus, at an address of their own; nothing in them is about a person."""

from __future__ import annotations

import time

from aiohttp import web
from aiohttp.typedefs import Middleware
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from sqlalchemy import func, select

from portal_demo.db import Database
from portal_demo.errors import Unavailable
from portal_demo.logs import route_of
from portal_demo.mail.models import Mail
from portal_demo.models import Application, Inquiry
from portal_demo.pages import Handler

_QUEUES = (("application", Application), ("inquiry", Inquiry), ("mail", Mail))
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """What one process has counted; queues are counted in the database when they are asked for."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "portal_requests", "Requests answered", ["method", "route", "status"],
            registry=self._registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "portal_request_seconds", "Time until the answer", ["route"],
            buckets=_BUCKETS, registry=self._registry,
        )  # fmt: skip
        self._reachable = Gauge(
            "portal_database_reachable", "Whether the database answers", registry=self._registry
        )
        self._rows = Gauge(
            "portal_rows", "Applications, inquiries and mails by their status", ["kind", "status"],
            registry=self._registry,
        )  # fmt: skip

    def middleware(self) -> Middleware:
        """Return what counts the requests of an application."""

        @web.middleware
        async def counted(request: web.Request, handler: Handler) -> web.StreamResponse:
            begun, status = time.perf_counter(), 499
            try:
                response = await handler(request)
                status = response.status
            except web.HTTPException as e:
                status = e.status
                raise
            finally:
                route = route_of(request)
                method = request.method if request.method in _METHODS else "other"
                self._requests.labels(method, route, str(status)).inc()
                self._seconds.labels(route).observe(time.perf_counter() - begun)
            return response

        return counted

    def app(self) -> web.Application:
        """Return the application that tells them, at /metrics."""
        app = web.Application()
        app.router.add_get("/metrics", self._tell)
        return app

    async def _tell(self, _request: web.Request) -> web.Response:
        try:
            await self._count_rows()
            self._reachable.set(1)
        except Unavailable:
            self._reachable.set(0)
        body = generate_latest(self._registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _count_rows(self) -> None:
        self._rows.clear()
        async with self._database.transaction() as db:
            for kind, model in _QUEUES:
                counted = select(model.status, func.count()).group_by(model.status)
                for status, count in await db.execute(counted):
                    self._rows.labels(kind, status).set(count)


_METHODS = {"GET", "HEAD", "POST"}
