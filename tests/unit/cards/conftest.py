"""Every driver with a virtual card of its kind, over channels with and without extended length."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from bridged.cards import registry
from bridged.cards.base import Driver
from bridged.cards.jpki import JpkiDriver
from bridged.cards.piv import PivDriver
from bridged.model import Usage
from bridged.pcsc.apdu import SW, Command, Response
from bridged.pcsc.channel import Channel
from bridged.secret import Pin
from bridged.virtual import certificates, jpki, piv, profiles
from bridged.virtual.ca import DemoCa
from bridged.virtual.card import VirtualCard
from bridged.virtual.reference_data import ReferenceData


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
class Subject:
    """A driver's card in a reader; `sent` tells each command with the transaction it was sent in."""

    name: str
    kind: type[Driver]
    card: VirtualCard
    pins: Mapping[Usage, tuple[str, str]]
    stranger: Stranger = field(default_factory=Stranger)
    channel: Channel = field(default_factory=Channel)
    sent: list[tuple[int, Command]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.card = VirtualCard([*self.card._applets, self.stranger], b"two")

    def transmit(self, apdu: bytes) -> bytes:
        self.sent.append((self.channel.transaction, Command.decode(apdu)))
        return self.card.transmit(apdu)

    def begin(self) -> None:
        """Begin another transaction."""
        self.channel.transaction += 1

    def reset(self) -> None:
        """Let another program reset the card."""
        self.card.reset()
        self.channel.attach(self.transmit, extended=self.channel.extended)
        self.begin()

    def intrude(self) -> None:
        """Let another program select its own application in a transaction of its own."""
        answer = self.card.transmit(Command(0x00, 0xA4, 0x04, 0x0C, Stranger.aid).encode())
        assert answer == b"\x90\x00"
        self.begin()

    def driver(self) -> Driver:
        driver = self.kind.detect(self.channel)
        assert driver is not None
        return driver

    def pin(self, usage: Usage) -> Pin:
        return Pin(self.pins[usage][0])

    def wrong_pin(self, usage: Usage) -> Pin:
        right = self.pins[usage][0]
        return Pin(right[:-1] + ("1" if right[-1] != "1" else "2"))

    def tries_left(self, usage: Usage) -> int:
        return self.card.pins[self.pins[usage][1]].tries_left

    def pins_sent(self) -> list[Command]:
        return [command for _, command in self.sent if command.ins == 0x20 and command.data]


@pytest.fixture(scope="session")
def _ec_card(ca: DemoCa) -> VirtualCard:
    holder, validity = certificates.Cardholder(), certificates.valid_for(730)
    keys = []
    for reference, issue in (
        (piv.AUTHENTICATION, certificates.ebid_authentication),
        (piv.SIGNATURE, certificates.ebid_signature),
    ):
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = issue(ca, key.public_key(), holder, validity)
        keys.append(
            piv.PivKey(
                reference,
                key,
                certificate.public_bytes(Encoding.DER),
                pin_always=reference == piv.SIGNATURE,
            )
        )
    pin = ReferenceData(b"123456\xff\xff", 3)
    return VirtualCard([piv.PivApplet(keys, pin, ReferenceData(b"12345678", 3))], b"ec")


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


def example(name: str):
    """Import a module of `examples/new_card`, which `docs/adding-a-card.md` shows."""
    path = Path(__file__).parents[3] / "examples" / "new_card" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GUILD_DRIVER, GUILD_APPLET = example("guild_driver"), example("guild_applet")


def guild_card(ec_card: VirtualCard) -> VirtualCard:
    """Return the card of the documentation's example, with the keys of another."""
    (applet,) = ec_card._applets
    keys = {n: (key.key, key.certificate) for n, key in enumerate(applet._keys.values(), 1)}
    pin = ReferenceData(b"123456\0\0", 3)
    return VirtualCard([GUILD_APPLET.GuildApplet(keys, pin)], b"guild")


@pytest.fixture(params=["ebid", "ebid-ec", "global", "jpki", "jpki-phone", "guild"])
def profile(request) -> str:
    return request.param


@pytest.fixture(params=[False, True], ids=["short", "extended"])
def subject(request, profile: str, cards, _ec_card, monkeypatch) -> Subject:
    if profile == "guild":
        driver = GUILD_DRIVER.GuildDriver
        monkeypatch.setattr(registry, "DRIVERS", (*registry.DRIVERS, driver))
        pins = dict.fromkeys(Usage, (profiles.EBID_PIN, "pin"))
        made = Subject(profile, driver, guild_card(_ec_card), pins)
    elif profile.startswith("jpki"):
        pins = {
            Usage.AUTHENTICATION: (profiles.JPKI_AUTHENTICATION_PIN, "authentication"),
            Usage.SIGNATURE: (profiles.JPKI_SIGNATURE_PIN, "signature"),
        }
        card = cards["jpki"] if profile == "jpki" else wants_files_selected(cards["jpki"])
        made = Subject(profile, JpkiDriver, card, pins)
    else:
        _ec_card.restore()
        _ec_card.insert()
        pins = dict.fromkeys(Usage, (profiles.EBID_PIN, "pin"))
        card = cards["ebid"] if profile == "ebid" else _ec_card
        if profile == "global":
            pins = dict.fromkeys(Usage, (profiles.EBID_PIN, "global"))
            card = prefers_global_pin(cards["ebid"])
        made = Subject(profile, PivDriver, card, pins)
    made.channel.attach(made.transmit, extended=request.param)
    made.begin()
    return made


@pytest.fixture
def public_key():
    """Return a function: the public key of a certificate in DER."""
    return lambda der: x509.load_der_x509_certificate(der).public_key()
