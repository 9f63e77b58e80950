"""The demo CA tells of revocations as OpenSSL understands it."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from bridged.virtual.ca import DemoCa, new_rsa_key
from bridged.virtual.certificates import Cardholder, ebid_signature, valid_for
from bridged.virtual.profiles import make_card
from bridged.virtual.register import Register, key_id
from bridged.virtual.responder import create_app

KEY_COMPROMISE = x509.ReasonFlags.key_compromise


@pytest.fixture
def ca(tmp_path: Path) -> DemoCa:
    return DemoCa.load_or_create(tmp_path / "ca")


@pytest.fixture
async def server(ca: DemoCa) -> AsyncIterator[TestServer]:
    async with TestServer(create_app(ca)) as server:
        with register(ca).told_at(f"http://127.0.0.1:{server.port}"):
            yield server


def register(ca: DemoCa) -> Register:
    assert ca.register is not None
    return ca.register


def issue(ca: DemoCa) -> x509.Certificate:
    return ebid_signature(ca, new_rsa_key().public_key(), Cardholder(), valid_for(30))


def below(ca: DemoCa) -> DemoCa:
    return ca.subordinate(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Below")]))


async def openssl(*arguments: str, folder: Path, **files: bytes) -> str:
    for name, content in files.items():
        (folder / f"{name}.pem").write_bytes(content)
    process = await asyncio.create_subprocess_exec(
        "openssl",
        *arguments,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return output.decode()


def pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates)


async def ask(server: TestServer, ca: DemoCa, certificate: x509.Certificate, folder: Path) -> str:
    """Return what `openssl ocsp` says; it verifies the answer's signature and nonce."""
    return await openssl(
        *("ocsp", "-issuer", "issuer.pem", "-cert", "card.pem", "-CAfile", "root.pem"),
        *("-url", f"http://127.0.0.1:{server.port}/ocsp"),
        folder=folder,
        issuer=pem(ca.certificate),
        card=pem(certificate),
        root=pem(ca.certificate),
    )


async def test_certificates_say_where_revocations_are_told(ca: DemoCa, server: TestServer) -> None:
    certificate = issue(ca)
    extensions = certificate.extensions
    points = extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    access = extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    here, key = f"http://127.0.0.1:{server.port}", key_id(ca.certificate)
    assert [name.value for name in points[0].full_name or ()] == [f"{here}/{key}.crl"]
    assert {entry.access_method: entry.access_location.value for entry in access} == {
        AuthorityInformationAccessOID.OCSP: f"{here}/ocsp",
        AuthorityInformationAccessOID.CA_ISSUERS: f"{here}/{key}.cer",
    }


def test_without_a_server_certificates_name_none(ca: DemoCa) -> None:
    with pytest.raises(x509.ExtensionNotFound):
        issue(ca).extensions.get_extension_for_class(x509.CRLDistributionPoints)


async def test_openssl_learns_of_a_revocation_by_ocsp(
    ca: DemoCa, server: TestServer, tmp_path: Path
) -> None:
    certificate = issue(ca)
    said = await ask(server, ca, certificate, tmp_path)
    assert "Response verify OK" in said
    assert "card.pem: good" in said
    register(ca).revoke(certificate, KEY_COMPROMISE)
    said = await ask(server, ca, certificate, tmp_path)
    assert "card.pem: revoked" in said
    assert "Reason: keyCompromise" in said


async def test_openssl_learns_of_a_revocation_by_the_list(
    ca: DemoCa, server: TestServer, tmp_path: Path
) -> None:
    good, bad = issue(ca), issue(ca)
    register(ca).revoke(bad, x509.ReasonFlags.unspecified)
    here = f"http://127.0.0.1:{server.port}"
    url = f"{here}/{key_id(ca.certificate)}.crl"
    verify = ("verify", "-crl_check", "-CAfile", "root.pem", "-CRLfile", "list.pem", "card.pem")
    await openssl("crl", "-in", url, "-out", "list.pem", folder=tmp_path)
    files = {"root": pem(ca.certificate)}
    assert "card.pem: OK" in await openssl(*verify, folder=tmp_path, card=pem(good), **files)
    said = await openssl(*verify, folder=tmp_path, card=pem(bad), **files)
    assert "certificate revoked" in said


async def test_a_ca_below_answers_with_its_own_key(
    ca: DemoCa, server: TestServer, tmp_path: Path
) -> None:
    issuing = below(ca)
    certificate = issue(issuing)
    said = await openssl(
        *("ocsp", "-issuer", "issuer.pem", "-cert", "card.pem", "-CAfile", "root.pem"),
        *("-url", f"http://127.0.0.1:{server.port}/ocsp", "-verify_other", "issuer.pem"),
        folder=tmp_path,
        issuer=pem(issuing.certificate),
        card=pem(certificate),
        root=pem(ca.certificate),
    )
    assert "Response verify OK" in said
    assert "card.pem: good" in said


async def test_what_was_never_issued_is_unknown(
    ca: DemoCa, server: TestServer, tmp_path: Path
) -> None:
    elsewhere = DemoCa(ca.certificate, ca.key)
    assert "card.pem: unknown" in await ask(server, ca, issue(elsewhere), tmp_path)


async def test_another_cas_card_is_none_of_its_business(
    ca: DemoCa, server: TestServer, tmp_path: Path
) -> None:
    stranger = DemoCa.create()
    assert "unauthorized" in await ask(server, stranger, issue(stranger), tmp_path)


@pytest.mark.parametrize("path", ["/ocsp/AAAA", "/ocsp/***"])
async def test_nonsense_is_answered_as_the_standard_says(server: TestServer, path: str) -> None:
    async with ClientSession() as client, client.get(server.make_url(path)) as response:
        assert response.content_type == "application/ocsp-response"
        assert await response.read() == bytes.fromhex("30030a0101")


def test_a_revocation_keeps_its_first_date_and_reason(ca: DemoCa) -> None:
    certificate = issue(ca)
    register(ca).revoke(certificate, KEY_COMPROMISE)
    first = register(ca).revocation_of(certificate)
    register(ca).revoke(certificate, x509.ReasonFlags.superseded)
    assert first is not None
    assert register(ca).revocation_of(certificate) == first


def test_the_register_lists_the_newest_first(ca: DemoCa) -> None:
    first, second = issue(ca), issue(ca)
    assert register(ca).issued()[:2] == [second, first]
    assert below(ca).certificate in register(ca).issued()


def test_the_revoked_card_of_the_profiles_is_revoked(ca: DemoCa) -> None:
    make_card("revoked", ca)
    assert all(register(ca).revocation_of(one) for one in register(ca).issued())
    make_card("ebid", ca)
    assert not register(ca).revocation_of(register(ca).issued()[0])
