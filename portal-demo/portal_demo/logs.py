"""What the portal writes down of its own running: one line each, and nothing personal.

Requests are named by their route, `/registration/complete/{number}`, never by what was asked for.
Of an exception its kind and place are written, not its words: they may hold what somebody typed.
"""

from __future__ import annotations

import json
import logging
import secrets
import sys
import time
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Literal

from aiohttp import web

from portal_demo.pages import Handler

Format = Literal["text", "json"]
HEADER = "X-Request-ID"

log = logging.getLogger(__name__)
_OFTEN = {"/healthz", "/readyz", "/static"}
_request_id: ContextVar[str] = ContextVar("request_id", default="")


def configure(kind: Format) -> None:
    """Write to standard error, for people or as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if kind == "json" else _Text())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


class _Text(logging.Formatter):
    """A line for people."""

    def __init__(self) -> None:
        super().__init__("%(levelname)s %(name)s: %(message)s")

    def formatException(self, ei: object) -> str:  # noqa: N802 - the library's name
        """Return kind and place of an exception."""
        return _failure(ei)


class JsonLines(logging.Formatter):
    """A JSON object of each record: `time`, `level`, `logger`, `message` and what belongs to it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {
            "time": moment,
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "request": _request_id.get() or None,
            "failure": _failure(record.exc_info) if record.exc_info else None,
            **getattr(record, "fields", {}),
        }
        kept = {name: value for name, value in line.items() if value is not None}
        return json.dumps(kept, ensure_ascii=False)


def _failure(info: object) -> str:
    """Return the kinds and places of an exception and of what led to it."""
    error = info[1] if isinstance(info, tuple) else None
    told: list[str] = []
    while isinstance(error, BaseException):
        frames = traceback.extract_tb(error.__traceback__)
        places = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        told.append("\n  ".join([type(error).__name__, *places]))
        error = error.__cause__ or error.__context__
    return "\n".join(told)


def route_of(request: web.Request) -> str:
    """Name what was asked for, without what is in it."""
    resource = request.match_info.route.resource
    return resource.canonical if resource else "(none)"


@web.middleware
async def logged(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Write one line of each request, and give it an id that its other lines have too."""
    request_id = secrets.token_hex(8)
    token = _request_id.set(request_id)
    begun, status = time.perf_counter(), 499  # the browser left before there was an answer
    try:
        response = await handler(request)
        status = response.status
        response.headers[HEADER] = request_id
    except web.HTTPException as e:
        status = e.status
        e.headers[HEADER] = request_id
        raise
    finally:
        fields = {
            "method": request.method,
            "route": route_of(request),
            "status": status,
            "milliseconds": round((time.perf_counter() - begun) * 1000, 1),
        }
        level = logging.DEBUG if fields["route"] in _OFTEN else logging.INFO
        line = "%(method)s %(route)s %(status)s %(milliseconds)s ms"
        log.log(level, line, fields, extra={"fields": fields})
        _request_id.reset(token)
    return response
