"""What stands in for a daemon whose settings cannot be used: whoever comes is told what is wrong.

A service manager holds the port in any case. Were the daemon just to end, the one who came would wait
in its queue, and it would start the daemon for that one again and again.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Sequence
from html import escape

from aiohttp import web

from bridged import __version__
from bridged.errors import BridgedError
from bridged.protocol.messages import SUBPROTOCOL, CloseCode
from bridged.server import systemd
from bridged.server.app import listening
from bridged.server.guard import guard
from bridged.server.pages import LANGUAGES, Page, file, language

log = logging.getLogger(__name__)

TOLD_S = 5.0
"""Then it leaves: who comes after that meets a daemon that has read the settings anew (seconds)."""

TEXTS: dict[str, tuple[str, str]] = {
    "title": ("bridged の状態", "bridged status"),
    "stopped": ("停止しています", "Not running"),
    "wrong": ("動作できない原因", "What stands in the way"),
    "error": ("エラー", "Error"),
    "advice": (
        "この箇所を直してから、この画面を再読み込みしてください。お分かりにならない場合は、"
        "この画面を管理者またはサポート窓口にお見せください。",
        "Mend this, then reload this page. If you do not know how, show this page to your administrator "
        "or support desk.",
    ),
    "doctor": (
        "ターミナルでは bridged doctor で同じ内容を確かめられます。",
        "In a terminal, bridged doctor tells the same.",
    ),
}

_PAGE = Page("misconfigured", styles=("status",), text_only=True, scripted=False)


async def tell(error: BridgedError, handed: Sequence[socket.socket], *, any_user: bool) -> None:
    """Tell `error` for a while to everybody who comes to the sockets that were handed over."""
    log.error("%s", error)
    async with listening(create_app(error), 0, handed, any_user=any_user), systemd.supervised():
        await asyncio.sleep(TOLD_S)


def create_app(error: BridgedError) -> web.Application:
    """Return the application: the page, the socket that closes with a reason, 503 for all else."""
    app = web.Application(middlewares=[guard])

    async def page(request: web.Request) -> web.Response:
        message = error.messages()[LANGUAGES[language(request)]]
        fields = {"version": escape(__version__), "message": escape(message)}
        return _PAGE.answer(request, TEXTS, fields, status=503)

    async def others(_: web.Request) -> web.Response:
        return web.Response(
            status=503, text="bridged cannot run as it is set up; the page at / tells why.\n"
        )

    app.add_routes(
        [
            web.get("/", page),
            *(web.get(f"/{name}.css", file) for name in ("base", "status")),
            web.get("/v1", _close),
            web.route("*", "/{path:.*}", others),
        ]
    )
    return app


async def _close(request: web.Request) -> web.WebSocketResponse:
    """Take the socket and close it: of an HTTP status a page would hear nothing."""
    ws = web.WebSocketResponse(protocols=(SUBPROTOCOL,), compress=False)
    await ws.prepare(request)
    await ws.close(code=CloseCode.MISCONFIGURED, message=b"the settings are wrong")
    return ws
