"""A card's conversation as a transcript that people can read; no PIN is ever in it."""

from __future__ import annotations

from dataclasses import replace
from typing import TextIO

from bridged.pcsc import tlv
from bridged.pcsc.apdu import SW, ApduError, Command, Response
from bridged.virtual.misbehaviour import CHAINING

NAME_WIDTH = 46

APPLICATIONS = {
    bytes.fromhex("A000000308"): "PIV",
    bytes.fromhex("D392F000260100000001"): "JPKI",
    bytes.fromhex("D276000124"): "OpenPGP",
}
OBJECTS = {
    0x7E: "discovery object",
    0x5FC101: "9E certificate",
    0x5FC102: "CHUID",
    0x5FC105: "9A certificate",
    0x5FC107: "card capability container",
    0x5FC10A: "9C certificate",
    0x5FC10B: "9D certificate",
    0x5FC10C: "key history object",
    **{0x5FC10D + n: f"{0x82 + n:02X} certificate" for n in range(20)},
}
FILES = {
    0x0001: "signature certificate",
    0x0002: "signature CA",
    0x0006: "token information",
    0x000A: "authentication certificate",
    0x000B: "authentication CA",
    0x0017: "authentication key",
    0x0018: "authentication PIN",
    0x001A: "signature key",
    0x001B: "signature PIN",
}
ALGORITHMS = {
    0x05: "RSA-3072",
    0x06: "RSA-1024",
    0x07: "RSA-2048",
    0x11: "P-256",
    0x14: "P-384",
    0x16: "RSA-4096",
    0xE0: "Ed25519",
}
PIN_FILES = frozenset({0x0018, 0x001B})
REFERENCES = {0x00: "global PIN", 0x80: "PIN", 0x81: "PUK"}
MEANINGS: dict[int, str] = {
    SW.OK: "ok",
    SW.END_OF_FILE: "end of file",
    SW.NO_INFORMATION: "wrong",
    SW.WRONG_LENGTH: "wrong length",
    SW.CHAINING_UNSUPPORTED: "no chaining",
    SW.SECURITY_STATUS: "PIN needed",
    SW.AUTH_METHOD_BLOCKED: "PIN blocked",
    SW.REFERENCE_DATA_UNUSABLE: "PIN blocked",
    SW.CONDITIONS_NOT_SATISFIED: "conditions not satisfied",
    SW.COMMAND_NOT_ALLOWED: "command not allowed",
    SW.WRONG_DATA: "wrong data",
    SW.FUNCTION_UNSUPPORTED: "function not supported",
    SW.FILE_NOT_FOUND: "not found",
    SW.WRONG_P1P2: "wrong P1 P2",
    SW.REFERENCE_NOT_FOUND: "no such PIN or key",
    SW.WRONG_OFFSET: "offset past the end",
    SW.INS_UNSUPPORTED: "unknown instruction",
    SW.CLA_UNSUPPORTED: "unknown class",
    0x6881: "no logical channels",
    0x6882: "no secure messaging",
    0x6F00: "fault in the card",
}


