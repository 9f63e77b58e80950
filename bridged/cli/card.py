"""`bridged card`: a virtual card in a vpcd reader, played by commands on standard input."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

import platformdirs

from bridged.virtual.ca import DemoCa
from bridged.virtual.card import VirtualCard
from bridged.virtual.keystore import KeyStore
from bridged.virtual.misbehaviour import Moment, parse_misbehaviour
from bridged.virtual.profile import load, shipped
from bridged.virtual.profiles import make_card
from bridged.virtual.trace import Transcript
from bridged.virtual.vpcd import DEFAULT_PORT, POLL_S, VpcdLink

NOTICE_S = 5.0
"""vpcd looks for cards every 0.4 s; later than this it never will."""

HELP = """\
Commands, one a line, each answered by one line:
  insert            put the card into the reader        inserted
  remove            take it out                         removed
  remove-on sign    take it out as it is asked to sign  ok
  remove-on verify  take it out as a PIN arrives        ok
  misbehave KIND [VALUE] [on MOMENT] [after N] [times N]
                    show a fault                        ok
  behave            show no fault any more              ok
  mute              give no ATR at the next insertion   ok
  latency APDU SIGN be as slow as this (milliseconds)   ok
  tries             tries left of each PIN              pin=3 puk=3
  apdus             commands that the card has seen     apdus=12
  reset             first PINs, fresh counters          ok
  quit              take it out and end                 removed
Whatever fails is answered by a line that begins with "error".

KIND: short, garbage, no-status, reset, removed; status with a status word as VALUE; silence with
seconds as VALUE, or none for ever. MOMENT: any, select, read, verify, sign. A fault comes once, at
the first such command, unless "after" and "times" say otherwise; "times 0" is from then on.
"""


ADVICE = """\
Install vsmartcard-vpcd and restart pcscd, or use a reader without pcscd: bridged serve --virtual
vsmartcard-vpcdをインストールしてpcscdを再起動するか、bridged serve --virtual をお使いください。"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `card` to the commands of `bridged`."""
    parser = commands.add_parser(
        "card",
        help="put a virtual card into a vpcd reader",
        epilog=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--profile", metavar="NAME|FILE", help="which card; see --list")
    parser.add_argument("--list", action="store_true", help="tell the names of our cards")
    parser.add_argument("--host", default="127.0.0.1", help="where vpcd listens")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT)
    parser.add_argument("--ca", type=Path, metavar="DIR", help="directory of the demo CA")
    parser.add_argument("--out", action="store_true", help="begin outside of the reader")
    parser.add_argument(
        "--trace",
        type=argparse.FileType("w", encoding="utf-8"),
        metavar="FILE",
        help="write every APDU as a readable transcript, PINs left out",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve the card until `quit` or SIGTERM; the end of the input only ends the commands."""
    if args.list or args.profile is None:
        print(catalogue())
        return 0 if args.list else 2
    directory = args.ca or platformdirs.user_data_path("bridged") / "ca"
    ca = DemoCa.load_or_create(directory)
    card = make_card(args.profile, ca, keys=KeyStore(directory / "cards"))
    holder = Hand(card, args.host, args.port)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        if args.trace is not None:
            card.witness = Transcript(args.trace)
        if not args.out:
            holder.insert()
        print("ready", flush=True)
        play(holder, sys.stdin, sys.stdout)
    except CannotInsert as error:
        print(f"bridged card: {error}\n{ADVICE}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    finally:
        holder.remove()
    return 0


def catalogue() -> str:
    """Return our profiles, a line each, in both languages."""
    profiles = [(name, load(name)) for name in shipped()]
    width = max(len(name) for name, _ in profiles)
    return "\n".join(
        f"  {name:<{width}}  {profile.en}\n  {'':<{width}}  {profile.ja}"
        for name, profile in profiles
    )


class CannotInsert(Exception):
    """No vpcd reader takes the card."""


class Hand:
    """What a person does with the one card: in and out of the reader."""

    def __init__(self, card: VirtualCard, host: str, port: int) -> None:
        self.card = card
        self._host, self._port = host, port
        self._stay: tuple[VpcdLink, threading.Thread] | None = None
        self._removed_at = float("-inf")

    def insert(self) -> None:
        """Put the card in and wait until the reader has seen it; nothing if it is in."""
        if self._stay and self._stay[1].is_alive() and not self._stay[0].removed:
            return
        self.remove()
        # A reset that met no card drops vpcd's link before its next poll; a card that came before
        # that poll would be taken for the one that left.
        time.sleep(max(0.0, self._removed_at + 1.5 * POLL_S - time.monotonic()))
        try:
            link = VpcdLink(self.card, self._host, self._port)
        except OSError as error:
            where = f"{self._host}:{self._port}"
            raise CannotInsert(f"no vpcd listens on {where}: {error}") from error
        thread = threading.Thread(target=link.serve, name="vpcd", daemon=True)
        self._stay = link, thread
        thread.start()
        if not link.noticed.wait(NOTICE_S):
            self.remove()
            raise CannotInsert("the reader holds another card")

    def remove(self) -> None:
        """Take the card out and wait until the reader has noticed."""
        if self._stay:
            link, thread = self._stay
            link.remove()
            self._removed_at = time.monotonic()
            thread.join(NOTICE_S)
            self._stay = None


def play(hand: Hand, commands: Iterable[str], answers: TextIO) -> None:
    """Carry out commands until `quit`; at the end of the input wait for a signal."""
    for line in commands:
        words = line.split()
        if words:
            print(_answer(hand, words), file=answers, flush=True)
        if words == ["quit"]:
            return
    threading.Event().wait()


def _answer(hand: Hand, words: list[str]) -> str:
    match words:
        case ["insert"]:
            try:
                hand.insert()
            except CannotInsert as error:
                return f"error {error}"
            return "inserted"
        case ["remove" | "quit"]:
            hand.remove()
            return "removed"
        case ["remove-on", "sign" | "verify" as moment]:
            hand.card.pull_on(Moment(moment))
        case ["misbehave", *fault]:
            try:
                hand.card.faults.add(parse_misbehaviour(fault))
            except ValueError as error:
                return f"error {error}"
        case ["behave"]:
            hand.card.behave()
        case ["mute"]:
            hand.card.mute = True
        case ["latency", apdu_ms, signature_ms] if apdu_ms.isdecimal() and signature_ms.isdecimal():
            hand.card.apdu_latency_s = int(apdu_ms) / 1000
            hand.card.signature_latency_s = int(signature_ms) / 1000
        case ["tries"]:
            return " ".join(f"{name}={pin.tries_left}" for name, pin in hand.card.pins.items())
        case ["apdus"]:
            return f"apdus={hand.card.apdus}"
        case ["reset"]:
            hand.card.restore()
        case _:
            return "error unknown command"
    return "ok"
