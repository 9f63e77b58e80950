"""The synchronous client against a whole daemon in another thread."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import signal
import threading
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bridged.client import client
from bridged.client.blocking import Bridge, Loop, connect
from bridged.client.rpc import Event, Rpc
from bridged.errors import Cancelled, PinIncorrect, SiteNotAllowed
from bridged.model import Grant, Usage
from bridged.pin.prompt import Prompts
from bridged.protocol import messages as m
from bridged.server import app as app_module
from bridged.server.app import create_app, listening
from bridged.service.hub import Hub
from bridged.sites.policy import SitePolicy
from bridged.virtual.card import VirtualCard
from bridged.virtual.inprocess import InProcessBus
from bridged.virtual.misbehaviour import INS_GENERAL_AUTHENTICATE
from bridged.virtual.profiles import EBID_PIN

ORIGIN = "https://portal.example"
TOKEN = "token-of-the-test"


@asynccontextmanager
async def serving(bus: InProcessBus) -> AsyncIterator[str]:
    hub = Hub(bus, Prompts(), SitePolicy({ORIGIN: frozenset(Grant)}))
    await hub.start()
    async with listening(create_app(hub, TOKEN), 0) as port:
        yield f"ws://127.0.0.1:{port}/v1"
    await hub.stop()


@pytest.fixture
def url(bus: InProcessBus) -> Iterator[str]:
    loop = Loop()
    daemon = serving(bus)
    yield loop.run(daemon.__aenter__())
    loop.run(daemon.__aexit__(None, None, None))
    loop.close()


@pytest.fixture
def bridge(url: str) -> Iterator[Bridge]:
    with connect(url, origin=ORIGIN) as bridge:
        yield bridge


def coroutines(kind: type) -> dict[str, Any]:
    return {
        name: inspect.signature(each)
        for name, each in vars(kind).items()
        if not name.startswith("_") and inspect.iscoroutinefunction(inspect.unwrap(each))
    }


def test_every_method_of_the_asyncio_client_is_here_with_its_parameters() -> None:
    asked = coroutines(Rpc) | coroutines(client.Bridge)
    del asked["receive"], asked["next_event"]
    assert asked
    assert coroutines(Bridge) == asked


def test_one_registration_as_a_script_would_do_it(
    bridge: Bridge, bus: InProcessBus, ebid: VirtualCard
) -> None:
    assert bridge.info().origin == ORIGIN
    bus.insert(0, ebid)
    event = next(bridge.events(timeout_s=5))
    assert event == Event("card.inserted", m.ReaderEvent(reader=bridge.readers()[0]))
    (certificate,) = bridge.certificates(usage=Usage.AUTHENTICATION)
    with pytest.raises(PinIncorrect) as wrong:
        bridge.verify_pin(certificate.id, "000000")
    assert wrong.value.tries_left == 2
    lease = bridge.verify_pin(certificate.id, EBID_PIN)
    assert bridge.authenticate(certificate.id, "c" * 44).format == "web-eid:1.0"
    bridge.release(lease)
    (certificate,) = bridge.certificates(usage=Usage.SIGNATURE)
    bridge.verify_pin(certificate.id, EBID_PIN)
    assert len(bridge.sign(certificate.id, [hashlib.sha256(b"a").digest()])) == 1


def test_no_event_in_time_is_said_and_loses_none(
    bridge: Bridge, bus: InProcessBus, ebid: VirtualCard
) -> None:
    with pytest.raises(TimeoutError):
        bridge.next_event(timeout_s=0.01)
    bus.insert(0, ebid)
    event = bridge.next_event(timeout_s=5)
    assert event is not None
    assert event.name == "card.inserted"


def test_a_script_that_computes_for_long_keeps_its_connection(
    bus: InProcessBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app_module, "HEARTBEAT_S", 0.1)
    loop = Loop()
    daemon = serving(bus)
    with connect(loop.run(daemon.__aenter__()), token=TOKEN) as bridge:
        time.sleep(0.5)  # several heartbeats, each of which wants its answer
        assert bridge.info().origin is None
    loop.run(daemon.__aexit__(None, None, None))
    loop.close()


def test_threads_share_a_connection(bridge: Bridge) -> None:
    answers: list[m.BridgeInfo] = []
    threads = [threading.Thread(target=lambda: answers.append(bridge.info())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [bridge.info()] * 8


@pytest.fixture
def _interruptible() -> Iterator[None]:
    """Take the interrupt key even where tests run in the background of a shell, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_interruptible")
def test_the_interrupt_key_ends_the_request_in_the_daemon_too(
    bridge: Bridge, bus: InProcessBus, ebid: VirtualCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    signatures = 0
    transmit = ebid.transmit

    def count(apdu: bytes) -> bytes:
        nonlocal signatures
        signatures += apdu[:2] == bytes([0, INS_GENERAL_AUTHENTICATE])
        return transmit(apdu)

    monkeypatch.setattr(ebid, "transmit", count)
    bus.insert(0, ebid)
    assert bridge.next_event(timeout_s=5)
    (certificate,) = bridge.certificates(usage=Usage.SIGNATURE)
    lease = bridge.verify_pin(certificate.id, EBID_PIN)
    asking = threading.get_ident()

    def interrupt() -> None:
        for event in bridge.events(timeout_s=5):
            if event.name == "request.progress":
                signal.pthread_kill(asking, signal.SIGINT)
                return

    watching = threading.Thread(target=interrupt)
    watching.start()
    digests = [hashlib.sha256(bytes([n % 256])).digest() for n in range(1000)]
    with pytest.raises(KeyboardInterrupt):
        bridge.sign(certificate.id, digests)
    watching.join()
    bridge.release(lease)
    assert bridge.pin_status(certificate.id).verified is False
    assert 0 < signatures < 1000


def test_the_end_of_the_connection_ends_events_and_calls(url: str) -> None:
    with connect(url, origin=ORIGIN) as bridge:
        pass
    with pytest.raises(Cancelled):
        bridge.info()


def test_events_end_when_the_daemon_does(bus: InProcessBus) -> None:
    loop = Loop()
    daemon = serving(bus)
    with connect(loop.run(daemon.__aenter__()), token=TOKEN) as bridge:
        loop.run(daemon.__aexit__(None, None, None))
        assert list(bridge.events(timeout_s=5)) == []
        assert list(bridge.events(timeout_s=5)) == []
        with pytest.raises(Cancelled):
            bridge.readers()
    loop.close()


def test_what_another_thread_waits_for_ends_with_the_loop() -> None:
    loop, begun = Loop(), threading.Event()

    async def wait() -> None:
        begun.set()
        await asyncio.Event().wait()

    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(loop.run, wait())
        assert begun.wait(5)
        loop.close()
        assert isinstance(waiting.exception(5), Cancelled)


def test_who_may_not_connect_is_told_and_leaves_no_thread(url: str) -> None:
    before = threading.active_count()
    with pytest.raises(SiteNotAllowed), connect(url, token="wrong"):
        pass
    with pytest.raises(OSError, match="Connect call failed"), connect("ws://127.0.0.1:1/v1"):
        pass
    assert threading.active_count() == before


def test_an_error_of_the_script_ends_the_connection(url: str) -> None:
    with pytest.raises(ZeroDivisionError), connect(url, origin=ORIGIN) as bridge:
        1 / 0  # noqa: B018
    with pytest.raises(Cancelled):
        bridge.info()
