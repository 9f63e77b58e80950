"""`bridged sites`: which sites may use the card; allow, revoke and deny them."""

from __future__ import annotations

import argparse
import logging
import sys

import msgspec

from bridged.cli.arguments import add_config
from bridged.cli.language import language, say
from bridged.cli.output import add_json, print_json
from bridged.config import DEFAULT_GRANTS, audit_dir, load, runtime_dir
from bridged.errors import NotAnOrigin, SiteSettled
from bridged.loopback import NoAnswer, ask
from bridged.model import Grant
from bridged.protocol.codec import ErrorObject, error_from
from bridged.sites.origins import Origin
from bridged.sites.policy import Decision, SitePolicy, Source
from bridged.sites.store import How

NUDGE_S = 5.0
MAX_ERROR = 1 << 16
"""Bytes of a daemon's answer that are read."""

TEXTS = {
    "ja": {
        "none": "許可または拒否したサイトはありません。",
        "denied": "拒否",
        Source.ADMINISTRATOR: "管理者",
        Source.SETTINGS: "設定ファイル",
        Source.PERSON: "あなた",
        "overruled": "、無効: 管理者の設定が優先されます",
        "allow": "{origin} に許可しました: {grants}",
        "revoke": "{origin} の許可を取り消しました。",
        "unknown": "{origin} は登録されていません。",
        "deny": "{origin} を拒否しました。今後、確認も表示しません。",
        "stale": "ポート{port}のbridgedは一覧を読み直せませんでした: {why}",
        "deaf": "ポート{port}のbridgedに伝えられませんでした。再起動すると反映されます。",
    },
    "en": {
        "none": "No site was allowed or denied yet.",
        "denied": "denied",
        Source.ADMINISTRATOR: "administrator",
        Source.SETTINGS: "settings",
        Source.PERSON: "you",
        "overruled": "; not in force: the administrator decided otherwise",
        "allow": "{origin} may now: {grants}",
        "revoke": "{origin} may do nothing any more.",
        "unknown": "{origin} was not on the list.",
        "deny": "{origin} is denied, and will not ask again.",
        "stale": "The bridged on port {port} could not read the list anew: {why}",
        "deaf": "The bridged on port {port} could not be told; it will know when it is restarted.",
    },
}


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command and its own."""
    parser = commands.add_parser(
        "sites",
        help=say("サイトの一覧、許可、取り消し、拒否", "list, allow, revoke and deny sites"),
    )
    actions = parser.add_subparsers(metavar="ACTION")
    for name, (act, ja, en) in ACTS.items():
        action = actions.add_parser(name, help=say(ja, en))
        if name != "list":
            action.add_argument(
                "origin",
                metavar="ORIGIN",
                help=say(
                    "サイト（例: https://portal.example）", "a site, such as https://portal.example"
                ),
            )
        if name == "allow":
            action.add_argument(
                "--grant",
                action="append",
                choices=[each.value for each in Grant],
                metavar="GRANT",
                help=say(
                    "許可の種類: %(choices)s（標準: 最初の2つ）。page-pin では、サイト自身の画面で"
                    "PINを入力できるようになり、サイトがPINを知ることになる",
                    "what it may do: %(choices)s (default: the first two); page-pin lets the site's own "
                    "page take the PIN, which it then knows",
                ),
            )
        add_json(action)
        add_config(action)
        action.set_defaults(run=run, act=act)


def run(args: argparse.Namespace) -> int:
    """Do it, and tell the daemons of this user that run."""
    from bridged.sites.configured import site_policy

    logging.getLogger("bridged.audit").setLevel(logging.WARNING)
    policy = site_policy(load(args.config))
    policy.store.load()
    return int(args.act(policy, args))


def _list(policy: SitePolicy, args: argparse.Namespace) -> int:
    decisions = policy.decisions()
    if args.json:
        print_json([_as_json(each) for each in decisions])
        return 0
    texts = TEXTS[language()]
    if not decisions:
        print(texts["none"])
    width = max((len(each.origin) for each in decisions), default=0)
    for each in decisions:
        what = texts["denied"] if each.denied else ", ".join(sorted(each.grants)) or "-"
        when = f"  {each.remembered.at.astimezone():%Y-%m-%d}" if each.remembered else ""
        overruled = texts["overruled"] if each.overruled else ""
        print(f"{each.origin:<{width}}  {what}  ({texts[each.source]}{when}{overruled})")
    return 0


def _as_json(decision: Decision) -> dict[str, object]:
    made = decision.remembered
    return {
        "origin": decision.origin,
        "grants": sorted(decision.grants),
        "denied": decision.denied,
        "overruled": decision.overruled,
        "source": decision.source,
        "at": made and made.at,
        "how": made and made.how,
    }


def _allow(policy: SitePolicy, args: argparse.Namespace) -> int:
    origin = _mine_to_decide(policy, args.origin)
    grants = [Grant(each) for each in args.grant or sorted(DEFAULT_GRANTS)]
    _record("site.granted", origin=origin, grants=sorted(grants), how=How.COMMAND)
    policy.grant(origin, grants, How.COMMAND)
    return _tell(policy, args, "allow", known=True)


def _revoke(policy: SitePolicy, args: argparse.Namespace) -> int:
    origin = _mine_to_decide(policy, args.origin)
    known = policy.forget(origin)
    if known:
        _record("site.revoked", origin=origin, how=How.COMMAND)
    return _tell(policy, args, "revoke" if known else "unknown", known=known)


def _deny(policy: SitePolicy, args: argparse.Namespace) -> int:
    origin = _mine_to_decide(policy, args.origin)
    policy.deny(origin, How.COMMAND, never=True)
    _record("site.denied", origin=origin, how=How.COMMAND)
    return _tell(policy, args, "deny", known=True)


def _mine_to_decide(policy: SitePolicy, text: str) -> str:
    """Return an origin that the person decides about; raises `NotAnOrigin` and `SiteSettled`."""
    if Origin.parse(text) is None:
        raise NotAnOrigin(text=text[:200])
    if source := policy.settled(text):
        raise SiteSettled(origin=text, source=source)
    return text


def _record(event: str, **record: object) -> None:
    from bridged.audit.journal import Journal

    Journal(audit_dir()).append(event, record)


def _tell(policy: SitePolicy, args: argparse.Namespace, text: str, *, known: bool) -> int:
    """Say what was done and let every running daemon know of it; 1 where there was nothing."""
    texts = TEXTS[language()]
    site = policy.site(args.origin)
    grants = sorted(site.grants) if site else []
    if args.json:
        changed = {
            "origin": args.origin,
            "grants": grants,
            "denied": site is None,
            "changed": known,
        }
        print_json(changed)
    else:
        print(texts[text].format(origin=args.origin, grants=", ".join(grants)))
    for port, token in _daemons():
        if (why := _nudge(port, token)) is not None:
            print(texts["stale" if why else "deaf"].format(port=port, why=why), file=sys.stderr)
    return 0 if known else 1


def _daemons() -> list[tuple[int, str]]:
    """Return port and token of each daemon of this user."""
    found = []
    for path in sorted(runtime_dir().glob("token-*")):
        port = path.name.removeprefix("token-")
        if port.isdecimal():
            found.append((int(port), path.read_text(encoding="ascii")))
    return found


def _nudge(port: int, token: str) -> str | None:
    """Let a daemon read the list anew; a dead one is fine.

    Returns why it did not, if it runs: what it says itself, or nothing.
    """
    headers = {"Authorization": f"Bearer {token}"}
    try:
        status, text = ask(
            port, "POST", "/sites/reload", headers, within_s=NUDGE_S, max_bytes=MAX_ERROR
        )
        if status == 204:
            return None
        error = msgspec.json.decode(text, type=ErrorObject)
        return error_from(error).messages().get(language(), "")
    except ConnectionRefusedError:
        return None
    except (NoAnswer, msgspec.DecodeError, RecursionError):
        return ""


ACTS = {
    "list": (
        _list,
        "サイトについて決めた内容と、決めた人を表示する",
        "show what was decided about sites, and by whom",
    ),
    "allow": (_allow, "サイトにICカードの利用を許可する", "let a site use the card"),
    "revoke": (
        _revoke,
        "許可や拒否を取り消し、サイトがもう一度確認できるようにする",
        "take back what was allowed or denied, so that the site may ask again",
    ),
    "deny": (
        _deny,
        "サイトにICカードの利用を許可せず、確認も表示しない",
        "never let a site use the card, nor ask",
    ),
}
