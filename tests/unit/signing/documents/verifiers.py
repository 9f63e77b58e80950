"""Independent tools that verify what was signed."""

from __future__ import annotations

import subprocess
from io import BytesIO
from pathlib import Path

from asn1crypto import x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.status import PdfSignatureStatus
from pyhanko_certvalidator import ValidationContext
from signxml.xades import XAdESVerifier


def openssl(
    tmp_path: Path, signed: bytes, ca_pem: bytes, content: bytes | None = None
) -> bytes | None:
    """Return the content of a CMS signature that `openssl cms` finds good, else None."""
    (tmp_path / "ca.pem").write_bytes(ca_pem)
    (tmp_path / "signed").write_bytes(signed)
    command = ["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", "signed"]
    command += ["-CAfile", "ca.pem", "-purpose", "any"]
    if content is not None:
        (tmp_path / "content").write_bytes(content)
        command += ["-content", "content"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else None


def openssl_ts(tmp_path: Path, token: bytes, data: bytes, ca_pem: bytes) -> bool:
    """Whether `openssl ts` finds a time-stamp token of data good."""
    (tmp_path / "ca.pem").write_bytes(ca_pem)
    (tmp_path / "token").write_bytes(token)
    (tmp_path / "data").write_bytes(data)
    command = [
        "openssl",
        "ts",
        "-verify",
        "-token_in",
        "-in",
        "token",
        "-data",
        "data",
        "-CAfile",
        "ca.pem",
    ]
    return subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 0


def xmlsec(tmp_path: Path, signed: bytes, ca_pem: bytes, files: dict[str, bytes]) -> bool:
    """Whether `xmlsec1` finds an XML signature good, with the files it refers to beside it."""
    for name, content in {**files, "ca.pem": ca_pem, "signed.xml": signed}.items():
        (tmp_path / name).write_bytes(content)
    command = ["xmlsec1", "--verify", "--trusted-pem", "ca.pem"]
    command += ["--id-attr:Id", "http://uri.etsi.org/01903/v1.3.2#:SignedProperties", "signed.xml"]
    return subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 0


def signxml(signed: bytes, certificate: object, content: bytes | None = None) -> None:
    """Verify an XAdES signature; raises where it is wrong."""
    XAdESVerifier().verify(
        signed,
        x509_cert=certificate,
        uri_resolver=None if content is None else lambda _: content,
    )


def pdf_signatures(signed: bytes, root: bytes) -> list[PdfSignatureStatus]:
    """Return what pyHanko's validator finds out about each signature of a PDF."""
    context = ValidationContext(trust_roots=[x509.Certificate.load(root)])
    reader = PdfFileReader(BytesIO(signed))
    return [validate_pdf_signature(each, context) for each in reader.embedded_signatures]
