"""The whole house for each test: pcscd, a virtual card, the daemon, the portal, Chromium."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from itertools import cycle
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import (
    Browser,
    BrowserContext,
    Page,
    Playwright,
    async_playwright,
    expect,
)

from bridged.virtual.ca import DemoCa
from bridged.virtual.card_process import CardProcess
from bridged.virtual.certificates import POLICY
from bridged.virtual.pcscd import PrivatePcscd

ROOT = Path(__file__).parents[2]
SCREENSHOTS = ROOT / "build" / "screenshots"
REGISTRATION_NUMBER = "1234567890"
COMPANY = "IT業者電子01"
GRANTS = "certificates,sign,page-pin"
CHROMIUM = os.environ.get("BRIDGED_CHROMIUM") or shutil.which("chromium") or "chromium"
# Without Debian's Firefox (Ubuntu has a snap alone) playwright takes its own.
FIREFOX = os.environ.get("BRIDGED_FIREFOX") or shutil.which("firefox-esr")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP *.test 127.0.0.1",
]

expect.set_options(timeout=10_000)


# Below what the system gives by itself, and others for each process of tests: nobody takes one
# between its choice and the start of the program that gets it.
_PORTS = cycle(range(12_000 + os.getpid() % 400 * 50, 12_050 + os.getpid() % 400 * 50))


def free_port() -> int:
    """Return a port of 127.0.0.1 that no program has."""
    for port in _PORTS:
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError("the ports never end")


class Dialog:
    """A pinentry that says yes, and gives the PIN, when the test tells it to."""

    def __init__(self, folder: Path) -> None:
        self._answers = folder / "dialog"
        self._asked = folder / "asked"
        self.program = folder / "pinentry"
        os.mkfifo(self._answers)
        os.mkfifo(self._asked)
        self.program.write_text(
            f"""#!{sys.executable}
import sys
print("OK hello", flush=True)
for line in sys.stdin:
    command = line.split()[0]
    if command in ("CONFIRM", "GETPIN"):
        open({str(self._asked)!r}, "w").close()
        with open({str(self._answers)!r}) as answers:
            answer = answers.read()
        if command == "GETPIN":
            print("D " + answer)
    print("OK", flush=True)
"""
        )
        self.program.chmod(0o755)

    async def answer(self, text: str) -> None:
        """Answer the question that is open, or the next one."""
        # Not before it is asked: the last one may still be reading its own answer.
        await asyncio.to_thread(self._asked.read_bytes)
        await asyncio.to_thread(self._answers.write_text, text)


class Stack:
    """Programs on ports known beforehand, so that each can be started late or not at all."""

    def __init__(self, pcscd: PrivatePcscd, ca: Path, folder: Path) -> None:
        self.pcscd = pcscd
        self.ca = ca
        self.folder = folder
        self._trust = ca / "ca.pem"
        self.daemon_port = free_port()
        self.portal_port = free_port()
        self._processes: list[subprocess.Popen[str]] = []
        self._cards: list[CardProcess] = []
        self._desktop: dict[str, str] = {}

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.portal_port}"

    @property
    def logs(self) -> str:
        return "".join(path.read_text() for path in sorted(self.folder.glob("*.log")))

    def start(self, profile: str = "ebid", *, inserted: bool = True) -> CardProcess:
        """Start everything, and return the card."""
        card = self.card(profile, inserted=inserted)
        self.daemon()
        self.portal()
        return card

    def card(self, profile: str = "ebid", *, reader: int = 0, inserted: bool = True) -> CardProcess:
        card = self.pcscd.spawn_card(profile, self.ca, reader, inserted=inserted)
        self._cards.append(card)
        return card

    def dialog(self) -> Dialog:
        """Make a native dialog that the test answers; for a daemon that starts afterwards."""
        dialog = Dialog(self.folder)
        settings = self.folder / "bridged" / "config.toml"
        settings.parent.mkdir(exist_ok=True)
        settings.write_text(f'[pin]\npinentry = "{dialog.program}"\n')
        self._desktop = {"DISPLAY": ":99"}
        return dialog

    def daemon(self, *allow: str, service: str | None = None) -> subprocess.Popen[str]:
        """Start the daemon; `allow` are the sites it knows, by default the portal.

        `service` is the socket of another PC/SC service.
        """
        command = ["bridged", "-v", "serve", "--port", str(self.daemon_port)]
        for site in allow or (f"{self.origin}={GRANTS}",):
            command += ["--allow", site]
        env = {"PCSCLITE_CSOCK_NAME": service or self.pcscd.socket_name, **self._desktop}
        return self._start("daemon", command, **env)

    def revocations(self) -> None:
        """Start the demo CA's server; cards made from now on name it, and the portal asks it."""
        port = free_port()
        self._start("ca", ["bridged", "ca", "serve", "--ca", str(self.ca), "--port", str(port)])
        self._trust = self.folder / "trust.toml"
        self._trust.write_text(
            f'[[authority]]\nname = "demo"\ncertificate = "{self.ca}/ca.pem"\n'
            f'policies = ["{POLICY.dotted_string}"]\nhosts = ["127.0.0.1:{port}"]\n'
        )

    def portal(self, *more: str, database: str | None = None) -> subprocess.Popen[str]:
        """Start the portal, on a database in a file by default; `more` are options of its own."""
        database = database or f"sqlite+aiosqlite:///{self.folder}/portal.db"
        command = ["portal_demo", "serve", "--demo", "--port", str(self.portal_port), *more]
        command += ["--database", database]
        command += ["--trust", str(self._trust), "--origin", self.origin]
        command += ["--bridge-url", f"ws://127.0.0.1:{self.daemon_port}/v1"]
        return self._start("portal", command)

    def create_admin(self, login: str, password_file: Path) -> None:
        """Add an administrator to the portal's back office."""
        command = ["portal_demo", "create-admin", login, "--name", "始", "--mail", "a@example.jp"]
        command += ["--password-file", str(password_file)]
        command += ["--database", f"sqlite+aiosqlite:///{self.folder}/portal.db"]
        subprocess.run([sys.executable, "-m", *command], check=True)

    def _start(self, name: str, command: list[str], **env: str) -> subprocess.Popen[str]:
        home = {
            "XDG_RUNTIME_DIR": str(self.folder),
            "XDG_CONFIG_HOME": str(self.folder),
            "XDG_STATE_HOME": str(self.folder / "state"),
        }
        with (self.folder / f"{name}.log").open("a") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *command],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, **home, **env},
            )
        self._processes.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert re.match(r"listening on http://", line), f"{name}: {line!r} {self.logs}"
        return process

    def close(self) -> None:
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.communicate(timeout=10)
        for card in self._cards:
            card.close()


