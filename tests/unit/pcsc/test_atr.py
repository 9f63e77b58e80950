"""What an answer to reset says of extended length."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridged.pcsc.atr import historical_bytes, supports_extended_length
from bridged.virtual.card import make_atr

YUBIKEY_5 = "3bfd1300008131fe158073c021c057597562694b657940"
OPENPGP_CARD = "3bda18ff81b1fe751f030031f573c001600090001c"
CONTACTLESS = "3b8980014a434f503431563232 4b".replace(" ", "")


@pytest.mark.parametrize(
    ("atr", "history"),
    [
        (YUBIKEY_5, "8073c021c057597562694b6579"),
        (OPENPGP_CARD, "0031f573c00160009000"),
        ("3b00", ""),
        ("3b02abcd", "abcd"),
        ("3bf0", ""),
        ("3b8a", ""),
        ("3b8a80", ""),
        ("3b05abcd", ""),
        ("", ""),
        ("3b", ""),
    ],
)
def test_historical_bytes_stand_behind_the_interface_bytes(atr: str, history: str) -> None:
    assert historical_bytes(bytes.fromhex(atr)).hex() == history


@pytest.mark.parametrize(
    ("atr", "extended"),
    [
        (YUBIKEY_5, True),
        (OPENPGP_CARD, True),
        (make_atr(b"ebid").hex(), True),
        ("3b07 8073c0014054ff".replace(" ", ""), True),
        ("3b05 8073c00180".replace(" ", ""), False),
        ("3b08 0073c0014000 9000".replace(" ", ""), True),
        ("3b04 8031f573".replace(" ", ""), False),
        ("3b05 4073c00140".replace(" ", ""), False),
        ("3b04 8072c001".replace(" ", ""), False),
        (CONTACTLESS, False),
        ("3b00", False),
        ("", False),
    ],
)
def test_extended_length_is_what_the_card_capabilities_say(atr: str, extended: bool) -> None:  # noqa: FBT001
    assert supports_extended_length(bytes.fromhex(atr)) is extended


@given(st.binary(max_size=40))
def test_any_atr_can_be_looked_at(atr: bytes) -> None:
    assert len(historical_bytes(atr)) <= 15
    assert supports_extended_length(atr) in {True, False}
