"""Where in a settings file something is wrong, and what was probably meant."""

from __future__ import annotations

import difflib
import re
import typing
from collections.abc import Iterator
from enum import Enum

import msgspec

_PATH = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
_MEMBER = re.compile(r"unknown field `(?P<name>[^`]+)`")
_TABLE = re.compile(r"\[(?P<array>\[)?\s*(?P<name>[\w.\s-]+?)\s*\]\]?\s*(#.*)?")
_KEY = re.compile(r"(?P<name>[\w-]+(\s*\.\s*[\w-]+)*)\s*=")


def located(message: str, text: str, kind: type[msgspec.Struct]) -> str:
    """Return what msgspec says of a TOML text, with what may be there and the line and column of it."""
    match, member = _PATH.search(message), _MEMBER.search(message)
    path = match["path"] if match else ""
    here = _kind_at(kind, path)
    if member is not None:
        message += _suggestion(member["name"], path, here, kind)
        path = f"{path}.{member['name']}".lstrip(".")
    elif "enum value" in message and (values := list(_values(here))):
        message += f"; one of: {', '.join(values)}"
    return placed(message, text, path)


def placed(message: str, text: str, path: str) -> str:
    """Return a message with the line and column of a key of a TOML text, if it stands there."""
    known = places(text)
    # What stands inside an array or an inline table is on the line of its key.
    while path:
        if place := known.get(path) or known.get(f"{path}[0]"):
            return f"{message} (at line {place[0]}, column {place[1]})"
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return message


def _suggestion(name: str, path: str, here: object, root: type[msgspec.Struct]) -> str:
    """Return which key was meant: one of the same table, or one that stands in another."""
    beside = dict(_keys(here, f"{path}." if path else "", deep=False))
    for known in (beside, dict(_keys(root, "", deep=True))):
        if close := difflib.get_close_matches(name, known, n=1, cutoff=0.7):
            return f"; did you mean `{known[close[0]]}`?"
    return f"; known here: {', '.join(beside)}" if beside else ""


def _keys(kind: object, prefix: str, *, deep: bool) -> Iterator[tuple[str, str]]:
    """Return the names of keys with their paths."""
    if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        return
    for field in msgspec.structs.fields(kind):
        yield field.encode_name, prefix + field.encode_name
        if deep:
            yield from _keys(field.type, f"{prefix}{field.encode_name}.", deep=True)


def _kind_at(kind: object, path: str) -> object:
    """Return the type of what a path of msgspec's leads to: that of the members of an array."""
    for name in re.findall(r"[\w-]+", re.sub(r"\[[^\]]*\]", "", path)):
        if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
            return None
        fields = msgspec.structs.fields(kind)
        kind = next((field.type for field in fields if field.encode_name == name), None)
        while typing.get_origin(kind) in {tuple, frozenset}:
            kind = typing.get_args(kind)[0]
    return kind


def at_end(text: str) -> str:
    """Return the place where a TOML text ends in the middle of something."""
    last = text.count("\n") + 1
    return f"at line {last}, column {len(text) - text.rfind(chr(10))}"


def _values(kind: object) -> Iterator[str]:
    """Return the values of a closed set of words."""
    if isinstance(kind, type) and issubclass(kind, Enum):
        yield from map(str, kind)
    elif typing.get_origin(kind) is typing.Literal:
        yield from typing.get_args(kind)
    else:
        for each in typing.get_args(kind):
            yield from _values(each)


def places(text: str) -> dict[str, tuple[int, int]]:
    """Return line and column of every table and key of a TOML text, by its path as msgspec writes it."""
    places: dict[str, tuple[int, int]] = {}
    arrays: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), start=1):
        content = line.lstrip()
        column = len(line) - len(content) + 1
        if header := _TABLE.fullmatch(content):
            table = header["name"].replace(" ", "")
            if header["array"]:
                arrays[table] = arrays.get(table, -1) + 1
                table = f"{table}[{arrays[table]}]"
            places.setdefault(table, (number, column))
        elif key := _KEY.match(content):
            places.setdefault(
                f"{table}.{key['name']}".replace(" ", "").lstrip("."), (number, column)
            )
    return places
