"""The dialog program, played by a script: what it is told, and what its answers mean."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bridged.errors import UserCancelled, UserTimeout
from bridged.model import Grant
from bridged.pin import pinentry
from bridged.pin.assuan import MAX_LINE, AssuanError, escaped
from bridged.pin.pinentry import Pinentry, find
from bridged.pin.prompt import Asker, Prompts
from bridged.pin.question import Answer, Language, Question
from bridged.pin.subject import Signing
from bridged.pin.wording import new_pin_question, sign_question, sites_question, verify_question

from .conftest import NEVER, NO, ORIGIN, YES, Person, make_subject

SCRIPT = """#!{python}
import os, sys
log = open({log!r}, "ab", 0)
log.write(b"ENV " + " ".join(sorted(os.environ)).encode() + b"\\n")
answers = {answers!r}
print({greeting!r}, flush=True)
for line in sys.stdin.buffer:
    log.write(line)
    name = line.split()[0].decode()
    if name in ("GETPIN", "CONFIRM"):
        answer = answers.pop(0)
        if answer is None:
            sys.exit(1)
        sys.stdout.buffer.write(answer.encode() + b"\\n")
        sys.stdout.flush()
    else:
        if line == b"GETINFO flavor\\n" and {flavor!r}:
            print("D " + {flavor!r})
        print("OK", flush=True)
"""
CONSENT = sites_question(Language.JA, ORIGIN, [Grant.SIGN])
OF_A_STRANGER = sites_question(Language.JA, ORIGIN, [Grant.SIGN], stranger=True)


class Program:
    """A pinentry whose answers are known beforehand."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "pinentry-test"
        self._log = folder / "log"

    def answering(
        self, *answers: str | None, greeting: str = "OK Pleased to meet you", flavor: str = ""
    ) -> Prompts:
        self.path.write_text(
            SCRIPT.format(
                python=sys.executable,
                log=str(self._log),
                answers=list(answers),
                greeting=greeting,
                flavor=flavor,
            )
        )
        self.path.chmod(0o700)
        return Prompts([Pinentry(str(self.path), {"DISPLAY": ":9", "SECRET": "x"}, None)])

    @property
    def heard(self) -> list[str]:
        return self._log.read_text(encoding="utf-8").splitlines()

    def last(self, command: str) -> str:
        return [line for line in self.heard if line.startswith(command + " ")][-1].split(" ", 1)[1]


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


async def test_the_pin_comes_from_the_dialog_with_its_escapes_undone(
    program: Program, asker: Asker
) -> None:
    prompts = program.answering("S \nS PASSWORD_FROM_CACHE\nD 12%33\nD 456\nOK")
    async with prompts.turn(asker) as turn:
        pin = await turn.pin(verify_question(make_subject(), 60))
    assert pin.reveal() == b"123456"
    assert "https://portal.example" in program.last("SETDESC")
    assert "60秒間" in program.last("SETDESC")
    assert program.last("SETPROMPT") == "PIN:"
    assert program.last("ENV").split()[0] == "DISPLAY"
    assert "SECRET" not in program.last("ENV")


async def test_what_was_wrong_is_told_in_the_same_dialog(program: Program, asker: Asker) -> None:
    prompts = program.answering("D 12\nOK", "D 123456\nOK")
    async with prompts.turn(asker) as turn:
        await turn.pin(verify_question(make_subject(), 60))
    assert "6～8" in program.last("SETERROR")
    assert sum(line.startswith("ENV") for line in program.heard) == 1


async def test_a_new_pin_is_asked_for_twice_by_the_program(program: Program, asker: Asker) -> None:
    async with program.answering("S PIN_REPEATED\nD 123456\nOK").turn(asker) as turn:
        await turn.pin(new_pin_question(make_subject()))
    assert program.last("SETREPEAT") == "もう一度:"
    assert program.last("SETPROMPT") == "新しいPIN:"


async def test_a_program_that_cannot_do_that_is_asked_again_until_both_are_the_same(
    program: Program, asker: Asker
) -> None:
    prompts = program.answering(*(f"D {typed}\nOK" for typed in (123456, 123457, 654321, 654321)))
    async with prompts.turn(asker) as turn:
        assert (await turn.pin(new_pin_question(make_subject()))).reveal() == b"654321"
    prompted = [line for line in program.heard if line.startswith("SETPROMPT")]
    assert prompted == ["SETPROMPT 新しいPIN:", "SETPROMPT もう一度:"] * 2
    told = [line for line in program.heard if line.startswith("SETERROR")]
    assert told == ["SETERROR 2回の入力が一致しません。"]


