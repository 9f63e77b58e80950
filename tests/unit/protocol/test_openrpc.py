"""The OpenRPC document says what the types say, and refers to nothing that is not there."""

from __future__ import annotations

import dataclasses
import json
import re

from bridged.protocol.codec import REASONS, encode
from bridged.protocol.messages import METHODS, NOTIFICATIONS, CloseCode
from bridged.protocol.openrpc import document


def test_every_reference_leads_somewhere() -> None:
    whole = json.loads(encode(document()))
    references = set(re.findall(r'"#/([^"]+)"', json.dumps(whole)))
    assert references
    for path in references:
        found = whole
        for step in path.split("/"):
            assert step in found, path
            found = found[step]


def test_parameters_are_those_of_the_types() -> None:
    methods = {method["name"]: method for method in document().methods}
    verify = {each["name"]: each["required"] for each in methods["pin.verify"]["params"]}
    assert verify == {"key": True, "leaseSeconds": False, "pin": False, "acceptLastTry": False}
    lease = next(
        each for each in methods["pin.verify"]["params"] if each["name"] == "leaseSeconds"
    )["schema"]
    assert (lease["minimum"], lease["maximum"], lease["default"]) == (1, 300, 60)
    assert methods["pin.verify"]["result"]["schema"] == {"$ref": "#/components/schemas/Lease"}
    assert methods["pin.verify"]["x-grant"] == "sign"


def test_methods_and_notifications_are_told_apart() -> None:
    told = {method["name"] for method in document().methods if method.get("x-notification") is True}
    assert told == NOTIFICATIONS.keys()
    assert {method["name"] for method in document().methods} - told == METHODS.keys()


def test_every_error_has_its_code_and_reason() -> None:
    told = document().components["errors"]
    assert {reason: error["code"] for reason, error in told.items()} == {
        reason: kind.code for reason, kind in REASONS.items()
    }
    assert all(error["message"] for error in told.values())


def test_every_error_has_its_fields_and_every_close_code_its_name() -> None:
    components = json.loads(encode(document()))["components"]
    fields = {reason: error["x-fields"] for reason, error in components["errors"].items()}
    assert fields["pin-incorrect"] == {
        "triesLeft": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "secret": {"$ref": "#/components/schemas/WhichSecret"},
    }
    assert fields["algorithm-unsupported"]["supported"]["items"] == {"type": "string"}
    assert fields["no-card"] == {}
    for reason, kind in REASONS.items():
        assert len(fields[reason]) == len(dataclasses.fields(kind))  # type: ignore[arg-type]
    assert components["x-closeCodes"] == {str(code.value): code.name for code in CloseCode}
