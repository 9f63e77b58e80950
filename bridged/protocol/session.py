"""The daemon's end of one connection, without I/O: text in, requests out, text out."""

from __future__ import annotations

from dataclasses import dataclass

from bridged.errors import BridgedError, Busy, InvalidRequest, MethodNotFound
from bridged.model import Grant, Wire
from bridged.protocol import codec
from bridged.protocol.messages import METHODS

MAX_IN_FLIGHT = 32
"""Requests of one connection that may wait for their answer at the same time."""

MAX_PARAMS = 8192
"""Bytes of parameters, but for the methods that carry digests."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request whose parameters are known to be right."""

    id: int | str
    method: str
    params: Wire
    grant: Grant | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that needs nobody to think: the text to send back."""

    text: str


class Session:
    """Keeps what is under way on one connection."""

    def __init__(self) -> None:
        self._in_flight: set[int | str] = set()

    def receive(self, text: str, *, refusal: BridgedError | None = None) -> Request | Refusal:
        """Read one frame; every fault of it becomes the refusal to send, as does a `refusal`."""
        try:
            envelope = codec.decode_envelope(text)
        except BridgedError as error:
            return Refusal(_failure(None, error))
        try:
            if refusal is not None:
                raise refusal
            return self._admit(envelope)
        except BridgedError as error:
            return Refusal(_failure(envelope.id, error))

    def _admit(self, envelope: codec.Envelope) -> Request:
        method = METHODS.get(envelope.method)
        if method is None:
            raise MethodNotFound(method=envelope.method[:100])
        if envelope.id in self._in_flight:
            raise InvalidRequest(detail="a request with this id is under way")
        if len(self._in_flight) >= MAX_IN_FLIGHT:
            raise Busy
        if len(envelope.params) > MAX_PARAMS and not method.large:
            raise InvalidRequest(detail=f"more than {MAX_PARAMS} bytes of parameters")
        params = codec.decode_params(envelope.params, method.params)
        self._in_flight.add(envelope.id)
        return Request(envelope.id, envelope.method, params, method.grant)

    def succeed(self, request: Request, result: Wire) -> str:
        """Return the text of a result."""
        self._in_flight.discard(request.id)
        return codec.encode({"jsonrpc": "2.0", "id": request.id, "result": result})

    def fail(self, request: Request, error: BridgedError) -> str:
        """Return the text of an error."""
        self._in_flight.discard(request.id)
        return _failure(request.id, error)


def notification(method: str, params: Wire) -> str:
    """Return the text of a notification."""
    return codec.encode({"jsonrpc": "2.0", "method": method, "params": params})


def _failure(request_id: int | str | None, error: BridgedError) -> str:
    return codec.encode({"jsonrpc": "2.0", "id": request_id, "error": codec.error_object(error)})
