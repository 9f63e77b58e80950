"""The link between a virtual card and vpcd, the PC/SC driver of the vsmartcard project.

Framing: TCP, each message a 2-byte length and a body. A body of one byte is control: 0 off, 1 on,
2 reset, 4 ATR (the only one that is answered). All others are command APDUs.
"""

from __future__ import annotations

import socket
import threading
import time

from bridged.errors import CardRemoved
from bridged.virtual.card import VirtualCard

DEFAULT_PORT = 35963
CONTROL_OFF, CONTROL_ATR = 0, 4
POLL_S = 0.4
"""How often vpcd looks whether its card is there."""


class VpcdLink:
    """One stay of a card in a vpcd reader: made when it is inserted, useless once removed.

    Raises `OSError` where no vpcd listens.
    """

    def __init__(self, card: VirtualCard, host: str, port: int) -> None:
        self._card = card
        self.removed = False
        """Whether the card has left, seen by vpcd or not."""
        self._met = self._powered = False
        self.noticed = threading.Event()
        """Set when the reader has powered the card, or never will."""
        self._socket = socket.create_connection((host, port), timeout=5)
        self._socket.settimeout(None)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        card.insert()

    def serve(self) -> None:
        """Answer vpcd until the card was removed and vpcd has noticed, or vpcd ends."""
        with self._socket:
            while (message := self._receive()) is not None:
                self._met = True
                if not self.removed:
                    self._answer(message)
        self.noticed.set()
        self._card.pull()

    def remove(self) -> None:
        """Pull the card out; `serve` returns when vpcd has noticed. Callable from any thread."""
        self.removed = True
        self._card.pull()
        try:
            # A reader that never took the card will not close the link either.
            self._socket.shutdown(socket.SHUT_WR if self._met else socket.SHUT_RDWR)
        except OSError:
            return

    def _answer(self, message: bytes) -> None:
        if len(message) > 1:
            self._answer_apdu(message)
        elif message[0] == CONTROL_ATR:
            self._send(b"" if self._card.mute else self._card.atr)
            if self._powered or self._card.mute:
                self.noticed.set()
        else:
            self._powered = message[0] != CONTROL_OFF
            self._card.reset()

    def _answer_apdu(self, apdu: bytes) -> None:
        try:
            response = self._card.transmit(apdu)
        except CardRemoved:
            self.remove()
            # vpcd drops the link at once, but looks for a card only at its next poll: a card that
            # came before would be taken for this one.
            time.sleep(1.5 * POLL_S)
        else:
            self._send(response)

    def _send(self, body: bytes) -> None:
        try:
            self._socket.sendall(len(body).to_bytes(2, "big") + body)
        except OSError:
            self.removed = True

    def _receive(self) -> bytes | None:
        """Return the next message, None at the end."""
        head = self._read(2)
        return self._read(int.from_bytes(head, "big")) if head else None

    def _read(self, size: int) -> bytes | None:
        data = b""
        while len(data) < size:
            try:
                part = self._socket.recv(size - len(data))
                # Linux leaves this mode by itself, so it is asked for again each time. Without
                # it an APDU takes 44 ms: vpcd writes twice and waits for our delayed ACK.
                if hasattr(socket, "TCP_QUICKACK"):
                    self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            except OSError:
                return None
            if not part:
                return None
            data += part
        return data
