"""The link to vpcd and `bridged card`, against a socket that plays vpcd's part."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Iterator

import pytest

from bridged.pcsc.apdu import Command
from bridged.virtual.card import VirtualCard
from bridged.virtual.hand import CannotInsert, Hand, play
from bridged.virtual.misbehaviour import Kind, Misbehaviour, Moment
from bridged.virtual.vpcd import VpcdLink

SELECT = bytes.fromhex("00A4040005A000000308")
VERIFY = bytes.fromhex("0020008008313233343536FFFF")
READ = Command(0x00, 0xCB, 0x3F, 0xFF)
OFF, ON, RESET, ATR = b"\0", b"\1", b"\2", b"\4"


class Vpcd:
    """A listening vpcd; `accept` takes the card."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(10)
        self.port: int = self.listener.getsockname()[1]

    def accept(self) -> None:
        self.card, _ = self.listener.accept()
        self.card.settimeout(10)

    def tell(self, body: bytes) -> None:
        self.card.sendall(len(body).to_bytes(2, "big"))
        self.card.sendall(body)

    def ask(self, body: bytes) -> bytes:
        self.tell(body)
        size = int.from_bytes(self.card.recv(2, socket.MSG_WAITALL), "big")
        return self.card.recv(size, socket.MSG_WAITALL)

    def power_up(self) -> bytes:
        """Do what pcscd does at the poll that finds a card."""
        self.accept()
        self.ask(ATR)
        self.tell(ON)
        return self.ask(ATR)


@pytest.fixture
def vpcd() -> Iterator[Vpcd]:
    server = Vpcd()
    with server.listener:
        yield server
        if hasattr(server, "card"):
            server.card.close()


@pytest.fixture
def link(vpcd: Vpcd, ebid: VirtualCard) -> Iterator[VpcdLink]:
    made = VpcdLink(ebid, "127.0.0.1", vpcd.port)
    thread = threading.Thread(target=made.serve)
    thread.start()
    yield made
    made.remove()
    vpcd.card.close()
    thread.join(10)
    assert not thread.is_alive()


def test_it_answers_the_atr_and_apdus(vpcd: Vpcd, link: VpcdLink, ebid: VirtualCard) -> None:
    assert vpcd.power_up() == ebid.atr
    assert vpcd.ask(SELECT)[-2:] == b"\x90\0"
    assert vpcd.ask(VERIFY) == b"\x90\0"


@pytest.mark.parametrize("control", [OFF, ON, RESET])
def test_power_and_reset_forget_the_pin(vpcd: Vpcd, link: VpcdLink, control: bytes) -> None:
    vpcd.power_up()
    vpcd.ask(SELECT)
    vpcd.ask(VERIFY)
    vpcd.tell(control)
    vpcd.ask(SELECT)
    assert vpcd.ask(VERIFY[:4]) == b"\x63\xc3"


def test_the_card_is_noticed_when_it_is_powered(vpcd: Vpcd, link: VpcdLink) -> None:
    vpcd.accept()
    vpcd.ask(ATR)
    assert not link.noticed.is_set()
    vpcd.tell(ON)
    vpcd.ask(ATR)
    assert link.noticed.wait(10)


def test_removal_is_the_end_of_the_stream(vpcd: Vpcd, link: VpcdLink) -> None:
    vpcd.power_up()
    link.remove()
    vpcd.tell(ATR)
    assert vpcd.card.recv(1) == b""


def test_a_card_pulled_out_in_an_apdu_gives_no_answer(
    vpcd: Vpcd, link: VpcdLink, ebid: VirtualCard
) -> None:
    vpcd.power_up()
    ebid.pull_on(Moment.VERIFY)
    vpcd.ask(SELECT)
    vpcd.tell(VERIFY)
    assert vpcd.card.recv(1) == b""
    assert link.removed


