"""The screens before a log-in, and the pages beside them: no session yet."""

from __future__ import annotations

from aiohttp import web

from portal_demo.language import Text
from portal_demo.pages import Handler, render

# route, template, screen, step, values
_PAGES: tuple[tuple[str, str, str, int | None], ...] = (
    ("/", "procedure.html", "0", None),
    ("/procurement", "procurement.html", "1", 0),
    ("/procurement/goods", "choice.html", "2", 0),
    ("/procurement/small", "choice.html", "small-2", 0),
    ("/small/registration", "small_choice.html", "small-3", 0),
    ("/small/registration/change", "registration.html", "small-4", 0),
    ("/small/registration/menu", "menu.html", "small-5", 0),
    ("/registration", "registration.html", "3", 0),
    ("/registration/menu", "menu.html", "4", 0),
)
_UNAVAILABLE = (
    ("/procurement/small/bidding", Text("電子入札", "Electronic bidding"), "/procurement/small"),
    ("/procurement/goods/bidding", Text("電子入札", "Electronic bidding"), "/procurement/goods"),
)


def add_routes(router: web.UrlDispatcher) -> None:
    """Add the pages that only have to be shown."""
    for path, template, screen, step in _PAGES:
        router.add_get(path, _page(template, screen, step))
    for path, what, href in _UNAVAILABLE:
        router.add_get(path, _unavailable(what, href))


def _page(template: str, screen: str, step: int | None) -> Handler:
    async def show(request: web.Request) -> web.StreamResponse:
        return render(request, template, screen=screen, step=step)

    return show


def _unavailable(what: Text, href: str) -> Handler:
    async def show(request: web.Request) -> web.StreamResponse:
        return render(request, "unavailable.html", screen="unavailable", what=what, href=href)

    return show