@pytest.mark.parametrize("typed", ["OK", "ERR 83886179 cancelled"])
async def test_a_second_entry_that_does_not_come_is_no_new_pin(
    program: Program, asker: Asker, typed: str
) -> None:
    prompts = program.answering("D 123456\nOK", typed, "ERR 83886179 cancelled")
    with pytest.raises(UserCancelled):
        async with prompts.turn(asker) as turn:
            await turn.pin(new_pin_question(make_subject()))


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("ERR 83886179 Operation cancelled <Pinentry>", UserCancelled),
        ("ERR 83886142 Timeout <Pinentry>", UserTimeout),
        ("ERR 83886340 Invalid option <Pinentry>", AssuanError),
        (None, AssuanError),
        ("nonsense 123456", AssuanError),
        ("D " + "1" * 100_000, AssuanError),
    ],
    ids=["cancelled", "time is over", "an error", "crashed", "nonsense", "without end"],
)
async def test_only_the_person_cancels(
    program: Program, asker: Asker, answer: str | None, error: type[Exception]
) -> None:
    with pytest.raises(error) as caught:
        async with program.answering(answer).turn(asker) as turn:
            await turn.pin(verify_question(make_subject(), 60))
    assert "123456" not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "question", "said"),
    [
        ("OK", CONSENT, YES),
        ("ERR 83886179 cancelled", CONSENT, NO),
        ("ERR 83886194 not confirmed", CONSENT, NO),
        ("OK", OF_A_STRANGER, YES),
        ("ERR 83886179 cancelled", OF_A_STRANGER, NO),
        ("ERR 83886194 not confirmed", OF_A_STRANGER, NEVER),
    ],
)
async def test_a_yes_is_a_yes_and_only_the_third_button_is_for_good(
    program: Program, asker: Asker, answer: str, question: Question, said: Answer
) -> None:
    assert await program.answering(answer).confirm(asker, question) is said
    assert any(line.startswith("SETNOTOK ") for line in program.heard) == bool(question.never)


async def test_a_program_that_does_not_start_leaves_the_question_to_the_next_way(
    program: Program, asker: Asker, tmp_path: Path
) -> None:
    program.answering(greeting="ERR 1 no display")
    silent = Pinentry(str(program.path), {}, None)
    missing = Pinentry(str(tmp_path / "nothing"), {}, None)
    person = Person(YES)
    assert await Prompts([silent, missing, person]).confirm(asker, CONSENT)
    assert person.asked == [CONSENT]


@pytest.mark.parametrize("flavor", ["curses", "gnome3:curses", "tty"])
async def test_a_dialog_of_a_terminal_that_is_not_there_leaves_the_question_to_the_next_way(
    program: Program, asker: Asker, caplog: pytest.LogCaptureFixture, flavor: str
) -> None:
    program.answering(flavor=flavor)
    person = Person(YES)
    way = Pinentry(str(program.path), {"DISPLAY": ":9"}, None)
    assert await Prompts([way, person]).confirm(asker, CONSENT)
    assert person.asked == [CONSENT]
    assert f"{flavor} wants a terminal, and there is none" in caplog.text


@pytest.mark.parametrize("code", [86, 115, 166, 301, 303, 0x8000 + 59], ids=str)
@pytest.mark.parametrize("kind", ["CONFIRM", "GETPIN"])
async def test_a_question_that_could_not_be_shown_goes_to_the_next_way(
    program: Program, asker: Asker, caplog: pytest.LogCaptureFixture, code: int, kind: str
) -> None:
    """As where the desktop's own dialog is busy, or the terminal too small or gone."""
    program.answering(f"ERR {(5 << 24) + code} could not")
    person = Person(YES, "123456")
    async with Prompts([Pinentry(str(program.path), {}, None), person]).turn(asker) as turn:
        if kind == "CONFIRM":
            assert await turn.confirm(CONSENT)
        else:
            person.answers.pop(0)
            await turn.pin(verify_question(make_subject(), 60))
    assert len(person.asked) == 1
    assert "could not show its question" in caplog.text


