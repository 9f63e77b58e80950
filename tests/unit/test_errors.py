"""Every error can be told to a person in two languages, and to a program by reason and code."""

from __future__ import annotations

import string
import subprocess
import sys
from dataclasses import fields
from typing import Any

import pytest

from bridged import errors
from bridged.errors import BridgedError, LocalError, PinIncorrect
from bridged.protocol.codec import REASONS

CLASSES = [
    value
    for value in vars(errors).values()
    if isinstance(value, type) and issubclass(value, BridgedError)
]
KINDS = {kind.reason: kind for kind in CLASSES if hasattr(kind, "reason")}
SAMPLES: dict[str, Any] = {"str": "x", "int": 3, "int | None": 3, "tuple[str, ...]": ("x",)}
SAMPLES["WhichSecret"] = "puk"
kinds = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


def sample(kind: type[BridgedError]) -> BridgedError:
    """Return an error of a kind with every field filled by its type."""
    return kind(**{field.name: SAMPLES[str(field.type)] for field in fields(kind)})  # type: ignore[arg-type]


def test_every_class_is_a_family_or_has_a_reason_of_its_own() -> None:
    # A module may have a shade of its own of an error, which goes over the wire as that error.
    families = {kind for kind in CLASSES if set(kind.__subclasses__()) & set(CLASSES)}
    assert not any(hasattr(family, "reason") for family in families)
    assert len(KINDS) == len(CLASSES) - len(families)


def test_codes_are_unique() -> None:
    assert len({kind.code for kind in KINDS.values()}) == len(KINDS)


def test_whatever_can_go_wrong_with_a_request_goes_over_the_wire() -> None:
    local = {reason for reason, kind in KINDS.items() if issubclass(kind, LocalError)}
    assert KINDS.keys() - REASONS.keys() == local
    assert all(KINDS[reason] is kind for reason, kind in REASONS.items())


def test_a_shade_of_an_error_that_was_imported_first_does_not_take_its_reason() -> None:
    look = (
        "import bridged.pin.assuan, bridged.protocol.codec as c; print(c.REASONS['user-cancelled'])"
    )
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(errors.UserCancelled)


@kinds
def test_reasons_are_kebab_case_and_codes_in_their_ranges(kind: type[BridgedError]) -> None:
    assert set(kind.reason) <= set(string.ascii_lowercase + "-")
    json_rpc = kind.code in {-32700, -32600, -32601, -32602, -32603}
    assert json_rpc or 4000 <= kind.code < 5000


@kinds
def test_messages_are_in_both_languages_with_the_fields_filled_in(
    kind: type[BridgedError],
) -> None:
    error = sample(kind)
    messages = error.messages()
    assert messages.keys() == {"ja", "en"}
    assert str(error) == messages["en"]
    for text in messages.values():
        assert text
        assert not set(text) & set("{}")
    assert any(c > "\u3000" for c in messages["ja"])


@kinds
def test_only_fields_are_spoken_of(kind: type[BridgedError]) -> None:
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    for text in (kind.ja, kind.en):
        assert {name for _, name, _, _ in string.Formatter().parse(text) if name} <= known


@kinds
def test_both_languages_say_the_same_numbers(kind: type[BridgedError]) -> None:
    names = [
        sorted(name for _, name, _, _ in string.Formatter().parse(text) if name)
        for text in (kind.ja, kind.en)
    ]
    assert names[0] == names[1]


def test_braces_in_a_field_are_text() -> None:
    error = errors.MethodNotFound(method="{0.__class__}{tries_left}")
    assert "{0.__class__}{tries_left}" in str(error)


def test_the_number_of_tries_is_left_out_where_there_is_no_limit() -> None:
    assert "3" in PinIncorrect(tries_left=3).messages()["ja"]
    assert PinIncorrect(tries_left=None).messages() == {
        "ja": "PIN番号が違います。",
        "en": "The PIN is not correct.",
    }


@pytest.mark.parametrize("kind", errors.SecretError.__subclasses__())
def test_the_puk_is_named_where_it_is_meant_alone(kind: type[BridgedError]) -> None:
    error = sample(kind)
    for which in errors.WhichSecret:
        error.secret = which  # type: ignore[attr-defined]
        named = ["PUK" in text for text in error.messages().values()]
        assert named == [which is errors.WhichSecret.PUK] * 2


def test_a_wrong_puk_without_a_limit_is_no_wrong_pin() -> None:
    wrong = PinIncorrect(tries_left=None, secret=errors.WhichSecret.PUK)
    assert wrong.messages() == {"ja": "PUKが違います。", "en": "The PUK is not correct."}


def test_errors_are_compared_by_identity() -> None:
    assert errors.NoCard() != errors.NoCard()
