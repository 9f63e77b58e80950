"""`bridged log`: what was asked, granted and signed, and whether the record is whole."""

from __future__ import annotations

import argparse
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bridged.cli.language import language, say
from bridged.cli.output import add_json, print_json, print_line, printable, working
from bridged.config import audit_dir
from bridged.errors import FileUnusable

_AGO = re.compile(r"(?P<count>[0-9]{1,6})(?P<unit>[mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_HIDDEN = {"seq", "at", "event", "origin", "prev", "hash", "digests", "request"}

WORKING = {"ja": "確認しています…", "en": "Checking…"}
TEXTS = {
    "ja": ("記録 {count}件: 改変はありません。", "記録が改変されているか、欠けています。"),
    "en": ("{count} records: nothing was changed.", "Records were changed or are missing."),
}


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "log",
        help=say(
            "サイトの要求、許可、署名の記録を表示する。verify は改変の有無を調べる",
            "show what sites asked, were granted and had signed; verify checks the record",
        ),
    )
    parser.add_argument(
        "action",
        nargs="?",
        choices=["show", "verify"],
        default="show",
        help=say(
            "表示する、または改変の有無を調べる（標準: %(default)s）",
            "what to do (default: %(default)s)",
        ),
    )
    add_json(
        parser,
        "記録をそのまま1行1件のJSONで出力する。verify では1つの値",
        "JSON lines, as they are written; of verify one value",
    )
    parser.add_argument(
        "--since",
        type=since,
        metavar="TIME",
        help=say(
            "この時以降（2026-04-01、2026-04-01T09:00、または 30m、12h、7d）",
            "since when: 2026-04-01, 2026-04-01T09:00, or 30m, 12h, 7d",
        ),
    )
    parser.add_argument(
        "--site", metavar="ORIGIN", help=say("このサイトの記録だけを表示する", "of one site only")
    )
    parser.add_argument(
        "--folder",
        metavar="DIR",
        type=Path,
        help=say("利用者のフォルダー以外の記録を読む", "another folder than that of this user"),
    )
    parser.set_defaults(run=run)


def since(text: str) -> datetime:
    """Return a time, or how long ago; without a zone it is local."""
    if match := _AGO.fullmatch(text):
        return datetime.now(UTC) - timedelta(**{_UNITS[match["unit"]]: int(match["count"])})
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        raise argparse.ArgumentTypeError(
            say(
                f"{text!r} は 2026-04-01、2026-04-01T09:00、30m、12h、7d のような時刻ではありません",
                f"{text!r} is no time such as 2026-04-01, 2026-04-01T09:00, 30m, 12h or 7d",
            )
        ) from None


def run(args: argparse.Namespace) -> int:
    """Print records, or whether they are whole (status 1 where they are not)."""
    folder = args.folder or audit_dir()
    if args.folder and not folder.is_dir():
        raise FileUnusable(
            file=str(folder), detail=say("フォルダーがありません", "there is no such folder")
        )
    return _verify(folder, json=args.json) if args.action == "verify" else _show(folder, args)


def _show(folder: Path, args: argparse.Namespace) -> int:
    from bridged.audit.reading import records

    for record in records(folder):
        at = datetime.fromisoformat(str(record.get("at")))
        if (args.since and at < args.since) or (args.site and record.get("origin") != args.site):
            continue
        if args.json:
            print_line(record)
        else:
            print(_line(at, record))
    return 0


def _line(at: datetime, record: dict[str, Any]) -> str:
    facts = {name: value for name, value in record.items() if name not in _HIDDEN and value}
    if digests := record.get("digests"):
        facts["digests"] = len(digests)
    told = "  ".join(f"{name}={_word(value)}" for name, value in facts.items())
    when = f"{at.astimezone():%Y-%m-%d %H:%M:%S}"
    line = f"{when}  {record.get('event', ''):<14} {record.get('origin') or '-'}  {told}"
    return printable(line).rstrip()


def _word(value: object) -> str:
    """Return a value as a word; a fingerprint in short."""
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    return f"{text[:16]}…" if re.fullmatch("[0-9a-f]{64}", text) else text


def _verify(folder: Path, *, json: bool) -> int:
    from bridged.audit.reading import verify

    with working(WORKING):
        count, faults = verify(folder)
    good, bad = TEXTS[language()]
    if json:
        print_json({"records": count, "faults": faults})
    elif faults:
        for fault in faults:
            print(f"{fault.file}:{fault.line}: {fault.what}", file=sys.stderr)
        print(bad, file=sys.stderr)
    else:
        print(good.format(count=count))
    return 1 if faults else 0
