"""JSON and types, both ways, and errors there and back."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridged import errors
from bridged.errors import BridgedError, InternalError, InvalidParams, ParseError
from bridged.model import Algorithm, CardType, Wire
from bridged.protocol import codec, messages
from bridged.protocol.codec import REASONS, ErrorObject, LaterError, error_from, error_object

SAMPLES: dict[str, Any] = {
    "str": "x",
    "int": 3,
    "int | None": None,
    "tuple[str, ...]": (Algorithm.RS256, Algorithm.ES256),
    "WhichSecret": errors.WhichSecret.PUK,
}


class Inner(messages.Params, frozen=True):
    """Something with a member."""

    deep_member: int


class Params(messages.Params, frozen=True):
    """Something with everything."""

    inner: Inner
    many: tuple[Inner, ...] = ()
    at: datetime | None = None
    data: bytes = b""


@pytest.mark.parametrize("kind", REASONS.values(), ids=REASONS)
def test_an_error_survives_the_wire(kind: type[BridgedError]) -> None:
    error = kind(**{field.name: SAMPLES[str(field.type)] for field in fields(kind)})  # type: ignore[arg-type]
    sent = codec.encode({"jsonrpc": "2.0", "id": 1, "error": error_object(error)})
    frame = codec.decode_frame(sent)
    assert isinstance(frame.error, ErrorObject)
    got = error_from(frame.error)
    assert type(got) is kind
    assert json.loads(codec.encode(got.data())) == json.loads(codec.encode(error.data()))
    assert got.messages() == error.messages()
    assert frame.error.data["messages"] == error.messages()


def test_an_error_carries_the_signatures_made_before_it() -> None:
    error = errors.CardRemoved()
    error.made = (b"\x01", b"\x02\x03")
    frame = codec.decode_frame(codec.encode({"jsonrpc": "2.0", "error": error_object(error)}))
    assert isinstance(frame.error, ErrorObject)
    assert frame.error.data["signatures"] == ["AQ==", "AgM="]
    assert error_from(frame.error).made == error.made
    assert "signatures" not in error_object(errors.CardRemoved()).data


def test_fields_are_camel_case_on_the_wire() -> None:
    data = error_object(errors.PinFormat(min_length=4, max_length=4, alphabet="digits")).data
    assert data.keys() == {"reason", "messages", "minLength", "maxLength", "alphabet", "secret"}


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"reason": "of-a-later-version"},
        {"reason": None},
        {"reason": ["no-card"]},
        {"reason": "of-a-later-version", "messages": "text"},
        {"reason": None, "messages": {"ja": "文", "en": "text"}},
        {"reason": "pin-incorrect"},
        {"reason": "pin-incorrect", "tries_left": 1},
        {"reason": "no-card", "signatures": [1]},
    ],
)
def test_an_error_of_no_known_form_is_internal_and_keeps_its_code(data: dict[str, Any]) -> None:
    error = error_from(ErrorObject(-32000, "text", data))
    assert isinstance(error, InternalError)
    assert error.id == "-32000"


@pytest.mark.parametrize("later", [{"more": 1}, {"self": 1}, {"made": 1}, {"tries_left": 2}])
def test_members_of_a_later_version_are_passed_over(later: dict[str, Any]) -> None:
    error = error_from(
        ErrorObject(4302, "text", {"reason": "pin-incorrect", "triesLeft": 1, **later})
    )
    assert isinstance(error, errors.PinIncorrect)
    assert error.tries_left == 1
    assert error.made == ()


def test_what_an_earlier_version_does_not_tell_has_its_default() -> None:
    error = error_from(ErrorObject(4302, "text", {"reason": "pin-incorrect", "triesLeft": 1}))
    assert error.data() == {"tries_left": 1, "secret": "pin"}


def test_a_reason_of_a_later_version_keeps_its_code_and_messages() -> None:
    messages = {
        "ja": "リーダーを明るい所に置いてください。",
        "en": "Put the reader into the light.",
    }
    data = {"reason": "too-dark", "messages": messages, "lux": 3, "signatures": ["AAE="]}
    error = error_from(ErrorObject(4109, messages["en"], data))
    assert isinstance(error, LaterError)
    assert (error.reason, error.code, error.messages()) == ("too-dark", 4109, messages)
    assert str(error) == messages["en"]
    assert error.made == (b"\0\1",)
    assert error_object(error).data == {
        "reason": "too-dark",
        "messages": messages,
        "signatures": (b"\0\1",),
    }


@given(st.dictionaries(st.text(max_size=10) | st.sampled_from(["reason", "id", "sw"]), st.text()))
def test_any_error_of_a_daemon_is_an_error_here(data: dict[str, Any]) -> None:
    assert isinstance(error_from(ErrorObject(1, "text", data)), BridgedError)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("{}", "inner"),
        ("1", "params"),
        ('{"inner":1}', "inner"),
        ('{"inner":{}}', "inner.deepMember"),
        ('{"inner":{"deepMember":"1"}}', "inner.deepMember"),
        ('{"inner":{"deepMember":1,"x":1}}', "inner.x"),
        ('{"inner":{"deepMember":1},"many":[{"deepMember":1},{}]}', "many[1].deepMember"),
        ('{"inner":{"deepMember":1},"many":[null]}', "many[0]"),
        ('{"inner":{"deepMember":1},"data":"A"}', "data"),
        ('{"inner":{"deepMember":1},"at":"yesterday"}', "at"),
        ('{"inner":{"deepMember":1},"deep_member":1}', "deep_member"),
    ],
)
def test_what_is_wrong_is_told_with_its_path(text: str, path: str) -> None:
    with pytest.raises(InvalidParams) as caught:
        codec.decode_params(msgspec.Raw(text.encode()), Params)
    assert caught.value.path == path
    assert 0 < len(caught.value.detail) <= 200


def test_parameters_that_nest_without_end_are_invalid() -> None:
    nested = b'{"inner":' * 200_000 + b"1" + b"}" * 200_000
    with pytest.raises(InvalidParams, match="nested too deeply"):
        codec.decode_params(msgspec.Raw(nested), dict[str, Any])


def test_the_name_of_an_unknown_member_is_bounded() -> None:
    text = json.dumps({"inner": {"deepMember": 1}, "x" * 5000: 1})
    with pytest.raises(InvalidParams) as caught:
        codec.decode_params(msgspec.Raw(text.encode()), Params)
    assert len(caught.value.path) <= 200
    assert len(caught.value.detail) <= 200


def test_values_are_as_the_contract_says() -> None:
    value = Params(
        inner=Inner(deep_member=1), at=datetime(2026, 4, 1, 12, tzinfo=UTC), data=b"\xfb\xff"
    )
    text = codec.encode(value)
    assert json.loads(text) == {
        "inner": {"deepMember": 1},
        "many": [],
        "at": "2026-04-01T12:00:00Z",
        "data": "+/8=",
    }
    assert codec.decode_result(msgspec.Raw(text.encode()), Params) == value


@pytest.mark.parametrize("text", ["", "{", "[]", "1", '{"id":1}', "[" * 200_000, b"\xff"])
def test_a_frame_that_is_none_is_a_parse_error(text: str | bytes) -> None:
    with pytest.raises(ParseError):
        codec.decode_frame(text)


@pytest.mark.parametrize("text", ["", "{}", '{"inner":{"deepMember":"1"}}'])
def test_a_result_of_another_form_is_a_parse_error(text: str) -> None:
    with pytest.raises(ParseError):
        codec.decode_result(msgspec.Raw(text.encode()), Params)


class InnerResult(Wire, frozen=True):
    """A part of a result."""

    deep_member: int
    kind: CardType = CardType.PIV


class Result(Wire, frozen=True):
    """What a daemon answers."""

    inner: InnerResult


def test_a_result_may_have_members_and_kinds_of_later_versions() -> None:
    text = b'{"inner":{"deepMember":1,"kind":"quantum","x":[{}]},"later":{"x":1}}'
    result = codec.decode_result(msgspec.Raw(text), Result)
    assert result.inner.kind == "quantum"
    assert json.loads(codec.encode(result)) == {"inner": {"deepMember": 1, "kind": "quantum"}}
    assert "quantum" not in [*CardType]
    with pytest.raises(ParseError):
        codec.decode_result(msgspec.Raw(text.replace(b'"quantum"', b"1")), Result)


def test_a_frame_may_have_members_of_later_versions() -> None:
    frame = codec.decode_frame('{"jsonrpc":"2.0","id":1,"result":{},"later":1}')
    assert frame.id == 1
    assert frame.error is msgspec.UNSET


@pytest.mark.parametrize(
    ("python", "wire"),
    [("origin", "origin"), ("not_before", "notBefore"), ("expires_in_days", "expiresInDays")],
)
def test_names_have_two_spellings(python: str, wire: str) -> None:
    assert codec.wire_name(python) == wire


@pytest.mark.parametrize(
    "text",
    [
        '{"jsonrpc":"2.0","id":1,"method":"bridge.info","method":"reader.list"}',
        '{"jsonrpc":"2.0","id":1,"id":1,"method":"bridge.info"}',
        '{"jsonrpc":"2.0","id":1,"method":"x","params":{"pin":"1","pin":"2"}}',
        '{"jsonrpc":"2.0","id":1,"method":"x","params":{"pin":"1","p\\u0069n":"2"}}',
        '{"jsonrpc":"2.0","id":1,"method":"x","params":[{"a":{"b":1,"b":1}}]}',
    ],
)
def test_a_member_that_stands_twice_is_refused_wherever_it_stands(text: str) -> None:
    with pytest.raises(errors.InvalidRequest, match="twice"):
        codec.decode_envelope(text)


@pytest.mark.parametrize("params", ["[" * 100_000, '{"a":' * 100_000, "1" * 5000])
def test_depth_and_length_are_no_way_around_that(params: str) -> None:
    with pytest.raises(ParseError):
        codec.decode_envelope(f'{{"jsonrpc":"2.0","id":1,"method":"x","params":{params}}}')
