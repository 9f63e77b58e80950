"""`client-js/src/protocol.ts` is written by hand: hold it to the types the daemon uses."""

from __future__ import annotations

import json
import re
import types
import typing
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from pathlib import Path

import msgspec
import pytest

from bridged.model import DEFAULT_PORT, Grant, Wire
from bridged.protocol import messages
from bridged.protocol.codec import REASONS, wire_name

SOURCE = Path(__file__).parents[3] / "client-js" / "src" / "protocol.ts"
SCALARS = {
    str: "string",
    int: "number",
    bool: "boolean",
    bytes: "Base64",
    datetime: "Timestamp",
    type(None): "null",
}
ALIASES = {"Base64": "string", "Timestamp": "string", "Empty": "Readonly<Record<string, never>>"}
WIRE_REASONS = sorted(REASONS)
DECLARATION = re.compile(
    r"export (?:interface (?P<interface>\w+) \{(?P<members>.*?)\n\}"
    r"|type (?P<type>\w+) =(?P<definition>[^;]*);"
    r"|const (?P<const>\w+) = (?P<value>\{.*?\} as const|[^;{]*);)\n",
    re.DOTALL,
)
MEMBER = re.compile(r"(?:readonly )?(?P<name>[\w\"\-.]+\??): (?P<type>\{[^}]*\}|[^;{]+);\s*")


class Declarations:
    """What a file declares; refuses a line that it does not understand."""

    def __init__(self, source: str) -> None:
        text = re.sub(r"/\*\*.*?\*/", "", source, flags=re.DOTALL)
        self.interfaces: dict[str, dict[str, str]] = {}
        self.types: dict[str, str] = {}
        self.constants: dict[str, str] = {}
        for match in DECLARATION.finditer(text):
            if name := match["interface"]:
                self.interfaces[name] = members(match["members"])
            elif name := match["type"]:
                self.types[name] = " ".join(match["definition"].split()).removeprefix("| ")
            else:
                self.constants[match["const"]] = match["value"]
        rest = DECLARATION.sub("", text).strip()
        assert not rest, f"not understood: {rest}"

    def literals(self, name: str) -> list[str]:
        """Return the members of a union of string literals."""
        return [json.loads(each) for each in self.types[name].split(" | ")]


def members(braced: str) -> dict[str, str]:
    """Return name (with `?` where it may be left out) -> type of an interface's members."""
    body = braced.strip("{} \n").removesuffix(";") + ";"
    found = {m["name"].replace('"', ""): m["type"].strip() for m in MEMBER.finditer(body)}
    rest = MEMBER.sub("", body)
    assert not rest, f"not understood: {rest}"
    return found


@pytest.fixture(scope="module")
def declared() -> Declarations:
    return Declarations(SOURCE.read_text(encoding="utf-8"))


