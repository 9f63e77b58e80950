"""A certificate and a reader as lines of a table: what each cell says, and its colour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from msgspec.structs import replace

from bridged.__main__ import main
from bridged.cli import certs, readers
from bridged.cli.table import Cell, Colour
from bridged.errors import CertificateNotFound, NoReader
from bridged.model import (
    Certificate,
    Holder,
    PinRules,
    PinStatus,
    Reader,
    ReaderState,
    Usage,
)
from bridged.protocol.messages import CertificateListParams
from bridged.signing.certificates import read
from bridged.virtual.ca import DemoCa
from bridged.virtual.certificates import Cardholder, ebid_signature

NOW = datetime(2026, 4, 1, tzinfo=UTC)
PIN = PinStatus(
    label="PIN",
    rules=PinRules(min_length=4, max_length=8, alphabet="digits"),
    tries_left=3,
    blocked=False,
    verified=False,
)


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")


@pytest.fixture(scope="module")
def certificate(ca: DemoCa) -> Certificate:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    issued = ebid_signature(ca, key, Cardholder(), (NOW, NOW + timedelta(days=60)))
    return Certificate(
        id="c.1",
        reader="r",
        card="c",
        usage=Usage.SIGNATURE,
        label="Digital Signature (9C)",
        locked=False,
        x509=read(issued.public_bytes(Encoding.DER), now=NOW),
        algorithms=(),
        pin=PIN,
        chain=(),
    )


def test_a_certificate_tells_whose_it_is_and_how_long_it_holds(certificate: Certificate) -> None:
    assert certificate.x509
    assert certs.row(certificate) == [
        Cell("signature"),
        Cell("長野 太郎 / IT業者電子01"),
        Cell("bridged demo CA - do not trust"),
        Cell("2026-05-31 (60 days)", Colour.GOOD),
        Cell("3 left"),
        Cell(certificate.x509.sha256[:8], Colour.FAINT),
    ]


@pytest.mark.parametrize(
    ("days", "cell"),
    [
        (60, Cell("2026-05-31 (60 days)", Colour.GOOD)),
        (59, Cell("2026-05-31 (59 days)", Colour.WARNING)),
        (0, Cell("2026-05-31 (0 days)", Colour.WARNING)),
        (-1, Cell("expired 2026-05-31", Colour.BAD)),
    ],
)
def test_the_end_of_a_certificate_is_coloured_as_it_draws_near(
    certificate: Certificate, days: int, cell: Cell
) -> None:
    assert certificate.x509
    x509 = replace(certificate.x509, expires_in_days=days)
    assert certs.row(replace(certificate, x509=x509))[3] == cell


@pytest.mark.parametrize(
    ("pin", "cell"),
    [
        (None, Cell("")),
        (replace(PIN, tries_left=2), Cell("2 left")),
        (replace(PIN, tries_left=1), Cell("1 left", Colour.WARNING)),
        (replace(PIN, tries_left=None), Cell("PIN")),
        (replace(PIN, tries_left=0, blocked=True), Cell("blocked", Colour.BAD)),
    ],
)
def test_a_pin_is_coloured_by_its_tries(
    certificate: Certificate, pin: PinStatus | None, cell: Cell
) -> None:
    assert certs.row(replace(certificate, pin=pin))[4] == cell


def test_a_certificate_that_is_locked_or_names_nobody_has_something_to_say(
    certificate: Certificate,
) -> None:
    locked = certs.row(replace(certificate, x509=None))
    assert locked[1:4] == [Cell("(shown after its PIN)", Colour.FAINT), Cell(""), Cell("")]
    assert locked[5].text == ""
    assert certificate.x509
    nobody = Holder(name=None, organization=None, address=None, corporate_number=None)
    x509 = replace(certificate.x509, holder=nobody)
    assert certs.row(replace(certificate, x509=x509))[1].text == "Digital Signature (9C)"


class Daemon:
    """Has nothing to show, and notes what was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, object]] = []

    def __call__(self, *_: object) -> Daemon:
        return self

    def call(self, method: str, params: object, kind: type[msgspec.Struct]) -> object:
        self.asked.append((method, params))
        return kind(())

    def readers(self) -> tuple[Reader, ...]:
        return ()


def test_what_is_asked_for_goes_to_the_daemon_and_nothing_is_told_as_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon = Daemon()
    monkeypatch.setattr(certs, "connect", daemon)
    monkeypatch.setattr(readers, "connect", daemon)
    assert main(["certs"]) == 1
    assert main(["certs", "--valid-only", "--usage", "signature"]) == 1
    assert daemon.asked == [
        ("certificate.list", CertificateListParams(usage=None, valid_only=False)),
        ("certificate.list", CertificateListParams(usage=Usage.SIGNATURE, valid_only=True)),
    ]
    assert main(["readers"]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.splitlines()[1:] == [
        f"bridged: {error.messages()['en']}" for error in (CertificateNotFound(), NoReader())
    ]


@pytest.mark.parametrize("state", ReaderState)
def test_a_reader_tells_its_state_and_whether_it_has_keys(state: ReaderState) -> None:
    reader = Reader(id="r", name="Reader", state=state, pinpad=False, card=None)
    name, shown, card, keys = readers.row(reader)
    assert (name.text, card.text, keys.text) == ("Reader", "", "")
    assert shown.text
    good = {ReaderState.PRESENT: Colour.GOOD, ReaderState.IN_USE: Colour.WARNING}
    assert shown.colour == good.get(
        state, Colour.FAINT if state is ReaderState.EMPTY else Colour.BAD
    )
    assert readers.row(replace(reader, pinpad=True))[3].text == "yes"
