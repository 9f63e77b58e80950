"""The window page: one load for each address, answers by its own key from its own origin alone."""

from __future__ import annotations

from html import escape
from typing import Annotated, TypeVar

import msgspec
from aiohttp import web

from bridged.pin.question import Answer
from bridged.pin.window import WindowDialog, Windows
from bridged.server.pages import Page

_PAGE = Page("ask", styles=("ask",), text_only=True)

WINDOWS = web.AppKey("windows", Windows)


class _Seen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    number: int


class _Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    number: int
    answer: Answer
    pin: Annotated[str, msgspec.Meta(max_length=64)] | None

    def __repr__(self) -> str:
        return "_Answer(***)"


B = TypeVar("B", _Seen, _Answer)


def add_routes(app: web.Application, windows: Windows) -> None:
    """Serve the windows of the prompts."""
    app[WINDOWS] = windows
    app.add_routes(
        [
            web.get("/ask/{token}", _page),
            web.post("/ask/next", _next),
            web.post("/ask/answer", _answer),
        ]
    )


async def _page(request: web.Request) -> web.Response:
    """Return the page, once: only to a window that a person can see as what it is."""
    fetch = [request.headers.get(f"Sec-Fetch-{name}") for name in ("Mode", "Dest")]
    if fetch != ["navigate", "document"]:
        raise web.HTTPForbidden(text="This page opens in a window of its own only.\n")
    key = request.app[WINDOWS].open(request.match_info["token"])
    if key is None:
        raise web.HTTPGone(text="この画面は終了しました。 / This dialog is over.\n")
    return _PAGE.answer(request, {}, {"key": escape(key)})


async def _next(request: web.Request) -> web.Response:
    dialog, seen = await _from_page(request, _Seen)
    return web.json_response(await dialog.next(seen.number))


async def _answer(request: web.Request) -> web.Response:
    dialog, answer = await _from_page(request, _Answer)
    dialog.answer(answer.number, answer.answer, answer.pin)
    return web.json_response({"number": answer.number})


async def _from_page(request: web.Request, kind: type[B]) -> tuple[WindowDialog, B]:
    """Return the dialog and what its page sent; refuses what any other page could send."""
    own = f"http://{request.headers.get('Host', '')}"
    headers = request.headers
    ours = headers.get("Origin") == own and headers.get("Sec-Fetch-Site") == "same-origin"
    if not ours or request.content_type != "application/json":
        raise web.HTTPForbidden(text="Only the dialog itself answers.\n")
    dialog = request.app[WINDOWS].find(headers.get("X-Bridged-Ask", ""))
    if dialog is None:
        raise web.HTTPGone(text="This dialog is over.\n")
    try:
        return dialog, msgspec.json.decode(await request.read(), type=kind)
    except (msgspec.DecodeError, UnicodeError):
        # Never said with what was sent: a PIN may be in it.
        raise web.HTTPBadRequest(text="This is no answer.\n") from None
