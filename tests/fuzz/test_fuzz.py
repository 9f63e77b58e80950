"""A short run of the fuzz targets, the same everywhere; `make fuzz` goes on from here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .targets import TARGETS, fuzz_card

HERE = Path(__file__).parent
FIXED = settings(derandomize=True, deadline=None, database=None)


@pytest.mark.parametrize("target", ["tlv", "apdu", "atr"])
@settings(FIXED, max_examples=300)
@given(data=st.binary(max_size=300))
def test_bytes_of_a_card_are_read_or_refused(target: str, data: bytes) -> None:
    TARGETS[target](data)


@settings(FIXED, max_examples=100)
@given(data=st.binary(max_size=60))
def test_any_certificate_is_read_or_refused(data: bytes) -> None:
    TARGETS["certificate"](data)


@pytest.mark.timeout(120)
@settings(FIXED, max_examples=120)
@given(head=st.integers(0, 7), script=st.binary(min_size=1, max_size=200))
def test_no_card_makes_a_driver_fail_otherwise_than_it_may(head: int, script: bytes) -> None:
    fuzz_card(bytes((head,)) + script)


@pytest.mark.parametrize("head", range(8))
@pytest.mark.parametrize(
    "script",
    [
        bytes((6, 1, 0x00, 19)),  # one byte, then 61 01 for ever
        bytes((6, 32, *range(1, 33), 20)),
        bytes((5, 2, 0x53, 0x82)),
        bytes((5, 4, 0x30, 0x82, 0x1F, 0xF0)),
        bytes((7, 0)),
        bytes((7, 1, 0x90)),
        *(bytes((3, n)) for n in range(26)),
    ],
    ids=lambda script: script[:4].hex(),
)
def test_an_answer_for_ever_is_not_asked_for_for_ever(head: int, script: bytes) -> None:
    fuzz_card(bytes((head,)) + script)


def test_the_corpus_passes_the_entry_point_of_atheris() -> None:
    corpus = HERE / "corpus"
    inputs = len(list(corpus.iterdir()))
    done = subprocess.run(
        [sys.executable, str(HERE / "run.py"), "-runs=0", str(corpus)],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"{inputs} files found" in done.stderr
