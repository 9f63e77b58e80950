"""PC/SC through pyscard: the only importer of it, and the only reader of SCARD_* codes."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import Any

from bridged.errors import (
    BridgedError,
    CardFault,
    CardInUse,
    CardMute,
    CardRemoved,
    NoCard,
    NoReader,
    PcscUnavailable,
)
from bridged.model import ReaderState
from bridged.pcsc.bus import CardReset, Connection, Context, ReaderStatus, WaitCancelled

# Transmit and Status then answer "in use" instead of waiting for another program's transaction.
os.environ.setdefault("PCSCLITE_NO_BLOCKING", "1")

from smartcard import scard

log = logging.getLogger(__name__)

PNP_NOTIFICATION = r"\\?PnP?\Notification"
EVENT_COUNTER = 0xFFFF0000
"""The upper word of a state counts events; it has to be given back as it came."""

RELIST_MS = 60_000
"""pcsc-lite before 2.1 counts no reader events, and would miss a reader that arrives just before
the wait: readers are then listed again after this time (milliseconds)."""
RELISTINGS = 5
"""How often readers are listed anew because one went away before the wait began."""

_ERRORS: dict[int, Callable[[], BridgedError]] = {
    scard.SCARD_W_REMOVED_CARD: CardRemoved,
    scard.SCARD_E_NO_SMARTCARD: NoCard,
    scard.SCARD_E_NOT_TRANSACTED: CardRemoved,
    scard.SCARD_E_READER_UNAVAILABLE: NoReader,
    scard.SCARD_E_UNKNOWN_READER: NoReader,
    scard.SCARD_E_NO_READERS_AVAILABLE: NoReader,
    scard.SCARD_E_SHARING_VIOLATION: CardInUse,
    scard.SCARD_W_UNRESPONSIVE_CARD: CardMute,
    scard.SCARD_W_UNPOWERED_CARD: CardMute,
    scard.SCARD_W_UNSUPPORTED_CARD: CardMute,
    scard.SCARD_E_PROTO_MISMATCH: CardMute,
    scard.SCARD_E_NO_SERVICE: PcscUnavailable,
    scard.SCARD_E_SERVICE_STOPPED: PcscUnavailable,
    scard.SCARD_E_INVALID_HANDLE: PcscUnavailable,
    scard.SCARD_F_COMM_ERROR: PcscUnavailable,
    scard.SCARD_E_NO_ACCESS: PcscUnavailable,
}


def _check(code: int) -> None:
    """Turn a return code into its error; the one place that knows them."""
    if code == scard.SCARD_S_SUCCESS:
        return
    code &= 0xFFFFFFFF
    if code == scard.SCARD_W_RESET_CARD & 0xFFFFFFFF:
        raise CardReset
    if code == scard.SCARD_E_CANCELLED & 0xFFFFFFFF:
        raise WaitCancelled
    for known, error in _ERRORS.items():
        if known & 0xFFFFFFFF == code:
            raise error()
    log.warning("PC/SC error %08X", code)
    raise CardFault(sw=f"{code:08X}")


class PcscBus:
    """The machine's PC/SC service."""

    def open(self) -> Context:
        """Establish a context; raises `PcscUnavailable`."""
        code, handle = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
        if code != scard.SCARD_S_SUCCESS:
            raise PcscUnavailable
        return PcscContext(handle)


