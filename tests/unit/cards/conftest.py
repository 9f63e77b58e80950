"""Every driver over every card we have, each as a subject of the contract."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from bridged.cards import registry
from bridged.cards.jpki import JpkiDriver
from bridged.cards.piv import PivDriver
from bridged.cards.pkcs11.module import Module
from bridged.model import Usage
from bridged.virtual import certificates
from bridged.virtual.ca import DemoCa
from bridged.virtual.card import VirtualCard
from bridged.virtual.card_process import CardProcess
from bridged.virtual.pcscd import PrivatePcscd
from bridged.virtual.profile import load, shipped
from bridged.virtual.profiles import (
    EBID_PIN,
    JPKI_AUTHENTICATION_PIN,
    JPKI_SIGNATURE_PIN,
    make_card,
)

from ..conftest import OnToken, SoftHsm
from .module_subjects import OPENSC, OpenScSubject, SoftHsmSubject, reader_with_card
from .subjects import (
    FLAGGED,
    GUILD_DRIVER,
    UNCHANGEABLE,
    UNLIMITED,
    NativeSubject,
    Pins,
    Subject,
    guild_card,
    prefers_global_pin,
    wants_files_selected,
)

KNOWN = [name for name in shipped() if load(name).piv or load(name).jpki]
"""Every card that is shipped, but for the one that no driver knows."""
MADE_OF = {
    "global": ("ebid", prefers_global_pin),
    "phone": ("jpki", wants_files_selected),
    "guild": ("ec-only", guild_card),
}
"""Further cards, and whose keys they have."""
BOTH_LENGTHS = {"ebid", "ec-only", "piv-all", "jpki", *MADE_OF}
NATIVE = [(name, length) for name in (*KNOWN, *MADE_OF) for length in ("short", "extended")]
NATIVE = [each for each in NATIVE if each[0] in BOTH_LENGTHS or each[1] == "extended"]
OPENSC_CARDS = {"ebid": FLAGGED, "ec-only": FLAGGED, "jpki": UNCHANGEABLE}
TOKENS = ("rsa", "ec")

PIV_PINS: Pins = dict.fromkeys(Usage, (EBID_PIN, "pin"))
GLOBAL_PINS: Pins = dict.fromkeys(Usage, (EBID_PIN, "global"))
JPKI_PINS: Pins = {
    Usage.AUTHENTICATION: (JPKI_AUTHENTICATION_PIN, "authentication"),
    Usage.SIGNATURE: (JPKI_SIGNATURE_PIN, "signature"),
}


def native_kinds() -> list[object]:
    """Return the cards that drivers of ours talk to."""
    return [pytest.param((*each, ""), id="-".join(each)) for each in NATIVE]


def module_kinds() -> list[object]:
    """Return the cards that a module talks to."""
    opensc = [
        pytest.param((name, "", "opensc"), id=f"opensc-{name}", marks=pytest.mark.hil)
        for name in OPENSC_CARDS
    ]
    softhsm = [pytest.param((name, "", "softhsm"), id=f"softhsm-{name}") for name in TOKENS]
    return [*opensc, *softhsm]


@pytest.fixture(scope="module", params=[*native_kinds(), *module_kinds()])
def kind(request: pytest.FixtureRequest) -> tuple[str, str, str]:
    """A card's name, the length of its commands, and its module if it has one."""
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def subject(kind: tuple[str, str, str], request: pytest.FixtureRequest) -> Iterator[Subject]:
    """A card under the contract, as new."""
    name, length, module = kind
    if module == "opensc":
        yield from request.getfixturevalue("opensc")(name)
    elif module == "softhsm":
        yield from request.getfixturevalue("token")(name)
    else:
        made: NativeSubject = request.getfixturevalue("native")(name)
        made.channel.attach(made.transmit, extended=length == "extended")
        made.begin()
        yield made


# ---- drivers of our own ----


