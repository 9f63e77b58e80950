"""The page of the protocol says what the types say."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path

import msgspec
import pytest

from bridged import model
from bridged.model import Grant, Wire
from bridged.protocol import messages
from bridged.protocol.codec import REASONS, wire_name
from bridged.protocol.messages import METHODS, NOTIFICATIONS, CloseCode, LeaseEnd

PAGE = (Path(__file__).parents[3] / "docs" / "protocol.md").read_text("utf-8")


def section(title: str) -> str:
    match = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert match is not None
    return match[1]


def rows(title: str) -> list[list[str]]:
    lines = [line for line in section(title).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def quoted(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


METHOD_ROWS = {quoted(name)[0]: rest for name, *rest in rows("Methods")}


def test_every_method_is_on_the_page_in_order() -> None:
    assert list(METHOD_ROWS) == list(METHODS)


@pytest.mark.parametrize("name", METHODS)
def test_the_grant_of_a_method_is_on_the_page(name: str) -> None:
    cell = METHOD_ROWS[name][0]
    grant = None if cell == "none" else Grant(quoted(cell)[0])
    assert grant is METHODS[name].grant


@pytest.mark.parametrize("name", METHODS)
def test_the_parameters_of_a_method_are_on_the_page(name: str) -> None:
    cell = METHOD_ROWS[name][1]
    told = [] if cell == "none" else [part.strip() for part in cell.strip("`{}").split(",")]
    assert told == [_parameter(field) for field in msgspec.structs.fields(METHODS[name].params)]


def _parameter(field: msgspec.structs.FieldInfo) -> str:
    if field.default is msgspec.NODEFAULT:
        return field.encode_name
    if field.default is None:
        return f"{field.encode_name}?"
    return f"{field.encode_name} = {json.dumps(field.default)}"


@pytest.mark.parametrize("name", METHODS)
def test_the_result_of_a_method_is_on_the_page(name: str) -> None:
    cell, result = METHOD_ROWS[name][2], METHODS[name].result
    if cell.startswith("`{"):
        told = [part.split(":")[0].strip() for part in cell.strip("`{}").split(",")]
        assert [name for name in told if name] == members(result)
    else:
        assert cell == result.__name__


def members(kind: type[Wire]) -> list[str]:
    return [field.encode_name for field in msgspec.structs.fields(kind)]


def test_every_notification_is_on_the_page_with_its_members() -> None:
    text = section("Notifications")
    names = [name for name in quoted(text) if re.fullmatch(r"[a-z]+\.[a-z]+", name)]
    assert sorted(set(names)) == sorted(NOTIFICATIONS)
    objects = [re.findall(r"(\w+)(?:: \w+)?", q) for q in quoted(text) if q.startswith("{")]
    told = [[name for name in each if name[0].islower()] for each in objects]
    assert told == [
        members(kind)
        for kind in (
            messages.ReaderEvent,
            messages.LeaseEndedEvent,
            messages.ProgressEvent,
            messages.SiteEvent,
            messages.SiteEvent,
            messages.PromptingEvent,
            messages.PromptedEvent,
        )
    ]
    assert {cause.value for cause in LeaseEnd} <= set(quoted(text))


def test_every_reason_is_on_the_page_with_its_fields() -> None:
    told: dict[str, list[str]] = {}
    for reasons, names, _ in rows("Errors"):
        for text in quoted(reasons):
            reason, _, inline = text.partition(" ")
            listed = inline.strip("{}") if inline else "".join(quoted(names))
            told[reason] = [name.strip() for name in listed.split(",") if name]
    assert told == {
        reason: [wire_name(field.name) for field in fields(kind)]  # type: ignore[arg-type]
        for reason, kind in REASONS.items()
    }


def test_every_object_is_on_the_page_with_its_members() -> None:
    told = {
        name: [part.strip() for part in listed.split(",")]
        for name, listed in re.findall(
            r"^\* \*\*(\w+)\*\* `\{([^}]*)\}`", section("Objects"), re.MULTILINE
        )
    }
    kinds = {
        "Reader": model.Reader,
        "Certificate": model.Certificate,
        "x509": model.X509,
        "PinStatus": model.PinStatus,
        "SiteStatus": messages.SiteStatus,
        "SignatureFailure": messages.SignatureFailure,
        "AuthenticationToken": model.AuthenticationToken,
    }
    assert told == {name: members(kind) for name, kind in kinds.items()}


def test_every_close_code_is_on_the_page() -> None:
    told = {int(code) for code in re.findall(r"closed with (\d{4})", section("Connecting"))}
    assert told == {code.value for code in CloseCode}


@pytest.mark.parametrize(
    ("kind", "listed"),
    [
        (model.ReaderState, "state"),
        (model.PinAlphabet, "alphabet"),
        (model.Usage, "usage"),
    ],
)
def test_every_member_of_a_closed_set_is_on_the_page(kind, listed: str) -> None:
    assert listed in section("Objects")
    assert {each.value for each in kind} <= set(quoted(section("Objects")))


def test_the_page_names_subprotocol_port_and_limits() -> None:
    assert f"`{messages.SUBPROTOCOL}`" in PAGE
    assert f"127.0.0.1:{model.DEFAULT_PORT}/" in PAGE
    assert f"(1 to {messages.MAX_LEASE_S})" in PAGE
    assert f"1 to {messages.MAX_DIGESTS} digests" in PAGE
    assert f"1 to {messages.MAX_DOCUMENT} bytes" in PAGE


def test_the_code_of_every_reason_is_in_its_family_on_the_page() -> None:
    families = [
        sorted(int(number) for number in re.findall(r"-?\d+", codes))
        for codes, _ in rows("Versions")
    ]
    for reason, kind in REASONS.items():
        assert sum(first <= kind.code <= last for first, last in families) == 1, reason


@pytest.mark.parametrize("name", METHODS)
def test_unknown_members_are_refused_in_what_is_asked_and_passed_over_in_what_is_answered(
    name: str,
) -> None:
    assert METHODS[name].params.__struct_config__.forbid_unknown_fields
    assert not METHODS[name].result.__struct_config__.forbid_unknown_fields


@pytest.mark.parametrize("name", NOTIFICATIONS)
def test_unknown_members_of_a_notification_are_passed_over(name: str) -> None:
    assert not NOTIFICATIONS[name].__struct_config__.forbid_unknown_fields
