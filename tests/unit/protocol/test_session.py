"""The daemon's end of a connection, as a table of transcripts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bridged.errors import NoCard
from bridged.model import Grant
from bridged.protocol.messages import METHODS, BridgeInfo, Empty, ReaderList
from bridged.protocol.session import MAX_IN_FLIGHT, Refusal, Request, Session, notification

TRANSCRIPTS = Path(__file__).parents[2] / "protocol"
SESSIONS = json.loads((TRANSCRIPTS / "session.json").read_text("utf-8"))
REQUESTS = json.loads((TRANSCRIPTS / "requests.json").read_text("utf-8"))


def text_of(parts: str | list[Any]) -> str:
    if isinstance(parts, str):
        return parts
    return "".join(p if isinstance(p, str) else p["repeat"] * p["times"] for p in parts)


def received(session: Session, text: str) -> Request:
    request = session.receive(text)
    assert isinstance(request, Request), request
    return request


def refused(session: Session, text: str) -> dict[str, Any]:
    """Return the error that a text is refused with, looked over for what every error has."""
    refusal = session.receive(text)
    assert isinstance(refusal, Refusal), refusal
    reply = json.loads(refusal.text)
    assert reply.keys() == {"jsonrpc", "id", "error"}
    assert reply["jsonrpc"] == "2.0"
    assert reply["error"].keys() == {"code", "message", "data"}
    messages = reply["error"]["data"].pop("messages")
    assert messages.keys() == {"ja", "en"}
    assert messages["en"] == reply["error"]["message"]
    assert len(refusal.text) < 2500
    return {"id": reply["id"], "code": reply["error"]["code"], "data": reply["error"]["data"]}


@pytest.mark.parametrize("transcript", SESSIONS, ids=lambda t: t["name"].replace(" ", "-"))
def test_a_transcript_is_followed(transcript: dict[str, Any]) -> None:
    session = Session()
    waiting: dict[int | str, Request] = {}
    for step in transcript["steps"]:
        if "finish" in step:
            session.succeed(waiting.pop(step["finish"]), Empty())
            continue
        for n in range(1, step.get("times", 1) + 1):
            text = text_of(step["receive"]).replace("%N", str(n))
            if "reply" in step:
                expected, got = step["reply"], refused(session, text)
                if "detail" not in expected["data"] and "detail" in got["data"]:
                    assert got["data"].pop("detail")
                assert got == expected
            else:
                request = received(session, text)
                waiting[request.id] = request


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda r: r["method"])
def test_a_good_request_is_understood(request_: dict[str, Any]) -> None:
    request = received(Session(), request_["text"])
    assert request.method == request_["method"]
    assert json.loads(msgspec.json.encode(request.params)) == request_["params"]
    assert request.grant is METHODS[request.method].grant
    assert type(request.params) is METHODS[request.method].params
    assert request.id == json.loads(request_["text"])["id"]


def test_every_method_has_a_transcript() -> None:
    assert {each["method"] for each in REQUESTS} == METHODS.keys()


def test_the_most_under_way_is_what_the_transcript_says() -> None:
    assert MAX_IN_FLIGHT == 32


def test_a_result_goes_out_with_the_id_of_its_request() -> None:
    session = Session()
    request = received(session, '{"jsonrpc":"2.0","id":"一","method":"bridge.info"}')
    info = BridgeInfo(
        version="1",
        protocols=("bridged.v1",),
        methods=(),
        origin=None,
        grants=(Grant.SIGN,),
        pin_entry=("page",),
    )
    assert json.loads(session.succeed(request, info)) == {
        "jsonrpc": "2.0",
        "id": "一",
        "result": {
            "version": "1",
            "protocols": ["bridged.v1"],
            "methods": [],
            "origin": None,
            "grants": ["sign"],
            "pinEntry": ["page"],
        },
    }


def test_a_failure_frees_the_id_and_tells_the_reason() -> None:
    session = Session()
    text = '{"jsonrpc":"2.0","id":1,"method":"reader.list"}'
    reply = json.loads(session.fail(received(session, text), NoCard()))
    assert (reply["id"], reply["error"]["code"]) == (1, NoCard.code)
    assert reply["error"]["data"]["reason"] == "no-card"
    assert received(session, text)


def test_a_notification_has_no_id() -> None:
    assert json.loads(notification("reader.added", ReaderList(readers=()))) == {
        "jsonrpc": "2.0",
        "method": "reader.added",
        "params": {"readers": []},
    }


@pytest.mark.parametrize(
    "params",
    [
        '{"key":"k","pin":"271828","leaseSeconds":0}',
        '{"key":"k","pin":271828}',
        '{"key":"k","pin":["271828"]}',
        '{"key":"k","pin":"271828","acceptLastTry":1}',
        '{"key":1,"pin":"271828"}',
        '{"key":"k","pin":"' + "271828" * 50 + '"}',
    ],
)
def test_a_refusal_never_repeats_the_pin(params: str) -> None:
    text = f'{{"jsonrpc":"2.0","id":1,"method":"pin.verify","params":{params}}}'
    refusal = Session().receive(text)
    assert isinstance(refusal, Refusal)
    assert "271828" not in refusal.text


def test_a_request_shown_in_a_log_hides_the_pin() -> None:
    text = '{"jsonrpc":"2.0","id":1,"method":"pin.verify","params":{"key":"k","pin":"271828"}}'
    request = received(Session(), text)
    assert request.params.pin == "271828"
    assert "271828" not in repr(request)


# ---- any text at all ----

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["2.0", *METHODS]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["jsonrpc", "id", "method", "params", "key", "pin", "digests", "x"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)
requests = st.fixed_dictionaries(
    {
        "jsonrpc": st.just("2.0"),
        "id": st.integers() | st.text(),
        "method": st.sampled_from([*METHODS]),
    },
    optional={"params": json_values},
).map(json.dumps)


def look_at(text: str) -> None:
    read = Session().receive(text)
    if isinstance(read, Refusal):
        assert json.loads(read.text)["error"]["data"]["reason"]
    else:
        assert read.method in METHODS


@given(st.text(alphabet=st.characters(), max_size=200) | json_values.map(json.dumps))
@example("\ud800")
@example('{"jsonrpc":"2.0","id":' + "9" * 5000 + ',"method":"bridge.info"}')
@example('{"jsonrpc":"2.0","id":"\ud800","method":"bridge.info"}')
@example("[" * 1_000_000)
@example('{"a":' * 100_000)
@settings(max_examples=500)
def test_any_text_is_a_request_or_a_refusal(text: str) -> None:
    look_at(text)


@given(requests)
@settings(max_examples=500)
def test_any_request_is_taken_or_refused(text: str) -> None:
    look_at(text)


@given(st.sampled_from(REQUESTS), st.data())
@settings(max_examples=500)
def test_a_damaged_request_is_taken_or_refused(request_: dict[str, Any], data) -> None:
    text = request_["text"]
    at = data.draw(st.integers(0, len(text) - 1))
    end = at + data.draw(st.integers(0, 3))
    look_at(text[:at] + data.draw(st.text(max_size=3)) + text[end:])