@pytest.fixture(scope="session")
def pcscd() -> Iterator[PrivatePcscd]:
    with PrivatePcscd(readers=2) as running:
        yield running


@pytest.fixture(scope="session")
def ca_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ca")
    DemoCa.load_or_create(folder)
    return folder


@pytest.fixture
def stack(pcscd: PrivatePcscd, ca_folder: Path, tmp_path: Path) -> Iterator[Stack]:
    stack = Stack(pcscd, ca_folder, tmp_path)
    try:
        yield stack
    finally:
        stack.close()


class Chromium:
    """A browser and its one context; fails the test for any error on a page's console."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self.errors: list[str] = []
        self.sent: list[str] = []
        self.context: BrowserContext | None = None

    async def page(self, *, width: int = 1280, height: int = 900, locale: str = "ja-JP") -> Page:
        self.context = await self._browser.new_context(
            viewport={"width": width, "height": height},
            locale=locale,
            timezone_id="Asia/Tokyo",
            # A button on its way from light to dark would have the contrast of neither.
            reduced_motion="reduce",
        )
        page = await self.context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on(
            "request",
            lambda request: self.sent.append(
                f"{request.method} {request.url} {request.headers} {request.post_data or ''}"
            ),
        )
        return page


together = pytest_asyncio.fixture(loop_scope="session")
"""Makes a fixture of a coroutine that runs in the one event loop of all tests with a browser."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run these tests in one event loop: a browser is bound to the one it was started in."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent) and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def playwright() -> AsyncIterator[Playwright]:
    async with async_playwright() as playwright:
        yield playwright


async def launch(
    playwright: Playwright, *arguments: str, program: Path | str = CHROMIUM
) -> Browser:
    """Start a Chromium; `arguments` are more than all of them have."""
    return await playwright.chromium.launch(executable_path=program, args=[*ARGUMENTS, *arguments])


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium_browser(playwright: Playwright) -> AsyncIterator[Browser]:
    """One Chromium for all tests: what a page leaves behind ends with the context of its test."""
    async with await launch(playwright) as browser:
        yield browser


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def firefox_browser(playwright: Playwright) -> AsyncIterator[Browser]:
    """One Firefox for all tests: the one of the system, or playwright's own."""
    found = {"channel": "moz-firefox", "executable_path": FIREFOX} if FIREFOX else {}
    async with await playwright.firefox.launch(**found) as browser:
        yield browser


@together
async def chromium(chromium_browser: Browser) -> AsyncIterator[Chromium]:
    async with without_errors(chromium_browser) as chromium:
        yield chromium


@together
async def firefox(firefox_browser: Browser) -> AsyncIterator[Chromium]:
    async with without_errors(firefox_browser) as firefox:
        yield firefox


@asynccontextmanager
async def without_errors(browser: Browser) -> AsyncIterator[Chromium]:
    """Lend a browser to one test, and take all its pages away; none of them may have failed."""
    at_work = Chromium(browser)
    yield at_work
    for context in browser.contexts:
        await context.close()
    assert at_work.errors == []


async def shoot(page: Page, name: str, *, full_page: bool = True) -> None:
    """Keep a picture of the whole page, or of what is in sight, for people to look at."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=full_page)
