"""The dialogs of the desktop, of Qt, GTK and GNOME, on a screen of their own, answered by keys."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from PIL import Image
from Xlib import X
from Xlib.display import Display

from bridged.errors import UserCancelled
from bridged.model import Algorithm, Grant, Usage
from bridged.pin import pinentry
from bridged.pin.pinentry import find
from bridged.pin.prompt import Asker, Prompts
from bridged.pin.question import Answer, Language, Question
from bridged.pin.wording import sites_question
from bridged.protocol.messages import METHODS, SignatureList
from bridged.protocol.session import Request
from bridged.service.hub import Hub
from bridged.sites.policy import Site
from bridged.virtual.ca import DemoCa
from bridged.virtual.card import VirtualCard
from bridged.virtual.inprocess import InProcessBus
from bridged.virtual.profiles import EBID_PIN, make_card

from .conftest import SCREENSHOTS, together

pytestmark = pytest.mark.browser

SAFE = frozenset({Grant.CERTIFICATES, Grant.SIGN})

_THE_MARKED_ONE = (["space"], Answer.NO)
ENDS = {
    "qt": [(["Escape"], Answer.NO), _THE_MARKED_ONE, (["shift+Tab", "space"], Answer.NEVER)],
    "gtk-2": [(["Escape"], Answer.NO), _THE_MARKED_ONE, (["Tab", "space"], Answer.NEVER)],
    # It has no third button, and marks the yes.
    "gnome3": [(["Escape"], Answer.NO), (["space"], Answer.YES)],
}
"""The keys that answer a question of each program, and what they say."""


class Desk:
    """A screen, the keys that are pressed at it, and a page that asks."""

    def __init__(self, display: str, hub: Hub, name: str) -> None:
        self.site = Site("https://xn--portl-1ra.example", SAFE)
        self._environment = {**os.environ, "DISPLAY": display}
        self._screen = Display(display)
        self._hub, self._name = hub, name
        self._seen: set[str] = set()

    def notify(self, method: str, params: Any) -> None:
        """Hear what a page would."""

    async def call(self, method: str, **params: Any) -> Any:
        kind = METHODS[method]
        return await self._hub.handle(self, Request(1, method, kind.params(**params), kind.grant))

    async def confirm(self, question: Question) -> Answer:
        return await self._hub.prompts.confirm(Asker(self.site.origin, lambda _: None), question)

    async def enter(self, text: str) -> None:
        """Type into the field that has the focus, and press Return."""
        await self.keys("type", "--delay", "0", text)
        await self.keys("key", "Return")

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

    async def gone(self, window: str) -> None:
        """Wait until a window is closed; the next program may be given its number."""
        while window in await self.keys("search", "--onlyvisible", "--name", "."):
            pass
        self._seen.discard(window)

    def shoot(self, what: str) -> None:
        root = self._screen.screen().root
        size = root.get_geometry()
        raw = root.get_image(0, 0, size.width, size.height, X.ZPixmap, 0xFFFFFFFF)
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        picture = Image.frombytes("RGB", (size.width, size.height), raw.data, "raw", "BGRX")
        assert len(picture.getcolors(1 << 20) or []) > 20, "nothing is to be seen"
        picture.save(SCREENSHOTS / f"{self._name}-{what}.png")

    def close(self) -> None:
        self._screen.close()


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
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
def session_bus(display: str) -> Iterator[str]:
    """A bus of the session, where GNOME's dialog finds the program that shows it."""
    readable, writable = os.pipe()
    command = ["dbus-daemon", "--session", "--nofork", f"--print-address={writable}"]
    environment = {**os.environ, "DISPLAY": display, "NO_AT_BRIDGE": "1", "GDK_BACKEND": "x11"}
    with subprocess.Popen(
        command, pass_fds=[writable], env=environment, stderr=subprocess.DEVNULL
    ) as daemon:
        os.close(writable)
        with os.fdopen(readable) as told:
            yield told.readline().strip()
        daemon.terminate()


@pytest.fixture(scope="module")
def card() -> VirtualCard:
    return make_card("ebid", DemoCa.create())


@pytest.fixture
def language(request: pytest.FixtureRequest) -> Language:
    """Japanese, unless a test names another one."""
    return getattr(request, "param", Language.JA)


@pytest.fixture(params=["qt", "gtk-2", "gnome3"])
def program(request: pytest.FixtureRequest) -> str:
    """Each pinentry that draws windows."""
    return str(request.param)


@together
async def desk(
    display: str,
    session_bus: str,
    program: str,
    card: VirtualCard,
    language: Language,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Desk]:
    # The keys of a test come at once.
    monkeypatch.setattr(pinentry, "SETTLE_S", 0.0)
    card.restore()
    bus = InProcessBus(readers=1)
    bus.insert(0, card)
    environment = {"DISPLAY": display, "DBUS_SESSION_BUS_ADDRESS": session_bus}
    way = find(
        {**environment, "PATH": os.environ["PATH"], "HOME": "/nonexistent"},
        named=f"pinentry-{program}",
    )
    assert way is not None
    hub = Hub(bus, Prompts([way], language=language))
    await hub.start()
    desk = Desk(display, hub, f"pinentry-{program}-{language}")
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
        digests=tuple(bytes((number,)) * 32 for number in range(5)),
        title="利用者登録申請書 <b>",
    )
    assert isinstance(made, SignatureList)
    return made


@pytest.mark.parametrize("language", Language, indirect=True)
async def test_a_batch_is_signed_with_a_pin_typed_in_the_dialog(
    desk: Desk, card: VirtualCard
) -> None:
    signing = asyncio.create_task(sign(desk))
    async with asyncio.timeout(50):
        await desk.dialog()
        desk.shoot("sign")
        await desk.enter("12345")
        await desk.dialog()
        assert card.pins["pin"].tries_left == 3
        await desk.enter("000000")
        await desk.dialog()
        desk.shoot("wrong")
        assert card.pins["pin"].tries_left == 2
        await desk.enter(EBID_PIN)
        assert len((await signing).signatures) == 5


async def test_a_new_pin_is_typed_twice(desk: Desk, program: str, card: VirtualCard) -> None:
    listed = await desk.call("certificate.list", usage=Usage.SIGNATURE)
    changing = asyncio.create_task(desk.call("pin.change", key=listed.certificates[0].id))
    async with asyncio.timeout(50):
        await desk.dialog()
        await desk.enter(EBID_PIN)
        await desk.dialog()
        await desk.keys("type", "--delay", "0", "654321")
        await desk.keys("key", "Tab" if program == "gnome3" else "Return")
        await desk.enter("654321")
        await changing
    assert card.pins["pin"].verify(b"654321\xff\xff")


@pytest.mark.parametrize("language", Language, indirect=True)
async def test_the_third_button_refuses_a_site_for_good_and_nothing_else_does(
    desk: Desk, program: str, language: Language
) -> None:
    question = sites_question(language, "https://portal.example", SAFE, stranger=True)
    async with asyncio.timeout(50):
        for number, (keys, answer) in enumerate(ENDS[program]):
            asked = asyncio.create_task(desk.confirm(question))
            window = await desk.dialog()
            if number == 0:
                desk.shoot("consent")
            for key in keys:
                await desk.keys("key", key)
            assert await asked is answer
            await desk.gone(window)


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
        await desk.gone(window)