def test_a_vpcd_that_ends_ends_the_link(vpcd: Vpcd, link: VpcdLink, ebid: VirtualCard) -> None:
    vpcd.power_up()
    vpcd.tell(ATR)
    vpcd.card.close()
    assert link.noticed.wait(10)


# ---- the commands of `bridged card` ----


@pytest.fixture
def hand(vpcd: Vpcd, ebid: VirtualCard) -> Iterator[Hand]:
    """A hand over a vpcd that takes the card at once, and again after each removal."""

    def serve() -> None:
        while True:
            try:
                vpcd.power_up()
                while vpcd.card.recv(1):
                    pass
            except OSError:
                return
            vpcd.card.close()

    thread = threading.Thread(target=serve)
    thread.start()
    yield Hand(ebid, "127.0.0.1", vpcd.port)
    vpcd.listener.shutdown(socket.SHUT_RDWR)
    thread.join(10)
    assert not thread.is_alive()


def answers(hand: Hand, *commands: str) -> list[str]:
    output = io.StringIO()
    play(hand, [*(f"{command}\n" for command in commands), "quit\n"], output)
    return output.getvalue().splitlines()[:-1]


def test_each_command_is_answered_by_a_line(hand: Hand) -> None:
    commands = ["insert", "insert", "remove", "remove", "insert", "remove-on sign", "tries"]
    assert answers(hand, *commands, "", "dance", "remove-on dance") == [
        "inserted",
        "inserted",
        "removed",
        "removed",
        "inserted",
        "ok",
        "pin=3 puk=3",
        "error unknown command",
        "error unknown command",
    ]


def test_a_fault_is_asked_for_by_its_name(hand: Hand, ebid: VirtualCard) -> None:
    commands = ["misbehave status 6F12 on read after 1 times 0", "latency 20 300", "mute", "apdus"]
    assert answers(hand, *commands) == ["ok", "ok", "ok", f"apdus={ebid.apdus}"]
    assert (ebid.apdu_latency_s, ebid.signature_latency_s, ebid.mute) == (0.02, 0.3, True)
    assert ebid.faults.due(READ) is None
    expected = Misbehaviour(Kind.STATUS, on=Moment.READ, after=1, times=0, sw="6F12")
    assert ebid.faults.due(READ) == expected
    assert answers(hand, "behave") == ["ok"]
    assert (ebid.faults.due(READ), ebid.mute) == (None, False)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("", "missing required field `do`"),
        ("dance", "Invalid enum value 'dance' - at `$.do`"),
        ("short on tuesday", "Invalid enum value 'tuesday' - at `$.on`"),
        ("short after -1", ">= 0 - at `$.after`"),
        ("short before 3", "unknown word 'before'"),
        ("status 9", "matching regex"),
        ("silence soon", "at `$.seconds`"),
    ],
)
def test_a_fault_that_there_is_not_is_told(hand: Hand, words: str, complaint: str) -> None:
    (answer,) = answers(hand, f"misbehave {words}")
    assert answer.startswith("error ")
    assert complaint in answer


def test_a_mute_card_gives_no_atr(vpcd: Vpcd, ebid: VirtualCard, link: VpcdLink) -> None:
    ebid.mute = True
    vpcd.accept()
    assert vpcd.ask(ATR) == b""
    assert link.noticed.wait(10)
    ebid.behave()


def test_reset_restores_the_counters(hand: Hand, ebid: VirtualCard) -> None:
    ebid.pins["pin"].verify(b"wrong")
    assert answers(hand, "tries", "reset", "tries") == ["pin=2 puk=3", "ok", "pin=3 puk=3"]


def test_without_vpcd_the_answer_says_where_it_was_looked_for(ebid: VirtualCard) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    hand = Hand(ebid, "127.0.0.1", port)
    (answer,) = answers(hand, "insert")
    assert answer.startswith(f"error no vpcd listens on 127.0.0.1:{port}")
    with pytest.raises(CannotInsert):
        hand.insert()
