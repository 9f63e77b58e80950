"""`bridged doctor`: what is wrong on this computer, and what to do about it."""

from __future__ import annotations

import argparse
import contextlib
import getpass
import json
import os
import platform
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from bridged import __version__
from bridged.cli.arguments import add_config
from bridged.cli.language import say
from bridged.cli.output import add_json, coloured, print_json, printable, working
from bridged.cli.wrapping import columns_of, wrap
from bridged.errors import FileUnusable

if TYPE_CHECKING:
    from bridged.doctor.finding import Finding

MARKS = {"GOOD": ("✓", "32"), "HINT": ("-", "36"), "WARNING": ("!", "33"), "ERROR": ("✗", "31")}
"""The mark of each severity, and its colour (ECMA-48, SGR)."""
PLAIN = str.maketrans({"✓": "o", "✗": "x", "→": "->"})
"""The marks where the terminal has no such letters (EUC-JP, Shift_JIS, ASCII)."""

WORKING = {"ja": "確認しています…", "en": "Looking…"}
VERDICTS = {
    "GOOD": ("問題は見つかりませんでした。", "Nothing is wrong."),
    "WARNING": ("注意が必要な項目があります。", "Something needs your attention."),
    "ERROR": ("このままではICカードを使用できません。", "The card cannot be used like this."),
}


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "doctor",
        help=say(
            "問題と対処方法を調べる（終了ステータス: 0 正常、1 注意、2 エラー）",
            "find out what is wrong and what to do; exit status 0, 1 (warnings), 2 (errors)",
        ),
    )
    add_json(parser, "結果をJSONで出力する", "print the findings for programs")
    add_config(parser)
    parser.add_argument(
        "--bundle",
        type=Path,
        metavar="FILE.zip",
        help=say(
            "サポート窓口に渡す情報をファイルに保存する", "write what a support desk asks for"
        ),
    )
    parser.add_argument(
        "--personal",
        action="store_true",
        help=say(
            "--bundle に個人名と会社名を残す", "leave names of persons and companies in --bundle"
        ),
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the findings; return the exit status of the worst."""
    from bridged.cli.language import language
    from bridged.doctor.examination import examine
    from bridged.doctor.finding import exit_status
    from bridged.pcsc.scard import PcscBus

    with working(WORKING):
        findings = examine(PcscBus(), file=args.config)
    if args.json:
        print_json([finding.to_json() for finding in findings])
    else:
        columns = columns_of(sys.stdout)
        told = report(findings, language(), coloured=coloured(), columns=columns)
        print(_printable(told))
    if args.bundle:
        try:
            bundle(args.bundle, findings, personal=args.personal)
        except OSError as error:
            detail = error.strerror or str(error)
            raise FileUnusable(file=str(args.bundle), detail=detail) from None
        print(args.bundle, file=sys.stderr)
    return exit_status(findings)


def _printable(text: str) -> str:
    """Return a report with marks that the terminal can show."""
    try:
        "".join(map(chr, PLAIN)).encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return text.translate(PLAIN)
    return text


def report(
    findings: list[Finding],
    language: Literal["ja", "en"],
    *,
    coloured: bool,
    columns: int = sys.maxsize,
) -> str:
    """Return the findings for people, what to do below each, and the verdict."""
    lines = []
    for finding in findings:
        mark, colour = MARKS[finding.severity.name]
        shown = f"\x1b[{colour}m{mark}\x1b[0m" if coloured else mark
        lines += _hanging(shown, "  ", finding.title(language), columns)
        if advice := finding.advice(language):
            lines += _hanging("    →", "      ", advice, columns)
    worst = max((finding.severity.name for finding in findings), key=list(MARKS).index)
    verdict = VERDICTS["GOOD" if worst == "HINT" else worst][language == "en"]
    return "\n".join([*lines, "", verdict])


def _hanging(mark: str, indent: str, text: str, columns: int) -> list[str]:
    first, *more = wrap(printable(text), columns - len(indent))
    return [f"{mark} {first}", *(indent + line for line in more)]


def bundle(file: Path, findings: list[Finding], *, personal: bool) -> None:
    """Write the findings and versions into a zip, for this user alone; nothing says who he is."""
    shown = findings if personal else [finding.anonymous() for finding in findings]
    facts = {
        "bridged": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "distribution": _distribution(),
        "desktop": os.environ.get("XDG_CURRENT_DESKTOP", ""),
    }
    parts = {
        "doctor.json": [finding.to_json() for finding in shown],
        "facts.json": facts,
    }
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.fchmod(handle, 0o600)  # It may have been there before.
    with os.fdopen(handle, "wb") as raw, zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            text = json.dumps(part, ensure_ascii=False, indent=2)
            archive.writestr(name, text if personal else _nobodys(text))
        archive.writestr("report.txt", _nobodys(report(shown, "ja", coloured=False)))


def _nobodys(text: str) -> str:
    """Return a text whose paths do not tell whose they are."""
    text = text.replace(str(Path.home()), "~")
    with contextlib.suppress(KeyError, OSError):  # A user need not have a name.
        text = text.replace(f"/{getpass.getuser()}/", "/***/")
    return text


def _distribution() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "")
    except OSError:
        return ""
