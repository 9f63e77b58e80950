"""Virtual cards whose keys are made once and whose state is fresh for each test."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pkcs11
import pytest
from blockbuster import BlockBuster, blockbuster_ctx
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from hypothesis import settings
from pkcs11 import Attribute, CertificateType, KeyType, ObjectClass
from pkcs11.util import ec as pkcs11_ec
from pkcs11.util import rsa as pkcs11_rsa

from bridged.cards.pkcs11.module import Module
from bridged.pcsc.channel import Channel
from bridged.virtual import certificates
from bridged.virtual.ca import DemoCa
from bridged.virtual.card import VirtualCard
from bridged.virtual.inprocess import InProcessBus
from bridged.virtual.profiles import make_card

# The same examples on every machine, however busy it is.
settings.register_profile("bridged", derandomize=True, deadline=None)
settings.load_profile("bridged")


@pytest.fixture(scope="session")
def ca() -> DemoCa:
    return DemoCa.create()


@pytest.fixture(scope="session")
def _issued_once(ca: DemoCa) -> dict[str, VirtualCard]:
    return {profile: make_card(profile, ca) for profile in ("ebid", "jpki")}


@pytest.fixture
def cards(_issued_once: dict[str, VirtualCard]) -> dict[str, VirtualCard]:
    """The demo cards by profile, as they were issued and powered."""
    for card in _issued_once.values():
        card.restore()
        card.insert()
        card.apdu_latency_s = card.signature_latency_s = 0.0
    return _issued_once


@pytest.fixture
def ebid(cards: dict[str, VirtualCard]) -> VirtualCard:
    return cards["ebid"]


@pytest.fixture
def jpki(cards: dict[str, VirtualCard]) -> VirtualCard:
    return cards["jpki"]


@pytest.fixture
def bus() -> InProcessBus:
    """Two empty readers."""
    return InProcessBus(readers=2)


@pytest.fixture(scope="session")
def pdf() -> bytes:
    """A PDF of one empty page."""
    from pyhanko.pdf_utils.generic import ArrayObject, NumberObject, StreamObject
    from pyhanko.pdf_utils.writer import PageObject, PdfFileWriter

    writer = PdfFileWriter()
    page = PageObject(
        contents=writer.add_object(StreamObject(stream_data=b"q Q")),
        media_box=ArrayObject([NumberObject(n) for n in (0, 0, 595, 842)]),
    )
    writer.insert_page(page)
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


@pytest.fixture
def no_blocking() -> Iterator[BlockBuster]:
    """Fail a test whose event loop makes a blocking call in the daemon's own code."""
    with blockbuster_ctx("bridged") as blocking:
        yield blocking


@pytest.fixture
def attached() -> Callable[..., Channel]:
    """Return a function that makes a channel, in its first transaction, out of a send function."""

    def attach(send: Callable[[bytes], bytes], *, extended: bool = False) -> Channel:
        channel = Channel()
        channel.attach(send, extended=extended)
        channel.transaction += 1
        return channel

    return attach


@pytest.fixture
def script(attached: Callable[..., Channel]) -> Callable[..., Channel]:
    """Return a function that makes a channel out of pairs of command and response, in hexadecimal.

    What is sent must be just what the script says, in its order, and all of it.
    """
    left: list[tuple[str, str]] = []

    def send(apdu: bytes) -> bytes:
        assert left, f"the script is over, and {apdu.hex()} was sent"
        command, response = left.pop(0)
        assert apdu.hex() == command
        return bytes.fromhex(response)

    def make(*pairs: tuple[str, str], extended: bool = False) -> Channel:
        left.extend((_hex(command), response) for command, response in pairs)
        return attached(send, extended=extended)

    yield make
    assert not left, f"never sent: {left}"


def _hex(text: str) -> str:
    return text.replace(" ", "").lower()


# ---- SoftHSM ----

SOFTHSM = "/usr/lib/softhsm/libsofthsm2.so"
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
ED25519 = bytes.fromhex("130c656477617264733235353139")
"""The name of the curve, as PKCS#11 3.0 has it."""


@dataclass(frozen=True)
class OnToken:
    """A key with its certificate, as it is put onto a token; or the certificate alone."""

    id: bytes
    key: PrivateKey | None
    certificate: x509.Certificate
    hidden: bool = False
    pin_always: bool = False


