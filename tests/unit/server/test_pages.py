"""The daemon's own pages: what each may load, and what it may tell the daemon."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bridged.signing.algorithms import raw_ecdsa

from .conftest import Daemon
from .test_status import OURS

SEEN = {"socket": "open", "permission": "prompt", "foreign": 0}


@pytest.fixture
async def http(daemon: Daemon) -> AsyncIterator[aiohttp.ClientSession]:
    headers = {**OURS, "Origin": daemon.http, "Accept-Language": "en"}
    async with aiohttp.ClientSession(daemon.http, headers=headers) as session:
        yield session


# ---- what a page may load ----


@pytest.mark.parametrize(
    ("path", "scripts", "styles"),
    [
        ("/", ["status.js"], ["base.css", "status.css"]),
        (
            "/self-test",
            ["self-test.js", "self-test-socket.js", "self-test-verify.js"],
            ["base.css", "status.css", "self-test.css"],
        ),
    ],
)
async def test_a_page_may_load_its_own_files_alone(
    daemon: Daemon, http: aiohttp.ClientSession, path: str, scripts: list[str], styles: list[str]
) -> None:
    async with http.get(path) as response:
        policy = response.headers["Content-Security-Policy"]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == " ".join(f"{daemon.http}/{script}" for script in scripts)
    assert rules["style-src"] == " ".join(f"{daemon.http}/{style}" for style in styles)
    assert rules["connect-src"] == "'self'"
    for file in (*scripts, *styles):
        async with http.get(f"/{file}") as response:
            assert response.status == 200


async def test_an_address_that_no_policy_can_name_is_self(
    daemon: Daemon, http: aiohttp.ClientSession
) -> None:
    async with http.get("/", headers={"Host": f"[::1]:{daemon.port}"}) as response:
        policy = response.headers["Content-Security-Policy"]
    assert "script-src 'self'; style-src 'self'" in policy


@pytest.mark.parametrize("path", ["/status.js", "/health", "/openrpc.json", "/nothing"])
async def test_what_is_no_page_may_load_nothing(http: aiohttp.ClientSession, path: str) -> None:
    async with http.get(path) as response:
        policy = response.headers["Content-Security-Policy"]
        assert response.headers["Permissions-Policy"].endswith("loopback-network=()")
    assert policy.startswith("default-src 'none'")
    assert "-src 'self'" not in policy


# ---- what the browser finds out about itself ----


async def test_the_browser_s_own_look_comes_back_as_findings(http: aiohttp.ClientSession) -> None:
    seen = {**SEEN, "now": time.time_ns() // 1_000_000}
    async with http.post("/status/browser", json=seen) as response:
        shown = await response.json()
    assert shown["problems"] == ""
    assert "This browser can connect to bridged" in shown["goods"]
    through = {"Via": "1.1 proxy.example"}
    async with http.post("/status/browser", json=seen, headers=through) as response:
        assert "a proxy stands between" in (await response.json())["problems"]


@pytest.mark.parametrize("path", ["/status/browser", "/self-test/verify"])
async def test_no_other_page_may_tell_anything(http: aiohttp.ClientSession, path: str) -> None:
    async with http.post(path, json={}) as response:
        assert response.status == 400
    for stranger in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        async with http.post(path, json={}, headers=stranger) as response:
            assert response.status == 403


# ---- the daemon's second opinion about a signature ----

TEXT = "bridged self-test 2026"
RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP384R1())
ED = ed25519.Ed25519PrivateKey.generate()
SIGNED: list[tuple[str, Any, bytes]] = [
    ("RS256", RSA, RSA.sign(TEXT.encode(), padding.PKCS1v15(), hashes.SHA256())),
    ("PS512", RSA, RSA.sign(TEXT.encode(), padding.PSS(padding.MGF1(hashes.SHA512()), 64), hashes.SHA512())),
    ("ES384", EC, raw_ecdsa(EC.sign(TEXT.encode(), ec.ECDSA(hashes.SHA384())), 384)),
    ("EdDSA", ED, ED.sign(TEXT.encode())),
]  # fmt: skip


def body(algorithm: str, key: Any, signature: bytes, text: str = TEXT) -> dict[str, str]:
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    encoded = {"key": der, "signature": signature}
    return {
        "algorithm": algorithm,
        "text": text,
        **{name: base64.b64encode(value).decode() for name, value in encoded.items()},
    }


async def judged(http: aiohttp.ClientSession, sent: dict[str, str]) -> bool:
    async with http.post("/self-test/verify", json=sent) as response:
        assert response.status == 200, await response.text()
        return bool((await response.json())["right"])


@pytest.mark.parametrize(("algorithm", "key", "signature"), SIGNED)
async def test_a_right_signature_is_right_and_any_other_is_wrong(
    http: aiohttp.ClientSession, algorithm: str, key: Any, signature: bytes
) -> None:
    assert await judged(http, body(algorithm, key, signature))
    assert not await judged(http, body(algorithm, key, signature, TEXT + "!"))
    assert not await judged(http, body(algorithm, key, signature[:-1]))
    other = "ES256" if algorithm != "ES256" else "RS256"
    assert not await judged(http, body(other, key, signature))


async def test_a_key_that_signs_nothing_makes_no_signature_right(
    http: aiohttp.ClientSession,
) -> None:
    exchange = x25519.X25519PrivateKey.generate()
    assert not await judged(http, body("RS256", exchange, hashlib.sha256(b"").digest()))
    assert not await judged(http, body("RS256", RSA, b"") | {"key": "AAAA"})
