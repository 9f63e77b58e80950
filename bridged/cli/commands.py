"""Every command of `bridged`, and what its command line takes."""

from __future__ import annotations

import argparse

from bridged import __version__
from bridged.cli import (
    browsers,
    ca,
    call,
    card,
    certs,
    completion,
    doctor,
    log,
    pin,
    readers,
    serve,
    settings,
    sign,
    sites,
)
from bridged.cli.language import say
from bridged.cli.parser import Parser

COMMANDS = (
    serve,
    sites,
    browsers,
    log,
    doctor,
    settings,
    readers,
    certs,
    pin,
    sign,
    card,
    ca,
    call,
    completion,
)


def parser() -> argparse.ArgumentParser:
    """Return the description of every command; the manual page and completions are made of it."""
    parser = Parser(
        prog="bridged",
        description=say(
            "リーダーに挿入したICカードを、ウェブのポータルから使えるようにします。",
            "Lets web portals use the IC card in the reader.",
        ),
        epilog=say(
            "終了ステータス: 0 成功、1 失敗、2 コマンドラインの誤り、130 Ctrl-C、141 出力の読み手が"
            "先に終了。`bridged doctor` は注意があれば1、エラーがあれば2で終了します。",
            "Exit status: 0 it went well; 1 it did not; 2 the command line makes no sense; "
            "130 Ctrl-C; 141 nobody read the output on. `bridged doctor` ends with 1 for warnings, "
            "2 for errors.",
        ),
    )
    parser.add_argument(
        "--version",
        action="version",
        version=f"bridged {__version__}",
        help=say("バージョンを表示して終了する", "show the version and exit"),
    )
    parser.add_argument(
        "-v",
        "--verbose",
        action="store_true",
        help=say("すべてのAPDUをログに出す（PINは出さない）", "log every APDU (never a PIN)"),
    )
    parser.set_defaults(topmost=parser)
    Parser.earlier = frozenset(parser._option_string_actions) - {"-h", "--help"}
    commands = parser.add_subparsers(metavar="COMMAND")
    for command in COMMANDS:
        command.add_parser(commands)
    return parser
