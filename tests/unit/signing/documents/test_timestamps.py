"""No time-stamp is taken that does not hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from asn1crypto import tsp

from bridged.errors import TimestampUnavailable
from bridged.signing.documents.timestamps import timestamp
from bridged.virtual.ca import DemoCa

from .conftest import Authority, Desk
from .verifiers import openssl_ts

DATA = b"a signature"


def test_a_good_time_stamp_is_taken(rsa_desk: Desk, tmp_path: Path) -> None:
    for roots in (rsa_desk.roots, ()):
        token = timestamp(DATA, rsa_desk, roots)
        assert openssl_ts(tmp_path, token, DATA, rsa_desk.ca.pem)


def refused(response: tsp.TimeStampResp) -> bytes:
    response["status"] = tsp.PKIStatusInfo({"status": "rejection"})
    return bytes(response.dump(force=True))


def of_another_request(response: tsp.TimeStampResp) -> bytes:
    nonce = info(response)["nonce"].native.to_bytes(8, "big")
    return bytes(response.dump()).replace(nonce, nonce[:-1] + bytes([nonce[-1] ^ 1]))


def of_another_document(response: tsp.TimeStampResp) -> bytes:
    imprint = info(response)["message_imprint"]["hashed_message"].native
    return bytes(response.dump()).replace(imprint, bytes(len(imprint)))


def at_another_time(response: tsp.TimeStampResp) -> bytes:
    time = info(response)["gen_time"].contents
    return bytes(response.dump()).replace(time, b"1999" + time[4:])


def without_certificates(response: tsp.TimeStampResp) -> bytes:
    signed = response["time_stamp_token"]["content"]
    signed["certificates"] = []
    return bytes(response.dump(force=True))


def info(response: tsp.TimeStampResp) -> tsp.TSTInfo:
    return response["time_stamp_token"]["content"]["encap_content_info"]["content"].parsed


@pytest.mark.parametrize(
    "bend",
    [
        refused,
        of_another_request,
        of_another_document,
        at_another_time,
        without_certificates,
        lambda _: b"",
        lambda _: b"<html>",
        lambda response: bytes(response.dump()) + b"\x00",
        lambda response: bytes(response.dump())[:-1],
        lambda response: bytes(response["status"].dump()),
    ],
)
def test_a_time_stamp_that_does_not_hold_is_not_taken(
    rsa_desk: Desk, bend: Callable[[tsp.TimeStampResp], bytes]
) -> None:
    rsa_desk.tsa.bend = bend
    with pytest.raises(TimestampUnavailable) as refusal:
        timestamp(DATA, rsa_desk, ())
    assert refusal.value.detail


def test_the_authority_must_be_one(rsa_desk: Desk) -> None:
    other = replace(rsa_desk, tsa=Authority.of(rsa_desk.ca, purpose=False))
    with pytest.raises(TimestampUnavailable, match="not for time-stamps"):
        timestamp(DATA, other, ())


def test_the_authority_must_chain_to_the_roots_of_the_settings(rsa_desk: Desk) -> None:
    other = replace(rsa_desk, tsa=Authority.of(DemoCa.create()))
    assert timestamp(DATA, other, ())
    with pytest.raises(TimestampUnavailable):
        timestamp(DATA, other, rsa_desk.roots)
