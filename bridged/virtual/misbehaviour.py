"""What a virtual card does wrong, and when: each fault a real card or reader has shown."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Annotated

import msgspec

from bridged.pcsc.apdu import Command, Response

INS_VERIFY, INS_GENERAL_AUTHENTICATE, INS_PSO = 0x20, 0x87, 0x2A
INS_SELECT = 0xA4
CHAINING = 0x10
GARBAGE_HEAD = bytes.fromhex("5382FFFF")
"""A TLV that claims more than is there."""


class Kind(Enum):
    """What goes wrong."""

    SHORT = "short"
    """Half of the answer is missing; the status word is right."""
    STATUS = "status"
    """Another status word, without data; the command is not carried out."""
    GARBAGE = "garbage"
    """As many bytes as there should be, and none of them right."""
    NO_STATUS = "no-status"
    """One byte, which is no status word."""
    SILENCE = "silence"
    """No answer for some seconds, or until the card is pulled out."""
    RESET = "reset"
    """The card loses its power for a moment and forgets what was selected and verified."""
    REMOVED = "removed"
    """The card leaves the reader as the command arrives."""


class Moment(Enum):
    """Which commands are meant."""

    ANY = "any"
    SELECT = "select"
    READ = "read"
    VERIFY = "verify"
    TRIES = "tries"
    """A VERIFY without a PIN, which only asks for the tries left."""
    SIGN = "sign"

    def covers(self, command: Command) -> bool:
        """Whether the command is meant: the last of a chain, and a VERIFY with a PIN in it."""
        if self is Moment.ANY:
            return True
        named = command.ins in _INSTRUCTIONS[self] and not command.cla & CHAINING
        return named and (self is Moment.READ or bool(command.data) is not (self is Moment.TRIES))


_INSTRUCTIONS = {
    Moment.SELECT: {INS_SELECT},
    Moment.READ: {0xB0, 0xCB},
    Moment.VERIFY: {INS_VERIFY},
    Moment.TRIES: {INS_VERIFY},
    Moment.SIGN: {INS_GENERAL_AUTHENTICATE, INS_PSO},
}


class Misbehaviour(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"kind": "do"}):
    """One fault: on the commands `on`, after `after` of them, `times` times (0: from then on)."""

    kind: Kind
    on: Moment = Moment.ANY
    after: Annotated[int, msgspec.Meta(ge=0)] = 0
    times: Annotated[int, msgspec.Meta(ge=0)] = 1
    sw: Annotated[str, msgspec.Meta(pattern="^[0-9A-Fa-f]{4}$")] = "6F00"
    """For `status`."""
    seconds: Annotated[float, msgspec.Meta(gt=0)] | None = None
    """For `silence`; without it the card is silent until it is pulled out."""

    def distort(self, answer: Response) -> bytes:
        """Return what the card says instead of the right answer."""
        sw = answer.sw.to_bytes(2, "big")
        match self.kind:
            case Kind.SHORT:
                return answer.data[: len(answer.data) // 2] + sw
            case Kind.STATUS:
                return bytes.fromhex(self.sw)
            case Kind.GARBAGE:
                size = len(answer.data) or 64
                return (GARBAGE_HEAD + hashlib.shake_128(answer.data).digest(size))[:size] + sw
            case Kind.NO_STATUS:
                return sw[:1]
            case _:
                return answer.encode()


@dataclass(slots=True)
class _Pending:
    fault: Misbehaviour
    wait: int
    left: int


class Faults:
    """The faults that a card has yet to show; safe from any thread."""

    def __init__(self, issued: Iterable[Misbehaviour] = ()) -> None:
        self._issued = tuple(issued)
        self._lock = threading.Lock()
        self.restore()

    def restore(self) -> None:
        """Return to the faults the card was issued with."""
        with self._lock:
            self._pending = [_Pending(fault, fault.after, fault.times) for fault in self._issued]

    def add(self, fault: Misbehaviour) -> None:
        """Let the card show one more fault."""
        with self._lock:
            self._pending.append(_Pending(fault, fault.after, fault.times))

    def clear(self) -> None:
        """Let the card behave from now on."""
        with self._lock:
            self._pending.clear()

    def due(self, command: Command) -> Misbehaviour | None:
        """Return the fault that this command meets, and count it."""
        with self._lock:
            for pending in [each for each in self._pending if each.fault.on.covers(command)]:
                if pending.wait:
                    pending.wait -= 1
                    continue
                pending.left -= 1
                if not pending.left:
                    self._pending.remove(pending)
                return pending.fault
        return None


def parse_misbehaviour(words: Sequence[str]) -> Misbehaviour:
    """Return the fault that words name, `KIND [VALUE] [on MOMENT] [after N] [times N]`.

    Raises `ValueError` with what is wrong.
    """
    fields: dict[str, object] = {}
    rest = list(words)
    if rest:
        fields["do"] = rest.pop(0)
    if len(rest) % 2:
        fields["seconds" if fields["do"] == Kind.SILENCE.value else "sw"] = rest.pop(0)
    for name, value in zip(rest[::2], rest[1::2], strict=True):
        if name not in {"on", "after", "times"}:
            raise ValueError(f"unknown word {name!r}")
        fields[name] = value
    return msgspec.convert(fields, Misbehaviour, strict=False)
