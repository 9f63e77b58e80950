"""What a person does with a virtual card and a vpcd reader, by hand or by commands."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from typing import TextIO

from bridged.virtual.card import VirtualCard
from bridged.virtual.misbehaviour import Moment, parse_misbehaviour
from bridged.virtual.vpcd import POLL_S, VpcdLink

NOTICE_S = 5.0
"""vpcd looks for cards every 0.4 s; later than this it never will."""


class CannotInsert(Exception):
    """No vpcd reader takes the card."""


class Hand:
    """What a person does with the one card: in and out of the reader."""

    def __init__(self, card: VirtualCard, host: str, port: int) -> None:
        self.card = card
        self._host, self._port = host, port
        self._stay: tuple[VpcdLink, threading.Thread] | None = None
        self._removed_at = float("-inf")

    def insert(self) -> None:
        """Put the card in and wait until the reader has seen it; nothing if it is in."""
        if self._stay and self._stay[1].is_alive() and not self._stay[0].removed:
            return
        self.remove()
        # A reset that met no card drops vpcd's link before its next poll; a card that came before
        # that poll would be taken for the one that left.
        time.sleep(max(0.0, self._removed_at + 1.5 * POLL_S - time.monotonic()))
        try:
            link = VpcdLink(self.card, self._host, self._port)
        except OSError as error:
            where = f"{self._host}:{self._port}"
            raise CannotInsert(f"no vpcd listens on {where}: {error}") from error
        thread = threading.Thread(target=link.serve, name="vpcd", daemon=True)
        self._stay = link, thread
        thread.start()
        if not link.noticed.wait(NOTICE_S):
            self.remove()
            raise CannotInsert("the reader holds another card")

    def remove(self) -> None:
        """Take the card out and wait until the reader has noticed."""
        if self._stay:
            link, thread = self._stay
            link.remove()
            self._removed_at = time.monotonic()
            thread.join(NOTICE_S)
            self._stay = None


def play(hand: Hand, commands: Iterable[str], answers: TextIO) -> None:
    """Carry out commands until `quit`; at the end of the input wait for a signal."""
    for line in commands:
        words = line.split()
        if words:
            print(_answer(hand, words), file=answers, flush=True)
        if words == ["quit"]:
            return
    threading.Event().wait()


def _answer(hand: Hand, words: list[str]) -> str:
    match words:
        case ["insert"]:
            try:
                hand.insert()
            except CannotInsert as error:
                return f"error {error}"
            return "inserted"
        case ["remove" | "quit"]:
            hand.remove()
            return "removed"
        case ["remove-on", "sign" | "verify" as moment]:
            hand.card.pull_on(Moment(moment))
        case ["misbehave", *fault]:
            try:
                hand.card.faults.add(parse_misbehaviour(fault))
            except ValueError as error:
                return f"error {error}"
        case ["behave"]:
            hand.card.behave()
        case ["mute"]:
            hand.card.mute = True
        case ["latency", apdu_ms, signature_ms] if apdu_ms.isdecimal() and signature_ms.isdecimal():
            hand.card.apdu_latency_s = int(apdu_ms) / 1000
            hand.card.signature_latency_s = int(signature_ms) / 1000
        case ["tries"]:
            return " ".join(f"{name}={pin.tries_left}" for name, pin in hand.card.pins.items())
        case ["apdus"]:
            return f"apdus={hand.card.apdus}"
        case ["reset"]:
            hand.card.restore()
        case _:
            return "error unknown command"
    return "ok"
