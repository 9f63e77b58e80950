"""The frames of `docs/protocol.md` are what goes over the wire."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin, Subprotocol

from bridged.protocol.messages import METHODS, NOTIFICATIONS, CloseCode

from .conftest import ORIGIN, Desk

PAGE = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text("utf-8")
STEP = re.compile(
    r"^<!-- (?:person|card): (?P<act>\w+) -->$|^```json(?P<side>[^\n]*)\n(?P<frame>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
PLACEHOLDER = re.compile(r"<[a-z ]+>")
REST = "…"
SLOW_S = 0.3
"""Long enough for a page to cancel a batch between two signatures."""


@dataclass(frozen=True)
class Step:
    """One line of the conversation: an act of the person, or a frame one way or the other."""

    act: str
    frame: dict[str, Any]


def steps() -> Iterator[Step]:
    for match in STEP.finditer(PAGE):
        if match["act"]:
            yield Step(match["act"], {})
        else:
            yield Step(match["side"].strip(), json.loads(match["frame"]))


@dataclass
class Names:
    """What the placeholders stand for, as far as it is known."""

    known: dict[str, str] = field(default_factory=dict)

    def fill(self, value: Any) -> Any:
        """Return a frame with every placeholder replaced; each must be known."""
        if isinstance(value, dict):
            return {name: self.fill(each) for name, each in value.items()}
        if isinstance(value, list):
            return [self.fill(each) for each in value]
        if isinstance(value, str) and PLACEHOLDER.fullmatch(value):
            return self.known[value]
        return value

    def match(self, told: Any, got: Any, at: str = "$") -> None:
        """Fail where a frame is not as told; learn what new placeholders stand for."""
        if isinstance(told, dict):
            assert isinstance(got, dict), at
            names = told.keys() - {REST}
            assert names <= got.keys() if REST in told else names == got.keys(), at
            for name in names:
                self.match(told[name], got[name], f"{at}.{name}")
        elif isinstance(told, list):
            assert isinstance(got, list), at
            shown = told[:-1] if told and told[-1] == REST else told
            assert len(got) > len(shown) if shown is not told else len(got) == len(shown), at
            for n, each in enumerate(shown):
                self.match(each, got[n], f"{at}[{n}]")
        elif isinstance(told, str) and PLACEHOLDER.fullmatch(told):
            assert isinstance(got, str), at
            assert got, at
            assert got == self.known.setdefault(told, got), at
        else:
            assert (type(got), got) == (type(told), told), at


class Conversation:
    """The connection; frames wait until the page tells of them."""

    def __init__(self, ws: ClientConnection) -> None:
        self.names = Names()
        self.early: list[dict[str, Any]] = []
        self._ws = ws

    async def send(self, told: dict[str, Any]) -> None:
        await self._ws.send(json.dumps(self.names.fill(told)))

    async def receive(self, told: dict[str, Any]) -> None:
        """Wait for the answer with the id, or the notification with the name, that is told."""
        mark = "id" if "id" in told else "method"
        async with asyncio.timeout(10):
            while (frame := self._early(mark, told[mark])) is None:
                self.early.append(json.loads(await self._ws.recv()))
        self.names.match(told, frame)

    def _early(self, mark: str, value: object) -> dict[str, Any] | None:
        for n, frame in enumerate(self.early):
            if frame.get(mark) == value:
                return self.early.pop(n)
        return None


async def test_every_frame_of_the_page_is_what_goes_over_the_wire(desk: Desk) -> None:
    async with connect(
        desk.url, origin=Origin(ORIGIN), subprotocols=[Subprotocol("bridged.v1")]
    ) as ws:
        conversation = Conversation(ws)
        for step in steps():
            match step.act:
                case "insert":
                    desk.bus.insert(0, desk.card)
                case "remove":
                    desk.bus.remove(0)
                case "revoke":
                    assert desk.hub.policy.forget(ORIGIN)
                    desk.hub.sites_changed()
                case "slow":
                    desk.card.signature_latency_s = SLOW_S
                    while not desk.signing.empty():
                        desk.signing.get_nowait()
                case "second":
                    await desk.signing.get()
                    await desk.signing.get()
                case "fast":
                    desk.card.signature_latency_s = 0.0
                case "send":
                    await conversation.send(step.frame)
                case "receive":
                    await conversation.receive(step.frame)
                case other:
                    pytest.fail(f"the page tells the test to do {other!r}")
        with pytest.raises(ConnectionClosed):
            await ws.recv()
        assert ws.close_code == CloseCode.SITE_NOT_ALLOWED
    assert [each["method"] for each in conversation.early] in ([], ["request.progress"])
    check_signatures(conversation.names.known)


def check_signatures(names: dict[str, str]) -> None:
    """Verify what the page shows as signatures of `hello` and as a login."""
    verify(names["<der>"], names["<signature>"], b"hello")
    origin, challenge = (
        hashlib.sha256(text).digest()
        for text in (ORIGIN.encode(), b"MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI=")
    )
    verify(names["<login der>"], names["<login signature>"], origin + challenge)
    signed = base64.b64decode(names["<signed document>"])
    assert b"hello" in signed
    assert base64.b64decode(names["<der>"]) in signed
    verify(names["<der>"], names["<first>"], b"hello")
    verify(names["<der>"], names["<second>"], b"world")
    assert hashlib.sha256(base64.b64decode(names["<der>"])).hexdigest() == names["<fingerprint>"]


def verify(certificate: str, signature: str, message: bytes) -> None:
    key = x509.load_der_x509_certificate(base64.b64decode(certificate)).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    key.verify(base64.b64decode(signature), message, padding.PKCS1v15(), hashes.SHA256())


def test_every_method_has_an_example_that_succeeds() -> None:
    sent = {step.frame["id"]: step.frame["method"] for step in steps() if step.act == "send"}
    answered = {step.frame["id"] for step in steps() if "result" in step.frame}
    assert {sent[each] for each in answered} == METHODS.keys()


def test_notifications_of_the_examples_exist() -> None:
    told = {
        step.frame["method"] for step in steps() if step.act == "receive" and "method" in step.frame
    }
    assert told
    assert told <= NOTIFICATIONS.keys()


def test_every_json_of_the_page_is_run() -> None:
    assert len(re.findall("^```json", PAGE, re.MULTILINE)) == sum(
        step.act in {"send", "receive"} for step in steps()
    )


@pytest.mark.parametrize(
    ("told", "got"),
    [
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": 1, "b": 2}, {"a": 1}),
        ({"a": 1, REST: REST}, {"b": 1}),
        ([1], [1, 2]),
        ([1, REST], [1]),
        ([1, 2], [2, 1]),
        (1, True),
        (1, 1.0),
        (None, False),
        ("x", "y"),
        ("<x>", 1),
        ("<x>", ""),
        (["<x>", "<x>"], ["a", "b"]),
        ([], {}),
        ({}, []),
    ],
)
def test_a_frame_that_is_not_as_told_is_found(told: Any, got: Any) -> None:
    with pytest.raises(AssertionError):
        Names().match(told, got)


def test_a_placeholder_that_nobody_filled_is_found() -> None:
    with pytest.raises(KeyError):
        Names().fill({"a": ["<x>"]})
