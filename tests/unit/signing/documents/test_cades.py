"""CAdES, verified by OpenSSL."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from asn1crypto import cms

from bridged.model import DocumentFormat, SignatureLevel
from bridged.signing.documents import cades

from .conftest import Desk
from .verifiers import openssl, openssl_ts

CONTENT = "利用者登録申請書\r\n\x00".encode()


def signer_info(signed: bytes) -> cms.SignerInfo:
    (info,) = cms.ContentInfo.load(signed)["content"]["signer_infos"]
    return info


def attributes(attrs: cms.CMSAttributes) -> dict[str, cms.CMSAttribute]:
    return {each["type"].native: each["values"][0] for each in attrs}


def test_the_content_is_in_the_signature(desk: Desk, tmp_path: Path) -> None:
    signed = cades.sign(desk.job(DocumentFormat.CADES, CONTENT), desk)
    assert openssl(tmp_path, signed, desk.ca.pem) == CONTENT


def test_a_detached_signature_goes_with_its_content_alone(desk: Desk, tmp_path: Path) -> None:
    signed = cades.sign(desk.job(DocumentFormat.CADES, CONTENT, detached=True), desk)
    assert CONTENT not in signed
    assert openssl(tmp_path, signed, desk.ca.pem, CONTENT) == CONTENT
    assert openssl(tmp_path, signed, desk.ca.pem, CONTENT + b" ") is None


def test_a_changed_content_is_found(rsa_desk: Desk, tmp_path: Path) -> None:
    signed = cades.sign(rsa_desk.job(DocumentFormat.CADES, CONTENT), rsa_desk)
    changed = signed.replace(CONTENT, CONTENT.replace(b"\r", b"\t"))
    assert changed != signed
    assert openssl(tmp_path, changed, rsa_desk.ca.pem) is None


def test_the_baseline_attributes_are_signed(desk: Desk) -> None:
    """ETSI EN 319 122-1, section 6.3."""
    info = signer_info(cades.sign(desk.job(DocumentFormat.CADES, CONTENT), desk))
    signed = attributes(info["signed_attrs"])
    assert signed.keys() == {
        "content_type",
        "message_digest",
        "signing_time",
        "signing_certificate_v2",
    }
    (certificate,) = signed["signing_certificate_v2"]["certs"]
    named = certificate["hash_algorithm"]["algorithm"].native
    der = desk.job(DocumentFormat.CADES, b"x").certificate
    assert certificate["cert_hash"].native == hashlib.new(named, der).digest()
    assert info["unsigned_attrs"].native in (None, [])


def test_the_card_signs_one_digest_that_is_not_the_content_s(desk: Desk) -> None:
    cades.sign(desk.job(DocumentFormat.CADES, CONTENT), desk)
    (digest,) = desk.signed
    assert digest != hashlib.new(f"sha{desk.algorithm[2:]}", CONTENT).digest()
    assert desk.tsa.asked == []


def test_the_chain_is_embedded(desk: Desk) -> None:
    signed = cades.sign(desk.job(DocumentFormat.CADES, CONTENT, chain=desk.roots), desk)
    embedded = {each.dump() for each in cms.ContentInfo.load(signed)["content"]["certificates"]}
    assert embedded == {desk.job(DocumentFormat.CADES, b"x").certificate, *desk.roots}


@pytest.mark.parametrize("detached", [False, True])
def test_a_time_stamp_stands_beside_the_signature(
    desk: Desk, tmp_path: Path, *, detached: bool
) -> None:
    job = desk.job(
        DocumentFormat.CADES,
        CONTENT,
        level=SignatureLevel.B_T,
        detached=detached,
        tsa_roots=desk.roots,
    )
    signed = cades.sign(job, desk)
    assert openssl(tmp_path, signed, desk.ca.pem, CONTENT if detached else None) == CONTENT
    info = signer_info(signed)
    token = attributes(info["unsigned_attrs"])["signature_time_stamp_token"].dump()
    assert openssl_ts(tmp_path, token, info["signature"].native, desk.ca.pem)
    assert not openssl_ts(tmp_path, token, info["signature"].native + b"x", desk.ca.pem)
    assert len(desk.signed) == len(desk.tsa.asked) == 1