class Transcript:
    """A witness of a card (`VirtualCard.witness`) that writes a line for each exchange."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._count = 0
        self._current: int | None = None
        print(
            f"{'#':>4}  {'command':<{NAME_WIDTH}}{'sent':>6}{'got':>7}{'ms':>9}  answer", file=file
        )

    def __call__(self, apdu: bytes, answer: bytes, seconds: float) -> None:
        """Write down one exchange; an empty answer means that none came."""
        self._count += 1
        try:
            command = Command.decode(apdu)
            name = self._describe(command)
        except ApduError:
            command, name = None, f"not an APDU: {apdu[:4].hex(' ').upper()}"
        sent = "***" if command is not None and _is_secret(command) else str(_size(command, apdu))
        got, said = _describe_answer(command, answer)
        print(
            f"{self._count:>4}  {name:<{NAME_WIDTH}}{sent:>6}{got:>7}{seconds * 1000:>9.1f}  {said}",
            file=self._file,
            flush=True,
        )

    def _describe(self, command: Command) -> str:
        linked = bool(command.cla & CHAINING)
        name = self._name(replace(command, cla=command.cla & ~CHAINING))
        return f"{name} (chained)" if linked else name

    def _name(self, command: Command) -> str:
        match command.ins:
            case 0xA4:
                return f"SELECT {self._selected(command)}"
            case 0xB0:
                return f"READ BINARY {self._read(command)}"
            case 0xC0:
                return "GET RESPONSE"
            case 0xCB:
                return f"GET DATA {_object(command)}"
            case 0x20 if not command.data:
                return f"VERIFY {self._pin(command)}, tries left?"
            case 0x20:
                return f"VERIFY {self._pin(command)} ***"
            case 0x24:
                return f"CHANGE REFERENCE DATA {self._pin(command)} ***"
            case 0x2C:
                return f"RESET RETRY COUNTER {self._pin(command)} ***"
            case 0x2A:
                return f"COMPUTE DIGITAL SIGNATURE {self._key(command)}"
            case 0x87:
                algorithm = ALGORITHMS.get(command.p1, f"algorithm {command.p1:02X}")
                return f"GENERAL AUTHENTICATE {command.p2:02X} {algorithm}"
            case _:
                return f"INS {command.ins:02X}, P1 P2 {command.p1:02X} {command.p2:02X}"

    def _selected(self, command: Command) -> str:
        if command.p1 == 0x04:
            self._current = None
            known = (name for aid, name in APPLICATIONS.items() if command.data.startswith(aid))
            return next(known, f"AID {command.data.hex().upper()}")
        self._current = int.from_bytes(command.data[:2], "big")
        return _file(self._current)

    def _read(self, command: Command) -> str:
        if command.p1 & 0x80:
            self._current = command.p1 & 0x1F
            return f"{_file(self._current)} at {command.p2}"
        return f"{_file(self._current)} at {command.p1 << 8 | command.p2}"

    def _pin(self, command: Command) -> str:
        for file in (command.p2 & 0x1F, self._current):
            if file in PIN_FILES:
                return FILES[file]
        return REFERENCES.get(command.p2, f"reference {command.p2:02X}")

    def _key(self, command: Command) -> str:
        return _file(command.p2 & 0x1F or self._current)


def meaning(command: Command | None, sw: int) -> str:
    """Return a status word in words; what a count means depends on the command."""
    if sw >> 8 == 0x61:
        return f"{sw & 0xFF or '256 or more'} bytes to come"
    if sw >> 8 == 0x6C:
        return f"ask for {sw & 0xFF or 256} bytes"
    if sw & 0xFFF0 == 0x63C0:
        left = f"{sw & 0x0F} tries left" if sw & 0x0F != 1 else "1 try left"
        return left if command is not None and not command.data else f"wrong, {left}"
    return MEANINGS.get(sw, "")


def _describe_answer(command: Command | None, answer: bytes) -> tuple[str, str]:
    """Return the length of the data, and the status word with its meaning."""
    if not answer:
        return "-", "no answer"
    try:
        response = Response.decode(answer)
    except ApduError:
        return "-", f"no status word: {answer.hex().upper()}"
    said = f"{response.sw:04X} {meaning(command, response.sw)}".rstrip()
    return str(len(response.data)), said


def _is_secret(command: Command) -> bool:
    """Whether its very length tells of a PIN."""
    return command.ins in {0x20, 0x24, 0x2C} and bool(command.data)


def _size(command: Command | None, apdu: bytes) -> int:
    return len(apdu) if command is None else len(command.data)


def _object(command: Command) -> str:
    try:
        tag = int.from_bytes(tlv.find(command.data, 0x5C), "big")
    except tlv.TlvError:
        return "of a malformed tag list"
    return OBJECTS.get(tag, f"object {tag:X}")


def _file(file: int | None) -> str:
    return "no file" if file is None else FILES.get(file, f"EF {file:04X}")
