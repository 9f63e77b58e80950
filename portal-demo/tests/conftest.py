"""A portal on a temporary database, an authority made on the spot, and a key pair for a card."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from backends import Backend, Postgresql, Sqlite
from bureau import Bureau, pointers
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from postgres import cluster

from portal_demo.app import create_app
from portal_demo.db import Database
from portal_demo.settings import Settings

ORIGIN = "http://portal.test"
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


@dataclass(frozen=True)
class SoftwareCard:
    """Two keys and their certificates: what the page would get from the bridge."""

    authentication_key: rsa.RSAPrivateKey
    authentication: x509.Certificate
    signature_key: rsa.RSAPrivateKey
    signature: x509.Certificate
    chain: tuple[bytes, ...] = ()

    def token(self, origin: str, challenge: str) -> dict[str, str]:
        message = (
            hashlib.sha256(origin.encode()).digest() + hashlib.sha256(challenge.encode()).digest()
        )
        return {
            "unverifiedCertificate": base64_der(self.authentication),
            "algorithm": "RS256",
            "signature": base64_of(
                self.authentication_key.sign(message, padding.PKCS1v15(), hashes.SHA256())
            ),
            "format": "web-eid:1.0",
            "appVersion": "https://example.test/bridged/0.1.0",
        }

    def sign(self, content: bytes) -> bytes:
        return self.signature_key.sign(content, padding.PKCS1v15(), hashes.SHA256())

    def signer(self) -> dict[str, object]:
        return {
            "certificate": base64_der(self.signature),
            "chain": list(map(base64_of, self.chain)),
        }


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def base64_der(certificate: x509.Certificate) -> str:
    return base64_of(certificate.public_bytes(Encoding.DER))


@dataclass
class Answer:
    status: int
    text: str
    headers: dict[str, str]
    url: str

    @property
    def json(self):
        return json.loads(self.text)

    @property
    def reason(self) -> str:
        return self.json["error"]["reason"]

    def element(self, element_id: str) -> str:
        """Return the text of an element, without tags."""
        found = re.search(
            rf'<(\w+)[^>]* id="{re.escape(element_id)}"[^>]*>(.*?)</\1>', self.text, re.DOTALL
        )
        assert found, f"no #{element_id} in {self.url}"
        return unescape(re.sub(r"<[^>]+>", "", found.group(2))).strip()

    def hidden(self, name: str) -> str:
        """Return the value of a hidden input."""
        found = re.search(rf'<input type="hidden" name="{name}" value="([^"]*)"', self.text)
        assert found, f"no hidden {name} in {self.url}"
        return unescape(found.group(1))

    def value(self, element_id: str) -> str:
        """Return the value of an input."""
        found = re.search(rf'<input id="{re.escape(element_id)}"[^>]* value="([^"]*)"', self.text)
        assert found, f"no input #{element_id} in {self.url}"
        return unescape(found.group(1))


@dataclass
class Visitor:
    """A browser without scripts: cookies, forms, and the requests that the pages' scripts send."""

    client: TestClient
    origin: str = ORIGIN
    csrf: str = ""
    revision: str = ""
    confirmation: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str, **kwargs) -> Answer:
        async with self.client.get(path, **kwargs) as response:
            return self._answer(response, await response.text())

    async def post_form(self, path: str, **fields: str) -> Answer:
        data = {"csrf": self.csrf, "revision": self.revision, **fields}
        async with self.client.post(path, data=data, headers=self._sent()) as response:
            return self._answer(response, await response.text())

    async def post(self, path: str, body: object) -> Answer:
        headers = {"X-CSRF-Token": self.csrf, **self._sent()}
        async with self.client.post(path, json=body, headers=headers) as response:
            return self._answer(response, await response.text())

    def cookie(self) -> str:
        return next(c.value for c in self.client.session.cookie_jar)

    async def challenge(self, purpose="login") -> str:
        if purpose == "login":
            await self.get("/registration/pin")
        return (await self.post("/api/challenge", {"purpose": purpose})).json["challenge"]

    async def log_in(self, card: SoftwareCard, path="/api/login", **changes) -> Answer:
        challenge = await self.challenge("login" if path == "/api/login" else "new-card")
        body = {
            "challenge": challenge,
            "token": card.token(ORIGIN, challenge),
            "chain": list(map(base64_of, card.chain)),
        }
        answer = await self.post(path, {**body, **changes})
        if answer.status == 200:
            await self.get(answer.json["location"])
        return answer

    async def find(self, number="1234567890", name="IT業者電子01") -> Answer:
        return await self.post_form("/registration/search", number=number, name=name)

    async def fill(self, path="/registration/form", **changes: str) -> Answer:
        return await self.post_form(path, **{**FORM, **changes})

    async def log_in_user(self, **changes: str) -> Answer:
        await self.get("/small/search")
        return await self.post_form("/small/search", **{**USER, **changes})

    async def fill_user(self, **changes: str) -> Answer:
        return await self.post_form("/small/form", **{**USER_FORM, **changes})

    async def reach_confirmation(self, card: SoftwareCard) -> Answer:
        await self.log_in(card)
        await self.find()
        answer = await self.fill()
        assert answer.url == "/registration/confirm"
        return answer

    async def propose(self, card: SoftwareCard, procedure="register") -> Answer:
        asked = {"procedure": procedure, "confirmation": self.confirmation}
        return await self.post("/api/application/document", {**asked, **card.signer()})

    async def register(
        self, card: SoftwareCard, old: SoftwareCard | None = None, procedure="register", **changes
    ) -> Answer:
        """Sign what the portal proposes; `changes` replace members of what is sent."""
        proposal = (await self.propose(card, procedure)).json
        body = self.signed_body(card, proposal, old)
        signature = {**body["signatures"][0], **changes}
        rest = {name: changes[name] for name in changes if name in body}
        if rest:
            return await self.post("/api/application", {**body, "procedure": procedure, **rest})
        body = {**body, "signatures": [signature, *body["signatures"][1:]]}
        return await self.post("/api/application", {**body, "procedure": procedure})

    def signed_body(
        self, card: SoftwareCard, proposal: dict[str, str], old: SoftwareCard | None = None
    ) -> dict[str, object]:
        cards = [one for one in (card, old) if one]
        return {
            "challenge": proposal["challenge"],
            "confirmation": self.confirmation,
            "signatures": [signed(one, proposal) for one in cards],
        }

    def _sent(self) -> dict[str, str]:
        return {"Origin": self.origin, **self.headers}

    def _answer(self, response, text: str) -> Answer:
        token = re.search('<meta name="csrf-token" content="([^"]+)">', text)
        if token:
            self.csrf = token.group(1)
        for name in ("revision", "confirmation"):
            found = re.search(rf'name="{name}" value="([^"]+)"|data-{name}="([^"]+)"', text)
            if found:
                setattr(self, name, found.group(1) or found.group(2))
        return Answer(response.status, text, dict(response.headers), response.url.path)


