"""The dialog of the desktop: pinentry-qt on a screen of its own, answered by keys."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from PIL import Image
from Xlib import X
from Xlib.display import Display

from bridged.errors import UserCancelled
from bridged.model import Algorithm, Grant, Usage
from bridged.pin.pinentry import find
from bridged.pin.prompt import Prompts
from bridged.protocol.messages import METHODS, SignatureList
from bridged.protocol.session import Request
from bridged.service.hub import Hub
from bridged.sites.policy import Site
from bridged.virtual.ca import DemoCa
from bridged.virtual.card import VirtualCard
from bridged.virtual.inprocess import InProcessBus
from bridged.virtual.profiles import EBID_PIN, make_card

from .conftest import SCREENSHOTS

pytestmark = pytest.mark.browser


class Desk:
    """A screen, the keys that are pressed at it, and a page that asks."""

    def __init__(self, display: str, hub: Hub) -> None:
        self.site = Site(
            "https://xn--portl-1ra.example", frozenset({Grant.CERTIFICATES, Grant.SIGN})
        )
        self._environment = {**os.environ, "DISPLAY": display}
        self._screen = Display(display)
        self._hub = hub
        self._seen: set[str] = set()

    def notify(self, method: str, params: Any) -> None:
        """Hear what a page would."""

    async def call(self, method: str, **params: Any) -> Any:
        kind = METHODS[method]
        return await self._hub.handle(self, Request(1, method, kind.params(**params), kind.grant))

    async def keys(self, *arguments: str) -> str:
        process = await asyncio.create_subprocess_exec(
            "xdotool", *arguments, env=self._environment, stdout=subprocess.PIPE
        )
        out, _ = await process.communicate()
        return out.decode()

    async def dialog(self) -> str:
        """Wait for a dialog that was not there before; return its window."""
        while True:
            found = await self.keys("search", "--sync", "--onlyvisible", "--name", "bridged")
            if new := set(found.split()) - self._seen:
                self._seen |= new
                (window,) = new
                await self.keys("windowfocus", "--sync", window)
                return window
            await asyncio.sleep(0.05)

    def shoot(self, name: str) -> None:
        root = self._screen.screen().root
        size = root.get_geometry()
        raw = root.get_image(0, 0, size.width, size.height, X.ZPixmap, 0xFFFFFFFF)
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        picture = Image.frombytes("RGB", (size.width, size.height), raw.data, "raw", "BGRX")
        assert len(picture.getcolors(1 << 20) or []) > 20, "nothing is to be seen"
        picture.save(SCREENSHOTS / f"{name}.png")

    def close(self) -> None:
        self._screen.close()


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    if not all(map(shutil.which, ("Xvfb", "xdotool", "pinentry-qt"))):
        pytest.skip("Xvfb, xdotool and pinentry-qt are needed")
    readable, writable = os.pipe()
    command = [
        "Xvfb",
        "-displayfd",
        str(writable),
        "-screen",
        "0",
        "800x600x24",
        "-nolisten",
        "tcp",
    ]
    with subprocess.Popen(command, pass_fds=[writable], stderr=subprocess.DEVNULL) as xvfb:
        os.close(writable)
        with os.fdopen(readable) as told:
            yield f":{told.readline().strip()}"
        xvfb.terminate()


@pytest.fixture(scope="module")
def card() -> VirtualCard:
    return make_card("ebid", DemoCa.create())


@pytest.fixture
async def desk(display: str, card: VirtualCard) -> AsyncIterator[Desk]:
    card.restore()
    bus = InProcessBus(readers=1)
    bus.insert(0, card)
    way = find({"DISPLAY": display, "PATH": os.environ["PATH"], "HOME": "/nonexistent"})
    assert way is not None
    hub = Hub(bus, Prompts([way]))
    await hub.start()
    desk = Desk(display, hub)
    yield desk
    desk.close()
    await hub.stop()
    bus.remove(0)


async def sign(desk: Desk) -> SignatureList:
    listed = await desk.call("certificate.list", usage=Usage.SIGNATURE)
    made = await desk.call(
        "signature.create",
        certificate=listed.certificates[0].id,
        algorithm=Algorithm.RS256,
        digests=(b"\1" * 32,) * 2,
        title="利用者登録申請書 <b>",
    )
    assert isinstance(made, SignatureList)
    return made


async def test_a_batch_is_signed_with_a_pin_typed_in_the_dialog(
    desk: Desk, card: VirtualCard
) -> None:
    signing = asyncio.create_task(sign(desk))
    async with asyncio.timeout(30):
        await desk.dialog()
        desk.shoot("pinentry")
        await desk.keys("type", "--delay", "0", "12345")
        await desk.keys("key", "Return")
        await desk.dialog()
        assert card.pins["pin"].tries_left == 3
        await desk.keys("type", "--delay", "0", "000000")
        await desk.keys("key", "Return")
        await desk.dialog()
        desk.shoot("pinentry-wrong")
        assert card.pins["pin"].tries_left == 2
        await desk.keys("type", "--delay", "0", EBID_PIN)
        await desk.keys("key", "Return")
        assert len((await signing).signatures) == 2


async def test_escape_is_the_persons_no(desk: Desk, card: VirtualCard) -> None:
    signing = asyncio.create_task(sign(desk))
    async with asyncio.timeout(30):
        await desk.dialog()
        await desk.keys("key", "Escape")
        with pytest.raises(UserCancelled):
            await signing
    assert card.pins["pin"].tries_left == 3


async def test_the_dialog_goes_with_its_request(desk: Desk) -> None:
    signing = asyncio.create_task(sign(desk))
    async with asyncio.timeout(30):
        window = await desk.dialog()
        signing.cancel()
        await asyncio.gather(signing, return_exceptions=True)
        while window in await desk.keys("search", "--onlyvisible", "--name", "."):
            pass