class PcscContext:
    """One context; see `bridged.pcsc.bus.Context`."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle
        self._known: dict[str, tuple[int, bytes]] | None = None
        self._reader_events = 0

    def wait_for_change(self) -> tuple[ReaderStatus, ...]:
        """Wait in SCardGetStatusChange, without time-out after the first call."""
        code, found = self._status_change()
        for _ in range(RELISTINGS):
            if code & 0xFFFFFFFF != scard.SCARD_E_UNKNOWN_READER & 0xFFFFFFFF:
                break
            code, found = self._status_change()
        if code & 0xFFFFFFFF != scard.SCARD_E_TIMEOUT & 0xFFFFFFFF:
            _check(code)
        self._reader_events = next(
            (state & EVENT_COUNTER for name, state, _ in found if name == PNP_NOTIFICATION), 0
        )
        self._known = {
            name: (state & ~scard.SCARD_STATE_CHANGED, bytes(atr))
            for name, state, atr in found
            if name != PNP_NOTIFICATION
        }
        return tuple(
            ReaderStatus(name, _reader_state(state), state >> 16, atr)
            for name, (state, atr) in self._known.items()
        )

    def _status_change(self) -> tuple[int, list[Any]]:
        timeout = scard.INFINITE if self._reader_events else RELIST_MS
        known = {} if self._known is None else self._known
        names = self._list()
        watched: list[tuple[str, int]] = [(name, known.get(name, (0, b""))[0]) for name in names]
        if self._known is None or set(names) != set(known):
            timeout = 0
        watched.append((PNP_NOTIFICATION, self._reader_events))
        code, found = scard.SCardGetStatusChange(self._handle, timeout, watched)
        return code, found

    def _list(self) -> list[str]:
        code, names = scard.SCardListReaders(self._handle, [])
        if code & 0xFFFFFFFF == scard.SCARD_E_NO_READERS_AVAILABLE & 0xFFFFFFFF:
            return []
        _check(code)
        return list(names)

    def cancel(self) -> None:
        """Wake the waiting thread."""
        scard.SCardCancel(self._handle)

    def connect(self, reader: str) -> Connection:
        """Connect, shared, with whichever protocol the card speaks."""
        code, handle, protocol = scard.SCardConnect(
            self._handle,
            reader,
            scard.SCARD_SHARE_SHARED,
            scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1,
        )
        _check(code)
        try:
            code, _, _, _, atr = scard.SCardStatus(handle)
            _check(code)
            generation = self.generation(reader)
        except BaseException:
            scard.SCardDisconnect(handle, scard.SCARD_LEAVE_CARD)
            raise
        return PcscConnection(handle, protocol, bytes(atr), generation=generation)

    def generation(self, reader: str) -> int:
        """Ask SCardGetStatusChange, which answers at once."""
        code, found = scard.SCardGetStatusChange(self._handle, 0, [(reader, 0)])
        _check(code)
        return int(found[0][1]) >> 16

    def close(self) -> None:
        """Release the context."""
        scard.SCardReleaseContext(self._handle)


class PcscConnection:
    """A shared connection; see `bridged.pcsc.bus.Connection`."""

    def __init__(self, handle: Any, protocol: int, atr: bytes, *, generation: int = 0) -> None:
        self._handle = handle
        self._protocol = protocol
        self.atr = atr
        self.generation = generation

    def begin(self) -> None:
        """Begin a transaction.

        SCardStatus goes first: it answers "in use" at once where SCardBeginTransaction would
        wait without end for another program's transaction.
        """
        _check(scard.SCardStatus(self._handle)[0])
        _check(scard.SCardBeginTransaction(self._handle))

    def end(self) -> None:
        """End the transaction; a card that is gone has ended it already."""
        scard.SCardEndTransaction(self._handle, scard.SCARD_LEAVE_CARD)

    def transmit(self, apdu: bytes) -> bytes:
        """Transmit; the data of a failed call is uninitialised memory and is never looked at."""
        code, answer = scard.SCardTransmit(self._handle, self._protocol, list(apdu))
        _check(code)
        if not answer:
            # The card died in the middle of the command; PC/SC calls that a success.
            raise CardRemoved
        return bytes(answer)

    def control(self, code: int, data: bytes) -> bytes:
        """Call SCardControl; a keypad keeps it waiting for a person."""
        result, answer = scard.SCardControl(self._handle, code, list(data))
        if result != scard.SCARD_S_SUCCESS:
            raise CardFault(sw=f"{result & 0xFFFFFFFF:08X}")
        return bytes(answer)

    def reconnect(self) -> None:
        """Accept the reset."""
        code, self._protocol = scard.SCardReconnect(
            self._handle,
            scard.SCARD_SHARE_SHARED,
            scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1,
            scard.SCARD_LEAVE_CARD,
        )
        _check(code)

    def close(self, *, reset: bool) -> None:
        """Disconnect."""
        scard.SCardDisconnect(
            self._handle, scard.SCARD_RESET_CARD if reset else scard.SCARD_LEAVE_CARD
        )


def _reader_state(state: int) -> ReaderState:
    if state & (scard.SCARD_STATE_UNAVAILABLE | scard.SCARD_STATE_UNKNOWN):
        return ReaderState.UNAVAILABLE
    if state & scard.SCARD_STATE_MUTE:
        return ReaderState.MUTE
    if state & scard.SCARD_STATE_PRESENT:
        exclusive = state & scard.SCARD_STATE_EXCLUSIVE
        return ReaderState.IN_USE if exclusive else ReaderState.PRESENT
    return ReaderState.EMPTY
