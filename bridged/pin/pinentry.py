"""The native dialog: a `pinentry` program."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import time
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from bridged.config import PinWay
from bridged.errors import UserCancelled
from bridged.pin.assuan import (
    AssuanError,
    Conversation,
    NotConfirmed,
    Refused,
    Unseen,
    escaped,
    room,
)
from bridged.pin.faults import NOT_THE_SAME
from bridged.pin.plain import APPLICATION, OWN_WORDS, describe, headline
from bridged.pin.prompt import ANSWER_S, Asker, WayClosed
from bridged.pin.question import Answer, Question
from bridged.pin.terminal import for_terminal
from bridged.secret import Pin

GRAPHICAL = ("pinentry-qt", "pinentry-gnome3", "pinentry-gtk-2", "pinentry-x11", "pinentry")
TERMINAL = ("pinentry-curses", "pinentry-tty", "pinentry")

LOCALE = "C.UTF-8"
"""Every system has it; one that is not installed lets pinentry-curses fail over the first kanji."""
FLAVOR = ("GETINFO", "flavor")
PIN_REPEATED = b"PIN_REPEATED"
"""Told where the program had the PIN typed twice; pinentry-curses 1.2 does not."""
GNOME = "gnome3"
"""It shows the prompt in large letters above all, and “Password” before the field."""
MAX_DIGESTS = 3
"""More would not fit on a small screen beside the rest, and nothing scrolls."""
SETTLE_S = 0.7
"""Nobody has read a question sooner (seconds)."""
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


def find(
    environment: Mapping[str, str] = os.environ, *, terminal: str | None = None, named: str = ""
) -> Pinentry | None:
    """Return the dialog that fits this desktop or terminal, or None where there is none.

    `named` is a program of the person's own choice, and may ask in the terminal beside a desktop.
    Looks at the disk: call it before the loop.
    """
    display = bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))
    names: tuple[str, ...] = GRAPHICAL if display else TERMINAL if terminal else ()
    if named and names:
        names = (named,)
    for name in names:
        path = shutil.which(name, path=environment.get("PATH"))
        if path is not None and (named or _fits(path, environment, display=display)):
            return Pinentry(path, environment, terminal)
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
        """Start the program; raises `WayClosed` where it cannot ask where it is meant to."""
        del asker
        try:
            process = await asyncio.create_subprocess_exec(
                self._path, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=self._environment
            )
        except OSError as error:
            raise WayClosed(str(error)) from None
        dialog = PinentryDialog(Conversation(process))
        try:
            async with asyncio.timeout(START_S):
                await dialog.hello(self._terminal, self._environment.get("TERM"))
        except (AssuanError, TimeoutError) as error:
            await dialog.close()
            raise WayClosed(f"{self._path}: {str(error) or 'no greeting'}") from None
        except BaseException:
            await dialog.close()
            raise
        return dialog


class PinentryDialog:
    """One running pinentry; see `bridged.pin.prompt.Dialog`."""

    url: str | None = None

    def __init__(self, program: Conversation) -> None:
        self._program = program
        self._flavor = ""
        self._in_terminal = False

    async def hello(self, terminal: str | None, kind: str | None) -> None:
        """Wait for the greeting and say what holds for all questions.

        Raises `Unseen` for a dialog of a terminal where there is none, such as a desktop's becomes
        that finds its desktop gone.
        """
        await self._program.answer()
        if terminal is not None:
            await self._takes("OPTION", f"ttyname={terminal}")
            await self._takes("OPTION", f"ttytype={kind or 'linux'}")
        await self._takes("OPTION", "grab")
        await self._takes("OPTION", f"lc-ctype={LOCALE}")
        with contextlib.suppress(Refused), await self._program.command(*FLAVOR) as flavor:
            self._flavor = flavor.reveal().decode(errors="replace") if len(flavor) else ""
        self._in_terminal = self._flavor.endswith(("curses", "tty"))
        if self._in_terminal and terminal is None:
            raise Unseen(f"{self._flavor} wants a terminal, and there is none")

    async def confirm(self, question: Question) -> Answer:
        """Ask with CONFIRM; Escape and the window's cross are a no, and in Qt and GTK Return is.

        The others mark the yes. A key that was meant for what stood there before is no yes, so one
        that comes at once is asked for anew.
        """
        while True:
            shown_at = time.monotonic()
            answer = await self._confirmed(question)
            settled = time.monotonic() - shown_at >= SETTLE_S
            if settled or not answer or not (self._in_terminal or self._flavor == GNOME):
                return answer

    async def _confirmed(self, question: Question) -> Answer:
        await self._lay_out(question)
        third = bool(question.never) and await self._takes("SETNOTOK", question.never)
        try:
            await self._show("CONFIRM")
        except NotConfirmed:
            return Answer.NEVER if third else Answer.NO
        except UserCancelled:
            return Answer.NO
        return Answer.YES

    async def pin(self, question: Question) -> Pin:
        """Ask with GETPIN, a second time where the program does not let it be repeated itself."""
        wanted = question.wanted
        assert wanted is not None
        while True:
            pin = await self._typed(question, wanted.label, wanted.again)
            if not wanted.again or PIN_REPEATED in self._program.statuses:
                return pin
            again = Pin("")
            try:
                again = await self._typed(replace(question, fault=""), wanted.again)
                if again.equals(pin):
                    return pin.copy()
            finally:
                pin.wipe()
                again.wipe()
            question = replace(question, fault=NOT_THE_SAME[question.language])

    async def _typed(self, question: Question, label: str, again: str = "") -> Pin:
        await self._lay_out(question)
        for name, text in OWN_WORDS.items():
            await self._takes("OPTION", f"{name}={text[question.language]}")
        if self._flavor != GNOME:
            await self._program.command("SETPROMPT", f"{label}:")
        if question.fault:
            await self._program.command("SETERROR", question.fault)
        if again:
            await self._program.command("SETREPEAT", f"{again}:")
            await self._program.command("SETREPEATERROR", NOT_THE_SAME[question.language])
        return await self._show("GETPIN")

    async def close(self) -> None:
        """End the program: its window goes with it."""
        await self._program.close()

    async def _lay_out(self, question: Question) -> None:
        # What an earlier question set is gone after RESET; the options stay.
        await self._program.command("RESET")
        await self._program.command("SETTIMEOUT", str(int(ANSWER_S)))
        await self._program.command("SETTITLE", APPLICATION)
        if self._flavor == GNOME:
            await self._program.command("SETPROMPT", headline(question))
            question = replace(question, heading="")
        text = for_terminal(describe(question)) if self._in_terminal else _description(question)
        await self._program.command("SETDESC", text)
        await self._program.command("SETOK", question.ok)
        await self._program.command("SETCANCEL", question.cancel)

    async def _takes(self, name: str, argument: str) -> bool:
        """Send what a program may not know; return whether it does."""
        try:
            await self._program.command(name, argument)
        except Refused:
            return False
        return True

    async def _show(self, name: str) -> Pin:
        try:
            return await self._program.command(name)
        except Unseen as error:
            raise WayClosed(str(error)) from None


def _description(question: Question) -> str:
    """Return the text of a question with as many digests as its line has room for."""
    for most in range(MAX_DIGESTS, 1, -1):
        text = describe(question, digests=most)
        if escaped(text, room("SETDESC")) == escaped(text, len(text) * 4):
            return text
    return describe(question, digests=1)
