"""`bridged pin`: the PINs of the inserted card, through the daemon of this user."""

from __future__ import annotations

import argparse
from collections.abc import Callable
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
  bridged pin change-puk --usage signature
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
PUK_CHANGED: Text = {"ja": "PUKを変更しました。", "en": "The PUK is changed."}


LAST_OF_PUK: Text = {
    "ja": "残り1回です。次に間違えるとPUKもロックされ、PINのロックを解除できなくなります。",
    "en": "One try is left. A wrong PUK now blocks the PUK too, and the PIN can never be unblocked.",
}


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "pin",
        help="show, verify, change or unblock the PINs of the card, or change its PUK",
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
    label = _label(certificate)
    old, new = getpass(OLD[language()].format(label=label)), _new(label)
    return _set(bridge.change_pin, certificate, old, new)


def _unblock(bridge: Bridge, certificate: Certificate) -> int:
    puk, new = getpass("PUK: "), _new(_label(certificate))
    return _set(bridge.unblock_pin, certificate, puk, new, last=LAST_OF_PUK)


def _change_puk(bridge: Bridge, certificate: Certificate) -> int:
    old, new = getpass(OLD[language()].format(label="PUK")), _new("PUK")
    return _set(bridge.change_puk, certificate, old, new, last=LAST_OF_PUK, done=PUK_CHANGED)


def _set(
    change: Callable[..., None],
    certificate: Certificate,
    old: str,
    new: str,
    *,
    last: Text | None = None,
    done: Text = CHANGED,
) -> int:
    """Set a PIN or PUK by the right of another, with the last try only after a yes."""
    try:
        change(certificate.id, old, new)
    except PinLastTry as error:
        print((last or error.messages())[language()])
        if input(LAST[language()]).strip().lower() not in {"y", "yes"}:
            raise
        change(certificate.id, old, new, accept_last_try=True)
    print(done[language()])
    return 0


def _label(certificate: Certificate) -> str:
    return certificate.pin.label if certificate.pin else "PIN"


def _new(label: str) -> str:
    """Ask for a new PIN or PUK until it is the same twice."""
    while True:
        new = getpass(NEW[language()].format(label=label))
        if new == getpass(AGAIN[language()]):
            return new
        print(DIFFER[language()])


ACTS = {"verify": _verify, "change": _change, "unblock": _unblock, "change-puk": _change_puk}
