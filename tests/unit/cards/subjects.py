"""Cards under the contract of all drivers, and what each kind of them promises."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from types import ModuleType
from typing import ClassVar, Protocol

from bridged.cards import registry
from bridged.cards.base import Driver
from bridged.errors import ModuleFault
from bridged.model import Usage
from bridged.pcsc.apdu import SW, Command, Response
from bridged.pcsc.channel import Channel
from bridged.secret import Pin
from bridged.virtual import jpki, piv
from bridged.virtual.card import VirtualCard
from bridged.virtual.misbehaviour import parse_misbehaviour
from bridged.virtual.reference_data import ReferenceData

Pins = Mapping[Usage, tuple[str, str]]
"""The PIN of each usage, and its name on the card."""


class Tries(Enum):
    """What is told of the tries that a PIN has left."""

    COUNTED = auto()
    FLAGGED = auto()
    """A module tells the last one, and that none is left."""
    UNLIMITED = auto()
    """A token in software is never blocked."""

    def told(self, left: int) -> int | None:
        """Return what a driver says where so many are left."""
        known = self is Tries.COUNTED or (self is Tries.FLAGGED and left <= 1)
        return left if known else None


@dataclass(frozen=True)
class Promises:
    """What a kind of card can be held to; each statement of the contract asserts just that."""

    tries: Tries = Tries.COUNTED
    own_commands: bool = True
    """The driver selects and verifies itself: in which order, between which others, is seen.
    A module does that out of sight, and no application but its own is tried beside it."""
    keypad: bool = True
    """The reader's keypad is ours to use; a module has its own way to one."""
    changing_refused: type[Exception] | None = None
    """What comes of changing a PIN where the module cannot."""


class Subject(Protocol):
    """A card with its driver, and with other programs that use it too."""

    promises: Promises
    pins: Pins

    def driver(self) -> Driver:
        """Return a driver that has just met the card."""

    def found_by_registry(self) -> Driver:
        """Return the driver that the daemon would have."""

    def found_by_others(self) -> list[Driver | None]:
        """Return what drivers find that this card is not for."""

    def begin(self) -> None:
        """Begin another transaction."""

    def reset(self) -> None:
        """End what was verified: another program's reset, or the end of a lease."""

    def reset_by_another(self) -> None:
        """Let another program reset the card."""

    def intrude(self) -> None:
        """Let another program use the card in between, as far as it may."""

    def use_up(self, usage: Usage, left: int) -> None:
        """Let another program send wrong PINs until so many tries are left."""

    def tries_left(self, usage: Usage) -> int:
        """Return the tries that a PIN has left on the card."""

    def asked(self) -> int:
        """Return how often the card, or its module, was asked for something."""

    def pins_sent(self) -> int:
        """Return how often a PIN was sent by our drivers."""

    def fail(self, fault: str) -> None:
        """Let something go wrong from now on, once: a fault of a virtual card in words."""

    def mend(self) -> None:
        """Let the card be as new."""


def right(pins: Pins, usage: Usage) -> Pin:
    """Return the PIN of a usage."""
    return Pin(pins[usage][0])


def wrong_value(pins: Pins, usage: Usage) -> str:
    """Return a PIN of the right form that is another one."""
    value = pins[usage][0]
    return value[:-1] + ("1" if value[-1] != "1" else "2")


def wrong(pins: Pins, usage: Usage) -> Pin:
    """Return the same as a `Pin`."""
    return Pin(wrong_value(pins, usage))


class Stranger:
    """Another application on the card, with files of all names, which takes any PIN it is given."""

    aid = bytes.fromhex("D276000124010304")
    pins: ClassVar[Mapping[str, ReferenceData]] = {}

    def __init__(self) -> None:
        self.pins_seen: list[bytes] = []

    def select(self, p2: int) -> Response:
        return Response(b"", SW.OK)

    def deselect(self) -> None:
        pass

    def process(self, command: Command) -> Response:
        if command.ins in {0x20, 0x24, 0x2C}:
            if command.data:
                self.pins_seen.append(command.data)
            return Response(b"", 0x63C9)
        return Response(b"", SW.OK if command.ins == 0xA4 else SW.FILE_NOT_FOUND)


