"""The command line in the person's language: argparse's words and ours, and the lines they make."""

from __future__ import annotations

import argparse
import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridged.__main__ import main
from bridged.cli.argparse_words import JAPANESE
from bridged.cli.commands import parser
from bridged.cli.language import language as language_of_now
from bridged.cli.table import width
from bridged.cli.wrapping import wrap

KANA = re.compile("[ぁ-んァ-ヶ一-鿿]")
AGREE = re.compile(r"%\(\w+\)[sd]|%(?!\()\w|`[^`]+`|--[a-z-]+|^  bridged .*|\d\d+", re.MULTILINE)
"""What has to be the same in both languages: what is filled in, commands, options, numbers."""
FOR_PROGRAMMERS = re.compile(
    "conflicting|not defined|'required' is|must be|is not callable|cannot|dest=|subparser argument|"
    "with mode|deprecated|default: |heading|invalid option string|invalid conflict_resolution"
)
"""Messages of argparse about how a parser was written, not about a command line."""


@pytest.fixture(params=["ja", "en"])
def language(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    speak(str(request.param), monkeypatch)
    return str(request.param)


def speak(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", {"ja": "ja_JP.UTF-8", "en": "C.UTF-8"}[language])


@pytest.mark.parametrize(
    ("set_", "spoken"),
    [
        ({}, "en"),
        ({"LANG": "ja_JP.UTF-8"}, "ja"),
        ({"LANG": "ja_JP.UTF-8", "LC_ALL": ""}, "ja"),
        ({"LANG": "ja_JP.UTF-8", "LC_MESSAGES": "C"}, "en"),
        ({"LANG": "C", "LC_MESSAGES": "ja"}, "ja"),
        ({"LC_MESSAGES": "ja", "LC_ALL": "en_US.UTF-8"}, "en"),
        ({"LC_CTYPE": "ja_JP.UTF-8"}, "en"),
    ],
)
def test_the_language_is_that_of_the_messages(
    set_: dict[str, str], spoken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LC_CTYPE", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in set_.items():
        monkeypatch.setenv(name, value)
    assert language_of_now() == spoken


def parsers(command: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Return a parser and all below it."""
    yield command
    for action in command._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from parsers(below)


def texts() -> dict[str, str | None]:
    """Return every text of every command in the language of now, by where it stands."""
    found: dict[str, str | None] = {}
    for command in parsers(parser()):
        found[f"{command.prog} epilog"] = command.epilog or "-"
        found[f"{command.prog} description"] = command.description or "-"
        for action in command._actions:
            if isinstance(action, argparse._SubParsersAction):
                for choice in action._choices_actions:
                    found[f"{command.prog} {choice.dest}"] = choice.help
            else:
                found[f"{command.prog} {action.option_strings or action.dest}"] = action.help
    return found


def test_every_command_and_option_is_explained_in_both_languages(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    speak("en", monkeypatch)
    english = texts()
    speak("ja", monkeypatch)
    japanese = texts()
    assert len(english) > 150
    assert english.keys() == japanese.keys()
    for place, ja in japanese.items():
        en = english[place]
        assert ja, f"{place} is not explained"
        assert en, f"{place} is not explained"
        assert (ja == en == "-") or (KANA.search(ja) and not KANA.search(en)), place
        assert sorted(AGREE.findall(ja)) == sorted(AGREE.findall(en)), place


def test_all_that_argparse_says_to_a_person_has_its_japanese() -> None:
    tree = ast.parse(Path(argparse.__file__).read_text(encoding="utf-8"))
    said = {
        text.value
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id in {"_", "ngettext"}
        for text in call.args
        if isinstance(text, ast.Constant) and isinstance(text.value, str)
    }
    assert len(said) > 30
    assert {text for text in said - JAPANESE.keys() if not FOR_PROGRAMMERS.search(text)} == set()
    placeholder = re.compile(r"%\(\w+\)[rsd]|%[rsd]")
    for en, ja in JAPANESE.items():
        assert sorted(placeholder.findall(en)) == sorted(placeholder.findall(ja)), en


@pytest.mark.parametrize("columns", [80, 60])
def test_no_line_of_any_help_is_wider_than_the_terminal(
    language: str, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    for command in parsers(parser()):
        # Examples and tables are typed as they stand.
        told = command.format_help().removesuffix(command.epilog or "")
        typed = set((command.epilog or "").splitlines())
        wide = [line for line in told.splitlines() if width(line) > columns and line not in typed]
        assert wide == []


def test_the_lines_of_a_usage_are_below_each_other(
    language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    first, *more = (
        next(p for p in parsers(parser()) if p.prog == "bridged sign").format_usage().splitlines()
    )
    assert first.startswith(
        {"ja": "使い方: bridged sign [", "en": "usage: bridged sign ["}[language]
    )
    assert {len(line) - len(line.lstrip()) for line in more} == {width(first.partition("[")[0])}


@pytest.mark.parametrize(
    ("words", "ja", "en"),
    [
        ("", "次の引数が必要です: COMMAND", "the following arguments are required: COMMAND"),
        ("sign", "次の引数が必要です: FILE, --format", "are required: FILE, --format"),
        (
            "browsers revoke",
            "どれか1つが必要です: ORIGIN --all",
            "one of the arguments ORIGIN --all",
        ),
        ("serve --port", "--port: 値が1つ必要です", "argument --port: expected one argument"),
        (
            "sites deny",
            "次の引数が必要です: ORIGIN",
            "the following arguments are required: ORIGIN",
        ),
        ("readers x", "不明な引数です: x", "unrecognized arguments: x"),
        ("doctor --json=x", "値 'x' は指定できません", "ignored explicit argument 'x'"),
        ("--ver", "--ver は1つに定まりません", "ambiguous option: --ver could match"),
        (
            "serve --port 65536",
            "'65536' は0から65535の整数ではありません",
            "'65536' is not 0 to 65535",
        ),
        ("readers --port ２", "'２' は0から65535の整数ではありません", "'２' is not 0 to 65535"),
        ("ca serve --port -1", "'-1' は0から65535の整数では", "argument --port: '-1' is not 0 to"),
        ("card --port x", "'x' は0から65535の整数ではありません", "'x' is not 0 to 65535"),
        (f"readers --port {'9' * 5000}", "9' は0から65535の整数では", "9' is not 0 to 65535"),
        ("serve --exit-unused 86401", "1から86400の秒数では", "is not 1 to 86400 seconds"),
        ("serve --exit-unused 0", "1から86400の秒数では", "'0' is not 1 to 86400 seconds"),
        ("log --since x", "のような時刻ではありません", "'x' is no time such as 2026-04-01"),
        ("log shw", "'shw' は選べません（選択肢: ", "invalid choice: 'shw' (choose from "),
        ("sites allow x --grant sgn", "\nもしかして: sign\n", "\ndid you mean sign?\n"),
    ],
)
def test_what_makes_no_sense_is_told_in_the_persons_language(
    language: str, words: str, ja: str, en: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words.split())
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert {"ja": ja, "en": en}[language] in said
    assert {"ja": ": エラー: ", "en": ": error: "}[language] in said
    assert bool(re.search("[a-z]{4,} [a-z]{3,} [a-z]+", said.partition("エラー: ")[2])) is False


@pytest.mark.parametrize("number", ["0", "65535"])
def test_the_first_and_the_last_port_are_ports(number: str) -> None:
    assert parser().parse_args(["serve", "--port", number]).port == int(number)


@pytest.mark.parametrize("seconds", ["1", "86400"])
def test_the_shortest_and_the_longest_wait_are_taken(seconds: str) -> None:
    taken = parser().parse_args(["serve", "--exit-unused", seconds])
    assert taken.exit_unused == float(seconds)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", [""]),
        ("one two", ["one two"]),
        ("one  two three four", ["one two", "three four"]),
        ("ICカードを挿入する", ["ICカードを", "挿入する"]),
        ("署名、署名、署名。", ["署名、", "署名、", "署名。"]),
        ("（標準: 使用）署名", ["（標準:", "使用）署名"]),
        ("あいうえおかきくけこ", ["あいうえお", "かきくけこ"]),
        ("https://portal.example", ["https://portal.example"]),
    ],
)
def test_a_text_is_broken_where_a_reader_would_pause(text: str, lines: list[str]) -> None:
    assert wrap(text, 10) == lines
