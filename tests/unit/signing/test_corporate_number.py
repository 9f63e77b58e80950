"""法人番号: found by its check digit wherever an issuer may have put it."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from bridged.signing.corporate_number import find, is_valid

TAX_AGENCY, DIGITAL_AGENCY = "7000012050002", "8000012010038"


def name(oid: x509.ObjectIdentifier, value: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(oid, value)])


@pytest.mark.parametrize("number", [TAX_AGENCY, DIGITAL_AGENCY])
def test_numbers_of_the_register_are_valid(number: str) -> None:
    assert is_valid(number)


@given(st.sampled_from([TAX_AGENCY, DIGITAL_AGENCY]), st.integers(0, 12), st.integers(1, 8))
def test_one_wrong_digit_is_seen(number: str, place: int, more: int) -> None:
    """0 and 9 weigh the same, so one is not told from the other."""
    wrong = str((int(number[place]) + more) % 10)
    if {wrong, number[place]} != {"0", "9"}:
        assert not is_valid(number[:place] + wrong + number[place + 1 :])


@pytest.mark.parametrize(
    ("oid", "text"),
    [
        (NameOID.ORGANIZATION_IDENTIFIER, f"NTRJP-{TAX_AGENCY}"),
        (NameOID.SERIAL_NUMBER, TAX_AGENCY),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, f"法人番号{TAX_AGENCY}"),
        (NameOID.ORGANIZATION_NAME, "国税庁（７００００１２０５０００２）"),
    ],
)
def test_it_is_found_wherever_it_stands(oid: x509.ObjectIdentifier, text: str) -> None:
    assert find([name(oid, text)]) == TAX_AGENCY


@pytest.mark.parametrize(
    "text",
    ["7000012050003", f"{TAX_AGENCY}0", f"1{TAX_AGENCY}", "700001205000", "x" * 64, "٧" * 13],
)
def test_other_digits_are_none(text: str) -> None:
    assert find([name(NameOID.SERIAL_NUMBER, text)]) is None


def test_the_first_name_that_has_one_counts() -> None:
    names = [
        name(NameOID.COMMON_NAME, TAX_AGENCY),
        name(NameOID.SERIAL_NUMBER, DIGITAL_AGENCY),
        name(NameOID.SERIAL_NUMBER, TAX_AGENCY),
    ]
    assert find(names) == DIGITAL_AGENCY
    assert find([]) is None
