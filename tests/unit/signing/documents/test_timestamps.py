"""No time-stamp is taken that does not hold."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from asn1crypto import cms, tsp
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_private_key
from pyhanko.sign.general import (
    as_signing_certificate,
    as_signing_certificate_v2,
    simple_cms_attribute,
)
from pyhanko.sign.timestamps.dummy_client import DummyTimeStamper

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


@pytest.mark.parametrize("lack", [{"purpose": False}, {"critical": False}])
def test_the_authority_must_be_one(rsa_desk: Desk, lack: dict[str, bool]) -> None:
    other = replace(rsa_desk, tsa=Authority.of(rsa_desk.ca, **lack))  # type: ignore[arg-type]
    with pytest.raises(TimestampUnavailable, match="not for time-stamps"):
        timestamp(DATA, other, ())


def test_the_authority_s_certificate_must_be_valid(rsa_desk: Desk) -> None:
    other = replace(rsa_desk, tsa=Authority.of(rsa_desk.ca, days=-1))
    with pytest.raises(TimestampUnavailable, match="was not valid then"):
        timestamp(DATA, other, ())


@pytest.mark.parametrize("minutes", [-9, 9])
def test_clocks_may_differ_by_minutes(rsa_desk: Desk, minutes: int) -> None:
    stamper = Authority.of(rsa_desk.ca).stamper
    stamper.fixed_dt = datetime.now(UTC) + timedelta(minutes=minutes)
    assert timestamp(DATA, replace(rsa_desk, tsa=Authority(stamper)), rsa_desk.roots)


@pytest.mark.parametrize("minutes", [-60 * 24 * 365 * 20, -11, 11, 60 * 24 * 365 * 20])
def test_a_time_that_is_not_now_is_not_taken(rsa_desk: Desk, minutes: int) -> None:
    stamper = Authority.of(rsa_desk.ca).stamper
    stamper.fixed_dt = datetime.now(UTC) + timedelta(minutes=minutes)
    with pytest.raises(TimestampUnavailable, match="this computer's clock"):
        timestamp(DATA, replace(rsa_desk, tsa=Authority(stamper)), ())


Attributes = list[cms.CMSAttribute]


class Signing(DummyTimeStamper):
    """Signs what it is made to: `attributes` get those that are due, and the right certificate."""

    md = "sha256"

    def attributes(self, due: Attributes) -> Attributes | None:
        return due

    def _sign_tst_info(
        self, tst_info_data: bytes, md_algorithm: str, dt: datetime
    ) -> tuple[bytes, cms.CMSAttributes | None]:
        due = [
            simple_cms_attribute("content_type", "tst_info"),
            simple_cms_attribute("message_digest", hashlib.new(self.md, tst_info_data).digest()),
        ]
        attributes = self.attributes(due)
        signed = None if attributes is None else cms.CMSAttributes(attributes)
        key = load_der_private_key(self.tsa_key.dump(), password=None)
        assert isinstance(key, rsa.RSAPrivateKey)
        hash_ = {"sha1": hashes.SHA1(), "sha256": hashes.SHA256()}[self.md]  # noqa: S303
        what = tst_info_data if signed is None else signed.dump()
        return key.sign(what, padding.PKCS1v15(), hash_), signed

    def _build_signed_data(self, tst_info_data: bytes, _: str, *more: Any) -> dict[str, Any]:
        data: dict[str, Any] = super()._build_signed_data(tst_info_data, self.md, *more)
        return data


def named(stamper: DummyTimeStamper) -> cms.CMSAttribute:
    value = as_signing_certificate_v2(stamper.tsa_cert)
    return simple_cms_attribute("signing_certificate_v2", value)


class Named(Signing):
    """An honest one, by RFC 5816."""

    def attributes(self, due: Attributes) -> Attributes | None:
        return [*due, named(self)]


class Nameless(Signing):
    """Does not say whose signature it is."""


class Bare(Signing):
    """Signs the content alone."""

    def attributes(self, due: Attributes) -> Attributes | None:
        return None


class Misnamed(Signing):
    """Names another certificate in the newer attribute, and the right one in the older."""

    def attributes(self, due: Attributes) -> Attributes | None:
        other = Authority.of(DemoCa.create()).stamper
        right = as_signing_certificate(self.tsa_cert)
        return [*due, named(other), simple_cms_attribute("signing_certificate", right)]


class OtherSerial(Signing):
    """Names its certificate by the right hash and a serial number that is another's."""

    def attributes(self, due: Attributes) -> Attributes | None:
        value = as_signing_certificate_v2(self.tsa_cert)
        value["certs"][0]["issuer_serial"]["serial_number"] = 1
        return [*due, simple_cms_attribute("signing_certificate_v2", value)]


class OtherDigest(Named):
    """Signs the digest of something else."""

    def attributes(self, due: Attributes) -> Attributes | None:
        return [due[0], simple_cms_attribute("message_digest", bytes(32)), named(self)]


class Forged(Named):
    """Has the signature of somebody else, over just what is due."""

    def _sign_tst_info(self, *told: Any) -> tuple[bytes, cms.CMSAttributes | None]:
        signature, attributes = super()._sign_tst_info(*told)
        return signature[:-1] + bytes([signature[-1] ^ 1]), attributes


class Telling(Named):
    """Says in its own name what it is made to."""

    says: ClassVar[dict[str, Any]]

    def _build_tst_info(self, *told: Any) -> tsp.TSTInfo:
        info = super()._build_tst_info(*told)
        for name, value in self.says.items():
            info[name] = value
        return info


class OtherNonce(Telling):
    says: ClassVar = {"nonce": 1}


class NoNonce(Telling):
    says: ClassVar = {"nonce": None}


class OtherDocument(Telling):
    says: ClassVar = {
        "message_imprint": {
            "hash_algorithm": {"algorithm": "sha256"},
            "hashed_message": bytes(32),
        }
    }


class Weak(Named):
    """Signs by SHA-1."""

    md = "sha1"


def test_a_time_stamp_names_its_certificate_by_either_attribute(
    rsa_desk: Desk, tmp_path: Path
) -> None:
    for kind in (DummyTimeStamper, Named):
        desk = replace(rsa_desk, tsa=Authority.of(rsa_desk.ca, kind=kind))
        token = timestamp(DATA, desk, rsa_desk.roots)
        assert openssl_ts(tmp_path, token, DATA, rsa_desk.ca.pem)


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        (Nameless, "does not name its certificate"),
        (Bare, "does not name its certificate"),
        (Misnamed, "does not name its certificate"),
        (OtherSerial, "does not name its certificate"),
        (Weak, "weak hash"),
        (OtherDigest, "signature is wrong"),
        (Forged, "signature is wrong"),
        (OtherNonce, "another request"),
        (NoNonce, "another request"),
        (OtherDocument, "another document"),
    ],
)
def test_an_authority_that_signs_what_is_wrong_is_not_believed(
    rsa_desk: Desk, kind: type[DummyTimeStamper], why: str
) -> None:
    other = replace(rsa_desk, tsa=Authority.of(rsa_desk.ca, kind=kind))
    with pytest.raises(TimestampUnavailable, match=why):
        timestamp(DATA, other, rsa_desk.roots)


def test_the_authority_must_chain_to_the_roots_of_the_settings(rsa_desk: Desk) -> None:
    other = replace(rsa_desk, tsa=Authority.of(DemoCa.create()))
    assert timestamp(DATA, other, ())
    with pytest.raises(TimestampUnavailable):
        timestamp(DATA, other, rsa_desk.roots)