@dataclass
class NativeSubject:
    """A driver's card in a reader; `sent` tells each command with the transaction it was sent in."""

    kind: type[Driver]
    card: VirtualCard
    pins: Pins
    promises: Promises = Promises()
    stranger: Stranger = field(default_factory=Stranger)
    channel: Channel = field(default_factory=Channel)
    sent: list[tuple[int, Command]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.card = VirtualCard([*self.card._applets, self.stranger], b"two")
        self.mend()

    def transmit(self, apdu: bytes) -> bytes:
        self.sent.append((self.channel.transaction, Command.decode(apdu)))
        return self.card.transmit(apdu)

    def driver(self) -> Driver:
        driver = self.kind.detect(self.channel)
        assert driver is not None
        return driver

    def found_by_registry(self) -> Driver:
        return registry.detect(self.channel)

    def found_by_others(self) -> list[Driver | None]:
        others = [kind for kind in registry.DRIVERS if kind is not self.kind]
        return [kind.detect(self.channel) for kind in others]

    def begin(self) -> None:
        self.channel.transaction += 1

    def reset(self) -> None:
        self.card.reset()
        self.channel.attach(self.transmit, extended=self.channel.extended)
        self.begin()

    def reset_by_another(self) -> None:
        self.reset()

    def intrude(self) -> None:
        """Let another program select its own application in a transaction of its own."""
        answer = self.card.transmit(Command(0x00, 0xA4, 0x04, 0x0C, Stranger.aid).encode())
        assert answer == b"\x90\x00"
        self.begin()

    def use_up(self, usage: Usage, left: int) -> None:
        self.card.pins[self.pins[usage][1]].tries_left = left

    def tries_left(self, usage: Usage) -> int:
        return self.card.pins[self.pins[usage][1]].tries_left

    def asked(self) -> int:
        return self.channel.apdus

    def pins_sent(self) -> int:
        return sum(command.ins == 0x20 and bool(command.data) for _, command in self.sent)

    def fail(self, fault: str) -> None:
        self.card.faults.add(parse_misbehaviour(fault.split()))

    def mend(self) -> None:
        """Let the card be as new; one that was issued with a blocked PIN has been to its issuer."""
        self.card.behave()
        self.card.insert()
        for pin in self.card.pins.values():
            pin.restore()
            pin.tries_left = pin.tries
        self.reset()


def prefers_global_pin(ebid: VirtualCard) -> VirtualCard:
    """Return a card with the keys of another, whose PIN is the global one; PIV's is unknown."""
    (applet,) = ebid._applets
    pin, unknown = ReferenceData(b"123456\xff\xff", 3), ReferenceData(b"999999\xff\xff", 3)
    puk = ReferenceData(b"12345678", 3)
    return VirtualCard([piv.PivApplet([*applet._keys.values()], unknown, puk, pin)], b"global")


def wants_files_selected(card: VirtualCard) -> VirtualCard:
    """Return a phone with the keys of a JPKI card, which knows no short file identifiers."""
    (applet,) = card._applets
    keys = applet._keys
    phone = jpki.JpkiApplet(
        keys[jpki.EF_AUTHENTICATION_KEY],
        keys[jpki.EF_SIGNATURE_KEY],
        token=jpki.IPHONE_TOKEN,
        short_identifiers=False,
    )
    return VirtualCard([phone], b"phone")


def _example(name: str) -> ModuleType:
    """Import a module of `examples/new_card`, which `docs/adding-a-card.md` shows."""
    path = Path(__file__).parents[3] / "examples" / "new_card" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GUILD_DRIVER, GUILD_APPLET = _example("guild_driver"), _example("guild_applet")


def guild_card(ec_only: VirtualCard) -> VirtualCard:
    """Return the card of the documentation's example, with a key of another for both uses."""
    (applet,) = ec_only._applets
    key = applet._keys[piv.AUTHENTICATION]
    keys = dict.fromkeys((1, 2), (key.key, key.certificate))
    pin = ReferenceData(b"123456\0\0", 3)
    return VirtualCard([GUILD_APPLET.GuildApplet(keys, pin)], b"guild")


UNCHANGEABLE = Promises(
    Tries.FLAGGED, own_commands=False, keypad=False, changing_refused=ModuleFault
)
FLAGGED = Promises(Tries.FLAGGED, own_commands=False, keypad=False)
UNLIMITED = Promises(Tries.UNLIMITED, own_commands=False, keypad=False)
