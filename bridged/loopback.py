"""One HTTP request to whatever has a port of this computer: it may be any program, and mean no good."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from collections.abc import Iterator, Mapping


class NoAnswer(Exception):
    """Nothing was said in time that is HTTP and no longer than was asked for."""


def ask(
    port: int,
    method: str,
    path: str,
    headers: Mapping[str, str] | None = None,
    *,
    within_s: float,
    max_bytes: int,
) -> tuple[int, bytes]:
    """Return status and body, both there `within_s` seconds; follows no redirection.

    Raises `ConnectionRefusedError` where nobody listens, `NoAnswer` for all else.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=within_s)
    try:
        with _hung_up_on(connection, within_s):
            connection.request(method, path, headers=dict(headers or {}))
            response = connection.getresponse()
            body = response.read(max_bytes + 1)
    except ConnectionRefusedError:
        raise
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswer from error
    finally:
        connection.close()
    if len(body) > max_bytes or response.length:
        raise NoAnswer
    return response.status, body


@contextlib.contextmanager
def _hung_up_on(connection: http.client.HTTPConnection, after_s: float) -> Iterator[None]:
    """Connect, and end it all at a time: a timeout of a socket begins anew with each byte."""
    connection.connect()
    line = connection.sock
    late = threading.Event()

    def hang_up() -> None:
        late.set()
        with contextlib.suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(after_s, hang_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
    if late.is_set():
        raise NoAnswer
