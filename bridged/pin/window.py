"""The daemon's own page in a window of the browser: what it shows, and what the person did there."""

from __future__ import annotations

import asyncio
import secrets
from typing import ClassVar

from bridged.config import PinWay
from bridged.errors import UserCancelled
from bridged.pin.faults import NOT_THE_SAME
from bridged.pin.prompt import Asker, WayClosed
from bridged.pin.question import Answer, Question, words
from bridged.secret import Pin

OPENING_S = 20.0
"""A page that was told the address and does not open it in this time never will (seconds)."""
POLL_S = 20.0
"""How long the window waits for news before it asks again (seconds)."""

_OWN_WORDS = {
    "shownBy": words(
        "このコンピューターのbridgedが表示しています", "Shown by bridged on this computer"
    ),
    "quoted": words("サイトの表示", "the site's own words"),
    "details": words("署名するデータのハッシュ値", "Digests of what is signed"),
    "notTheSame": NOT_THE_SAME,
    "over": words("終わりました。この画面を閉じてください。", "Done. You can close this window."),
    "working": words("しばらくお待ちください。", "One moment."),
}
"""What the window says beside the question itself."""


class Windows:
    """Asks in a window that the portal's page opens; `base` is set once the port is known.

    An address serves one load of the page. What the page then sends carries a key that was in that
    load alone: who told the address to the browser cannot answer for the person.
    """

    name: ClassVar[PinWay] = PinWay.WINDOW

    def __init__(self) -> None:
        self.base = ""
        self._unopened: dict[str, WindowDialog] = {}
        self._opened: dict[str, WindowDialog] = {}

    def is_open(self, asker: Asker) -> bool:
        """Return whether a window can be opened: by a page, and not by a program."""
        return bool(self.base) and asker.origin is not None

    async def start(self, asker: Asker) -> WindowDialog:
        """Make an address for the page to open."""
        del asker
        token = secrets.token_urlsafe(32)
        dialog = WindowDialog(self, f"{self.base}/ask/{token}")
        self._unopened[token] = dialog
        return dialog

    def open(self, token: str) -> str | None:
        """Use an address up; return the key of the page, None for an address that is none."""
        dialog = self._unopened.pop(token, None)
        if dialog is None:
            return None
        key = secrets.token_urlsafe(32)
        self._opened[key] = dialog
        dialog.opened.set()
        return key

    def find(self, key: str) -> WindowDialog | None:
        """Return the dialog of an opened page, None where it is over."""
        return self._opened.get(key)

    def forget(self, dialog: WindowDialog) -> None:
        """Let neither address nor key serve any more."""
        for known in (self._unopened, self._opened):
            for name in [name for name, each in known.items() if each is dialog]:
                del known[name]


class WindowDialog:
    """One window; see `bridged.pin.prompt.Dialog`."""

    def __init__(self, windows: Windows, url: str) -> None:
        self.url: str | None = url
        self.opened = asyncio.Event()
        self._windows = windows
        self._number = 0
        self._question: Question | None = None
        self._answer: asyncio.Future[Pin | Answer] | None = None
        self._news = asyncio.Condition()

    async def confirm(self, question: Question) -> Answer:
        """Show a question; closing the window is a no."""
        answer = await self._ask(question)
        return answer if isinstance(answer, Answer) else Answer.NO

    async def pin(self, question: Question) -> Pin:
        """Show a question with a field for the PIN."""
        answer = await self._ask(question)
        if not isinstance(answer, Pin):
            raise UserCancelled
        return answer

    async def close(self) -> None:
        """Tell the window that it is over."""
        self._windows.forget(self)
        async with self._news:
            self._number, self._question = -1, None
            self._news.notify_all()

    async def _ask(self, question: Question) -> Pin | Answer:
        self._answer = asyncio.get_running_loop().create_future()
        async with self._news:
            self._number += 1
            self._question = question
            self._news.notify_all()
        try:
            async with asyncio.timeout(OPENING_S):
                await self.opened.wait()
        except TimeoutError:
            raise WayClosed("the page did not open the window") from None
        return await self._answer

    async def next(self, seen: int) -> dict[str, object]:
        """Return what the window shows once that is not what it has seen, or after a while."""
        try:
            async with asyncio.timeout(POLL_S), self._news:
                await self._news.wait_for(lambda: self._number != seen)
        except TimeoutError:
            return {"number": seen}
        if self._question is None:
            return {"number": -1}
        return {"number": self._number} | _shown(self._question)

    def answer(self, number: int, answer: Answer, pin: str | None) -> None:
        """Take the answer to a question; one that comes late or twice is passed over."""
        question = self._question
        if number != self._number or self._answer is None or self._answer.done() or not question:
            return
        if answer and question.wanted is not None:
            self._answer.set_result(Pin(pin or ""))
        elif answer is Answer.NEVER and not question.never:
            self._answer.set_result(Answer.NO)
        else:
            self._answer.set_result(answer)


def _shown(question: Question) -> dict[str, object]:
    wanted = question.wanted
    return {
        "language": question.language,
        "heading": question.heading,
        "facts": [[each.label, each.text, each.quoted] for each in question.facts],
        "warnings": question.warnings,
        "details": question.details,
        "ok": question.ok,
        "cancel": question.cancel,
        "never": question.never,
        "fault": question.fault,
        "words": {name: text[question.language] for name, text in _OWN_WORDS.items()},
        "wanted": wanted
        and {
            "label": wanted.label,
            "again": wanted.again,
            "digits": wanted.rules.alphabet == "digits",
        },
    }
