"""The in-process bus behaves as PC/SC does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from bridged.errors import CardRemoved, NoCard, NoReader
from bridged.model import ReaderState
from bridged.pcsc.apdu import Response
from bridged.pcsc.bus import Bus, CardReset, Connection, WaitCancelled
from bridged.virtual.card import VirtualCard
from bridged.virtual.inprocess import InProcessBus
from bridged.virtual.misbehaviour import Moment

READER = "bridged virtual reader 0"
SELECT = "00A4040005A000000308"
VERIFY = "0020008008313233343536FFFF"
LIMIT_S = 10


@pytest.fixture
def bus() -> InProcessBus:
    return InProcessBus(readers=2)


@pytest.fixture
def connection(bus: InProcessBus, ebid: VirtualCard) -> Connection:
    ebid.pull()
    bus.insert(0, ebid)
    return bus.open().connect(READER)


@pytest.fixture
def elsewhere() -> Iterator[Callable[[Callable[[], object]], Callable[[], object]]]:
    """Run something in another thread; calling what is returned gives its outcome."""
    threads: list[threading.Thread] = []

    def start(work: Callable[[], object]) -> Callable[[], object]:
        outcome: list[object] = []

        def run() -> None:
            try:
                outcome.append(work())
            except (CardRemoved, CardReset, NoCard, WaitCancelled) as error:
                outcome.append(type(error))

        thread = threading.Thread(target=run)
        threads.append(thread)
        thread.start()

        def result() -> object:
            thread.join(LIMIT_S)
            assert not thread.is_alive(), "it still waits"
            return outcome[0]

        return result

    yield start
    for thread in threads:
        thread.join(LIMIT_S)


def send(connection: Connection, apdu: str) -> int:
    return Response.decode(connection.transmit(bytes.fromhex(apdu))).sw


# ---- readers ----


def test_it_is_a_bus(bus: InProcessBus) -> None:
    typed: Bus = bus
    assert [status.name for status in typed.open().wait_for_change()] == [
        READER,
        "bridged virtual reader 1",
    ]


def test_the_first_look_returns_at_once_and_the_next_waits(
    bus: InProcessBus, ebid: VirtualCard, elsewhere
) -> None:
    context = bus.open()
    before = context.wait_for_change()
    assert [status.state for status in before] == [ReaderState.EMPTY] * 2
    change = elsewhere(context.wait_for_change)
    bus.insert(0, ebid)
    after = change()
    assert after[0].state is ReaderState.PRESENT
    assert after[0].atr == ebid.atr
    assert after[0].generation != before[0].generation
    assert after[1] == before[1]


def test_a_change_between_two_looks_is_not_lost(bus: InProcessBus, ebid: VirtualCard) -> None:
    context = bus.open()
    first = context.wait_for_change()[0].generation
    bus.insert(0, ebid)
    bus.remove(0)
    last = context.wait_for_change()[0]
    assert last.state is ReaderState.EMPTY
    assert last.generation == first + 2
    assert last.atr == b""


def test_cancel_wakes_the_waiter(bus: InProcessBus, elsewhere) -> None:
    context = bus.open()
    context.wait_for_change()
    waiting = elsewhere(context.wait_for_change)
    context.cancel()
    assert waiting() is WaitCancelled


def test_connecting_needs_a_reader_and_a_card(bus: InProcessBus) -> None:
    context = bus.open()
    with pytest.raises(NoReader):
        context.connect("another reader")
    with pytest.raises(NoCard):
        context.connect(READER)


def test_a_reader_takes_one_card(bus: InProcessBus, ebid: VirtualCard, jpki: VirtualCard) -> None:
    bus.insert(0, ebid)
    with pytest.raises(ValueError, match="holds a card"):
        bus.insert(0, jpki)


# ---- what connections share ----


def test_a_verified_pin_is_seen_by_other_connections(bus: InProcessBus, connection) -> None:
    other = bus.open().connect(READER)
    send(connection, SELECT)
    send(connection, VERIFY)
    assert send(other, "00200080") == 0x9000


def test_closing_leaves_the_state_unless_a_reset_is_asked_for(
    bus: InProcessBus, connection
) -> None:
    send(connection, SELECT)
    send(connection, VERIFY)
    connection.close(reset=False)
    second = bus.open().connect(READER)
    assert send(second, "00200080") == 0x9000
    second.close(reset=True)
    assert send(bus.open().connect(READER), "00200080") == 0x6D00


def test_a_reset_is_told_to_the_others_until_they_reconnect(bus: InProcessBus, connection) -> None:
    bus.open().connect(READER).close(reset=True)
    for refused in (connection.begin, lambda: connection.transmit(b"\0\x20\0\x80")):
        with pytest.raises(CardReset):
            refused()
    connection.reconnect()
    connection.begin()
    assert send(connection, SELECT) == 0x9000


def test_a_closed_connection_stays_closed(connection) -> None:
    connection.close(reset=False)
    connection.close(reset=True)
    with pytest.raises(CardRemoved):
        connection.transmit(b"\0\x20\0\x80")


# ---- transactions ----


@pytest.mark.parametrize("intrusion", ["begin", "transmit", "connect", "close"])
def test_a_transaction_keeps_the_others_waiting(
    bus: InProcessBus, connection, elsewhere, intrusion: str
) -> None:
    other = bus.open().connect(READER)
    order: list[str] = []

    def intrude() -> None:
        match intrusion:
            case "begin":
                other.begin()
            case "transmit":
                other.transmit(b"\0\x20\0\x80")
            case "connect":
                bus.open().connect(READER)
            case _:
                other.close(reset=True)
        order.append("intruder")

    connection.begin()
    result = elsewhere(intrude)
    for _ in range(50):
        send(connection, SELECT)
    order.append("owner")
    connection.end()
    result()
    assert order == ["owner", "intruder"]


def test_removal_ends_a_transaction_and_the_waiting_for_it(
    bus: InProcessBus, connection, elsewhere
) -> None:
    other = bus.open().connect(READER)
    connection.begin()
    waiting = elsewhere(other.begin)
    bus.remove(0)
    assert waiting() is CardRemoved
    with pytest.raises(CardRemoved):
        connection.end()


# ---- removal ----


def test_after_a_removal_every_call_fails_and_close_does_not(bus: InProcessBus, connection) -> None:
    bus.remove(0)
    for call in (connection.begin, connection.end, connection.reconnect):
        with pytest.raises(CardRemoved):
            call()
    with pytest.raises(CardRemoved):
        connection.transmit(b"\0\x20\0\x80")
    connection.close(reset=True)


def test_a_handle_does_not_reach_the_next_insertion(
    bus: InProcessBus, ebid: VirtualCard, connection
) -> None:
    bus.remove(0)
    bus.insert(0, ebid)
    with pytest.raises(CardRemoved):
        connection.transmit(b"\0\x20\0\x80")
    assert send(bus.open().connect(READER), SELECT) == 0x9000


def test_removal_fails_an_apdu_under_way(
    bus: InProcessBus, ebid: VirtualCard, connection, elsewhere
) -> None:
    ebid.apdu_latency_s = 3600
    waiting = elsewhere(lambda: connection.transmit(bytes.fromhex(SELECT)))
    bus.remove(0)
    assert waiting() is CardRemoved


def test_a_card_that_leaves_by_itself_empties_the_reader(
    bus: InProcessBus, ebid: VirtualCard, connection
) -> None:
    context = bus.open()
    context.wait_for_change()
    ebid.pull_on(Moment.VERIFY)
    send(connection, SELECT)
    with pytest.raises(CardRemoved):
        send(connection, VERIFY)
    assert context.wait_for_change()[0].state is ReaderState.EMPTY


def test_removing_twice_changes_nothing(bus: InProcessBus, connection) -> None:
    context = bus.open()
    bus.remove(0)
    gone = context.wait_for_change()[0].generation
    bus.remove(0)
    bus.remove(1)
    assert bus.open().wait_for_change()[0].generation == gone
