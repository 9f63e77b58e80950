"""A conversation as people read it."""

from __future__ import annotations

import io
from itertools import pairwise

import pytest

from bridged.errors import CardRemoved
from bridged.virtual.card import VirtualCard
from bridged.virtual.trace import Transcript

PIV = """\
00A4040005A000000308              SELECT PIV | 5 | 19 | 9000 ok
00CB3FFF0000055C035FC10A0000      GET DATA 9C certificate | 5 | {certificate} | 9000 ok
00CB3FFF055C035FC10500            GET DATA 9A certificate | 5 | 256 | 6100 256 or more bytes to come
00C0000000                        GET RESPONSE | 0 | 256 | 6100 256 or more bytes to come
00CB3FFF055C035FC12200            GET DATA object 5FC122 | 5 | 0 | 6A82 not found
00CB3FFF03FFFFFF00                GET DATA of a malformed tag list | 3 | 0 | 6A80 wrong data
00200080                          VERIFY PIN, tries left? | 0 | 0 | 63C3 3 tries left
00200080083132333435FFFFFF        VERIFY PIN *** | *** | 0 | 6A80 wrong data
0020008008363534333231FFFF        VERIFY PIN *** | *** | 0 | 63C2 wrong, 2 tries left
0020008008313233343536FFFF        VERIFY PIN *** | *** | 0 | 9000 ok
002400811031323334353637383132333435363738 CHANGE REFERENCE DATA PUK *** | *** | 0 | 9000 ok
002C00801031323334353637383132333435363738 RESET RETRY COUNTER PIN *** | *** | 0 | 9000 ok
1087079C027C00                    GENERAL AUTHENTICATE 9C RSA-2048 (chained) | 2 | 0 | 9000 ok
00871B9C027C00                    GENERAL AUTHENTICATE 9C algorithm 1B | 2 | 0 | 6A86 wrong P1 P2
00A404000AD27600012401030405FF    SELECT OpenPGP | 10 | 0 | 6A82 not found
00A4040005A000000001              SELECT AID A000000001 | 5 | 0 | 6A82 not found
00F80000                          INS F8, P1 P2 00 00 | 0 | 0 | 6D00 unknown instruction
001122                            not an APDU: 00 11 22 | 3 | 0 | 6700 wrong length
"""

JPKI = """\
00A4040C0AD392F000260100000001    SELECT JPKI | 10 | 0 | 9000 ok
00A4020C02000A                    SELECT authentication certificate | 2 | 0 | 9000 ok
00B0000010                        READ BINARY authentication certificate at 0 | 0 | 16 | 9000 ok
00B0820010                        READ BINARY signature CA at 0 | 0 | 16 | 9000 ok
00B08B0410                        READ BINARY authentication CA at 4 | 0 | 16 | 9000 ok
00A4020C0200FF                    SELECT EF 00FF | 2 | 0 | 6A82 not found
00A4020C02001B                    SELECT signature PIN | 2 | 0 | 9000 ok
00200080                          VERIFY signature PIN, tries left? | 0 | 0 | 63C5 5 tries left
0020008006414243313233            VERIFY signature PIN *** | *** | 0 | 9000 ok
802A009A023000                    COMPUTE DIGITAL SIGNATURE signature key | 2 | 256 | 9000 ok
802A0097023000                    COMPUTE DIGITAL SIGNATURE authentication key | 2 | 0 | 6982 PIN needed
"""


def lines(card: VirtualCard, script: str) -> list[str]:
    """Play a script; return what the transcript says without numbers and times, parted by bars."""
    output = io.StringIO()
    card.witness = Transcript(output)
    try:
        for line in script.splitlines():
            card.transmit(bytes.fromhex(line.split(maxsplit=1)[0]))
    finally:
        card.witness = None
    head, *written = output.getvalue().splitlines()
    columns = (6, head.index("sent") - 2, head.index("sent") + 4, head.index("got") + 3)
    told = [[line[at:end].strip() for at, end in pairwise(columns)] for line in written]
    answers = [line[head.index("answer") :] for line in written]
    return [" | ".join((*line, answer)) for line, answer in zip(told, answers, strict=True)]


@pytest.mark.parametrize("name", ["ebid", "jpki"])
def test_each_exchange_is_told_in_words(name: str, ebid: VirtualCard, jpki: VirtualCard) -> None:
    card, script = (ebid, PIV) if name == "ebid" else (jpki, JPKI)
    size = 0
    if name == "ebid":
        card.transmit(bytes.fromhex("00A4040005A000000308"))
        size = len(card.transmit(bytes.fromhex("00CB3FFF0000055C035FC10A0000"))) - 2
        card.reset()
    expected = [line.split(maxsplit=1)[1].strip() for line in script.splitlines()]
    assert lines(card, script) == [line.format(certificate=size) for line in expected]


def test_no_pin_and_no_length_of_one_is_written(ebid: VirtualCard) -> None:
    output = io.StringIO()
    ebid.witness = Transcript(output)
    try:
        for header in ("00200080", "00240080", "002C0080", "10200080", "00200100", "0C200080"):
            for pin in (b"123456", b"12345678"):
                ebid.transmit(bytes.fromhex(header) + bytes((len(pin),)) + pin)
    finally:
        ebid.witness = None
    written = output.getvalue()
    assert "123456" not in written
    assert b"123456".hex() not in written
    assert [line.split("***")[-1].split()[0] for line in written.splitlines()[1:]] == ["0"] * 12


def test_what_is_no_answer_is_told_as_such(ebid: VirtualCard) -> None:
    output = io.StringIO()
    ebid.witness = Transcript(output)
    ebid.pull()
    with pytest.raises(CardRemoved):
        ebid.transmit(bytes.fromhex("00200080"))
    ebid.witness(b"\0\x20\0\x80", b"\x90", 0.0123)
    ebid.witness = None
    _, removed, cut = output.getvalue().splitlines()
    assert removed.endswith("no answer")
    assert cut.split()[-5:] == ["12.3", "no", "status", "word:", "90"]