class SoftHsm:
    """Tokens of SoftHSM in a folder of their own."""

    pin, so_pin = "123456", "12345678"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "tokens").mkdir(parents=True)
        self.configuration = folder / "softhsm2.conf"
        self.configuration.write_text(
            f"directories.tokendir = {folder / 'tokens'}\nlog.level = ERROR\n"
        )

    def module(self) -> Module:
        return Module(Path(SOFTHSM), "SoftHSM", any_slot=True)

    def add(self, label: str, *contents: OnToken, authorities: tuple[bytes, ...] = ()) -> None:
        """Make a token; its private keys are hidden until the login, as on cards."""
        command = ("softhsm2-util", "--init-token", "--free", "--label", label)
        subprocess.run(
            [*command, "--pin", self.pin, "--so-pin", self.so_pin], check=True, capture_output=True
        )
        library = pkcs11.lib(SOFTHSM)
        try:
            token = library.get_token(token_label=label)
            with token.open(rw=True, user_pin=self.pin) as session:
                for each in contents:
                    if each.key is not None:
                        session.create_object(_key_object(each, each.key))
                    der = each.certificate.public_bytes(Encoding.DER)
                    session.create_object(_certificate_object(each.id, der, private=each.hidden))
                for der in authorities:
                    session.create_object(_certificate_object(b"", der, private=False))
        finally:
            pkcs11.unload(SOFTHSM)


def _key_object(each: OnToken, key: PrivateKey) -> dict[Attribute, object]:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        raw = key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        attributes = {
            Attribute.KEY_TYPE: KeyType.EC_EDWARDS,
            Attribute.EC_PARAMS: ED25519,
            Attribute.VALUE: raw,
        }
    else:
        der = key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        decode = (
            pkcs11_rsa.decode_rsa_private_key
            if isinstance(key, rsa.RSAPrivateKey)
            else pkcs11_ec.decode_ec_private_key
        )
        attributes = decode(der)
    return {
        **attributes,
        Attribute.CLASS: ObjectClass.PRIVATE_KEY,
        Attribute.ID: each.id,
        Attribute.LABEL: "key",
        Attribute.TOKEN: True,
        Attribute.PRIVATE: True,
        Attribute.SENSITIVE: True,
        Attribute.SIGN: True,
        Attribute.ALWAYS_AUTHENTICATE: each.pin_always,
    }


def _certificate_object(key_id: bytes, der: bytes, *, private: bool) -> dict[Attribute, object]:
    certificate = x509.load_der_x509_certificate(der)
    return {
        Attribute.CLASS: ObjectClass.CERTIFICATE,
        Attribute.CERTIFICATE_TYPE: CertificateType.X_509,
        Attribute.ID: key_id,
        Attribute.LABEL: "certificate",
        Attribute.TOKEN: True,
        Attribute.PRIVATE: private,
        Attribute.SUBJECT: certificate.subject.public_bytes(),
        Attribute.VALUE: der,
    }


@pytest.fixture
def softhsm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SoftHsm:
    """Return an empty SoftHSM; `add` makes tokens."""
    made = SoftHsm(tmp_path / "softhsm")
    monkeypatch.setenv("SOFTHSM2_CONF", str(made.configuration))
    return made


@pytest.fixture(scope="session")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def on_token() -> type[OnToken]:
    return OnToken


# ---- a module that does harm ----

Hostile = Callable[..., Module]


@pytest.fixture(scope="session")
def _hostile_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = Path(__file__).parent / "cards" / "pkcs11" / "hostile.c"
    library = tmp_path_factory.mktemp("hostile") / "hostile.so"
    compiler = ("gcc", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC")
    subprocess.run([*compiler, "-o", library, source], check=True)
    return library


@pytest.fixture
def hostile(
    _hostile_library: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    ca: DemoCa,
    rsa_key: rsa.RSAPrivateKey,
) -> Hostile:
    """Return a function: a module that does what `hostile.c` says of the mode."""
    holder, validity = certificates.Cardholder(), certificates.valid_for(730)
    certificate = certificates.ebid_signature(ca, rsa_key.public_key(), holder, validity)
    file = tmp_path / "certificate.der"
    file.write_bytes(certificate.public_bytes(Encoding.DER))
    monkeypatch.setenv("HOSTILE_CERTIFICATE", str(file))

    def hostile(mode: str = "", *, flags: int = 0x40C, reader: str | None = None) -> Module:
        monkeypatch.setenv("HOSTILE", mode)
        monkeypatch.setenv("HOSTILE_FLAGS", f"{flags:x}")
        if reader is not None:
            monkeypatch.setenv("HOSTILE_READER", reader)
        return Module(_hostile_library, "Hostile", any_slot=reader is None)

    return hostile
