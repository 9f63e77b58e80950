"""XAdES, verified by xmlsec1 and signxml."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from lxml import etree
from signxml.exceptions import SignXMLException
from signxml.util import namespaces

from bridged.errors import DocumentMalformed
from bridged.model import DocumentFormat, SignatureLevel
from bridged.signing.documents import xades

from .conftest import XML, Desk
from .verifiers import openssl_ts, signxml, xmlsec

NAME = "申請 書.xml"
STYLED = (
    b'<?xml version="1.0"?><?xml-stylesheet href="a.xsl"?><!-- c --><a Id="x"><b>1</b></a><?end?>'
)
PLAIN = '<a xml:lang="ja" xmlns="urn:bid"><b>長野 太郎</b></a>'.encode()
"""signxml verifies no document whose elements have Japanese names."""
SHIFT_JIS = '<?xml version="1.0" encoding="Shift_JIS"?><名>長野 太郎</名>'.encode("shift_jis")


def find(signed: bytes, path: str) -> etree._Element:
    (found,) = etree.fromstring(signed).xpath(path, namespaces=namespaces)
    return found


@pytest.mark.parametrize("content", [XML, STYLED, SHIFT_JIS, b'<a xmlns=""><!-- c --></a>'])
def test_the_signature_stands_in_the_document(
    rsa_desk: Desk, tmp_path: Path, content: bytes
) -> None:
    signed = xades.sign(rsa_desk.job(DocumentFormat.XADES, content), rsa_desk)
    assert xmlsec(tmp_path, signed, rsa_desk.ca.pem, {})
    assert find(signed, "/*/ds:Signature") is not None


def test_every_kind_of_key_signs_a_document(desk: Desk, tmp_path: Path) -> None:
    signed = xades.sign(desk.job(DocumentFormat.XADES, PLAIN), desk)
    assert xmlsec(tmp_path, signed, desk.ca.pem, {})
    signxml(signed, desk.certificate)
    assert len(desk.signed) == 1


def test_a_detached_signature_is_of_the_bytes_as_they_are(desk: Desk, tmp_path: Path) -> None:
    content = b"\x00no XML\xff"
    job = desk.job(DocumentFormat.XADES, content, detached=True, file_name=NAME)
    signed = xades.sign(job, desk)
    assert xmlsec(tmp_path, signed, desk.ca.pem, {NAME: content})
    assert not xmlsec(tmp_path, signed, desk.ca.pem, {NAME: content + b"\n"})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("長野", "松本"),
        ("SigningTime>20", "SigningTime>21"),
        ("application/xml", "text/html"),
    ],
)
def test_what_is_changed_is_found(rsa_desk: Desk, tmp_path: Path, old: str, new: str) -> None:
    signed = xades.sign(rsa_desk.job(DocumentFormat.XADES, PLAIN), rsa_desk)
    changed = signed.replace(old.encode(), new.encode())
    assert changed != signed
    assert not xmlsec(tmp_path, changed, rsa_desk.ca.pem, {})
    with pytest.raises(SignXMLException):
        signxml(changed, rsa_desk.certificate)


def test_a_processing_instruction_outside_the_root_is_signed_too(
    rsa_desk: Desk, tmp_path: Path
) -> None:
    signed = xades.sign(rsa_desk.job(DocumentFormat.XADES, STYLED), rsa_desk)
    changed = signed.replace(b"a.xsl", b"b.xsl")
    assert changed != signed
    assert not xmlsec(tmp_path, changed, rsa_desk.ca.pem, {})


def test_the_baseline_properties_are_signed(desk: Desk) -> None:
    """ETSI EN 319 132-1, section 6.3."""
    signed = xades.sign(desk.job(DocumentFormat.XADES, XML, chain=desk.roots), desk)
    properties = find(signed, "//xades:SignedProperties")
    reference = find(signed, f"//ds:Reference[@URI='#{properties.get('Id')}']")
    assert reference.get("Type") == "http://uri.etsi.org/01903#SignedProperties"
    names = [etree.QName(each).localname for each in properties[0]]
    assert names == ["SigningTime", "SigningCertificateV2"]
    data = find(signed, "//xades:DataObjectFormat")
    assert find(signed, f"//ds:Reference[@Id='{data.get('ObjectReference')[1:]}']").get("URI") == ""
    embedded = etree.fromstring(signed).xpath("//ds:X509Certificate/text()", namespaces=namespaces)
    assert [base64.b64decode(each) for each in embedded] == [
        desk.job(DocumentFormat.XADES, b"x").certificate,
        *desk.roots,
    ]


@pytest.mark.parametrize("detached", [False, True])
def test_a_time_stamp_stands_beside_the_signature(
    rsa_desk: Desk, tmp_path: Path, *, detached: bool
) -> None:
    job = rsa_desk.job(
        DocumentFormat.XADES,
        XML,
        detached=detached,
        file_name=NAME,
        level=SignatureLevel.B_T,
        tsa_roots=rsa_desk.roots,
    )
    signed = xades.sign(job, rsa_desk)
    assert xmlsec(tmp_path, signed, rsa_desk.ca.pem, {NAME: XML})
    token = find(signed, "//xades:UnsignedSignatureProperties//xades:EncapsulatedTimeStamp").text
    value = etree.tostring(find(signed, "//ds:SignatureValue"), method="c14n", exclusive=True)
    assert openssl_ts(tmp_path, base64.b64decode(token), value, rsa_desk.ca.pem)


@pytest.mark.parametrize(
    "content",
    [
        b"no XML",
        b"<a>",
        b"",
        b"<!DOCTYPE a><a/>",
        b'<!DOCTYPE a SYSTEM "http://127.0.0.1:1/x.dtd"><a/>',
        b'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>',
        b'<!DOCTYPE a [<!ENTITY e "x"><!ENTITY f "&e;&e;&e;&e;">]><a>&f;</a>',
        b"<a>" * 300 + b"</a>" * 300,
        b"<a>" + b"<b/>" * 100_001 + b"</a>",
        b'<a xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:Signature Id="placeholder"/></a>',
    ],
    ids=range(10),
)
def test_a_hostile_document_is_refused(rsa_desk: Desk, content: bytes) -> None:
    with pytest.raises(DocumentMalformed) as refused:
        xades.sign(rsa_desk.job(DocumentFormat.XADES, content), rsa_desk)
    assert refused.value.format == "xades"
    assert refused.value.detail
    assert rsa_desk.signed == []


def test_a_signature_that_another_would_break_is_left_alone(rsa_desk: Desk, tmp_path: Path) -> None:
    once = xades.sign(rsa_desk.job(DocumentFormat.XADES, XML), rsa_desk)
    with pytest.raises(DocumentMalformed, match="detached"):
        xades.sign(rsa_desk.job(DocumentFormat.XADES, once), rsa_desk)
    job = rsa_desk.job(DocumentFormat.XADES, once, detached=True, file_name=NAME)
    assert xmlsec(tmp_path, xades.sign(job, rsa_desk), rsa_desk.ca.pem, {NAME: once})
