"""The process that signs one document: it reads hostile files, and has neither card nor network.

It talks to the daemon in frames over its standard input and output: first comes the `Job`, then it
asks to have a digest signed or a time-stamp fetched, and at last it tells the document or why there
is none. A frame is its length (4 bytes, big endian) and MessagePack.
"""

from __future__ import annotations

import logging
import secrets
import sys
from typing import BinaryIO, TypeVar

import msgspec

from bridged.errors import BridgedError, DocumentMalformed, InternalError
from bridged.model import DocumentFormat
from bridged.protocol import codec
from bridged.signing.documents.job import GivenUp, Job

MAX_MEMORY_BYTES = 1 << 30
MAX_CPU_S = 20

T = TypeVar("T")
log = logging.getLogger(__name__)


class Sign(msgspec.Struct, frozen=True, tag=True):
    """Have the card sign a digest; the answer is the signature."""

    digest: bytes


class Timestamp(msgspec.Struct, frozen=True, tag=True):
    """Send a request to the time-stamp authority; the answer is its response."""

    request: bytes


class Done(msgspec.Struct, frozen=True, tag=True):
    """The signed document."""

    document: bytes


class Failed(msgspec.Struct, frozen=True, tag=True):
    """Why the document is not signed."""

    error: codec.ErrorObject


Ask = Sign | Timestamp
Told = Sign | Timestamp | Done | Failed


def pack(value: object) -> bytes:
    """Return a frame."""
    body = msgspec.msgpack.encode(value)
    return len(body).to_bytes(4, "big") + body


class Pipe:
    """The daemon at the other end; an `Outside`."""

    def __init__(self, source: BinaryIO, sink: BinaryIO) -> None:
        self._source, self._sink = source, sink

    def read(self, kind: type[T]) -> T:
        """Wait for a frame; raises `GivenUp`."""
        head = self._source.read(4)
        body = self._source.read(int.from_bytes(head, "big"))
        if len(head) < 4:
            raise GivenUp
        return msgspec.msgpack.decode(body, type=kind)

    def tell(self, value: Told) -> None:
        """Send a frame."""
        self._sink.write(pack(value))
        self._sink.flush()

    def sign(self, digest: bytes) -> bytes:
        """Have the card sign."""
        self.tell(Sign(digest))
        return self.read(bytes)

    def timestamp(self, request: bytes) -> bytes:
        """Have the time-stamp authority asked."""
        self.tell(Timestamp(request))
        return self.read(bytes)


def sign(job: Job, pipe: Pipe) -> Done | Failed:
    """Sign a document by its format; whatever goes wrong is told."""
    try:
        return Done(_sign(job, pipe))
    except GivenUp:
        raise
    except MemoryError:
        return _failed(DocumentMalformed(format=job.format, detail="it needs too much memory"))
    except RecursionError:
        return _failed(DocumentMalformed(format=job.format, detail="it is nested too deeply"))
    except BridgedError as error:
        return _failed(error)
    except Exception:
        number = secrets.token_hex(4)
        log.exception("internal error %s in signing a document", number)
        return _failed(InternalError(id=number))


def _sign(job: Job, pipe: Pipe) -> bytes:
    match job.format:
        case DocumentFormat.CADES:
            from bridged.signing.documents import cades  # noqa: PLC0415

            return cades.sign(job, pipe)
        case DocumentFormat.XADES:
            from bridged.signing.documents import xades  # noqa: PLC0415

            return xades.sign(job, pipe)
        case DocumentFormat.PADES:
            from bridged.signing.documents import pades  # noqa: PLC0415

            return pades.sign(job, pipe)


def _failed(error: BridgedError) -> Failed:
    return Failed(codec.error_object(error))


def limit() -> None:
    """Bound what a document may cost, where the system can."""
    try:
        import resource  # noqa: PLC0415
    except ImportError:
        return
    for what, most in (
        (resource.RLIMIT_AS, MAX_MEMORY_BYTES),
        (resource.RLIMIT_CPU, MAX_CPU_S),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))


def main() -> None:
    """Sign the one document that comes over standard input."""
    limit()
    pipe = Pipe(sys.stdin.buffer, sys.stdout.buffer)
    try:
        pipe.tell(sign(pipe.read(Job), pipe))
    except GivenUp:
        sys.exit(1)


if __name__ == "__main__":
    main()