@pytest.fixture(scope="session")
def _issued(ca: DemoCa) -> Callable[[str], VirtualCard]:
    """Return a function: the card of a profile, whose keys are made once."""
    made: dict[str, VirtualCard] = {}

    def issued(name: str) -> VirtualCard:
        if name not in made:
            made[name] = make_card(name, ca)
        return made[name]

    return issued


@pytest.fixture
def native(
    _issued: Callable[[str], VirtualCard], monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], NativeSubject]:
    """Return a function: the subject of a name."""

    def native(name: str) -> NativeSubject:
        profile, change = MADE_OF.get(name, (name, lambda card: card))
        card = change(_issued(profile))
        if name == "guild":
            driver = GUILD_DRIVER.GuildDriver
            monkeypatch.setattr(registry, "DRIVERS", (*registry.DRIVERS, driver))
            return NativeSubject(driver, card, PIV_PINS)
        if profile == "jpki":
            return NativeSubject(JpkiDriver, card, JPKI_PINS)
        return NativeSubject(PivDriver, card, GLOBAL_PINS if name == "global" else PIV_PINS)

    return native


# ---- OpenSC ----


@pytest.fixture(scope="module")
def _card_process(
    kind: tuple[str, str, str], pcscd: PrivatePcscd, ca_directory: Path
) -> Iterator[CardProcess]:
    card = pcscd.spawn_card(kind[0], ca_directory)
    yield card
    card.close()


@pytest.fixture
def opensc(
    _card_process: CardProcess, pcscd: PrivatePcscd, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Iterator[OpenScSubject]]:
    """Return a function: the subject of a name, in a private pcscd."""
    monkeypatch.setenv("PCSCLITE_CSOCK_NAME", pcscd.socket_name)

    def opensc(name: str) -> Iterator[OpenScSubject]:
        module, pins = Module(OPENSC, "OpenSC"), JPKI_PINS if name == "jpki" else PIV_PINS
        promises = OPENSC_CARDS[name]
        made = OpenScSubject(module, reader_with_card(), pins, promises, card=_card_process)
        made.note(monkeypatch)
        yield made
        made.mend()

    return opensc


# ---- SoftHSM ----


@pytest.fixture(scope="session")
def _tokens(
    tmp_path_factory: pytest.TempPathFactory, ca: DemoCa, rsa_key: rsa.RSAPrivateKey
) -> dict[str, SoftHsm]:
    """Tokens as company cards are, by their name: one key to log in, one to sign."""
    made = {}
    keys = {
        "rsa": (rsa_key, rsa_key),
        "ec": tuple(ec.generate_private_key(c) for c in (ec.SECP256R1(), ec.SECP384R1())),
    }
    issue = (certificates.ebid_authentication, certificates.ebid_signature)
    holder, validity = certificates.Cardholder(), certificates.valid_for(730)
    for name in TOKENS:
        made[name] = SoftHsm(tmp_path_factory.mktemp(name) / "softhsm")
        contents = [
            OnToken(bytes((n,)), key, certified(ca, key.public_key(), holder, validity))
            for n, (key, certified) in enumerate(zip(keys[name], issue, strict=True), 1)
        ]
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("SOFTHSM2_CONF", str(made[name].configuration))
            made[name].add("card", *contents)
    return made


@pytest.fixture
def token(
    _tokens: dict[str, SoftHsm], softhsm: SoftHsm, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Iterator[SoftHsmSubject]]:
    """Return a function: the subject of a name, a copy of the token of that name."""

    def token(name: str) -> Iterator[SoftHsmSubject]:
        tokens = Path("tokens")
        shutil.copytree(_tokens[name].folder / tokens, softhsm.folder / tokens, dirs_exist_ok=True)
        pins: Pins = dict.fromkeys(Usage, (softhsm.pin, "pin"))
        made = SoftHsmSubject(softhsm.module(), "a reader", pins, UNLIMITED)
        made.note(monkeypatch)
        yield made
        made.mend()

    return token
