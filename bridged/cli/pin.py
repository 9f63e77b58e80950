"""`bridged pin`: the PINs of the inserted card, through the daemon of this user."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from getpass import getpass
from typing import TYPE_CHECKING

from bridged.cli.daemon import add_connection, connect
from bridged.cli.language import language
from bridged.cli.sign import LAST, choose, verify
from bridged.errors import PinLastTry
from bridged.model import Certificate, Usage

if TYPE_CHECKING:
    from bridged.client.blocking import Bridge

EXAMPLES = """\
examples:
  bridged pin status
  bridged pin verify --usage authentication
  bridged pin change --usage signature
A PIN is typed on this terminal, never given as an argument.
"""
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


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "pin",
        help="show, verify, change or unblock the PINs of the card",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("act", choices=("status", *ACTS), help="what to do")
    parser.add_argument(
        "--usage", choices=[each.value for each in Usage], help="the key whose PIN it is"
    )
    parser.add_argument(
        "--certificate", metavar="SHA256", help="begin of its fingerprint, where there are several"
    )
    add_connection(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do one thing about a PIN; raises what stands in its way."""
    usage = Usage(args.usage) if args.usage else None
    with ExitStack() as stack:
        bridge = connect(stack, args)
        found = bridge.certificates(usage=usage)
        if args.act == "status":
            return _status(bridge, found)
        return ACTS[args.act](bridge, choose(found, args.certificate))


def _status(bridge: Bridge, certificates: tuple[Certificate, ...]) -> int:
    for certificate in certificates:
        if certificate.pin is not None:
            status = bridge.pin_status(certificate.id)
            text = BLOCKED if status.blocked else UNKNOWN if status.tries_left is None else TRIES
            label = f"{certificate.label} {status.label}"
            print(text[language()].format(label=label, tries=status.tries_left))
    return 0


def _verify(bridge: Bridge, certificate: Certificate) -> int:
    verify(bridge, certificate)
    print(RIGHT[language()])
    return 0


def _change(bridge: Bridge, certificate: Certificate) -> int:
    label = certificate.pin.label if certificate.pin else "PIN"
    old, new = getpass(OLD[language()].format(label=label)), _new(label)
    try:
        bridge.change_pin(certificate.id, old, new)
    except PinLastTry as error:
        print(error.messages()[language()])
        if input(LAST[language()]).strip().lower() not in {"y", "yes"}:
            raise
        bridge.change_pin(certificate.id, old, new, accept_last_try=True)
    print(CHANGED[language()])
    return 0


def _unblock(bridge: Bridge, certificate: Certificate) -> int:
    label = certificate.pin.label if certificate.pin else "PIN"
    puk = getpass("PUK: ")
    bridge.unblock_pin(certificate.id, puk, _new(label))
    print(CHANGED[language()])
    return 0


def _new(label: str) -> str:
    """Ask for a new PIN until it is the same twice."""
    while True:
        new = getpass(NEW[language()].format(label=label))
        if new == getpass(AGAIN[language()]):
            return new
        print(DIFFER[language()])


ACTS = {"verify": _verify, "change": _change, "unblock": _unblock}
