"""Command and response APDUs as bytes, both ways."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridged.pcsc.apdu import SW, ApduError, Command, Response

byte = st.integers(0, 255)
short_commands = st.builds(
    Command, byte, byte, byte, byte, st.binary(max_size=255), st.none() | st.integers(1, 256)
)
content = st.binary(max_size=20) | st.integers(0, 800).map(lambda n: (bytes(range(251)) * 4)[:n])
commands = st.builds(Command, byte, byte, byte, byte, content, st.none() | st.integers(1, 65536))


@pytest.mark.parametrize(
    ("command", "short", "extended"),
    [
        (Command(0, 0x20, 0, 0x80), "00200080", "00200080"),
        (Command(0, 0xB0, 0, 0, le=16), "00b0000010", "00b00000000010"),
        (Command(0, 0xB0, 0, 0, le=256), "00b0000000", "00b00000000100"),
        (Command(0, 0xB0, 0, 0, le=65536), None, "00b00000000000"),
        (Command(0, 0xA4, 2, 0x0C, b"\x00\x17"), "00a4020c020017", "00a4020c0000020017"),
        (Command(0, 0xCB, 63, 255, b"\x5c", 256), "00cb3fff015c00", "00cb3fff0000015c0100"),
        (Command(0, 0x87, 7, 0x9A, bytes(256)), None, "0087079a000100" + "00" * 256),
    ],
)
def test_each_case_of_7816_4_has_its_bytes(command, short, extended) -> None:
    assert command.encode(extended=True).hex() == extended
    if short is None:
        assert command.needs_extended
        with pytest.raises(ApduError):
            command.encode()
    else:
        assert command.encode().hex() == short


@given(short_commands)
def test_a_short_command_is_read_back(command: Command) -> None:
    assert Command.decode(command.encode()) == command


@given(commands)
def test_an_extended_command_is_read_back(command: Command) -> None:
    assert Command.decode(command.encode(extended=True)) == command


@given(commands)
def test_links_carry_all_data_and_only_the_last_wants_an_answer(command: Command) -> None:
    *links, last = command.chain()
    assert b"".join(link.data for link in [*links, last]) == command.data
    assert all(len(link.data) == 255 and link.le is None for link in links)
    assert all(link.cla == command.cla | 0x10 for link in links)
    assert (last.cla, last.le) == (command.cla, command.le)
    assert len(last.data) <= 255


@given(st.binary(max_size=300))
def test_any_bytes_are_a_command_or_an_apdu_error(raw: bytes) -> None:
    try:
        command = Command.decode(raw)
    except ApduError:
        return
    assert raw in {command.encode(extended=True), *_short(command)}


def _short(command: Command) -> list[bytes]:
    return [] if command.needs_extended else [command.encode()]


@pytest.mark.parametrize(
    "raw",
    ["", "002000", "002000800231", "002000800000", "0020008001313233", "002000800000023132333435"],
)
def test_a_length_that_lies_is_refused(raw: str) -> None:
    with pytest.raises(ApduError):
        Command.decode(bytes.fromhex(raw))


@pytest.mark.parametrize(
    ("raw", "le"),
    [("00B00000", None), ("00B0000002", 2), ("00B0000000", 256), ("00B00000000000", 65536)],
)
def test_an_le_of_zero_asks_for_the_most(raw: str, le: int | None) -> None:
    assert Command.decode(bytes.fromhex(raw)) == Command(0x00, 0xB0, 0x00, 0x00, le=le)


@given(st.binary(max_size=300), st.integers(0, 0xFFFF))
def test_a_response_is_read_back(data: bytes, sw: int) -> None:
    response = Response(data, sw)
    assert Response.decode(response.encode()) == response
    assert response.ok == (sw == SW.OK)


@pytest.mark.parametrize("raw", [b"", b"\x90"])
def test_an_answer_without_status_word_is_refused(raw: bytes) -> None:
    with pytest.raises(ApduError):
        Response.decode(raw)


@pytest.mark.parametrize(
    ("sw", "left"),
    [
        (0x63C0, 0),
        (0x63C1, 1),
        (0x63CF, 15),
        (0x6301, 1),
        (0x6309, 9),
        (0x6983, 0),
        (0x6984, 0),
        (0x6300, None),
        (0x6310, None),
        (0x6982, None),
        (0x9000, None),
    ],
)
def test_tries_left_are_told_by_the_status_word(sw: int, left: int | None) -> None:
    assert Response(b"", sw).tries_left == left
