"""A bare client, written from `docs/protocol.md` alone: it imports nothing of bridged.

It registers a company as a portal's page would, with a daemon in a process of its own.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

PORTAL = "https://portal.example"
PIN = "123456"


class Failure(Exception):
    """`error` of an answer."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error["message"])
        self.code: int = error["code"]
        self.data: dict[str, Any] = error["data"]


class BareClient:
    """JSON-RPC over the socket: answers go to who asked, notifications into a queue."""

    def __init__(self, ws: ClientConnection) -> None:
        self.events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._ws = ws
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._last = 0

    async def read(self) -> None:
        async for text in self._ws:
            frame = json.loads(text)
            if "method" in frame:
                self.events.put_nowait(frame)
            elif "result" in frame:
                self._waiting.pop(frame["id"]).set_result(frame["result"])
            else:
                self._waiting.pop(frame["id"]).set_exception(Failure(frame["error"]))

    async def start(self, method: str, **params: Any) -> tuple[int, asyncio.Future[Any]]:
        self._last += 1
        answer = self._waiting[self._last] = asyncio.get_running_loop().create_future()
        message = {"jsonrpc": "2.0", "id": self._last, "method": method, "params": params}
        await self._ws.send(json.dumps(message))
        return self._last, answer

    async def call(self, method: str, **params: Any) -> Any:
        _, answer = await self.start(method, **params)
        async with asyncio.timeout(20):
            return await answer


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """The port of a daemon that allows the portal everything, and its runtime folder."""
    home = tmp_path_factory.mktemp("home")
    (home / "bridged").mkdir()
    # Nobody opens a window here.
    (home / "bridged" / "config.toml").write_text('[pin]\nways = ["page"]\n')
    grants = f"{PORTAL}=certificates,sign,page-pin"
    command = ["serve", "--port", "0", "--virtual", "ebid", "--allow", grants]
    with subprocess.Popen(
        [sys.executable, "-m", "bridged", *command],
        env={**os.environ, "XDG_RUNTIME_DIR": str(home), "XDG_CONFIG_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        match = re.search(r":(\d+)$", process.stdout.readline().strip())
        assert match is not None
        yield int(match[1]), home
        process.terminate()


def open_socket(port: int, **options: Any) -> connect:
    url = f"ws://127.0.0.1:{port}/v1"
    return connect(url, subprotocols=["bridged.v1"], proxy=None, **options)  # type: ignore[list-item]


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def verify(der: str, signature: str, message: bytes) -> None:
    public = x509.load_der_x509_certificate(base64.b64decode(der, validate=True)).public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    value = base64.b64decode(signature, validate=True)
    public.verify(value, message, padding.PKCS1v15(), hashes.SHA256())


async def test_a_company_registers(daemon: tuple[int, Path]) -> None:
    port, _ = daemon
    async with open_socket(port, origin=PORTAL) as ws, asyncio.TaskGroup() as tasks:
        client = BareClient(ws)
        tasks.create_task(client.read())
        await log_in(client)
        await sign_and_give_up_a_batch(client)
        await ws.close()


async def log_in(client: BareClient) -> None:
    """List, verify, authenticate, release."""
    info = await client.call("bridge.info")
    assert info["origin"] == PORTAL
    assert {"certificates", "sign", "page-pin"} <= set(info["grants"])
    (reader,) = (await client.call("reader.list"))["readers"]
    listed = await client.call("certificate.list", reader=reader["id"], usage="authentication")
    (certificate,) = listed["certificates"]
    assert certificate["x509"]["expiresInDays"] > 0

    challenge = secrets.token_urlsafe(33)
    with pytest.raises(Failure) as refused:
        await client.call(
            "authentication.create", certificate=certificate["id"], challenge=challenge
        )
    assert refused.value.data["reason"] == "pin-required"
    lease = await client.call("pin.verify", key=certificate["id"], pin=PIN, leaseSeconds=30)
    token = await client.call(
        "authentication.create", certificate=certificate["id"], challenge=challenge
    )
    assert token["format"].startswith("web-eid:1")
    assert token["unverifiedCertificate"] == certificate["x509"]["der"]
    signed = sha256(PORTAL.encode()) + sha256(challenge.encode())
    verify(token["unverifiedCertificate"], token["signature"], signed)
    assert await client.call("lease.release", lease=lease["id"]) == {}


async def sign_and_give_up_a_batch(client: BareClient) -> None:
    """Verify, sign one application, cancel a batch of a thousand, release."""
    (certificate,) = (await client.call("certificate.list", usage="signature"))["certificates"]
    key, der = certificate["id"], certificate["x509"]["der"]
    lease = await client.call("pin.verify", key=key, pin=PIN)
    application = "利用者登録申請書".encode()
    what = {"certificate": key, "algorithm": "RS256", "title": "利用者登録"}
    made = await client.call("signature.create", digests=[b64(sha256(application))], **what)
    assert made["failures"] == []
    verify(der, made["signatures"][0], application)

    pages = [f"page {n}".encode() for n in range(1000)]
    digests = [b64(sha256(page)) for page in pages]
    batch, answer = await client.start("signature.create", digests=digests, **what)
    async with asyncio.timeout(20):
        event = await client.events.get()
    assert event["method"] == "request.progress"
    assert (event["params"]["id"], event["params"]["total"]) == (batch, 1000)
    assert await client.call("request.cancel", id=batch) == {"cancelled": True}
    with pytest.raises(Failure) as cancelled:
        async with asyncio.timeout(20):
            await answer
    assert cancelled.value.data["reason"] == "cancelled"
    signatures = cancelled.value.data["signatures"]
    assert event["params"]["done"] <= len(signatures) < 1000
    for page, signature in zip(pages, signatures, strict=False):
        verify(der, signature, page)

    assert await client.call("lease.release", lease=lease["id"]) == {}
    with pytest.raises(Failure) as ended:
        await client.call("lease.release", lease=lease["id"])
    assert ended.value.data["reason"] == "lease-ended"
    assert not (await client.call("pin.status", key=key))["verified"]


async def test_a_program_brings_the_token_file(daemon: tuple[int, Path]) -> None:
    port, home = daemon
    token = (home / "bridged" / f"token-{port}").read_text()
    async with open_socket(port, additional_headers={"Authorization": f"Bearer {token}"}) as ws:
        await ws.send('{"jsonrpc": "2.0", "id": 1, "method": "bridge.info"}')
        assert json.loads(await ws.recv())["result"]["origin"] is None
    with pytest.raises(InvalidStatus, match="403"):
        async with open_socket(port):
            pass


async def test_a_site_that_nobody_has_met_may_ask(daemon: tuple[int, Path]) -> None:
    async with open_socket(daemon[0], origin="https://other.example") as ws:
        await ws.send('{"jsonrpc": "2.0", "id": 1, "method": "reader.list"}')
        refused = json.loads(await ws.recv())["error"]
        assert (refused["code"], refused["data"]["grant"]) == (4001, "certificates")
        await ws.send('{"jsonrpc": "2.0", "id": 2, "method": "site.status"}')
        assert json.loads(await ws.recv())["result"]["missing"] == ["certificates", "sign"]