def typescript(kind: object) -> str:
    """Return a Python type as the TypeScript that stands for it on the wire."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        return typescript(arguments[0])
    if origin is dict:
        return f"Readonly<Record<string, {typescript(arguments[1])}>>"
    if kind is typing.Any:
        return "unknown"
    if origin in {tuple, list}:
        item = typescript(arguments[0])
        return f"readonly ({item})[]" if " | " in item else f"readonly {item}[]"
    if origin in {types.UnionType, typing.Union}:
        return " | ".join(typescript(each) for each in arguments)
    if isinstance(kind, type) and issubclass(kind, Wire | StrEnum):
        return kind.__name__
    return SCALARS[typing.cast("type", kind)]


def shape(struct: type[Wire]) -> dict[str, str]:
    """Return the members of a struct as an interface has them."""
    hints = typing.get_type_hints(struct, include_extras=True)
    return {
        field.encode_name + ("" if field.required else "?"): typescript(hints[field.name])
        for field in msgspec.structs.fields(struct)
    }


def reachable(kind: object) -> Iterator[type]:
    """Yield every struct and enum that a type holds, itself included."""
    for each in typing.get_args(kind):
        yield from reachable(each)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        yield kind
    elif isinstance(kind, type) and issubclass(kind, Wire):
        yield kind
        for hint in typing.get_type_hints(kind, include_extras=True).values():
            yield from reachable(hint)


def wire_types() -> set[type]:
    ends = [end for m in messages.METHODS.values() for end in (m.params, m.result)]
    told = [hint for kind in REASONS.values() for hint in typing.get_type_hints(kind).values()]
    return {
        each
        for root in [*ends, *messages.NOTIFICATIONS.values(), Grant, *told]
        for each in reachable(root)
    } - {messages.Empty, messages.NoParams}


STRUCTS = sorted((t for t in wire_types() if issubclass(t, Wire)), key=lambda t: t.__name__)
ENUMS = sorted((t for t in wire_types() if issubclass(t, StrEnum)), key=lambda t: t.__name__)


@pytest.mark.parametrize("struct", STRUCTS, ids=lambda t: t.__name__)
def test_interface_has_the_members_of_the_struct(
    declared: Declarations, struct: type[Wire]
) -> None:
    assert declared.interfaces[struct.__name__] == shape(struct)


@pytest.mark.parametrize("enum", ENUMS, ids=lambda t: t.__name__)
def test_union_has_the_literals_of_the_enum(declared: Declarations, enum: type[StrEnum]) -> None:
    assert declared.literals(enum.__name__) == [each.value for each in enum]


def test_nothing_is_declared_that_the_daemon_does_not_know(declared: Declarations) -> None:
    assert declared.interfaces.keys() == {
        *(struct.__name__ for struct in STRUCTS),
        "Methods",
        "Notifications",
        "Errors",
    }
    assert declared.types.keys() == {
        *(enum.__name__ for enum in ENUMS),
        *ALIASES,
    }
    assert {name: declared.types[name] for name in ALIASES} == ALIASES


def test_methods_are_the_same(declared: Declarations) -> None:
    assert declared.interfaces["Methods"] == {
        name: f"{{ params: {_name(method.params)}; result: {_name(method.result)} }}"
        for name, method in messages.METHODS.items()
    }


def _name(kind: type[Wire]) -> str:
    """Return the name of a type in TypeScript, where one stands for both that hold nothing."""
    return "Empty" if kind is messages.NoParams else kind.__name__


def test_notifications_are_the_same(declared: Declarations) -> None:
    assert declared.interfaces["Notifications"] == {
        name: event.__name__ for name, event in messages.NOTIFICATIONS.items()
    }


def test_reasons_of_errors_are_the_same(declared: Declarations) -> None:
    assert declared.interfaces["Errors"].keys() == set(WIRE_REASONS)


@pytest.mark.parametrize("reason", WIRE_REASONS)
def test_error_has_the_fields_of_the_class(declared: Declarations, reason: str) -> None:
    hints = {
        wire_name(name): typescript(hint)
        for name, hint in typing.get_type_hints(REASONS[reason]).items()
        if typing.get_origin(hint) is not typing.ClassVar
    }
    written = declared.interfaces["Errors"][reason]
    assert (members(written) if written != "Empty" else {}) == hints


def test_constants_are_the_same(declared: Declarations) -> None:
    codes = declared.constants.pop("CloseCode").removesuffix(" as const")
    assert json.loads(re.sub(r",(\s*\})", r"\1", re.sub(r"(\w+):", r'"\1":', codes))) == {
        code.name: code.value for code in messages.CloseCode
    }
    assert {name: json.loads(value) for name, value in declared.constants.items()} == {
        "SUBPROTOCOL": messages.SUBPROTOCOL,
        "DEFAULT_PORT": DEFAULT_PORT,
        "MAX_LEASE_S": messages.MAX_LEASE_S,
        "MAX_DIGESTS": messages.MAX_DIGESTS,
        "MAX_DOCUMENT": messages.MAX_DOCUMENT,
    }
