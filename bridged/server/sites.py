"""What changes the list of sites over HTTP: the status page, and the command line.

A page elsewhere can do neither. The status page sends a header that no form and no simple request
of CORS can have, so a browser asks first with OPTIONS, which is never answered with a permission;
Origin and `Sec-Fetch-Site`, which a page cannot set, must be our own. The command line brings the
token, and no Origin.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Annotated, TypeVar

import msgspec
from aiohttp import web

from bridged.errors import BridgedError, ConfigError, RecordFailed
from bridged.protocol.codec import encode, error_object
from bridged.server.guard import is_program
from bridged.service.hub import Hub
from bridged.sites.store import How

log = logging.getLogger(__name__)

OURS = ("X-Bridged", "status-page")
B = TypeVar("B", bound=msgspec.Struct)


class _Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    origin: Annotated[str, msgspec.Meta(max_length=300)]


def from_status_page(request: web.Request) -> bool:
    """Whether a script of our own page, in this very origin, sent the request."""
    headers = request.headers
    name, value = OURS
    own = f"http://{headers.get('Host')}"
    return (
        headers.getall("Sec-Fetch-Site", []) == ["same-origin"]
        and headers.getall(name, []) == [value]
        and headers.getall("Origin", [own]) == [own]
    )


def require_status_page(request: web.Request) -> None:
    """Raise `HTTPForbidden` unless our own page, in this very origin, sent the request."""
    ours = (
        from_status_page(request)
        and "Origin" in request.headers
        and request.content_type == "application/json"
    )
    if not ours:
        raise web.HTTPForbidden(text="Only the status page may ask this.\n")


async def told_by_page(request: web.Request, kind: type[B]) -> B:
    """Return what our own page sends; raises `HTTPForbidden` for any other, `HTTPBadRequest`."""
    require_status_page(request)
    try:
        return msgspec.json.decode(await request.read(), type=kind)
    except (msgspec.DecodeError, UnicodeError):
        raise web.HTTPBadRequest(text="This is not what the page sends.\n") from None


async def forget(request: web.Request, hub: Hub) -> web.Response:
    """Take back what the person decided about a site; its connections are closed."""
    origin = (await told_by_page(request, _Body)).origin
    try:
        await _revoke(hub, origin)
    except (RecordFailed, ConfigError) as error:
        return _refused(error)
    return web.Response(status=204)


async def take_back(hub: Hub, origin: str) -> None:
    """Take back what the person allowed our own page for a test, when the page is gone.

    The page does so itself at the end of a test; it cannot when it is closed, or dies, before.
    """
    remembered = hub.policy.store.sites.get(origin)
    if remembered is None or not remembered.grants:
        return
    try:
        await _revoke(hub, origin)
    except (RecordFailed, ConfigError) as error:
        log.error("the list of sites stays as it was: %s", error)


async def _revoke(hub: Hub, origin: str) -> None:
    try:
        if await asyncio.to_thread(hub.policy.forget, origin):
            await hub.audit.write("site.revoked", origin=origin, how=How.STATUS_PAGE)
    finally:
        hub.sites_changed()


async def reload(request: web.Request, hub: Hub, token: str) -> web.Response:
    """Read the list anew after another program of this user changed it.

    Where it cannot be read, what is known stays, and the answer is the error.
    """
    if not is_program(request, token):
        raise web.HTTPForbidden(text="A program brings the token.\n")
    try:
        await asyncio.to_thread(hub.policy.store.load)
    except (RecordFailed, ConfigError) as error:
        return _refused(error)
    hub.sites_changed()
    return web.Response(status=204)


def _refused(error: BridgedError) -> web.Response:
    """Answer with the error as it goes over the wire: what is stored is out of reach."""
    log.error("the list of sites stays as it was: %s", error)
    text = encode(error_object(error))
    return web.Response(status=507, text=text, content_type="application/json")
