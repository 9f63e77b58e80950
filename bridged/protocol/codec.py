"""JSON and the types of `messages`, both ways; every failure in the caller's terms."""

from __future__ import annotations

import json
import re
from dataclasses import MISSING, fields
from typing import Any, TypeVar

import msgspec

from bridged import errors
from bridged.errors import BridgedError, InvalidParams, InvalidRequest, ParseError

T = TypeVar("T")

_AT = re.compile(r"^(?P<detail>.*?)(?: - at `\$(?P<path>[^`]*)`)?$", re.DOTALL)
_MEMBER = re.compile(r"(?:field|member) `(?P<name>[^`]{1,100})`")

EMPTY = msgspec.Raw(b"{}")


class Envelope(msgspec.Struct, forbid_unknown_fields=True):
    """A JSON-RPC 2.0 request with its parameters not looked at yet."""

    jsonrpc: str
    method: str
    id: int | str
    params: msgspec.Raw = EMPTY


class ErrorObject(msgspec.Struct):
    """A JSON-RPC 2.0 error (section 5.1)."""

    code: int
    message: str
    data: dict[str, Any]


class Frame(msgspec.Struct):
    """What a client receives: a response or a notification."""

    jsonrpc: str
    id: int | str | None = None
    result: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    error: ErrorObject | msgspec.UnsetType = msgspec.UNSET
    method: str | msgspec.UnsetType = msgspec.UNSET
    params: msgspec.Raw = EMPTY


_encoder = msgspec.json.Encoder()
_envelope = msgspec.json.Decoder(Envelope)
_frame = msgspec.json.Decoder(Frame)


def encode(value: object) -> str:
    """Return JSON text."""
    return _encoder.encode(value).decode()


class _Duplicate(Exception):
    """An object has two members of one name."""


def _unique(members: list[tuple[str, object]]) -> None:
    """Refuse what JSON readers understand differently: some take the first, some the last."""
    names: set[str] = set()
    for name, _ in members:
        if name in names:
            raise _Duplicate(name)
        names.add(name)


def decode_envelope(text: str) -> Envelope:
    """Read a request; raises `ParseError` and `InvalidRequest`."""
    try:
        envelope = _envelope.decode(text)
        json.loads(text, object_pairs_hook=_unique)
    except _Duplicate as error:
        raise InvalidRequest(
            detail=f"the member {error.args[0][:100]!r} stands there twice"
        ) from None
    except msgspec.ValidationError as error:
        raise InvalidRequest(detail=str(error)[:200]) from None
    except (ValueError, RecursionError):
        raise ParseError from None
    if envelope.jsonrpc != "2.0":
        raise InvalidRequest(detail="jsonrpc is not “2.0”")
    if isinstance(envelope.id, str) and len(envelope.id) > 100:
        raise InvalidRequest(detail="the id is longer than 100 characters")
    return envelope


def decode_params(raw: msgspec.Raw, kind: type[T]) -> T:
    """Read parameters; raises `InvalidParams` with the path of the first that is wrong."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as error:
        raise _invalid(str(error)) from None
    except RecursionError:
        raise InvalidParams(path="params", detail="nested too deeply") from None


def _invalid(message: str) -> InvalidParams:
    match = _AT.match(message)
    detail, path = (match["detail"], match["path"] or "") if match else (message, "")
    path = path.lstrip(".")
    member = _MEMBER.search(detail)
    if member is not None:
        path = f"{path}.{member['name']}".lstrip(".")
    return InvalidParams(path=path or "params", detail=detail[:200])


def decode_frame(text: str | bytes) -> Frame:
    """Read what a daemon sent; raises `ParseError`."""
    try:
        return _frame.decode(text)
    except (msgspec.DecodeError, RecursionError):
        raise ParseError from None


def decode_result(raw: msgspec.Raw, kind: type[T]) -> T:
    """Read a result as the client of this version knows it; raises `ParseError`."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.DecodeError:
        raise ParseError from None


def error_object(error: BridgedError) -> ErrorObject:
    """Return the error as it goes over the wire."""
    members = {wire_name(k): v for k, v in error.data().items()}
    data = {"reason": error.reason, "messages": error.messages(), **members}
    if error.made:
        data["signatures"] = error.made
    return ErrorObject(error.code, str(error), data)


class LaterError(BridgedError):
    """A reason that this version does not know; `code` tells its family, `messages` what to do."""

    def __init__(self, value: ErrorObject) -> None:
        super().__init__(value.message)
        self.reason: str = msgspec.convert(value.data["reason"], str)  # type: ignore[misc]
        self.code: int = value.code  # type: ignore[misc]
        self._messages = msgspec.convert(value.data["messages"], dict[str, str])

    def data(self) -> dict[str, object]:
        """Return no fields: what they mean is not known."""
        return {}

    def messages(self) -> dict[str, str]:
        """Return the daemon's sentences."""
        return self._messages


def error_from(value: ErrorObject) -> BridgedError:
    """Return the exception a daemon's error stands for.

    Members of a later version are passed over, those an earlier one does not tell have their
    defaults, a reason of a later one is a `LaterError`; what is none of these is internal.
    """
    try:
        error = _known(value) or LaterError(value)
        made = value.data.get("signatures", ())
        error.made = msgspec.convert(made, tuple[bytes, ...], strict=False)
    except (KeyError, TypeError, msgspec.ValidationError):
        return errors.InternalError(id=str(value.code))
    return error


def _known(value: ErrorObject) -> BridgedError | None:
    kind = REASONS.get(str(value.data["reason"]))
    if kind is None:
        return None
    known = [(field, wire_name(field.name)) for field in fields(kind)]  # type: ignore[arg-type]
    members = {
        field.name: value.data[name]
        for field, name in known
        if name in value.data or field.default is MISSING
    }
    return kind(**members)


def wire_name(name: str) -> str:
    """Return the camelCase of a Python name."""
    head, *rest = name.split("_")
    return head + "".join(part.title() for part in rest)


def _tree(kind: type[BridgedError]) -> list[type[BridgedError]]:
    return [kind, *(each for sub in kind.__subclasses__() for each in _tree(sub))]


REASONS: dict[str, type[BridgedError]] = {
    kind.reason: kind
    for kind in _tree(BridgedError)
    if hasattr(kind, "reason")
    and not issubclass(kind, errors.LocalError)
    # Not a module's own shade of one, which may have been imported before this.
    and vars(errors).get(kind.__name__) is kind
}
"""Every error that goes over the wire, by its reason."""
