"""A batch of the largest size over a real connection, to its end and cancelled in the middle."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from bridged.protocol.messages import MAX_DIGESTS
from bridged.virtual.card import VirtualCard
from bridged.virtual.inprocess import InProcessBus
from bridged.virtual.misbehaviour import INS_GENERAL_AUTHENTICATE
from bridged.virtual.profiles import EBID_PIN

from .conftest import ALLOWED, Daemon

DIGESTS = [hashlib.sha256(n.to_bytes(2, "big")).digest() for n in range(MAX_DIGESTS)]


class Signer:
    """A page with a lease on the signature key; it counts what the card signs.

    `signing` holds, for each signature that the card has begun, how many it had made before.
    """

    def __init__(self, ws: ClientConnection, certificate: dict[str, Any]) -> None:
        self.made_by_card = 0
        self.signing: asyncio.Queue[int] = asyncio.Queue()
        self._ws = ws
        self._id = certificate["id"]
        der = base64.b64decode(certificate["x509"]["der"])
        self._public = x509.load_der_x509_certificate(der).public_key()

    async def send(self, request_id: int, method: str, **params: object) -> None:
        message = {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}
        await self._ws.send(json.dumps(message))

    async def start(self) -> None:
        digests = [base64.b64encode(digest).decode() for digest in DIGESTS]
        await self.send(
            7, "signature.create", certificate=self._id, algorithm="RS256", digests=digests
        )

    async def frame(self) -> dict[str, Any]:
        return json.loads(await self._ws.recv())  # type: ignore[no-any-return]

    async def answer(self, request_id: int) -> dict[str, Any]:
        while (frame := await self.frame()).get("id") != request_id:
            assert frame.get("method") == "request.progress", frame
        return frame

    def check(self, signatures: list[str]) -> None:
        """Verify that these are the signatures of the first digests, in order."""
        assert isinstance(self._public, rsa.RSAPublicKey)
        for digest, signature in zip(DIGESTS, signatures, strict=False):
            value = base64.b64decode(signature)
            self._public.verify(value, digest, padding.PKCS1v15(), Prehashed(hashes.SHA256()))


@pytest.fixture
async def signer(
    daemon: Daemon, bus: InProcessBus, ebid: VirtualCard, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Signer]:
    async with connect(
        daemon.ws, origin=Origin(ALLOWED), subprotocols=[Subprotocol("bridged.v1")], max_size=None
    ) as ws:
        bus.insert(0, ebid)
        assert json.loads(await ws.recv())["method"] == "card.inserted"
        ask = {"jsonrpc": "2.0", "id": 1, "method": "certificate.list"}
        await ws.send(json.dumps({**ask, "params": {"usage": "signature"}}))
        (certificate,) = json.loads(await ws.recv())["result"]["certificates"]
        signer = Signer(ws, certificate)
        loop, transmit = asyncio.get_running_loop(), ebid.transmit

        def count(apdu: bytes) -> bytes:
            if apdu[:2] != bytes([0, INS_GENERAL_AUTHENTICATE]):
                return transmit(apdu)
            loop.call_soon_threadsafe(signer.signing.put_nowait, signer.made_by_card)
            response = transmit(apdu)
            signer.made_by_card += 1
            return response

        monkeypatch.setattr(ebid, "transmit", count)
        await signer.send(2, "pin.verify", key=certificate["id"], pin=EBID_PIN, leaseSeconds=300)
        assert "result" in await signer.answer(2)
        yield signer


@pytest.mark.timeout(120)
async def test_a_thousand_digests_take_one_pin_and_every_signature_verifies(
    signer: Signer, ebid: VirtualCard
) -> None:
    await signer.start()
    told = []
    while "method" in (frame := await signer.frame()):
        told.append(frame["params"]["done"])
        assert frame["params"] == {"id": 7, "done": told[-1], "total": MAX_DIGESTS}
    assert told == sorted(set(told))
    assert told[-1] == MAX_DIGESTS
    assert frame["id"] == 7
    assert frame["result"]["failures"] == []
    signatures = frame["result"]["signatures"]
    assert len(set(signatures)) == len(signatures) == MAX_DIGESTS == signer.made_by_card
    signer.check(signatures)


@pytest.mark.timeout(120)
async def test_a_batch_that_is_cancelled_stops_within_one_signature_and_tells_all_it_made(
    signer: Signer, ebid: VirtualCard
) -> None:
    await signer.start()
    while (await signer.frame())["params"]["done"] < 50:
        pass
    ebid.signature_latency_s = 0.3  # time enough to cancel while the card is at work
    while not signer.signing.empty():
        signer.signing.get_nowait()
    await signer.signing.get()
    made_before = await signer.signing.get()
    await signer.send(8, "request.cancel", id=7)
    assert (await signer.answer(8))["result"] == {"cancelled": True}
    data = (await signer.answer(7))["error"]["data"]
    assert data["reason"] == "cancelled"
    signatures = data["signatures"]
    assert 50 < len(signatures) == made_before + 1 < MAX_DIGESTS
    signer.check(signatures)
    await signer.send(9, "reader.list")
    await signer.answer(9)
    assert signer.made_by_card == len(signatures)
