"""A portal on a temporary database, an authority made on the spot, and a key pair for a card."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from argon2 import PasswordHasher
from backends import Backend, Postgresql, Sqlite
from bureau import Bureau, pointers
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from postgres import cluster
from visitor import (
    FORM,
    ORIGIN,
    USER,
    USER_FORM,
    SoftwareCard,
    Visitor,
    base64_der,
    base64_of,
    signed,
)

from portal_demo import users
from portal_demo.app import create_app
from portal_demo.db import Database
from portal_demo.settings import Settings

NOON = datetime(2026, 6, 4, 4, 33, tzinfo=UTC)  # 13:33 in Japan
KANJI = (("IT業者電子01", NameOID.ORGANIZATION_NAME), ("長野 太郎", NameOID.COMMON_NAME))
_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def key_usage(*bits: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{bit: bit in bits for bit in _USAGES})


def distinguished(**attributes: str) -> x509.Name:
    oids = {
        "c": NameOID.COUNTRY_NAME,
        "o": NameOID.ORGANIZATION_NAME,
        "ou": NameOID.ORGANIZATIONAL_UNIT_NAME,
        "l": NameOID.LOCALITY_NAME,
        "cn": NameOID.COMMON_NAME,
    }
    return x509.Name([x509.NameAttribute(oids[k], v) for k, v in attributes.items()])


@dataclass
class FixedClock:
    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclass(frozen=True)
class Authority:
    key: rsa.RSAPrivateKey
    certificate: x509.Certificate

    @classmethod
    def create(cls, key: rsa.RSAPrivateKey, name: x509.Name, parent: Authority | None = None):
        extensions = [
            (x509.BasicConstraints(ca=True, path_length=None), True),
            (key_usage("key_cert_sign", "crl_sign"), True),
        ]
        issuer = parent or cls(key, None)
        return cls(
            key,
            issuer.sign(key.public_key(), name, extensions, issuer_name=None if parent else name),
        )

    def sign(self, public_key, subject, extensions, *, days=(-1, 700), issuer_name=None):
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer_name or self.certificate.subject)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOON + timedelta(days=days[0]))
            .not_valid_after(NOON + timedelta(days=days[1]))
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical=critical)
        return builder.sign(self.key, hashes.SHA256())

    def issue(
        self,
        key,
        *,
        subject=None,
        kanji=KANJI,
        usage=("digital_signature",),
        days=(-1, 700),
        more=(),
    ):
        """Issue a card's certificate, kanji in a directoryName as e-bidding CAs do."""
        extensions = [(key_usage(*usage), True), *more]
        if kanji:
            name = x509.Name([x509.NameAttribute(oid, text) for text, oid in kanji])
            extensions.append((x509.SubjectAlternativeName([x509.DirectoryName(name)]), False))
        subject = subject or distinguished(c="JP", o="IT Gyosha Denshi 01", cn="Nagano Taro")
        return self.sign(key.public_key(), subject, extensions, days=days)


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """Take back what a command that ran in this process did to the root logger."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield
    root.setLevel(level)
    for handler in [one for one in root.handlers if one not in handlers]:
        root.removeHandler(handler)


@pytest.fixture(scope="session", autouse=True)
def dear_passwords() -> Iterator[PasswordHasher]:
    """Hash passwords at the least cost in the tests, and give what the portal hashes them with."""
    dear = users._HASHER
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(users, "_HASHER", cheap)
        patch.setattr(users, "_NOBODY", cheap.hash("nobody's password"))
        yield dear


@pytest.fixture(scope="session")
def keys() -> list[rsa.RSAPrivateKey]:
    return [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(4)]


@pytest.fixture(scope="session")
def authority(keys) -> Authority:
    return Authority.create(keys[0], distinguished(c="JP", o="Test", cn="Test CA"))


@pytest.fixture(scope="session")
def stranger(keys) -> Authority:
    """An authority that the portal does not know."""
    return Authority.create(keys[3], distinguished(c="JP", o="Test", cn="Other CA"))


@pytest.fixture(scope="session")
def make_card(keys, authority):
    def make(*, by: Authority = authority, **issue) -> SoftwareCard:
        usage = issue.pop("usage", None)
        return SoftwareCard(
            keys[1],
            by.issue(keys[1], **issue, usage=usage or ("digital_signature",)),
            keys[2],
            by.issue(keys[2], **issue, usage=usage or ("content_commitment",)),
        )

    return make


@pytest.fixture
def card(make_card) -> SoftwareCard:
    return make_card()


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture(scope="session")
def sqlite(tmp_path_factory) -> Sqlite:
    return Sqlite(tmp_path_factory.mktemp("sqlite"), NOON)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Postgresql]:
    with cluster() as running:
        yield Postgresql(running, NOON)


@pytest.fixture(params=["sqlite", "postgresql"])
def backend(request) -> Backend:
    """Return one kind of database after the other: what uses it runs on each."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def database_url(backend) -> Iterator[str]:
    """Make a database with the newest tables."""
    with backend.database() as url:
        yield url


