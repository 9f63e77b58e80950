"""The switch between Japanese and English, which every screen has."""

from __future__ import annotations

from aiohttp import web

from portal_demo.errors import PageUnknown
from portal_demo.language import named, set_cookie
from portal_demo.pages import PORTAL
from portal_demo.views.common import read_form


def add_routes(router: web.UrlDispatcher) -> None:
    """Add the switch."""
    router.add_post("/language", switch)


async def switch(request: web.Request) -> web.StreamResponse:
    """Remember the language and go back to the screen that asked; raises PageUnknown."""
    posted = await read_form(request)
    language = named(posted.get("language"))
    if language is None:
        raise PageUnknown
    response = web.HTTPSeeOther(_inside(posted.get("back", "")))
    set_cookie(response, language, https=request.app[PORTAL].settings.https)
    raise response


def _inside(path: str) -> str:
    """Return a path of this portal; anything that could lead elsewhere becomes the first page."""
    plain = path.isascii() and path.isprintable() and "\\" not in path
    return path if plain and path.startswith("/") and not path.startswith("//") else "/"
