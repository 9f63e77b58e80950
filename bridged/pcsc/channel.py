"""Whole commands and whole answers over a connection that carries one APDU at a time."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from bridged.errors import CardFault
from bridged.pcsc.apdu import SW, ApduError, Command, Response
from bridged.pcsc.pinpad import Pinpad

log = logging.getLogger(__name__)

MAX_ANSWER = 0x10000
"""No file or signature of a supported card is larger (bytes)."""
MAX_PARTS = 1024
"""No card needs more GET RESPONSE commands for one answer."""

GET_RESPONSE = 0xC0
MASKED = frozenset({0x20, 0x24, 0x2C})
"""VERIFY, CHANGE REFERENCE DATA, RESET RETRY COUNTER: their data is never logged."""


class Channel:
    """Transmits commands of any length: extended where the card takes it, else chained.

    `epoch` changes whenever the card may have forgotten what was selected and verified;
    `transaction` with every transaction, between which other programs may select as they like.
    """

    def __init__(self) -> None:
        self.epoch = 0
        self.generation = 0
        self.transaction = 0
        self.apdus = 0
        self.extended = False
        self.atr = b""
        self.keypad: Pinpad | None = None
        """The keypad of the reader, known with the first connection."""
        self._send: Callable[[bytes], bytes] = _not_connected

    def attach(
        self,
        send: Callable[[bytes], bytes],
        *,
        extended: bool,
        generation: int = 0,
        atr: bytes = b"",
    ) -> None:
        """Use a new connection from now on, to the insertion `generation` of a card."""
        self._send, self.extended, self.generation = send, extended, generation
        self.atr = atr
        self.epoch += 1

    def detach(self) -> None:
        """Forget the connection."""
        self._send = _not_connected
        self.epoch += 1

    def transmit(self, command: Command) -> Response:
        """Send a command, in links where needed, and return the whole answer.

        Raises `CardFault` for an answer without end or without a status word, and what the
        connection raises.
        """
        if not command.needs_extended:
            return self._collect(command, self._exchange(command))
        if self.extended:
            response = self._exchange(command)
            if response.sw != SW.WRONG_LENGTH:
                return self._collect(command, response)
            # The ATR has promised what the card, or the reader between, does not take.
            self.extended = False
        le = None if command.le is None else min(command.le, 256)
        *links, last = replace(command, le=le).chain()
        for link in links:
            response = self._exchange(link)
            if not response.ok:
                return response
        return self._collect(last, self._exchange(last))

    def _collect(self, command: Command, response: Response) -> Response:
        if response.sw >> 8 == 0x6C and command.ins not in MASKED:
            response = self._exchange(replace(command, le=response.sw & 0xFF or 256))
        data = response.data
        for _ in range(MAX_PARTS):
            if response.sw >> 8 != 0x61:
                return Response(data, response.sw)
            le = response.sw & 0xFF or 256
            response = self._exchange(Command(command.cla & 0x0F, GET_RESPONSE, 0, 0, le=le))
            data += response.data
            if len(data) > MAX_ANSWER or (not response.data and response.sw >> 8 == 0x61):
                break
        raise CardFault(sw=f"{response.sw:04X}")

    def _exchange(self, command: Command) -> Response:
        extended = self.extended and command.needs_extended
        self.apdus += 1
        try:
            response = Response.decode(self._send(command.encode(extended=extended)))
        except ApduError:
            raise CardFault(sw="") from None
        if log.isEnabledFor(logging.DEBUG):
            log.debug("%s -> %d bytes %04X", _shown(command), len(response.data), response.sw)
        return response


def _shown(command: Command) -> str:
    head = f"{command.cla:02X}{command.ins:02X}{command.p1:02X}{command.p2:02X}"
    data = "***" if command.ins in MASKED and command.data else command.data[:16].hex()
    return f"{head} {data}"


def _not_connected(_: bytes) -> bytes:
    raise AssertionError("the channel is used outside a transaction")