async def test_the_desktop_of_gnome_is_given_a_headline(
    program: Program, asker: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pinentry, "SETTLE_S", 0.0)
    prompts = program.answering("OK", "D 123456\nOK", flavor="gnome3")
    async with prompts.turn(asker) as turn:
        await turn.confirm(CONSENT)
        assert program.last("SETPROMPT") == CONSENT.heading
        assert CONSENT.heading not in program.last("SETDESC")
        await turn.pin(verify_question(make_subject(), 60))
    assert program.last("SETPROMPT") == "ICカードの使用：PIN"


async def test_several_digests_are_shown_and_how_many_more_there_are(
    program: Program, asker: Asker
) -> None:
    digests = [f"SHA-256: {number:064x}" for number in range(20)]
    question = sign_question(make_subject(), Signing("入札書", digests))
    async with program.answering("D 123456\nOK").turn(asker) as turn:
        await turn.pin(question)
    assert program.last("SETDESC").endswith("%0A".join([*digests[:3], "…ほか17件"]))


async def test_what_the_page_says_is_marked_bounded_and_cannot_move_the_rest(
    program: Program, asker: Asker
) -> None:
    title = "\u202eevil\x07\r\n\u3164<b>%0A" + "長" * 500
    question = sign_question(make_subject(), Signing(title, ["SHA-256: " + "01" * 32] * 1000))
    async with program.answering("D 123456\nOK").turn(asker) as turn:
        await turn.pin(question)
    told = next(line for line in program.heard if line.startswith("SETDESC"))
    assert len(told.encode()) <= MAX_LINE
    assert "（サイトの表示）：「evil ＜b>%250A長" in told
    assert not {"\u202e", "\x07", "\u3164", "<"} & set(told)
    assert "件数：1000件" in told
    assert "残り回数：3回" in told


def test_a_line_is_cut_between_characters() -> None:
    assert escaped("ああ", 5) == "あ"
    assert escaped("a%", 3) == "a"
    assert escaped("a%\n", 7) == "a%25%0A"


@pytest.mark.parametrize(
    ("environment", "terminal", "there", "found"),
    [
        ({"DISPLAY": ":0"}, None, ["pinentry-qt", "pinentry-curses"], "pinentry-qt"),
        ({"WAYLAND_DISPLAY": "w"}, None, ["pinentry-gtk-2"], "pinentry-gtk-2"),
        ({"DISPLAY": ":0"}, None, ["pinentry-gnome3"], None),
        (
            {"DISPLAY": ":0", "DBUS_SESSION_BUS_ADDRESS": "unix:"},
            None,
            ["pinentry-gnome3"],
            "pinentry-gnome3",
        ),
        ({"DISPLAY": ":0"}, "/dev/pts/0", ["pinentry-curses"], None),
        ({}, "/dev/pts/0", ["pinentry-qt", "pinentry-curses"], "pinentry-curses"),
        ({}, None, ["pinentry-curses", "pinentry-qt"], None),
        ({"DISPLAY": ":0"}, None, [], None),
    ],
)
def test_the_program_fits_the_desktop(
    tmp_path: Path,
    environment: dict[str, str],
    terminal: str | None,
    there: list[str],
    found: str | None,
) -> None:
    for name in there:
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o700)
    (tmp_path / "pinentry").symlink_to(tmp_path / "pinentry-curses")
    way = find({**environment, "PATH": str(tmp_path)}, terminal=terminal)
    assert (way and Path(way._path).name) == found


def test_a_named_program_is_taken(tmp_path: Path) -> None:
    own = tmp_path / "my-dialog"
    own.write_text("#!/bin/sh\n")
    own.chmod(0o700)
    way = find({"DISPLAY": ":0", "PATH": ""}, named=str(own))
    assert way is not None
    assert way._path == str(own)
    assert find({"PATH": ""}, named=str(own)) is None
    # It may be one of the terminal that the daemon was started in, beside a desktop.
    way = find({"DISPLAY": ":0", "PATH": ""}, terminal="/dev/pts/0", named=str(own))
    assert way is not None
    assert way._terminal == "/dev/pts/0"
