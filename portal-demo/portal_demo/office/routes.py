"""Every screen and action of the office."""

from __future__ import annotations

from aiohttp import web

from portal_demo.office.views import (
    account,
    applications,
    audit,
    login,
    mail,
    officer_access,
    officers,
    password,
    questions,
    register,
    setup,
    users,
)
from portal_demo.office.views.desk import HOME, Route, add_guarded, see_other

ROUTES: tuple[Route, ...] = (
    *login.ROUTES,
    *account.ROUTES,
    *setup.ROUTES,
    *applications.ROUTES,
    *questions.ROUTES,
    *users.ROUTES,
    *register.ROUTES,
    *mail.ROUTES,
    *officers.ROUTES,
    *officer_access.ROUTES,
    *audit.ROUTES,
)


def add_routes(router: web.UrlDispatcher) -> None:
    """Add the office to the portal."""
    router.add_get("/office", _home)
    login.add_routes(router)
    password.add_routes(router)
    add_guarded(router, ROUTES)


async def _home(_request: web.Request) -> web.StreamResponse:
    return see_other(HOME)
