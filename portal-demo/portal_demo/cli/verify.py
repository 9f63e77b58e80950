"""`portal-demo verify`: verify a stored application again."""

from __future__ import annotations

import argparse
import sys

import msgspec

from portal_demo.authorities import load_authorities
from portal_demo.cli.options import add_language, add_trust
from portal_demo.clock import english_minute, japanese_minute
from portal_demo.db import Database
from portal_demo.language import Language, Text
from portal_demo.settings import Settings
from portal_demo.verification import Outcome, Report, verify

NAME = "verify"
HELP = "verify a stored application again: document, signatures, certificates and their revocation"

_MARKS = {
    Outcome.GOOD: Text("適", "good"),
    Outcome.BAD: Text("不適", "BAD"),
    Outcome.NONE: Text("－", "-"),
    Outcome.NOT_KEPT: Text("未保存", "not kept"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take the number, and how to tell the report."""
    parser.add_argument("number", help="the application's number, as on its receipt")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    add_language(parser)
    add_trust(parser)


async def run(settings: Settings, arguments: argparse.Namespace) -> int:
    """Print the report; the status is 0 if all could be verified and nothing speaks against it."""
    database = Database(settings.database)
    try:
        async with database.transaction() as db:
            report = await verify(db, arguments.number, load_authorities(settings.trust))
    finally:
        await database.close()
    told = _json(report) if arguments.json else _words(report, arguments.language)
    sys.stdout.write(told + "\n")
    return 0 if report.good else 1


def _json(report: Report) -> str:
    value = {**msgspec.to_builtins(report), "good": report.good}
    return msgspec.json.format(msgspec.json.encode(value)).decode()


def _words(report: Report, language: Language) -> str:
    japanese = language is Language.JA
    minute = (japanese_minute if japanese else english_minute)(report.received)
    head = Text("申請 {number}（受付 {minute}）", "Application {number}, received {minute}")
    lines = [head.fill(number=report.number, minute=minute)[language]]
    lines.append(f"SHA-256 {report.document_sha256}")
    for finding in report.findings:
        title = finding.check.label[language]
        about = f" ({finding.about})" if finding.about else ""
        lines.append(
            f"{_MARKS[finding.outcome][language]}\t{title}{about}: {finding.text[language]}"
        )
    good = Text("検証の結果、問題はありません。", "Verified: nothing speaks against it.")
    bad = Text(
        "検証できませんでした。上の「不適」をご確認ください。",
        "Not verified: see what is BAD above.",
    )
    partly = Text(
        "一部を検証できませんでした（変更は見つかっていません）。上の「未保存」をご確認ください。",
        "Not all could be verified, though nothing was found to be changed: see what is not kept above.",
    )
    end = good if report.good else bad if Outcome.BAD in report.outcomes else partly
    lines.append(end[language])
    return "\n".join(lines)
