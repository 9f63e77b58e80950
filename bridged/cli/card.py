"""`bridged card`: a virtual card in a vpcd reader, played by commands on standard input."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import platformdirs

from bridged.cli.arguments import add_ca, tcp_port
from bridged.cli.language import say
from bridged.cli.output import add_json, print_json
from bridged.errors import FileUnusable

if TYPE_CHECKING:
    from bridged.virtual.profile import Profile

HELP = (
    """\
コマンド（1行に1つ。応答も1行ずつ）:
  insert            ICカードを挿入する                  inserted
  remove            取り出す                            removed
  remove-on sign    署名を求められた時に取り出す        ok
  remove-on verify  PINが届いた時に取り出す             ok
  misbehave KIND [VALUE] [on MOMENT] [after N] [times N]
                    異常な応答をする                    ok
  behave            異常な応答をやめる                  ok
  mute              次の挿入でATRを返さない             ok
  latency APDU SIGN 応答を遅らせる（ミリ秒）            ok
  tries             各PINの残り回数                     pin=3 puk=3
  apdus             受け取ったコマンドの数              apdus=12
  reset             PINと回数を最初の状態に戻す         ok
  quit              取り出して終了する                  removed
失敗すると、"error" で始まる行で応答します。

KIND: short、garbage、no-status、reset、removed、status（VALUEはステータスワード）、silence\
（VALUEは秒数、なければ無応答のまま）。MOMENT: any、select、read、verify、tries、sign。異常な応答は\
最初の該当コマンドで1回だけです。"after" と "times" で変えられ、"times 0" は以後ずっとです。
""",
    """\
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

KIND: short, garbage, no-status, reset, removed; status with a status word as VALUE; silence with \
seconds as VALUE, or none for ever. MOMENT: any, select, read, verify, tries, sign. A fault comes once, at \
the first such command, unless "after" and "times" say otherwise; "times 0" is from then on.
""",
)


ADVICE = (
    "vsmartcard-vpcdをインストールしてpcscdを再起動するか、bridged serve --virtual をお使いください。",
    "Install vsmartcard-vpcd and restart pcscd, or use a reader without pcscd: bridged serve --virtual",
)


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `card` to the commands of `bridged`."""
    parser = commands.add_parser(
        "card",
        help=say(
            "仮想のICカードをvpcdのリーダーに挿入する", "put a virtual card into a vpcd reader"
        ),
        epilog=say(*HELP),
    )
    parser.add_argument(
        "--profile",
        metavar="NAME|FILE",
        help=say("カードの種類（--list で一覧）", "which card; see --list"),
    )
    parser.add_argument(
        "--list",
        action="store_true",
        help=say("用意されているカードの名前を表示する", "tell the names of our cards"),
    )
    add_json(
        parser,
        "--list の結果をJSONで出力する（カードの応答は1行1語のまま）",
        "with --list: print JSON; what a card answers is one word a line",
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help=say(
            "vpcdの待ち受けるホスト（標準: %(default)s）",
            "where vpcd listens (default: %(default)s)",
        ),
    )
    parser.add_argument(
        "--port",
        type=tcp_port,
        help=say("vpcdのポート（標準: 35963）", "vpcd's port (default 35963)"),
    )
    add_ca(parser)
    parser.add_argument(
        "--out",
        action="store_true",
        help=say("リーダーに挿入せずに始める", "begin outside of the reader"),
    )
    parser.add_argument(
        "--trace",
        type=Path,
        metavar="FILE",
        help=say(
            "すべてのAPDUを読める形で保存する（PINは除く）",
            "write every APDU as a readable transcript, PINs left out",
        ),
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve the card until `quit` or SIGTERM; the end of the input only ends the commands."""
    from bridged.virtual.ca import DemoCa
    from bridged.virtual.hand import CannotInsert, Hand, play
    from bridged.virtual.keystore import KeyStore
    from bridged.virtual.profiles import make_card
    from bridged.virtual.trace import Transcript
    from bridged.virtual.vpcd import DEFAULT_PORT

    if args.list or args.profile is None:
        if args.json:
            print_json({"profiles": [{"name": n, "ja": p.ja, "en": p.en} for n, p in profiles()]})
        else:
            print(catalogue())
        return 0 if args.list else 2
    directory = args.ca or platformdirs.user_data_path("bridged") / "ca"
    ca = DemoCa.load_or_create(directory)
    card = make_card(args.profile, ca, keys=KeyStore(directory / "cards"))
    holder = Hand(card, args.host, args.port or DEFAULT_PORT)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        if args.trace is not None:
            card.witness = Transcript(_opened(args.trace))
        if not args.out:
            holder.insert()
        print("ready", flush=True)
        play(holder, sys.stdin, sys.stdout)
    except CannotInsert as error:
        print(f"bridged card: {error}\n{say(*ADVICE)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    finally:
        holder.remove()
    return 0


def _opened(file: Path) -> TextIO:
    try:
        return file.open("w", encoding="utf-8")
    except OSError as error:
        raise FileUnusable(file=str(file), detail=error.strerror or str(error)) from None


def profiles() -> list[tuple[str, Profile]]:
    """Return the cards of ours, by name."""
    from bridged.virtual.profile import load, shipped

    return [(name, load(name)) for name in shipped()]


def catalogue() -> str:
    """Return our profiles, a line each, in both languages."""
    width = max(len(name) for name, _ in profiles())
    return "\n".join(
        f"  {name:<{width}}  {profile.en}\n  {'':<{width}}  {profile.ja}"
        for name, profile in profiles()
    )
