"""`bridged readers`: the readers and what is in them, as the daemon sees them."""

from __future__ import annotations

import argparse
from contextlib import ExitStack

import msgspec

from bridged.cli.daemon import add_connection, connect
from bridged.cli.language import language, say
from bridged.cli.output import add_json, print_json
from bridged.cli.table import Cell, Colour, show
from bridged.errors import NoReader
from bridged.model import Reader, ReaderState
from bridged.protocol import messages as m

HEADER = {
    "ja": ("リーダー", "状態", "カード", "PINパッド"),
    "en": ("READER", "STATE", "CARD", "PINPAD"),
}
STATES = {
    ReaderState.EMPTY: ("カードなし", "empty", Colour.FAINT),
    ReaderState.PRESENT: ("カードあり", "card inserted", Colour.GOOD),
    ReaderState.MUTE: ("カードが応答しません", "card does not answer", Colour.BAD),
    ReaderState.UNAVAILABLE: ("使用できません", "unavailable", Colour.BAD),
    ReaderState.IN_USE: ("ほかのプログラムが使用中", "in use by another program", Colour.WARNING),
}
HAS_PINPAD = {"ja": "あり", "en": "yes"}


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "readers",
        help=say(
            "リーダーと、挿入されているICカードを一覧表示する",
            "list the readers and the cards in them",
        ),
    )
    add_json(parser, "reader.list の結果をJSONで出力する", "print them as reader.list gives them")
    add_connection(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the readers; raises `NoReader` where there is none to show."""
    with ExitStack() as stack:
        bridge = connect(stack, args)
        if args.json:
            print_json(bridge.call("reader.list", m.NoParams(), msgspec.Raw))
            return 0
        readers = bridge.readers()
    if not readers:
        raise NoReader
    show(HEADER[language()], [row(each) for each in readers])
    return 0


def row(reader: Reader) -> list[Cell]:
    """Return a reader as a line of the table."""
    ja, en, colour = STATES[reader.state]
    card = reader.card.label if reader.card else ""
    return [
        Cell(reader.name),
        Cell(ja if language() == "ja" else en, colour),
        Cell(card),
        Cell(HAS_PINPAD[language()] if reader.pinpad else ""),
    ]
