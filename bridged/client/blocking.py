"""A synchronous client of `bridged.v1` for scripts, with the methods of the asyncio client.

with connect(token=token) as bridge:
    for certificate in bridge.certificates():
        print(certificate.label)
"""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from typing import Any, Concatenate, ParamSpec, TypeVar

from bridged.client import client
from bridged.client.client import DEFAULT_URL
from bridged.client.rpc import Event
from bridged.errors import Cancelled

P = ParamSpec("P")
T = TypeVar("T")


class Loop:
    """An event loop in a thread of its own, so heartbeats go on while the script does not ask."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._loop = self._runner.get_loop()
        self._ending = asyncio.Event()
        self._closing = False
        self._lock = threading.Lock()
        """What comes to the loop comes before its end."""
        self._thread = threading.Thread(target=self._serve, name="bridged", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with self._runner:
            self._runner.run(self._ending.wait())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for work on the loop; Ctrl-C cancels it. Raises `Cancelled` where `close` ends it, and after."""
        with self._lock:
            if self._closing:
                work.close()
                raise Cancelled
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except CancelledError:
            raise Cancelled from None
        finally:
            future.cancel()

    def close(self) -> None:
        """Cancel what is left on the loop and wait for its thread."""
        with self._lock:
            self._closing = True
            self._loop.call_soon_threadsafe(self._ending.set)
        self._thread.join()


def _blocking(
    method: Callable[Concatenate[client.Bridge, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[Bridge, P], T]:
    @functools.wraps(method)
    def call(self: Bridge, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._loop.run(method(self._bridge, *args, **kwargs))

    return call


class Bridge:
    """A connection to the daemon; methods and errors are those of the asyncio client.

    Any thread may call it.
    """

    def __init__(self, bridge: client.Bridge, loop: Loop) -> None:
        self._bridge = bridge
        self._loop = loop

    info = _blocking(client.Bridge.info)
    site_status = _blocking(client.Bridge.site_status)
    request_grants = _blocking(client.Bridge.request_grants)
    readers = _blocking(client.Bridge.readers)
    certificates = _blocking(client.Bridge.certificates)
    pin_status = _blocking(client.Bridge.pin_status)
    verify_pin = _blocking(client.Bridge.verify_pin)
    change_pin = _blocking(client.Bridge.change_pin)
    unblock_pin = _blocking(client.Bridge.unblock_pin)
    change_puk = _blocking(client.Bridge.change_puk)
    release = _blocking(client.Bridge.release)
    authenticate = _blocking(client.Bridge.authenticate)
    sign = _blocking(client.Bridge.sign)
    sign_document = _blocking(client.Bridge.sign_document)
    discover = _blocking(client.Bridge.discover)
    call = _blocking(client.Bridge.call)

    def next_event(self, timeout_s: float | None = None) -> Event | None:
        """Wait for the next notification; None once the connection has ended.

        Raises `TimeoutError` where none comes for `timeout_s`.
        """
        return self._loop.run(asyncio.wait_for(self._bridge.next_event(), timeout_s))

    def events(self, timeout_s: float | None = None) -> Iterator[Event]:
        """Yield notifications in order until the connection ends.

        Raises `TimeoutError` where none comes for `timeout_s`.
        """
        while (event := self.next_event(timeout_s)) is not None:
            yield event


@contextmanager
def connect(
    url: str = DEFAULT_URL, *, token: str | None = None, origin: str | None = None
) -> Iterator[Bridge]:
    """Connect as a program with its token, or as the page of an origin (for tests of portals).

    Raises `SiteNotAllowed` where the daemon turns us away, `OSError` where none listens.
    """
    loop = Loop()
    try:
        connection = client.connect(url, token=token, origin=origin)
        bridge = loop.run(connection.__aenter__())
        try:
            yield Bridge(bridge, loop)
        finally:
            loop.run(connection.__aexit__(None, None, None))
    finally:
        loop.close()
