"""A browser without scripts and a card made of software: what goes through the portal over HTTP."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass, field
from html import unescape
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

ORIGIN = "http://portal.test"


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
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def reason(self) -> str:
        return str(self.json["error"]["reason"])

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

    client: Any
    origin: str = ORIGIN
    csrf: str = ""
    revision: str = ""
    confirmation: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str, **kwargs: Any) -> Answer:
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
        return str(next(c.value for c in self.client.session.cookie_jar))

    async def challenge(self, purpose: str = "login") -> str:
        if purpose == "login":
            await self.get("/registration/pin")
        return str((await self.post("/api/challenge", {"purpose": purpose})).json["challenge"])

    async def log_in(
        self, card: SoftwareCard, path: str = "/api/login", **changes: object
    ) -> Answer:
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

    async def find(self, number: str = "1234567890", name: str = "IT業者電子01") -> Answer:
        return await self.post_form("/registration/search", number=number, name=name)

    async def fill(self, path: str = "/registration/form", **changes: str) -> Answer:
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

    async def propose(self, card: SoftwareCard, procedure: str = "register") -> Answer:
        asked = {"procedure": procedure, "confirmation": self.confirmation}
        return await self.post("/api/application/document", {**asked, **card.signer()})

    async def register(
        self,
        card: SoftwareCard,
        old: SoftwareCard | None = None,
        procedure: str = "register",
        **changes: object,
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
    ) -> dict[str, Any]:
        cards = [one for one in (card, old) if one]
        return {
            "challenge": proposal["challenge"],
            "confirmation": self.confirmation,
            "signatures": [signed(one, proposal) for one in cards],
        }

    def _sent(self) -> dict[str, str]:
        return {"Origin": self.origin, **self.headers}

    def _answer(self, response: Any, text: str) -> Answer:
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
