"""What is fuzzed: everything that reads what a card says. Each takes bytes, and fails by raising."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from bridged.cards import registry
from bridged.cards.answers import SecurityStatus
from bridged.cards.base import Driver
from bridged.errors import BridgedError
from bridged.pcsc import apdu, atr, tlv
from bridged.pcsc.channel import Channel
from bridged.secret import Pin
from bridged.signing import algorithms, certificates
from bridged.signing.signer import sign_digest
from bridged.virtual.ca import DemoCa
from bridged.virtual.card import VirtualCard
from bridged.virtual.profiles import make_card

MOST_APDUS = 10_000
"""No card, however it answers, gets more commands than this in one conversation."""
MOST_BYTES = 1 << 20
STATUS_WORDS = (*map(int, apdu.SW), 0x6100, 0x6101, 0x61FF, 0x6C00, 0x6C10, 0x63C0, 0x63C3)


def fuzz_tlv(data: bytes) -> None:
    """Parse, find, and read a header."""
    with contextlib.suppress(tlv.TlvError):
        for tag, value in tlv.parse(data):
            assert 0 <= tag < 1 << 32
            assert len(value) <= len(data)
    with contextlib.suppress(tlv.TlvError):
        tlv.find(data, 0x7C, 0x82)
    with contextlib.suppress(tlv.TlvError):
        _, size = tlv.header(data)
        assert size <= tlv.MAX_LENGTH + 8


def fuzz_apdu(data: bytes) -> None:
    """Read commands and answers; what was read is written as it came."""
    with contextlib.suppress(apdu.ApduError):
        response = apdu.Response.decode(data)
        assert response.encode() == data
        assert response.tries_left is None or 0 <= response.tries_left <= 15
    with contextlib.suppress(apdu.ApduError):
        command = apdu.Command.decode(data)
        assert apdu.Command.decode(command.encode(extended=command.needs_extended)) == command


def fuzz_atr(data: bytes) -> None:
    """Read historical bytes and capabilities."""
    assert len(atr.historical_bytes(data)) <= 15
    atr.supports_extended_length(data)


@functools.cache
def _card(profile: str) -> VirtualCard:
    return make_card(profile, _ca(), validity=_validity())


@functools.cache
def _ca() -> DemoCa:
    return DemoCa.create()


def _validity() -> tuple[datetime, datetime]:
    now = datetime.now(UTC).replace(microsecond=0)
    return now - timedelta(days=1), now + timedelta(days=30)


@functools.cache
def _certificate() -> bytes:
    channel = _attached(_card("ebid").transmit, extended=True)
    driver = registry.detect(channel)
    (first, *_) = driver.keys()
    assert first.certificate is not None
    return first.certificate


def fuzz_certificate(data: bytes) -> None:
    """Read a certificate: as it is, and a real one with bytes of it changed."""
    changed = bytearray(_certificate())
    for at in range(0, len(data) - 2, 3):
        changed[int.from_bytes(data[at : at + 2], "big") % len(changed)] = data[at + 2]
    for der in (data, bytes(changed)):
        with contextlib.suppress(ValueError):
            certificates.read(der)


class HostileCard:
    """Answers as its script says: a true answer, a changed one, any status word, any bytes.

    When the script is over it repeats itself, so that a loop over its answers has no end but the
    one that the driver puts to it.
    """

    def __init__(self, script: bytes, honest: VirtualCard) -> None:
        self._script = script or b"\x03"
        self._at = 0
        self._honest = honest
        self.apdus = self.bytes = 0

    def transmit(self, command: bytes) -> bytes:
        self.apdus += 1
        assert self.apdus <= MOST_APDUS, "the conversation has no end"
        answer = self._answer(command)
        self.bytes += len(answer)
        assert self.bytes <= MOST_BYTES, "more than any card has to say"
        return answer

    def _answer(self, command: bytes) -> bytes:
        kind = self._byte() % 8
        if kind <= 2:
            return self._honest.transmit(command)
        if kind == 3:
            return STATUS_WORDS[self._byte() % len(STATUS_WORDS)].to_bytes(2, "big")
        if kind == 4:
            true = bytearray(self._honest.transmit(command))
            for _ in range(self._byte() % 4 + 1):
                true[(self._byte() << 8 | self._byte()) % len(true)] = self._byte()
            return bytes(true)
        data = bytes(self._byte() for _ in range(self._byte()))
        if kind == 5:
            return data + b"\x90\0"
        if kind == 6:
            return data + STATUS_WORDS[self._byte() % len(STATUS_WORDS)].to_bytes(2, "big")
        return data

    def _byte(self) -> int:
        self._at += 1
        return self._script[(self._at - 1) % len(self._script)]


def fuzz_card(data: bytes) -> None:
    """Let a driver do all that it can with a card that answers anything at any step."""
    head, script = data[:1] or b"\0", data[1:]
    honest = _card("jpki" if head[0] & 1 else "ebid")
    honest.restore()
    honest.insert()
    card = HostileCard(script, honest)
    channel = _attached(card.transmit, extended=bool(head[0] & 2))
    try:
        driver = registry.detect(channel)
    except BridgedError:
        return
    for step in (_list, _use):
        channel.transaction += bool(head[0] & 4)
        with contextlib.suppress(BridgedError, SecurityStatus):
            step(driver)


def _attached(send: Callable[[bytes], bytes], *, extended: bool) -> Channel:
    channel = Channel()
    channel.attach(send, extended=extended)
    channel.transaction += 1
    return channel


def _list(driver: Driver) -> None:
    keys = driver.keys()
    for key in keys:
        driver.pin_status(key)
        if key.certificate is not None:
            with contextlib.suppress(ValueError):
                certificates.read(key.certificate)


def _use(driver: Driver) -> None:
    keys = driver.keys()
    for key in keys:
        with contextlib.suppress(BridgedError, SecurityStatus):
            driver.enter()
            driver.verify_pin_guarded(key, Pin("123456"), accept_last_try=True)
        for algorithm in algorithms.supported_by(key)[:2] if key.certificate else ():
            with contextlib.suppress(BridgedError, SecurityStatus):
                digest = bytes(algorithms.digest_size(algorithm))
                signature = sign_digest(driver, key, key.certificate or b"", algorithm, digest)
                assert len(signature) <= 512
        with contextlib.suppress(BridgedError, SecurityStatus):
            driver.enter()
            driver.change_pin_guarded(key, Pin("123456"), Pin("123456"), accept_last_try=True)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "tlv": fuzz_tlv,
    "apdu": fuzz_apdu,
    "atr": fuzz_atr,
    "certificate": fuzz_certificate,
    "card": fuzz_card,
}


def fuzz_all(data: bytes) -> None:
    """Let the first byte choose the target."""
    if data:
        list(TARGETS.values())[data[0] % len(TARGETS)](data[1:])
