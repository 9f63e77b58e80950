"""A request to a port of this computer, where any program may be, and say anything for ever."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from bridged.loopback import NoAnswer, ask

HEAD = b"HTTP/1.1 200 OK\r\n"


@contextlib.contextmanager
def program(begin: bytes, again: bytes = b"", *, pause_s: float = 0) -> Iterator[int]:
    """Answer with `begin` and, where there is one, `again` without end; give the port."""
    over = threading.Event()

    def answer(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            caller, _ = listener.accept()
            with caller:
                caller.recv(65536)
                caller.sendall(begin)
                while again and not over.wait(pause_s):
                    caller.sendall(again)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        answering = threading.Thread(target=answer, args=[listener])
        answering.start()
        yield listener.getsockname()[1]
        over.set()
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        answering.join()


def test_status_and_body_come_back() -> None:
    with program(b"HTTP/1.1 503 No\r\nContent-Length: 4\r\n\r\nbody") as port:
        assert ask(port, "GET", "/", within_s=60, max_bytes=4) == (503, b"body")


def test_a_redirection_is_not_followed() -> None:
    with program(
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    ) as port:
        assert ask(port, "GET", "/", within_s=60, max_bytes=4) == (302, b"")


@pytest.mark.parametrize(
    ("begin", "again"),
    [
        (HEAD + b"\r\n", b"x" * 65536),
        (HEAD + b"Content-Length: 5\r\n\r\n", b"x"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    ],
)
def test_a_body_is_read_no_further_than_its_limit(begin: bytes, again: bytes) -> None:
    with program(begin, again) as port, pytest.raises(NoAnswer):
        ask(port, "GET", "/", within_s=60, max_bytes=4)


@pytest.mark.parametrize(
    ("begin", "again", "pause_s"),
    [
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0),
        (HEAD, b"X", 0.02),
        (HEAD + b"Content-Length: 10000\r\n\r\n", b"x", 0.02),
        (HEAD + b"\r\n", b"x", 0.02),
    ],
)
def test_an_answer_that_does_not_end_is_given_up_in_time(
    begin: bytes, again: bytes, pause_s: float
) -> None:
    with program(begin, again, pause_s=pause_s) as port, pytest.raises(NoAnswer):
        ask(port, "GET", "/", within_s=0.3, max_bytes=20_000)


@pytest.mark.parametrize(
    "said", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", HEAD + b"Content-Length: 9\r\n\r\nx"]
)
def test_what_is_no_answer_is_none(said: bytes) -> None:
    with program(said) as port, pytest.raises(NoAnswer):
        ask(port, "GET", "/", within_s=60, max_bytes=4)


def test_where_nobody_listens_is_told_apart() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(ConnectionRefusedError):
        ask(port, "GET", "/", within_s=60, max_bytes=4)
