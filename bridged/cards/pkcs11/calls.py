"""What the daemon and the process of a PKCS#11 module say to each other; names as in PKCS#11.

A frame is its length (4 bytes, big-endian) and MessagePack of one of the structs.
"""

from __future__ import annotations

from enum import IntFlag, StrEnum
from io import RawIOBase
from typing import Any

import msgspec

MAX_FRAME = 1 << 22
"""No honest answer is longer (bytes)."""
MAX_TOKENS, MAX_OBJECTS = 16, 64
"""So many tokens of a reader, and objects of a token, are looked at."""
MAX_VALUE, MAX_LABEL = 0x8000, 64
"""A certificate (bytes) and a label (characters) that are longer are passed over, or cut."""


HEAD = 4
ROOM = 1024
"""A frame with a PIN fits in, so that its buffer is never moved and left behind (bytes)."""


class TokenFlag(IntFlag):
    """CKF_* of CK_TOKEN_INFO (PKCS#11 2.40, section 3.2)."""

    LOGIN_REQUIRED = 0x4
    USER_PIN_INITIALIZED = 0x8
    PROTECTED_AUTHENTICATION_PATH = 0x100
    TOKEN_INITIALIZED = 0x400
    USER_PIN_COUNT_LOW = 0x10000
    USER_PIN_FINAL_TRY = 0x20000
    USER_PIN_LOCKED = 0x40000


class Failure(StrEnum):
    """Return codes that mean something to the caller; all others go by their name."""

    PIN_INCORRECT = "pin-incorrect"
    PIN_LOCKED = "pin-locked"
    PIN_REFUSED = "pin-refused"
    """A new PIN is not to the card's liking."""
    NOT_LOGGED_IN = "not-logged-in"
    GONE = "gone"
    CANCELLED = "cancelled"
    """The person gave up on the reader's keypad or the module's own dialog."""


class Call(msgspec.Struct, frozen=True, tag=True):
    """Base of what the daemon asks."""


class Load(Call, frozen=True):
    """Load a module and initialize it; the first call. Answers None."""

    path: str


class Find(Call, frozen=True):
    """Return the tokens in the slots named after a reader, or in all slots (`list[Place]`)."""

    reader: str | None


class Read(Call, frozen=True):
    """Return a token with what it shows at the moment (`Token`)."""

    slot: int


class Status(Call, frozen=True):
    """Return the flags of a token (int)."""

    slot: int


class Login(Call, frozen=True):
    """Log in anew. Without a PIN the module has the person type it. Answers None."""

    slot: int
    pin: bytearray | None


class ChangePin(Call, frozen=True):
    """Change the PIN. Answers None."""

    slot: int
    pin: bytearray
    new: bytearray


class Sign(Call, frozen=True):
    """Return a signature by the private key with this CKA_ID (bytes).

    `pss` is the hash of PSS, by its length in bytes. With a `pin` there is a context-specific
    login first, which keys with CKA_ALWAYS_AUTHENTICATE want.
    """

    slot: int
    key: bytes
    mechanism: int
    data: bytes
    pss: int | None = None
    pin: bytearray | None = None


class End(Call, frozen=True):
    """Log out, finalize, and end the process. Answers None."""


AnyCall = Load | Find | Read | Status | Login | ChangePin | Sign | End


class CertificateObject(msgspec.Struct, frozen=True):
    """A certificate (CKC_X_509)."""

    id: bytes
    label: str
    value: bytes


class KeyObject(msgspec.Struct, frozen=True):
    """A private key that can be seen."""

    id: bytes
    label: str
    sign: bool
    always_authenticate: bool


class Place(msgspec.Struct, frozen=True):
    """A slot and the token in it."""

    slot: int
    label: str
    serial: bytes


class Token(msgspec.Struct, frozen=True):
    """What a token says of itself, and its objects."""

    flags: int
    min_pin: int
    max_pin: int
    mechanisms: frozenset[int]
    certificates: tuple[CertificateObject, ...]
    keys: tuple[KeyObject, ...]


class Done(msgspec.Struct, frozen=True, tag=True):
    """The answer to a call that succeeded."""

    result: Any = None


class Failed(msgspec.Struct, frozen=True, tag=True):
    """A `Failure`, or the name of a return code or an exception."""

    what: str


def write(stream: RawIOBase, frame: msgspec.Struct) -> None:
    """Send a frame, and wipe the buffer it was made in."""
    body = bytearray(ROOM)
    msgspec.msgpack.Encoder().encode_into(frame, body, HEAD)
    body[:HEAD] = (len(body) - HEAD).to_bytes(HEAD, "big")
    try:
        at = 0
        while at < len(body):
            with memoryview(body)[at:] as rest:
                at += stream.write(rest) or 0
    finally:
        wipe(body)


def read(stream: RawIOBase) -> bytearray | None:
    """Return the next frame; None where the stream has ended, or a frame has no end."""
    head = _exactly(stream, HEAD)
    size = int.from_bytes(head or b"", "big")
    return _exactly(stream, size) if head and size <= MAX_FRAME else None


def _exactly(stream: RawIOBase, size: int) -> bytearray | None:
    body, at = bytearray(size), 0
    while at < size:
        with memoryview(body)[at:] as rest:
            got = stream.readinto(rest)
        if not got:
            return None
        at += got
    return body


def wipe(*buffers: bytearray | None) -> None:
    """Overwrite buffers that may have held a PIN."""
    for buffer in buffers:
        if buffer is not None:
            buffer[:] = bytes(len(buffer))
