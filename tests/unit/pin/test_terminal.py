"""pinentry-curses on a terminal of its own: what it shows, what is typed there, and without one."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator
from unicodedata import east_asian_width

import pytest

from bridged.errors import UserCancelled
from bridged.pin import pinentry
from bridged.pin.pinentry import Pinentry
from bridged.pin.prompt import Asker, Prompts, Turn
from bridged.pin.question import Answer, Language, Question
from bridged.pin.subject import Signing
from bridged.pin.terminal import for_terminal
from bridged.pin.wording import new_pin_question, sign_question, sites_question, verify_question

from .conftest import NEVER, NO, ORIGIN, YES, Person, make_subject
from .terminal import PROGRAM, Terminal

CONSENT = {
    language: sites_question(language, ORIGIN, ["certificates", "sign"], stranger=True)
    for language in Language
}


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    terminal = Terminal()
    yield terminal
    terminal.close()


async def asking(turn: Turn, question: Question) -> object:
    return await (turn.pin(question) if question.wanted else turn.confirm(question))


async def test_a_pin_is_typed_and_a_wrong_shape_told_there(
    terminal: Terminal, asker: Asker
) -> None:
    digests = [f"SHA-256: {number:064x}" for number in range(20)]
    question = sign_question(make_subject(), Signing("利用者登録申請書", digests))
    async with Prompts([terminal.way()]).turn(asker) as turn:
        task = asyncio.create_task(turn.pin(question))
        await terminal.shows(
            "電子署名", ORIGIN, "利用者登録申請書", digests[0], "…ほか19件", "PIN:", "<署名する>"
        )
        terminal.type("12\r")
        await terminal.shows("半角数字6～8桁")
        terminal.type("123456\r")
        assert (await task).reveal() == b"123456"


async def test_a_new_pin_is_typed_twice(terminal: Terminal, asker: Asker) -> None:
    """The program would take it after one entry."""
    async with Prompts([terminal.way()]).turn(asker) as turn:
        task = asyncio.create_task(turn.pin(new_pin_question(make_subject())))
        for first, second in (("123456", "123457"), ("654321", "654321")):
            await terminal.shows("新しいPIN:")
            terminal.type(f"{first}\r")
            await terminal.shows("もう一度:")
            terminal.type(f"{second}\r")
        assert (await task).reveal() == b"654321"


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(("keys", "said"), [("\r", YES), ("\t\r", NEVER), ("\t\t\r", NO)])
async def test_a_stranger_is_allowed_refused_or_refused_for_good(
    terminal: Terminal,
    asker: Asker,
    monkeypatch: pytest.MonkeyPatch,
    language: Language,
    keys: str,
    said: Answer,
) -> None:
    monkeypatch.setattr(pinentry, "SETTLE_S", 0.0)
    question = CONSENT[language]
    task = asyncio.create_task(Prompts([terminal.way()]).confirm(asker, question))
    buttons = (f"<{label}>" for label in (question.ok, question.never, question.cancel))
    await terminal.shows(question.heading, ORIGIN, *buttons)
    terminal.type(keys)
    assert await task is said


async def test_a_key_that_was_meant_for_what_stood_there_before_is_no_yes(
    terminal: Terminal, asker: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = CONSENT[Language.JA]
    monkeypatch.setattr(pinentry, "SETTLE_S", float("inf"))
    task = asyncio.create_task(Prompts([terminal.way()]).confirm(asker, question))
    await terminal.shows(question.heading, f"<{question.cancel}>")
    terminal.type("\r")
    await terminal.shows(question.heading, f"<{question.cancel}>")
    monkeypatch.setattr(pinentry, "SETTLE_S", 0.0)
    terminal.type("\r")
    assert await task is YES


async def test_the_button_beside_is_the_persons_no(terminal: Terminal, asker: Asker) -> None:
    async with Prompts([terminal.way()]).turn(asker) as turn:
        task = asyncio.create_task(turn.pin(verify_question(make_subject(), 60)))
        await terminal.shows("PIN:")
        terminal.type("\t\t\r")
        with pytest.raises(UserCancelled):
            await task


@pytest.mark.parametrize("trouble", ["none", "gone", "too small"])
@pytest.mark.parametrize("question", [CONSENT[Language.JA], verify_question(make_subject(), 60)])
async def test_where_the_terminal_cannot_show_it_the_next_way_is_asked(
    asker: Asker, caplog: pytest.LogCaptureFixture, trouble: str, question: Question
) -> None:
    terminal = Terminal(rows=5)
    way = terminal.way()
    if trouble == "none":
        way = Pinentry(PROGRAM, {"PATH": os.environ["PATH"]}, None)
    elif trouble == "gone":
        way = Pinentry(PROGRAM, {"PATH": os.environ["PATH"]}, "/dev/pts/9999")
    person = Person("123456" if question.wanted else YES)
    async with Prompts([way, person]).turn(asker) as turn:
        await asking(turn, question)
    terminal.close()
    assert person.asked == [question]
    assert "the next way is tried" in caplog.text


@pytest.mark.parametrize(
    ("program", "environment"),
    [
        ("qt", {"DISPLAY": ":9999"}),
        ("gtk-2", {"DISPLAY": ":9999"}),
        ("gnome3", {"DISPLAY": ":9999", "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent"}),
        ("gnome3", {"DISPLAY": ":9999"}),
    ],
)
async def test_a_desktop_that_has_gone_leaves_the_question_to_the_next_way(
    asker: Asker, caplog: pytest.LogCaptureFixture, program: str, environment: dict[str, str]
) -> None:
    path = shutil.which(f"pinentry-{program}")
    assert path is not None
    person = Person(YES)
    way = Pinentry(path, {**environment, "PATH": os.environ["PATH"]}, None)
    assert await Prompts([way, person]).confirm(asker, CONSENT[Language.JA])
    assert person.asked == [CONSENT[Language.JA]]
    assert "pinentry could not ask, the next way is tried: " in caplog.text


def test_lines_are_broken_at_spaces_or_between_wide_letters_and_none_is_lost() -> None:
    text = "電子署名\n\n" + "長" * 50 + "\nIt wants to " + "read certificates " * 8
    lines = for_terminal(text).split("\n")
    assert all(lines)
    for line in lines:
        assert sum(2 if east_asian_width(char) == "W" else 1 for char in line) <= 74
    assert "".join(lines).replace(" ", "") == text.replace("\n", "").replace(" ", "")
    assert "長" * 37 in lines
    assert not any(line.endswith("certif") for line in lines)
