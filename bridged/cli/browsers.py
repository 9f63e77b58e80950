"""`bridged browsers`: which sites the browsers of this computer let reach it without a question."""

from __future__ import annotations

import argparse

from bridged.browsers import BROWSERS, Browser
from bridged.cli.language import language, say
from bridged.cli.output import add_json, print_json
from bridged.errors import NotAnOrigin
from bridged.sites.origins import Origin

TEXTS = {
    "ja": {
        "none": "対応するブラウザーがインストールされていません。",
        "no_site": "（なし: 最初の接続時に確認を表示します）",
        "done": "{name}: {file} を変更しました。",
        "same": "{name}: 変更はありません。",
    },
    "en": {
        "none": "None of the browsers we know is installed.",
        "no_site": "(none: it asks when a site connects for the first time)",
        "done": "{name}: {file} was changed.",
        "same": "{name}: nothing to change.",
    },
}

SITES = ("サイト（例: https://portal.example）", "sites, such as https://portal.example")


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command and its own."""
    parser = commands.add_parser(
        "browsers",
        help=say(
            "ブラウザーの確認なしで接続できるサイトを設定する（管理者権限が必要）",
            "let sites reach bridged without the browser's own question (as root)",
        ),
    )
    actions = parser.add_subparsers(metavar="ACTION")
    listing = actions.add_parser(
        "list",
        help=say(
            "各ブラウザーのポリシーで許可されているサイトを表示する",
            "show what the policies of the browsers allow",
        ),
    )
    listing.set_defaults(run=run_list)
    allow = actions.add_parser(
        "allow",
        help=say(
            "インストール済みの各ブラウザーのポリシーにサイトを追加する",
            "add sites to the policy of each installed browser",
        ),
    )
    allow.set_defaults(run=run_allow)
    revoke = actions.add_parser(
        "revoke",
        help=say(
            "追加したサイトを取り除く（削除済みのブラウザーのポリシーからも）",
            "take sites out again, also of browsers that left",
        ),
    )
    revoke.set_defaults(run=run_revoke)
    allow.add_argument("origins", metavar="ORIGIN", nargs="+", help=say(*SITES))
    which = revoke.add_mutually_exclusive_group(required=True)
    which.add_argument("origins", metavar="ORIGIN", nargs="*", default=[], help=say(*SITES))
    which.add_argument(
        "--all",
        action="store_true",
        help=say(
            "このコマンドで許可したすべてのサイト", "every site that was allowed by this command"
        ),
    )
    for action in (listing, allow, revoke):
        add_json(action)


def run_list(args: argparse.Namespace) -> int:
    """Print the sites of each browser."""
    found = _installed()
    if args.json:
        rows = [{"name": b.name, "file": str(b.file()), "sites": b.sites()} for b in found]
        print_json({"browsers": rows})
        return 0
    texts = TEXTS[language()]
    for browser in found:
        print(f"{browser.name}: {', '.join(browser.sites()) or texts['no_site']}")
    if not found:
        print(texts["none"])
    return 0


def run_allow(args: argparse.Namespace) -> int:
    """Add sites; 1 where no browser is there to be told. Raises `NotAnOrigin`, `FileUnusable`."""
    _check(args.origins)
    changed = {browser: browser.allow(args.origins) for browser in _installed()}
    return _tell(changed, args, nothing="none")


def run_revoke(args: argparse.Namespace) -> int:
    """Take sites out; 1 where none was allowed. Raises `NotAnOrigin`, `FileUnusable`."""
    _check(args.origins)
    gone = None if args.all else args.origins
    known = [browser for browser in BROWSERS if browser.sites()]
    return _tell({browser: browser.revoke(gone) for browser in known}, args, nothing="no_site")


def _installed() -> list[Browser]:
    return [browser for browser in BROWSERS if browser.installed()]


def _check(origins: list[str]) -> None:
    for text in origins:
        if Origin.parse(text) is None:
            raise NotAnOrigin(text=text[:200])


def _tell(changed: dict[Browser, bool], args: argparse.Namespace, *, nothing: str) -> int:
    if args.json:
        rows = [{"name": b.name, "file": str(b.file()), "changed": c} for b, c in changed.items()]
        print_json({"browsers": rows})
        return 0 if changed else 1
    texts = TEXTS[language()]
    for browser, change in changed.items():
        text = texts["done" if change else "same"]
        print(text.format(name=browser.name, file=browser.file()))
    if not changed:
        print(texts[nothing])
    return 0 if changed else 1
