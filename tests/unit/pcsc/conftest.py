"""A bus whose every call is written down, and made to fail where a test says so."""

from __future__ import annotations

import queue
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from bridged.pcsc.bus import Connection, Context, ReaderStatus
from bridged.virtual.inprocess import READER_NAME, InProcessBus

WAIT_S = 10.0


@dataclass
class ObservedBus:
    """An in-process bus; `calls` holds what was called, `faults` what the next calls raise (None: nothing)."""

    real: InProcessBus = field(default_factory=InProcessBus)
    calls: queue.Queue[str] = field(default_factory=queue.Queue)
    faults: defaultdict[str, list[Exception | None]] = field(
        default_factory=lambda: defaultdict(list)
    )
    reader: str = READER_NAME.format(0)

    def note(self, call: str) -> None:
        self.calls.put(call)
        if (faults := self.faults[call]) and (fault := faults.pop(0)):
            raise fault

    def seen(self) -> list[str]:
        """Return the calls since the last look, APDUs left out."""
        calls = [self.calls.get_nowait() for _ in range(self.calls.qsize())]
        return [call for call in calls if call != "transmit"]

    def await_call(self, call: str) -> None:
        while self.calls.get(timeout=WAIT_S) != call:
            pass

    def open(self) -> Context:
        self.note("open")
        return ObservedContext(self, self.real.open())


@dataclass
class ObservedContext:
    bus: ObservedBus
    real: Context

    def wait_for_change(self) -> tuple[ReaderStatus, ...]:
        self.bus.note("wait")
        return self.real.wait_for_change()

    def cancel(self) -> None:
        self.real.cancel()

    def connect(self, reader: str) -> Connection:
        self.bus.note("connect")
        return ObservedConnection(self.bus, self.real.connect(reader))

    def generation(self, reader: str) -> int:
        self.bus.note("generation")
        return self.real.generation(reader)

    def close(self) -> None:
        self.bus.note("release")
        self.real.close()


class ObservedConnection:
    def __init__(self, bus: ObservedBus, real: Connection) -> None:
        self.bus, self.real = bus, real
        self.atr, self.generation = real.atr, real.generation

    def begin(self) -> None:
        self.bus.note("begin")
        self.real.begin()

    def end(self) -> None:
        self.bus.note("end")
        self.real.end()

    def transmit(self, apdu: bytes) -> bytes:
        self.bus.note("transmit")
        return self.real.transmit(apdu)

    def control(self, code: int, data: bytes) -> bytes:
        return self.real.control(code, data)

    def reconnect(self) -> None:
        self.bus.note("reconnect")
        self.real.reconnect()

    def close(self, *, reset: bool) -> None:
        self.real.close(reset=reset)
        self.bus.note("close, reset" if reset else "close")


@pytest.fixture
def bus() -> ObservedBus:
    return ObservedBus()


@pytest.fixture
def with_card(bus: ObservedBus, cards) -> Callable[[], ObservedBus]:
    """The bus with the `ebid` card in its reader."""
    bus.real.insert(0, cards["ebid"])
    yield bus
    bus.real.remove(0)
