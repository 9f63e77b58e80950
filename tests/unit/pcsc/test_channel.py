"""Commands and answers of any length over a connection that carries one APDU at a time."""

from __future__ import annotations

import itertools
import logging

import pytest

from bridged.errors import CardFault
from bridged.pcsc.apdu import Command, Response
from bridged.pcsc.channel import MAX_ANSWER, MAX_PARTS, Channel

GET_DATA = Command(0x00, 0xCB, 0x3F, 0xFF, b"\x5c\x01\x7e", 256)
LONG = Command(0x00, 0x87, 0x07, 0x9A, bytes(300), 0x10000)


def test_a_short_command_goes_as_it_is(script) -> None:
    channel = script(("00CB3FFF 03 5C017E 00", "AABB9000"))
    assert channel.transmit(GET_DATA) == Response(b"\xaa\xbb", 0x9000)
    assert channel.apdus == 1


def test_a_long_command_is_chained_where_the_card_takes_no_extended_length(script) -> None:
    channel = script(
        ("1087079A FF" + "00" * 255, "9000"), ("0087079A 2D" + "00" * 45 + "00", "019000")
    )
    assert channel.transmit(LONG) == Response(b"\x01", 0x9000)


def test_a_long_command_goes_in_one_where_the_card_takes_extended_length(script) -> None:
    channel = script(("0087079A 00 012C" + "00" * 300 + "0000", "019000"), extended=True)
    assert channel.transmit(LONG) == Response(b"\x01", 0x9000)


def test_a_card_that_does_not_take_what_its_atr_promised_gets_chains_from_then_on(script) -> None:
    chain = [("1087079A FF" + "00" * 255, "9000"), ("0087079A 2D" + "00" * 45 + "00", "019000")]
    refused = ("0087079A 00 012C" + "00" * 300 + "0000", "6700")
    channel = script(refused, *chain, *chain, extended=True)
    assert channel.transmit(LONG) == channel.transmit(LONG) == Response(b"\x01", 0x9000)


def test_a_short_command_stays_short_where_extended_length_is_there(script) -> None:
    channel = script(("00CB3FFF 03 5C017E 00", "9000"), extended=True)
    assert channel.transmit(GET_DATA).ok


def test_a_chained_command_without_answer_asks_for_none(script) -> None:
    channel = script(("10DB3FFF FF" + "00" * 255, "9000"), ("00DB3FFF 01 00", "9000"))
    assert channel.transmit(Command(0x00, 0xDB, 0x3F, 0xFF, bytes(256))).ok


def test_a_refused_link_ends_the_chain(script) -> None:
    channel = script(("1087079A FF" + "00" * 255, "6884"))
    assert channel.transmit(LONG).sw == 0x6884


def test_the_rest_of_an_answer_is_fetched(script) -> None:
    channel = script(
        ("00CB3FFF 03 5C017E 00", "01 6100"),
        ("00C00000 00", "02 6105"),
        ("00C00000 05", "03 9000"),
    )
    assert channel.transmit(GET_DATA) == Response(b"\x01\x02\x03", 0x9000)


def test_get_response_keeps_the_channel_of_the_class_byte_alone(script) -> None:
    channel = script(("802A0080 01 AA 00", "6101"), ("00C00000 01", "BB 9000"))
    assert channel.transmit(Command(0x80, 0x2A, 0, 0x80, b"\xaa", 256)).data == b"\xbb"


def test_the_status_behind_the_rest_is_the_answers(script) -> None:
    channel = script(("00CB3FFF 03 5C017E 00", "01 6101"), ("00C00000 01", "02 6282"))
    assert channel.transmit(GET_DATA) == Response(b"\x01\x02", 0x6282)


@pytest.mark.parametrize(("sw", "le"), [("6C10", "10"), ("6C00", "00")])
def test_a_corrected_length_is_used_once(script, sw: str, le: str) -> None:
    channel = script(("00B0000020", sw), ("00B00000" + le, "6C01"))
    assert channel.transmit(Command(0, 0xB0, 0, 0, le=32)).sw == 0x6C01


def test_a_pin_is_not_sent_again_for_a_corrected_length(script) -> None:
    channel = script(("0020008008313233343536ffff", "6C08"))
    assert channel.transmit(Command(0, 0x20, 0, 0x80, b"123456\xff\xff")).sw == 0x6C08


def test_an_answer_without_end_is_a_fault(attached) -> None:
    counter = itertools.count()
    channel: Channel = attached(lambda _: bytes(256) + b"\x61\x00" if next(counter) < 1000 else b"")
    with pytest.raises(CardFault) as caught:
        channel.transmit(GET_DATA)
    assert caught.value.sw == "6100"
    assert channel.apdus <= MAX_ANSWER // 256 + 1


def test_an_answer_that_comes_in_crumbs_is_a_fault(attached) -> None:
    channel: Channel = attached(lambda _: b"\x00\x61\x00")
    with pytest.raises(CardFault):
        channel.transmit(GET_DATA)
    assert channel.apdus == MAX_PARTS + 1


def test_an_answer_that_promises_more_and_brings_nothing_is_a_fault(attached) -> None:
    channel: Channel = attached(lambda _: b"\x61\x10")
    with pytest.raises(CardFault):
        channel.transmit(GET_DATA)
    assert channel.apdus == 2


@pytest.mark.parametrize("answer", [b"", b"\x90"])
def test_an_answer_without_status_word_is_a_fault(attached, answer: bytes) -> None:
    with pytest.raises(CardFault):
        attached(lambda _: answer).transmit(GET_DATA)


def test_every_connection_is_an_epoch_of_its_own() -> None:
    channel = Channel()
    epochs = [channel.epoch]
    channel.attach(lambda _: b"\x90\x00", extended=False)
    epochs.append(channel.epoch)
    channel.detach()
    epochs.append(channel.epoch)
    assert len(set(epochs)) == 3


def test_nothing_is_sent_without_a_connection() -> None:
    channel = Channel()
    with pytest.raises(AssertionError, match="outside a transaction"):
        channel.transmit(GET_DATA)


@pytest.mark.parametrize(
    "command",
    [
        Command(0x00, 0x20, 0x00, 0x80, b"123456\xff\xff"),
        Command(0x00, 0x24, 0x00, 0x80, b"123456\xff\xff654321\xff\xff"),
        Command(0x00, 0x2C, 0x00, 0x80, b"12345678123456\xff\xff"),
        Command(0x00, 0x24, 0x01, 0x80, b"123456" * 50),
    ],
    ids=["verify", "change", "unblock", "chained"],
)
def test_a_pin_is_never_in_the_log(caplog, attached, command: Command) -> None:
    with caplog.at_level(logging.DEBUG):
        attached(lambda _: b"\x63\xc2").transmit(command)
    assert "63C2" in caplog.text
    assert f"00{command.ins:02X}" in caplog.text or f"10{command.ins:02X}" in caplog.text
    for secret in ("123456", b"123456".hex(), "654321", b"654321".hex()):
        assert secret not in caplog.text


def test_the_log_tells_the_command_and_the_size_of_the_answer_alone(caplog, attached) -> None:
    with caplog.at_level(logging.DEBUG):
        attached(lambda _: b"\xca\xfe\x90\x00").transmit(GET_DATA)
    assert "00CB3FFF 5c017e -> 2 bytes 9000" in caplog.text
    assert "cafe" not in caplog.text.lower()
