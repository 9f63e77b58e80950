"""The words of `argparse` itself in Japanese.

It asks gettext for each of them, by the names `_` and `ngettext` in its module. A catalogue of gettext
would be one more thing to build and to find; here these two names answer from a table.
"""

from __future__ import annotations

import argparse

from bridged.cli.language import say

JAPANESE = {
    "usage: ": "使い方: ",
    "positional arguments": "引数",
    "options": "オプション",
    "subcommands": "コマンド",
    "show this help message and exit": "この説明を表示して終了する",
    "show program's version number and exit": "バージョンを表示して終了する",
    "%(prog)s: error: %(message)s\n": "%(prog)s: エラー: %(message)s\n",
    "%(prog)s: warning: %(message)s\n": "%(prog)s: 注意: %(message)s\n",
    "argument %(argument_name)s: %(message)s": "%(argument_name)s: %(message)s",
    "the following arguments are required: %s": "次の引数が必要です: %s",
    "one of the arguments %s is required": "次の引数のどれか1つが必要です: %s",
    "not allowed with argument %s": "%s と同時には指定できません",
    "expected one argument": "値が1つ必要です",
    "expected at most one argument": "値は1つまでです",
    "expected at least one argument": "値が1つ以上必要です",
    "expected %s argument": "値が%s個必要です",
    "expected %s arguments": "値が%s個必要です",
    "ignored explicit argument %r": "値 %r は指定できません",
    "invalid %(type)s value: %(value)r": "値 %(value)r は正しくありません（%(type)s）",
    "invalid choice: %(value)r (choose from %(choices)s)": "%(value)r は選べません（選択肢: %(choices)s）",
    "invalid choice: %(value)r, maybe you meant %(closest)r? (choose from %(choices)s)": (
        "%(value)r は選べません。もしかして: %(closest)r（選択肢: %(choices)s）"
    ),
    "unknown parser %(parser_name)r (choices: %(choices)s)": (
        "%(parser_name)r は選べません（選択肢: %(choices)s）"
    ),
    "unrecognized arguments: %s": "不明な引数です: %s",
    "unexpected option string: %s": "不明なオプションです: %s",
    "ambiguous option: %(option)s could match %(matches)s": (
        "%(option)s は1つに定まりません（候補: %(matches)s）"
    ),
    "can't open '%(filename)s': %(error)s": "'%(filename)s' を開けません: %(error)s",
}


def said(message: str) -> str:
    """Return one of argparse's messages in the person's language."""
    return say(JAPANESE.get(message, message), message)


def _said_of(one: str, many: str, count: int) -> str:
    return said(one if count == 1 else many)


def speak() -> None:
    """Let argparse speak the person's language from now on."""
    vars(argparse).update(_=said, ngettext=_said_of)
