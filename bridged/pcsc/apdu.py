"""Command and response APDUs (ISO/IEC 7816-4, 5.1-5.3). Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum


class SW(IntEnum):
    """Status words that drivers and virtual cards speak of by name."""

    OK = 0x9000
    END_OF_FILE = 0x6282
    NO_INFORMATION = 0x6300
    WRONG_LENGTH = 0x6700
    CHAINING_UNSUPPORTED = 0x6884
    SECURITY_STATUS = 0x6982
    AUTH_METHOD_BLOCKED = 0x6983
    REFERENCE_DATA_UNUSABLE = 0x6984
    CONDITIONS_NOT_SATISFIED = 0x6985
    COMMAND_NOT_ALLOWED = 0x6986
    WRONG_DATA = 0x6A80
    FUNCTION_UNSUPPORTED = 0x6A81
    FILE_NOT_FOUND = 0x6A82
    WRONG_P1P2 = 0x6A86
    REFERENCE_NOT_FOUND = 0x6A88
    WRONG_OFFSET = 0x6B00
    INS_UNSUPPORTED = 0x6D00
    CLA_UNSUPPORTED = 0x6E00


ELSEWHERE = frozenset(
    {
        SW.CONDITIONS_NOT_SATISFIED,
        SW.COMMAND_NOT_ALLOWED,
        SW.FUNCTION_UNSUPPORTED,
        SW.FILE_NOT_FOUND,
        SW.WRONG_P1P2,
        SW.REFERENCE_NOT_FOUND,
        SW.WRONG_OFFSET,
        SW.INS_UNSUPPORTED,
        SW.CLA_UNSUPPORTED,
    }
)
"""What an application says of commands that are not meant for it."""


class ApduError(ValueError):
    """Bytes that are no APDU."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command APDU; `le` is None (no answer expected) or the most bytes wanted, 1 to 65536."""

    cla: int
    ins: int
    p1: int
    p2: int
    data: bytes = b""
    le: int | None = None

    @property
    def needs_extended(self) -> bool:
        """Whether the short form cannot carry it."""
        return len(self.data) > 255 or (self.le or 0) > 256

    def encode(self, *, extended: bool = False) -> bytes:
        """Return the bytes, in the extended form where asked for and not empty."""
        header = bytes((self.cla, self.ins, self.p1, self.p2))
        if not self.data and self.le is None:
            return header
        if extended:
            return header + b"\0" + self._body(2)
        if self.needs_extended:
            raise ApduError("too long for a short APDU")
        return header + self._body(1)

    def _body(self, width: int) -> bytes:
        lc = len(self.data).to_bytes(width, "big") + self.data if self.data else b""
        le = b"" if self.le is None else (self.le % (1 << 8 * width)).to_bytes(width, "big")
        return lc + le

    def chain(self) -> list[Command]:
        """Split into links of 255 bytes or less (command chaining, 5.3.3); the last keeps Le."""
        parts = [self.data[i : i + 255] for i in range(0, len(self.data), 255)] or [b""]
        last = len(parts) - 1
        return [
            replace(self, data=part)
            if i == last
            else replace(self, cla=self.cla | 0x10, data=part, le=None)
            for i, part in enumerate(parts)
        ]

    @classmethod
    def decode(cls, raw: bytes) -> Command:
        """Parse a command as a card does; raises `ApduError`."""
        if len(raw) < 4:
            raise ApduError("shorter than a header")
        head, body = raw[:4], raw[4:]
        if len(body) <= 1:
            le = (body[0] or 256) if body else None
            return cls(head[0], head[1], head[2], head[3], le=le)
        if body[0] == 0 and len(body) >= 3:
            return cls._decode_body(head, body[1:], 2)
        return cls._decode_body(head, body, 1)

    @classmethod
    def _decode_body(cls, head: bytes, body: bytes, width: int) -> Command:
        most = 1 << 8 * width
        if len(body) == width:
            return cls(head[0], head[1], head[2], head[3], le=int.from_bytes(body, "big") or most)
        lc = int.from_bytes(body[:width], "big")
        data, rest = body[width : width + lc], body[width + lc :]
        if lc == 0 or len(data) != lc or len(rest) not in {0, width}:
            raise ApduError("Lc and the length disagree")
        le = (int.from_bytes(rest, "big") or most) if rest else None
        return cls(head[0], head[1], head[2], head[3], data, le)


@dataclass(frozen=True, slots=True)
class Response:
    """A response APDU."""

    data: bytes
    sw: int

    @property
    def ok(self) -> bool:
        """Whether the card did what was asked."""
        return self.sw == SW.OK

    @property
    def tries_left(self) -> int | None:
        """What 63Cx (630x of some cards) says of tries left, 0 where blocked, None where nothing."""
        if self.sw & 0xFFF0 in {0x63C0, 0x6300} and self.sw != SW.NO_INFORMATION:
            return self.sw & 0x0F
        if self.sw in {SW.AUTH_METHOD_BLOCKED, SW.REFERENCE_DATA_UNUSABLE}:
            return 0
        return None

    def encode(self) -> bytes:
        """Return data and status word."""
        return self.data + self.sw.to_bytes(2, "big")

    @classmethod
    def decode(cls, raw: bytes) -> Response:
        """Parse; raises `ApduError` when there is no status word."""
        if len(raw) < 2:
            raise ApduError("no status word")
        return cls(raw[:-2], int.from_bytes(raw[-2:], "big"))
