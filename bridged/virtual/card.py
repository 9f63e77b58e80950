"""A virtual card: ATR, applets, and the transport that all of them share.

Chaining, GET RESPONSE and selection by AID are ISO/IEC 7816-4; the applets see whole commands.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from bridged.errors import CardRemoved
from bridged.pcsc.apdu import SW, ApduError, Command, Response
from bridged.pcsc.atr import supports_extended_length
from bridged.virtual.misbehaviour import (
    CHAINING,
    INS_SELECT,
    Faults,
    Kind,
    Misbehaviour,
    Moment,
)
from bridged.virtual.reference_data import ReferenceData

INS_GET_RESPONSE = 0xC0

SW_CHANNEL_UNSUPPORTED = 0x6881
SW_SECURE_MESSAGING_UNSUPPORTED = 0x6882
SW_MORE_DATA = 0x6100

MAX_CHAIN = 0x1000
SHORTEST_AID = 5


class Applet(Protocol):
    """An application on the card."""

    aid: bytes
    pins: Mapping[str, ReferenceData]

    def select(self, p2: int) -> Response:
        """Become (or stay) the selected application; the data is what SELECT returns."""

    def deselect(self) -> None:
        """Forget every security status."""

    def process(self, command: Command) -> Response:
        """Carry out one whole command."""


Witness = Callable[[bytes, bytes, float], None]
"""Is told each command, its answer (empty: none came) and the time it took (seconds)."""


class VirtualCard:
    """A card in somebody's hand or in one reader; `transmit` is called by one thread at a time.

    `apdu_latency_s` and `signature_latency_s` make it as slow as a real one. A `mute` one gives
    no ATR. `apdus` counts the commands that arrived.
    """

    def __init__(
        self,
        applets: Sequence[Applet],
        label: bytes,
        *,
        atr: bytes | None = None,
        faults: Sequence[Misbehaviour] = (),
        mute: bool = False,
    ) -> None:
        self.atr = atr or make_atr(label)
        self.apdu_latency_s = 0.0
        self.signature_latency_s = 0.0
        self.mute = self._issued_mute = mute
        self.apdus = 0
        self.witness: Witness | None = None
        self.faults = Faults(faults)
        self._applets = tuple(applets)
        self._selected: Applet | None = None
        self._chain: Command | None = None
        self._pending = b""
        self._out = threading.Event()
        self._roused = threading.Event()
        self._lock = threading.Lock()

    # ---- what a person does with it ----

    @property
    def pins(self) -> dict[str, ReferenceData]:
        """Every PIN by its name."""
        return {name: pin for applet in self._applets for name, pin in applet.pins.items()}

    def restore(self) -> None:
        """Return to the state it was issued in: PINs, counters and faults."""
        with self._lock:
            for pin in self.pins.values():
                pin.restore()
        self.faults.restore()
        self.mute = self._issued_mute
        self._roused.set()

    def behave(self) -> None:
        """Show no fault from now on; a silent card answers."""
        self.faults.clear()
        self.mute = False
        self._roused.set()

    def insert(self) -> bytes:
        """Put it into a reader, which powers it; return the ATR."""
        self._out.clear()
        return self.reset()

    def pull(self) -> None:
        """Take it out of the reader; an APDU that is under way fails with `CardRemoved`."""
        self._out.set()
        self._roused.set()
        self.reset()

    def pull_on(self, moment: Moment, *, after: int = 0) -> None:
        """Leave the reader as such a command arrives, once `after` of them were answered."""
        self.faults.add(Misbehaviour(Kind.REMOVED, on=moment, after=after))

    # ---- what the reader does with it ----

    def reset(self) -> bytes:
        """Reset, cold or warm, or power off: nothing stays selected or verified."""
        with self._lock:
            if self._selected:
                self._selected.deselect()
            self._selected = self._chain = None
            self._pending = b""
        return self.atr

    def transmit(self, apdu: bytes) -> bytes:
        """Answer one command APDU; raises `CardRemoved` when it is pulled out meanwhile."""
        began, answer = time.perf_counter(), b""
        self.apdus += 1
        try:
            answer = self._answer(apdu)
        finally:
            if self.witness is not None:
                self.witness(apdu, answer, time.perf_counter() - began)
        return answer

    def _answer(self, apdu: bytes) -> bytes:
        try:
            command = Command.decode(apdu)
        except ApduError:
            return Response(b"", SW.WRONG_LENGTH).encode()
        if len(apdu) > 5 and apdu[4] == 0 and not supports_extended_length(self.atr):
            return Response(b"", SW.WRONG_LENGTH).encode()
        fault = self.faults.due(command)
        if fault is not None:
            self._fail(fault)
        self._work(self.apdu_latency_s)
        if fault is not None and fault.kind is Kind.STATUS:
            return fault.distort(Response(b"", SW.OK))
        with self._lock:
            response = self._shape(command, self._dispatch(command))
        if self._out.is_set():
            raise CardRemoved
        return fault.distort(response) if fault else response.encode()

    def _fail(self, fault: Misbehaviour) -> None:
        """Do what a fault does before the command is looked at."""
        match fault.kind:
            case Kind.REMOVED:
                self.pull()
            case Kind.RESET:
                self.reset()
            case Kind.SILENCE:
                self._roused.clear()
                if not self._out.is_set():
                    self._roused.wait(fault.seconds)

    def _work(self, seconds: float) -> None:
        if self._out.is_set() or (seconds and self._out.wait(seconds)):
            raise CardRemoved

    def _dispatch(self, command: Command) -> Response:
        if command.cla & 0x03 and command.cla & 0xE0 == 0:
            return Response(b"", SW_CHANNEL_UNSUPPORTED)
        if command.cla & 0x0C:
            return Response(b"", SW_SECURE_MESSAGING_UNSUPPORTED)
        if command.ins == INS_GET_RESPONSE:
            return self._get_response()
        self._pending = b""
        whole = self._join(command)
        if isinstance(whole, Response):
            return whole
        if whole.ins == INS_SELECT and whole.p1 == 0x04:
            return self._select(whole)
        if self._selected is None:
            return Response(b"", SW.INS_UNSUPPORTED)
        if Moment.SIGN.covers(whole):
            self._work(self.signature_latency_s)
        return self._selected.process(whole)

    def _join(self, command: Command) -> Command | Response:
        """Return the whole command, or the answer to a link that is not the last (5.3.3)."""
        chain, self._chain = self._chain, None
        first = replace(command, cla=command.cla & ~CHAINING)
        if chain and _header(chain) == _header(first):
            first = replace(first, data=chain.data + first.data)
        if len(first.data) > MAX_CHAIN:
            return Response(b"", SW.WRONG_LENGTH)
        if command.cla & CHAINING:
            self._chain = first
            return Response(b"", SW.OK)
        return first

    def _select(self, command: Command) -> Response:
        if len(command.data) >= SHORTEST_AID and command.p2 & 0x03 == 0:
            for applet in self._applets:
                if applet.aid.startswith(command.data):
                    if self._selected and self._selected is not applet:
                        self._selected.deselect()
                    self._selected = applet
                    return applet.select(command.p2)
        return Response(b"", SW.FILE_NOT_FOUND)

    def _get_response(self) -> Response:
        if not self._pending:
            return Response(b"", SW.CONDITIONS_NOT_SATISFIED)
        data, self._pending = self._pending, b""
        return Response(data, SW.OK)

    def _shape(self, command: Command, response: Response) -> Response:
        """Return what fits Le and keep the rest for GET RESPONSE (ISO/IEC 7816-4, 5.3.4)."""
        room = command.le or 256
        if len(response.data) <= room:
            return response
        self._pending = response.data[room:]
        return Response(response.data[:room], SW_MORE_DATA | min(len(self._pending), 256) % 256)


def _header(command: Command) -> tuple[int, int, int, int]:
    return command.cla, command.ins, command.p1, command.p2


def make_atr(label: bytes, *, extended: bool = True) -> bytes:
    """Return an ATR for T=1 whose historical bytes tell of chaining, and of extended length if so.

    Compact-TLV (ISO/IEC 7816-4, 8.1.1): 73 card capabilities, then 5X `label` (at most 9 bytes).
    """
    capabilities = bytes((0x73, 0xC0, 0x01, 0xC0 if extended else 0x80))
    return atr_of(b"\x80" + capabilities + bytes((0x50 | len(label),)) + label)


def atr_of(historical: bytes) -> bytes:
    """Return an ATR for T=1 with these historical bytes (ISO/IEC 7816-3, 8.2)."""
    body = bytes((0x80 | len(historical), 0x01)) + historical
    check = 0
    for byte in body:
        check ^= byte
    return b"\x3b" + body + bytes((check,))