def signed(card: SoftwareCard, proposal: dict[str, str]) -> dict[str, object]:
    content = base64.b64decode(proposal["document"])
    signature = base64_of(card.sign(content))
    return {"algorithm": "RS256", "signature": signature, **card.signer()}


_CONTACT = {
    "department": "連絡先名称",
    "postal": "123-4567",
    "address": "長野県長野市南長野1-2-3",
    "person": "テストユーザ",
    "phone": "03-0000-0000",
    "fax": "03-0000-0000",
    "mail": "test@example.jp",
}
FORM = {
    "company_phone": "000-000-0000",
    "company_fax": "000-000-0000",
    "branch_name": "総務部",
    **{
        f"{prefix}_{name}": value
        for prefix in ("contact", "card")
        for name, value in _CONTACT.items()
    },
    "qualification_name": "IT業者電子01",
}


USER = {"number": "1234567897", "user_id": "shogaku07", "password": "shogaku2024"}
USER_FORM = {
    **{
        f"{prefix}_{name}": value
        for prefix in ("contact", "requester")
        for name, value in _CONTACT.items()
    },
    "qualification_name": "少額IT業者07",
    "password": USER["password"],
}


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
    return Sqlite(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Postgresql]:
    with cluster() as running:
        yield Postgresql(running)


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
    with backend.database(empty=True) as url:
        yield url


@pytest.fixture
async def database(database_url) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture
def settings(tmp_path: Path, authority, sqlite) -> Settings:
    trust = tmp_path / "ca.pem"
    trust.write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    return Settings(
        database=f"sqlite+aiosqlite:///{tmp_path / 'portal.sqlite3'}",
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
