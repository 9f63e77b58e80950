"""BER-TLV, strict: what a hostile card sends is refused, never believed."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridged.pcsc import tlv

tags = st.sampled_from([0x53, 0x70, 0x71, 0x7C, 0x81, 0x82, 0x5F2F, 0x7F49, 0x5FC105])
pairs = st.lists(st.tuples(tags.filter(lambda tag: tag != 0x5FC105), st.binary(max_size=300)))


@pytest.mark.parametrize(
    ("length", "encoded"),
    [(0, "00"), (127, "7f"), (128, "8180"), (255, "81ff"), (256, "820100"), (65536, "83010000")],
)
def test_lengths_take_the_fewest_bytes(length: int, encoded: str) -> None:
    assert tlv.encode_length(length).hex() == encoded


def test_a_template_of_general_authenticate_has_its_bytes() -> None:
    template = tlv.encode(0x7C, tlv.encode(0x82), tlv.encode(0x81, b"\x01\x02"))
    assert template.hex() == "7c06820081020102"


@given(pairs)
def test_what_was_encoded_is_parsed(values: list[tuple[int, bytes]]) -> None:
    raw = b"".join(tlv.encode(tag, value) for tag, value in values)
    assert list(tlv.parse(raw)) == values


@given(pairs, st.lists(st.sampled_from([b"\x00", b"\xff"]), max_size=5))
def test_padding_between_objects_is_passed_over(values, padding) -> None:
    filler = b"".join(padding)
    raw = b"".join(filler + tlv.encode(tag, value) for tag, value in values) + filler
    assert list(tlv.parse(raw)) == values


@given(st.sampled_from([0x30, 0x53, 0x5F2F]), st.binary(max_size=300), st.integers(5, 400))
def test_the_size_is_known_from_the_start_of_a_file(tag: int, value: bytes, cut: int) -> None:
    whole = tlv.encode(tag, value)
    assert tlv.header(whole[:cut]) == (tag, len(whole))


@given(st.binary(max_size=200))
def test_any_bytes_are_objects_or_a_tlv_error(raw: bytes) -> None:
    for function in (
        tlv.header,
        lambda data: list(tlv.parse(data)),
        lambda data: tlv.find(data, 0x53, 0x70),
    ):
        with contextlib.suppress(tlv.TlvError):
            function(raw)


@given(pairs.filter(bool), st.data())
def test_a_cut_object_is_refused(values, data) -> None:
    tag, value = values[-1]
    last = tlv.encode(tag, value)
    cut = data.draw(st.integers(1, len(last) - 1))
    raw = b"".join(tlv.encode(*pair) for pair in values[:-1]) + last[:cut]
    with pytest.raises(tlv.TlvError):
        list(tlv.parse(raw))


@pytest.mark.parametrize(
    "raw",
    ["", "5f", "5f8f8f", "53", "5380", "5381", "538400000001", "5383010000"],
    ids=["empty", "tag", "long tag", "length", "indefinite", "cut", "4 bytes", "more than 64 KiB"],
)
def test_a_header_that_no_card_could_mean_is_refused(raw: str) -> None:
    with pytest.raises(tlv.TlvError):
        tlv.header(bytes.fromhex(raw))


def test_find_descends_and_takes_the_first() -> None:
    inner = tlv.encode(0x70, b"first") + tlv.encode(0x70, b"second")
    raw = tlv.encode(0x7E) + tlv.encode(0x53, inner)
    assert tlv.find(raw, 0x53, 0x70) == b"first"
    assert tlv.find(raw, 0x7E) == b""
    with pytest.raises(tlv.TlvError):
        tlv.find(raw, 0x53, 0x71)
