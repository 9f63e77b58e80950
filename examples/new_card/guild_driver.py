"""The driver of a made-up card: the "guild card" of docs/adding-a-card.md."""

from __future__ import annotations

from typing import Self

from bridged.cards.answers import check, check_permitted, check_verified, tries_left
from bridged.cards.base import CardDriver
from bridged.cards.certificate import is_certificate
from bridged.cards.key import Input, Key, Keypad, PinBlock, PinObject
from bridged.errors import CardFault
from bridged.model import CardType, PinAlphabet, PinRules, PinStatus, Usage
from bridged.pcsc.apdu import ELSEWHERE, SW, Command
from bridged.pcsc.channel import Channel
from bridged.secret import Pin

AID = bytes.fromhex("F0000000677569 6C64")
PIN = PinObject(
    "01",
    "PIN",
    PinRules(min_length=4, max_length=8, alphabet=PinAlphabet.DIGITS),
    block=PinBlock(0x01, length=8, pad=0x00),
)
EC = frozenset({Input.EC_DIGEST})
KEYS = {Usage.AUTHENTICATION: 0x01, Usage.SIGNATURE: 0x02}
"""References of the keys; the files of their certificates have the same numbers."""


class GuildDriver(CardDriver):
    """The application of the guild card: two P-256 keys behind one PIN."""

    card_type = CardType("guild")
    label = "Guild card"

    def __init__(self, channel: Channel) -> None:
        super().__init__(channel)
        self._selected = channel.epoch, channel.transaction
        self._certificates: dict[int, bytes] = {}

    @classmethod
    def detect(cls, channel: Channel) -> Self | None:
        return cls(channel) if _select(channel) else None

    def keys(self, usage: Usage | None = None) -> list[Key]:
        wanted = {use: ref for use, ref in KEYS.items() if usage in {None, use}}
        return [
            Key(f"{ref:02x}", use, use.title(), PIN, pin_always=False, inputs=EC, certificate=der)
            for use, ref in wanted.items()
            if is_certificate(der := self._certificate(ref))
        ]

    def _certificate(self, ref: int) -> bytes:
        if ref not in self._certificates:
            self.enter()
            read = Command(0x00, 0xB0, 0x80 | ref, 0x00, le=0x10000)
            self._certificates[ref] = check(self._channel.transmit(read))
        return self._certificates[ref]

    def enter(self) -> None:
        now = self._channel.epoch, self._channel.transaction
        if self._selected != now and not _select(self._channel):
            raise CardFault(sw="6A82")
        self._selected = now

    def pin_status(self, key: Key) -> PinStatus:
        self.enter()
        left, verified = tries_left(self._channel.transmit(Command(0x00, 0x20, 0x00, 0x01)))
        return PIN.status(tries_left=left, verified=verified)

    def verify_pin(self, key: Key, pin: Pin) -> None:
        check_verified(self._channel.transmit(PIN.block.verify(pin.reveal())))

    def verify_on_keypad(self, key: Key, keypad: Keypad) -> None:
        check_verified(keypad.verify(PIN.block.verify(), PIN))

    def change_pin(self, key: Key, pin: Pin, new: Pin) -> None:
        data = PIN.block.of(pin.reveal()) + PIN.block.of(new.reveal())
        check_verified(self._channel.transmit(Command(0x00, 0x24, 0x00, 0x01, data)))

    def sign(self, key: Key, form: Input, data: bytes) -> bytes:
        command = Command(0x00, 0x88, 0x00, int(key.ref, 16), data, 256)
        response = self._channel.transmit(command)
        if response.sw in ELSEWHERE | {SW.SECURITY_STATUS}:
            self.enter()
            response = self._channel.transmit(command)
        return check_permitted(response)


def _select(channel: Channel) -> bool:
    return channel.transmit(Command(0x00, 0xA4, 0x04, 0x0C, AID)).ok
