"""The watch over readers: every change is told, and the watch can end at any time."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator

import pytest

from bridged.errors import CardFault, PcscUnavailable
from bridged.model import ReaderState
from bridged.pcsc import monitor as module
from bridged.pcsc.bus import ReaderStatus, WaitCancelled
from bridged.pcsc.monitor import Monitor, Statuses

WAIT_S = 10.0


@pytest.fixture
def told() -> queue.Queue[Statuses]:
    return queue.Queue()


@pytest.fixture
def watch(told) -> Iterator[Callable[..., Monitor]]:
    monitors: list[Monitor] = []

    def start(bus: object) -> Monitor:
        monitors.append(Monitor(bus, told.put))
        monitors[-1].start()
        return monitors[-1]

    yield start
    for each in monitors:
        each.stop()
        assert not each._thread.is_alive()


@pytest.fixture(autouse=True)
def _no_delay(monkeypatch) -> None:
    monkeypatch.setattr(module, "RETRY_S", 0.0)


def next_of(told: queue.Queue[Statuses]) -> Statuses:
    return told.get(timeout=WAIT_S)


def test_all_readers_are_told_at_once(bus, told, watch) -> None:
    watch(bus)
    assert next_of(told) == (ReaderStatus(bus.reader, ReaderState.EMPTY, 0, b""),)


def test_insertion_and_removal_are_told_with_new_generations(bus, told, watch, cards) -> None:
    watch(bus)
    empty = next_of(told)[0]
    bus.real.insert(0, cards["ebid"])
    present = next_of(told)[0]
    bus.real.remove(0)
    gone = next_of(told)[0]
    assert (present.state, present.atr) == (ReaderState.PRESENT, cards["ebid"].atr)
    assert (gone.state, gone.atr) == (ReaderState.EMPTY, b"")
    assert len({empty.generation, present.generation, gone.generation}) == 3


def test_a_service_that_is_lost_is_told_once_and_found_again(bus, told, watch) -> None:
    bus.faults["wait"] = [PcscUnavailable()]
    monitor = watch(bus)
    assert next_of(told) is None
    assert len(next_of(told)) == 1
    monitor.stop()
    assert told.empty()


def test_a_service_that_stays_away_is_told_once(bus, told, watch) -> None:
    bus.faults["open"] = [PcscUnavailable() for _ in range(20)]
    watch(bus)
    assert next_of(told) is None
    assert len(next_of(told)) == 1


def test_every_loss_is_told(bus, told, watch) -> None:
    bus.faults["wait"] = [None, PcscUnavailable(), None, PcscUnavailable()]
    watch(bus)
    assert [next_of(told) is None for _ in range(5)] == [False, True, False, True, False]


def test_an_error_of_the_service_begins_the_watch_anew(bus, told, watch, caplog) -> None:
    bus.faults["wait"] = [CardFault(sw="8010002F")]
    watch(bus)
    assert next_of(told) is None
    assert len(next_of(told)) == 1
    assert "8010002F" in caplog.text
    assert bus.seen()[:4] == ["open", "wait", "release", "open"]


def test_every_context_is_released(bus, told, watch) -> None:
    monitor = watch(bus)
    next_of(told)
    monitor.stop()
    assert bus.seen()[-1] == "release"


def test_it_ends_while_the_service_is_away(bus, told, watch, monkeypatch) -> None:
    monkeypatch.setattr(module, "RETRY_S", 3600.0)
    bus.faults["open"] = [PcscUnavailable()]
    monitor = watch(bus)
    assert next_of(told) is None
    monitor.stop()
    assert told.empty()


def test_it_ends_though_the_first_cancel_is_lost(told, watch) -> None:
    bus = DeafBus(lost=3)
    monitor = watch(bus)
    assert next_of(told) == ()
    monitor.stop()
    assert bus.cancels >= 4


def test_it_ends_before_it_began(bus, told) -> None:
    Monitor(bus, told.put).stop()
    assert bus.seen() == []


class DeafBus:
    """Loses the first cancels, as PC/SC does those that come before the wait."""

    def __init__(self, lost: int) -> None:
        self.cancels, self._lost, self._heard, self._first = 0, lost, threading.Event(), True

    def open(self) -> DeafBus:
        return self

    def wait_for_change(self) -> tuple[ReaderStatus, ...]:
        if self._first:
            self._first = False
            return ()
        assert self._heard.wait(WAIT_S)
        raise WaitCancelled

    def cancel(self) -> None:
        self.cancels += 1
        if self.cancels > self._lost:
            self._heard.set()

    def close(self) -> None:
        pass
