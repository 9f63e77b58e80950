"""`bridged pin`: the PINs of the inserted card, through the daemon of this user."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from contextlib import ExitStack
from getpass import getpass
from typing import TYPE_CHECKING

from bridged.cli.arguments import add_certificate
from bridged.cli.daemon import add_connection, connect
from bridged.cli.language import language, say
from bridged.cli.output import add_json, print_json
from bridged.cli.sign import LAST, choose, verify
from bridged.errors import PinLastTry
from bridged.model import Certificate, Usage

if TYPE_CHECKING:
    from bridged.client.blocking import Bridge

EXAMPLES = (
    """\
例:
  bridged pin status
  bridged pin verify --usage authentication
  bridged pin change --usage signature
  bridged pin change-puk --usage signature
PINはこの端末で入力します。引数では渡せません。
""",
    """\
examples:
  bridged pin status
  bridged pin verify --usage authentication
  bridged pin change --usage signature
  bridged pin change-puk --usage signature
A PIN is typed on this terminal, never given as an argument.
""",
)
Text = dict[str, str]
TRIES: Text = {"ja": "{label}: 残り{tries}回", "en": "{label}: {tries} tries left"}
UNKNOWN: Text = {"ja": "{label}: 残り回数は不明です", "en": "{label}: tries left are not known"}
BLOCKED: Text = {"ja": "{label}: ロックされています", "en": "{label}: blocked"}
OLD: Text = {"ja": "現在の{label}: ", "en": "Present {label}: "}
NEW: Text = {"ja": "新しい{label}: ", "en": "New {label}: "}
AGAIN: Text = {"ja": "もう一度: ", "en": "Once more: "}
DIFFER: Text = {"ja": "2回の入力が一致しません。", "en": "The two entries are not the same."}
RIGHT: Text = {"ja": "PINは正しく確認されました。", "en": "The PIN is correct."}
CHANGED: Text = {"ja": "PINを変更しました。", "en": "The PIN is changed."}
PUK_CHANGED: Text = {"ja": "PUKを変更しました。", "en": "The PUK is changed."}


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "pin",
        help=say(
            "ICカードのPINの状態表示、照合、変更、ロック解除、PUKの変更",
            "show, verify, change or unblock the PINs of the card, or change its PUK",
        ),
        epilog=say(*EXAMPLES),
    )
    parser.add_argument(
        "act",
        choices=("status", *ACTS),
        metavar="ACTION",
        help=say("行う操作: %(choices)s", "what to do: %(choices)s"),
    )
    parser.add_argument(
        "--usage",
        choices=[each.value for each in Usage],
        help=say("どの用途の鍵のPINか", "the key whose PIN it is"),
    )
    add_certificate(parser)
    add_json(parser)
    add_connection(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do one thing about a PIN; raises what stands in its way."""
    usage = Usage(args.usage) if args.usage else None
    with ExitStack() as stack:
        bridge = connect(stack, args)
        found = bridge.certificates(usage=usage)
        if args.act == "status":
            _status(bridge, found, json=args.json)
            return 0
        certificate = choose(found, args.certificate)
        done = ACTS[args.act](bridge, certificate)
    if args.json:
        print_json({"act": args.act} | _whose(certificate))
    else:
        print(done[language()])
    return 0


def _status(bridge: Bridge, certificates: tuple[Certificate, ...], *, json: bool) -> None:
    found = [(each, bridge.pin_status(each.id)) for each in certificates if each.pin is not None]
    if json:
        print_json({"pins": [_whose(each) | {"pin": status} for each, status in found]})
        return
    for certificate, status in found:
        text = BLOCKED if status.blocked else UNKNOWN if status.tries_left is None else TRIES
        label = f"{certificate.label} {status.label}"
        print(text[language()].format(label=label, tries=status.tries_left))


def _whose(certificate: Certificate) -> dict[str, object]:
    """Return which key a PIN belongs to, for programs."""
    fingerprint = certificate.x509 and certificate.x509.sha256
    return {"usage": certificate.usage, "label": certificate.label, "certificate": fingerprint}


def _verify(bridge: Bridge, certificate: Certificate) -> Text:
    verify(bridge, certificate)
    return RIGHT


def _change(bridge: Bridge, certificate: Certificate) -> Text:
    label = _label(certificate)
    old, new = getpass(OLD[language()].format(label=label)), _new(label)
    return _set(bridge.change_pin, certificate, old, new)


def _unblock(bridge: Bridge, certificate: Certificate) -> Text:
    puk, new = getpass("PUK: "), _new(_label(certificate))
    return _set(bridge.unblock_pin, certificate, puk, new)


def _change_puk(bridge: Bridge, certificate: Certificate) -> Text:
    old, new = getpass(OLD[language()].format(label="PUK")), _new("PUK")
    return _set(bridge.change_puk, certificate, old, new, done=PUK_CHANGED)


def _set(
    change: Callable[..., None],
    certificate: Certificate,
    old: str,
    new: str,
    *,
    done: Text = CHANGED,
) -> Text:
    """Set a PIN or PUK by the right of another, with the last try only after a yes."""
    try:
        change(certificate.id, old, new)
    except PinLastTry as error:
        print(error.messages()[language()], file=sys.stderr)
        if input(LAST[language()]).strip().lower() not in {"y", "yes"}:
            raise
        change(certificate.id, old, new, accept_last_try=True)
    return done


def _label(certificate: Certificate) -> str:
    return certificate.pin.label if certificate.pin else "PIN"


def _new(label: str) -> str:
    """Ask for a new PIN or PUK until it is the same twice."""
    while True:
        new = getpass(NEW[language()].format(label=label))
        if new == getpass(AGAIN[language()]):
            return new
        print(DIFFER[language()], file=sys.stderr)


ACTS = {"verify": _verify, "change": _change, "unblock": _unblock, "change-puk": _change_puk}