@pytest.fixture
def empty_database_url(backend) -> Iterator[str]:
    """Make a database without tables."""
    with backend.database("nothing") as url:
        yield url


@pytest.fixture
async def database(database_url) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture
async def portals_database(settings) -> AsyncIterator[Database]:
    """Open the database of the portal that the visitor is at."""
    database = Database(settings.database)
    yield database
    await database.close()


@pytest.fixture
def settings(tmp_path: Path, authority, backend) -> Iterator[Settings]:
    trust = tmp_path / "ca.pem"
    trust.write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    with backend.database("demo") as url:
        yield Settings(
            database=url,
            totp_key_file=tmp_path / "totp.key",
            trust=(trust,),
            origin=ORIGIN,
            demo=True,
        )


@pytest.fixture
def app(settings, clock) -> web.Application:
    return create_app(settings, clock)


@pytest.fixture
async def server(app) -> AsyncIterator[TestServer]:
    async with TestServer(app) as running:
        yield running


@pytest.fixture
async def visitor(server) -> AsyncIterator[Visitor]:
    async with TestClient(server) as client:
        yield Visitor(client)


@pytest.fixture
async def second_visitor(server) -> AsyncIterator[Visitor]:
    async with TestClient(server) as client:
        yield Visitor(client)


@pytest.fixture
async def bureau(authority, clock) -> AsyncIterator[Bureau]:
    bureau = Bureau(authority, clock)
    async with TestServer(bureau.routes()) as server:
        bureau.server = server
        yield bureau


@pytest.fixture
async def asking(settings, bureau, clock, tmp_path):
    """A visitor of a portal that asks the bureau."""
    listed = tmp_path / "trust.toml"
    listed.write_text(
        f'[[authority]]\nname = "Test CA"\ncertificate = "ca.pem"\nhosts = ["{bureau.host}"]\n'
    )
    app = create_app(msgspec.structs.replace(settings, trust=(listed,)), clock)
    async with TestServer(app) as server, TestClient(server) as client:
        yield app, client


@pytest.fixture
def pointed_card(make_card, bureau):
    return make_card(more=pointers(bureau.url("ocsp")))


@pytest.fixture
def tools():
    """What the tests of this folder share and cannot import."""
    return Tools()


class Tools:
    ORIGIN = ORIGIN
    NOON = NOON
    DER = Encoding.DER
    FORM = FORM
    Authority = Authority
    SoftwareCard = SoftwareCard
    Visitor = Visitor
    base64_of = staticmethod(base64_of)
    base64_der = staticmethod(base64_der)
    distinguished = staticmethod(distinguished)
    key_usage = staticmethod(key_usage)
    replace = staticmethod(replace)
    signed = staticmethod(signed)
    USER = USER
    USER_FORM = USER_FORM
