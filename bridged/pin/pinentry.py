"""The native dialog: a `pinentry` program, spoken to by the Assuan protocol."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar
from urllib.parse import unquote_to_bytes

from bridged.config import PinWay
from bridged.errors import UserCancelled, UserTimeout
from bridged.pin.prompt import ANSWER_S, Asker, WayClosed
from bridged.pin.question import Question
from bridged.pin.wording import APPLICATION, NOT_THE_SAME, describe
from bridged.secret import Pin

GRAPHICAL = ("pinentry-qt", "pinentry-gnome3", "pinentry-gtk-2", "pinentry-x11", "pinentry")
TERMINAL = ("pinentry-curses", "pinentry-tty", "pinentry")

CANCELED, TIMEOUT, NOT_CONFIRMED = 83886179, 83886142, 83886194
"""libgpg-error codes with pinentry as their source."""
MAX_LINE = 1000
"""Bytes of an Assuan line, its end not counted (Assuan manual, "Client requests")."""
START_S = 10.0
"""How long a dialog program may take to say hello (seconds)."""
_PASSED_ON = (
    "DISPLAY",
    "XAUTHORITY",
    "WAYLAND_DISPLAY",
    "XDG_RUNTIME_DIR",
    "XDG_SESSION_TYPE",
    "XDG_CURRENT_DESKTOP",
    "DBUS_SESSION_BUS_ADDRESS",
    "HOME",
    "PATH",
    "LANG",
    "TERM",
    "QT_QPA_PLATFORM",
    "QT_QPA_PLATFORMTHEME",
    "QT_STYLE_OVERRIDE",
    "QT_SCALE_FACTOR",
    "QT_IM_MODULE",
    "GDK_SCALE",
)
_ERROR = re.compile(rb"ERR (\d+)")


class PinentryFailed(Exception):
    """The program ended or answered something that Assuan does not allow: no act of the person."""


def find(
    environment: Mapping[str, str] = os.environ, *, terminal: str | None = None, named: str = ""
) -> Pinentry | None:
    """Return the dialog that fits this desktop or terminal, or None where there is none.

    `named` is a program of the person's own choice. Looks at the disk: call it before the loop.
    """
    display = bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))
    names: tuple[str, ...] = GRAPHICAL if display else TERMINAL if terminal else ()
    if named and names:
        names = (named,)
    for name in names:
        path = shutil.which(name, path=environment.get("PATH"))
        if path is not None and (named or _fits(path, environment, display=display)):
            return Pinentry(path, environment, None if display else terminal)
    return None


def _fits(path: str, environment: Mapping[str, str], *, display: bool) -> bool:
    """Whether the program asks where it should; `pinentry` may be a link to any of them."""
    kind = Path(path).resolve().name
    if "gnome3" in kind and not environment.get("DBUS_SESSION_BUS_ADDRESS"):
        return False
    return display != kind.endswith(("curses", "tty"))


class Pinentry:
    """Asks with one program, started anew for each turn."""

    name: ClassVar[PinWay] = PinWay.PINENTRY

    def __init__(self, path: str, environment: Mapping[str, str], terminal: str | None) -> None:
        self._path = path
        self._environment = {k: v for k in _PASSED_ON if (v := environment.get(k))}
        self._terminal = terminal

    def is_open(self, asker: Asker) -> bool:
        """There was a program and a place for it at the start."""
        del asker
        return True

    async def start(self, asker: Asker) -> PinentryDialog:
        """Start the program; raises `WayClosed` where it does not get as far as a hello."""
        del asker
        try:
            process = await asyncio.create_subprocess_exec(
                self._path, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=self._environment
            )
        except OSError as error:
            raise WayClosed(str(error)) from None
        dialog = PinentryDialog(process)
        try:
            async with asyncio.timeout(START_S):
                await dialog.hello(self._terminal, self._environment.get("TERM"))
        except (PinentryFailed, TimeoutError):
            await dialog.close()
            raise WayClosed from None
        except BaseException:
            await dialog.close()
            raise
        return dialog


class PinentryDialog:
    """One running pinentry; see `bridged.pin.prompt.Dialog`."""

    url: str | None = None

    def __init__(self, process: Process) -> None:
        self._process = process

    async def hello(self, terminal: str | None, kind: str | None) -> None:
        """Wait for the greeting and say what holds for all questions."""
        await self._answer()
        if terminal is not None:
            await self._command("OPTION", f"ttyname={terminal}")
            await self._command("OPTION", f"ttytype={kind or 'linux'}")
        await self._option("grab")
        await self._option("lc-ctype=ja_JP.UTF-8")
        await self._option("lc-messages=ja_JP.UTF-8")

    async def confirm(self, question: Question) -> bool:
        """Ask with CONFIRM; Return, Escape and the window's cross are a no."""
        await self._lay_out(question)
        try:
            await self._command("CONFIRM")
        except UserCancelled:
            return False
        return True

    async def pin(self, question: Question) -> Pin:
        """Ask with GETPIN."""
        wanted = question.wanted
        assert wanted is not None
        await self._lay_out(question)
        await self._command("SETPROMPT", f"{wanted.label}:")
        if wanted.again:
            await self._command("SETREPEAT", f"{wanted.again}:")
            await self._command("SETREPEATERROR", NOT_THE_SAME[question.language])
        return await self._command("GETPIN")

    async def close(self) -> None:
        """End the program: its window goes with it."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        await self._process.wait()

    async def _lay_out(self, question: Question) -> None:
        # What an earlier question set is gone after RESET; the options stay.
        await self._command("RESET")
        await self._command("SETTIMEOUT", str(int(ANSWER_S)))
        await self._command("SETTITLE", APPLICATION)
        await self._command("SETDESC", describe(question))
        await self._command("SETOK", question.ok)
        await self._command("SETCANCEL", question.cancel)
        if question.fault:
            await self._command("SETERROR", question.fault)

    async def _option(self, option: str) -> None:
        with contextlib.suppress(PinentryRefused):
            await self._command("OPTION", option)

    async def _command(self, name: str, argument: str = "") -> Pin:
        """Send a command; return the data that came with its answer, none for most."""
        assert self._process.stdin is not None
        line = f"{name} {escaped(argument, MAX_LINE - len(name) - 1)}".rstrip()
        try:
            self._process.stdin.write(line.encode() + b"\n")
            await self._process.stdin.drain()
        except ConnectionError:
            raise PinentryFailed("pinentry has ended") from None
        return await self._answer()

    async def _answer(self) -> Pin:
        assert self._process.stdout is not None
        pin = Pin("")
        while True:
            try:
                line = await self._process.stdout.readline()
            except ValueError:
                raise PinentryFailed("pinentry answered a line without end") from None
            if line.startswith(b"D "):
                pin.append(unquote_to_bytes(line[2:].rstrip(b"\n")))
            elif line.startswith(b"OK"):
                return pin
            elif match := _ERROR.match(line):
                _raise(int(match[1]))
            elif not line.startswith((b"S ", b"#")):
                # Never said with what it said: that may be the PIN.
                raise PinentryFailed("pinentry ended or broke the protocol")


class PinentryRefused(PinentryFailed):
    """The program does not know this command or option."""


def _raise(code: int) -> None:
    if code in {CANCELED, NOT_CONFIRMED}:
        raise UserCancelled
    if code == TIMEOUT:
        raise UserTimeout
    raise PinentryRefused(f"pinentry error {code}")


def escaped(text: str, most: int) -> str:
    """Return text for an Assuan line, cut to `most` bytes between two characters."""
    parts: list[str] = []
    room = most
    for char in text:
        part = f"%{ord(char):02X}" if char in "%\n\r" else char
        room -= len(part.encode())
        if room < 0:
            break
        parts.append(part)
    return "".join(parts)
