"""The OpenRPC document, made out of the message types and the errors (OpenRPC 1.3)."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from typing import Any, cast, get_type_hints

import msgspec

from bridged import __version__
from bridged.errors import BridgedError
from bridged.model import Wire
from bridged.protocol import codec
from bridged.protocol.messages import (
    METHODS,
    NOTIFICATIONS,
    SUBPROTOCOL,
    CloseCode,
    Empty,
    Method,
    NoParams,
    OpenRpc,
)

_REF = "#/components/schemas/{name}"


@cache
def document() -> OpenRpc:
    """Return the one description of every method, notification, type and error."""
    kinds = {kind for method in METHODS.values() for kind in (method.params, method.result)}
    kinds |= set(NOTIFICATIONS.values())
    kinds |= {hint for told in codec.REASONS.values() for hint in _hints(told).values()}
    ordered = sorted(kinds - {OpenRpc}, key=str)
    _, schemas = msgspec.json.schema_components(ordered, ref_template=_REF)
    methods = [_method(name, method, schemas) for name, method in METHODS.items()]
    methods += [_notification(name, kind, schemas) for name, kind in NOTIFICATIONS.items()]
    return OpenRpc(
        openrpc="1.3.2",
        info={
            "title": SUBPROTOCOL,
            "version": __version__,
            "description": "JSON-RPC 2.0 over a WebSocket on loopback. Bytes are base64.",
            "license": {"name": "Apache-2.0"},
        },
        methods=methods,
        components={
            "schemas": schemas,
            "errors": _errors(),
            "x-closeCodes": {str(code.value): code.name for code in CloseCode},
        },
    )


def _method(name: str, method: Method, schemas: dict[str, Any]) -> dict[str, Any]:
    described = {
        "name": name,
        "summary": _summary(method.params, schemas) or _summary(method.result, schemas),
        "paramStructure": "by-name",
        "params": _params(schemas.get(method.params.__name__, {})),
        "result": {"name": method.result.__name__, "schema": _schema(method.result)},
        "errors": [{"$ref": f"#/components/errors/{reason}"} for reason in codec.REASONS],
    }
    if method.grant is not None:
        described["x-grant"] = method.grant
    return described


def _notification(name: str, kind: type[Wire], schemas: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "summary": _summary(kind, schemas),
        "paramStructure": "by-name",
        "params": _params(schemas[kind.__name__]),
        "x-notification": True,
    }


def _params(schema: dict[str, Any]) -> list[dict[str, Any]]:
    required = schema.get("required", [])
    return [
        {"name": name, "required": name in required, "schema": member}
        for name, member in schema.get("properties", {}).items()
    ]


def _schema(kind: type[Wire]) -> dict[str, Any]:
    if kind is OpenRpc:
        return {"type": "object", "description": "This document."}
    return {"$ref": _REF.format(name=kind.__name__)}


def _summary(kind: type[Wire], schemas: dict[str, Any]) -> str:
    text = str(schemas.get(kind.__name__, {}).get("description", ""))
    return "" if kind in {Empty, NoParams} else text.splitlines()[0] if text else ""


def _errors() -> dict[str, Any]:
    return {
        reason: {
            "code": kind.code,
            "message": (kind.__doc__ or "").splitlines()[0],
            "data": {"reason": reason},
            "x-fields": _fields(kind),
        }
        for reason, kind in codec.REASONS.items()
    }


def _fields(kind: type[BridgedError]) -> dict[str, Any]:
    """Return the schema of each member that `error.data` has beside `reason` and `messages`."""
    hints = _hints(kind)
    schemas, _ = msgspec.json.schema_components(hints.values(), ref_template=_REF)
    return dict(zip(map(codec.wire_name, hints), schemas, strict=True))


def _hints(kind: type[BridgedError]) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(cast("Any", kind))}
