"""The trust list, and which addresses it lets the portal ask."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from portal_demo.authorities import Authority, load_authorities
from portal_demo.certificates import KeyPurpose

ENTRY = """
[[authority]]
name = "Test CA"
certificate = "ca.pem"
policies = ["1.2.392.200000.1"]
usage = ["signature"]
hosts = ["CRL.example.jp", "ocsp.example.jp:8080"]
crl = ["http://crl.example.jp/ca.crl"]
"""


@pytest.fixture
def write(tmp_path, authority):
    (tmp_path / "ca.pem").write_bytes(authority.certificate.public_bytes(Encoding.PEM))

    def write(text: str):
        (tmp_path / "trust.toml").write_text(text)
        return [tmp_path / "trust.toml"]

    return write


def test_a_list_says_whom_to_trust_for_what(write, authority):
    (read,) = load_authorities(write(ENTRY))
    assert read == Authority(
        authority.certificate,
        policies=frozenset({"1.2.392.200000.1"}),
        usage=frozenset({KeyPurpose.SIGNATURE}),
        hosts=frozenset({"crl.example.jp", "ocsp.example.jp:8080"}),
        crl=("http://crl.example.jp/ca.crl",),
    )


def test_a_bundle_of_certificates_is_a_list_without_places_to_ask(tmp_path, authority, stranger):
    both = [authority.certificate, stranger.certificate]
    (tmp_path / "both.pem").write_bytes(b"".join(c.public_bytes(Encoding.PEM) for c in both))
    assert load_authorities([tmp_path / "both.pem"]) == list(map(Authority, both))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("certificate =", "certifikate ="), "certifikate"),
        (('"signature"', '"signing"'), "unknown usage 'signing'; there are authentication"),
        (('"1.2.392.200000.1"', '"policy"'), "policies"),
        (("ca.pem", "trust.toml"), "holds no certificate"),
        (("http://crl.example.jp", "http://10.0.0.1"), "not in its hosts"),
        (("[[authority]]", "[[authority"), "trust.toml"),
    ],
)
def test_a_wrong_list_is_refused_with_its_fault(write, change, told):
    with pytest.raises(ValueError, match=r"trust\.toml") as caught:
        load_authorities(write(ENTRY.replace(*change)))
    assert told in str(caught.value)


def test_a_list_whose_certificate_is_missing_says_which(write):
    with pytest.raises(OSError, match=r"gone\.pem"):
        load_authorities(write(ENTRY.replace("ca.pem", "gone.pem")))


@pytest.mark.parametrize(
    "url",
    [
        "http://crl.example.jp/ca.crl",
        "https://crl.example.jp/ca.crl",
        "http://crl.example.jp:80/ca.crl",
        "http://CRL.EXAMPLE.JP/ca.crl",
        "http://ocsp.example.jp:8080/",
    ],
)
def test_a_listed_host_may_be_asked(write, url):
    assert load_authorities(write(ENTRY))[0].may_ask(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://127.0.0.1/",
        "http://[::1]/",
        "http://localhost:8480/api/",
        "http://crl.example.jp:8080/ca.crl",
        "https://crl.example.jp:80/ca.crl",
        "http://ocsp.example.jp/",
        "http://crl.example.jp.evil.example/",
        "http://evil.example/crl.example.jp",
        "http://crl.example.jp@evil.example/",
        "http://user:secret@crl.example.jp/",
        "http://evil.example#crl.example.jp",
        "http://evil.example\\@crl.example.jp/",
        "http://crl.example.jp./ca.crl",
        "//crl.example.jp/ca.crl",
        "ldap://crl.example.jp/cn=ca",
        "file:///etc/passwd",
        "ftp://crl.example.jp/ca.crl",
        "gopher://crl.example.jp/",
        "http://crl.example.jp:99999/",
        "http://crl.example.jp:x/",
        "http://[crl.example.jp/",
        "http:///ca.crl",
        "",
    ],
)
def test_no_other_address_may_be_asked(write, url):
    assert not load_authorities(write(ENTRY))[0].may_ask(url)
