"""What the demo CA has issued and revoked: files in its directory, shared by every process.

address                    where revocations are told, while `bridged ca serve` runs
issuers/KEY.pem            a CA below the root, with its key
issued/KEY-SERIAL.cer      a certificate, by the key that signed it and its serial number
revoked/KEY-SERIAL         when and why it was revoked
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding


@dataclass(frozen=True, slots=True)
class Revocation:
    """When and why a certificate was revoked."""

    serial: int
    moment: datetime
    reason: x509.ReasonFlags


def key_id(certificate: x509.Certificate) -> str:
    """Return the name of a CA's key: its SHA-1 (RFC 5280, 4.2.1.2, method 1), hex."""
    return x509.SubjectKeyIdentifier.from_public_key(certificate.public_key()).digest.hex()


def _issuer_key_id(certificate: x509.Certificate) -> str:
    named = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    return (named.key_identifier or b"").hex()


@dataclass(frozen=True, slots=True)
class Register:
    """The files in a CA's directory."""

    directory: Path

    @property
    def address(self) -> str | None:
        """Where new certificates say that revocations are told."""
        with contextlib.suppress(FileNotFoundError):
            return (self.directory / "address").read_text().strip()
        return None

    @contextlib.contextmanager
    def told_at(self, address: str) -> Iterator[None]:
        """Let certificates name an address as long as somebody answers there."""
        file = self.directory / "address"
        file.write_text(address)
        try:
            yield
        finally:
            if self.address == address:
                file.unlink(missing_ok=True)

    def issuer_file(self, key: str) -> Path:
        """Return where a CA below the root is kept."""
        return self._folder("issuers") / f"{key}.pem"

    def issuer_files(self) -> list[Path]:
        """Return where the CAs below the root are kept."""
        return sorted(self._folder("issuers").glob("*.pem"))

    def note(self, certificate: x509.Certificate) -> None:
        """Note that a certificate was issued."""
        file = self._folder("issued") / f"{_name(certificate)}.cer"
        file.write_bytes(certificate.public_bytes(Encoding.DER))

    def issued(self) -> list[x509.Certificate]:
        """Return what was issued, the newest first."""
        files = sorted(self._folder("issued").iterdir(), key=lambda f: f.stat().st_mtime_ns)
        return [x509.load_der_x509_certificate(file.read_bytes()) for file in reversed(files)]

    def has_issued(self, key: str, serial: int) -> bool:
        """Tell whether a CA's key has signed a certificate of this number."""
        return (self._folder("issued") / f"{key}-{serial:x}.cer").exists()

    def revoke(self, certificate: x509.Certificate, reason: x509.ReasonFlags) -> None:
        """Revoke a certificate from now on; nothing if it is revoked."""
        file = self._folder("revoked") / _name(certificate)
        now = datetime.now(UTC).replace(microsecond=0)
        with contextlib.suppress(FileExistsError), file.open("x") as new:
            new.write(f"{now.isoformat()} {reason.value}")

    def revocation_of(self, certificate: x509.Certificate) -> Revocation | None:
        """Return the revocation of a certificate."""
        return _read(self._folder("revoked") / _name(certificate))

    def revocation(self, key: str, serial: int) -> Revocation | None:
        """Return the revocation of one certificate."""
        return _read(self._folder("revoked") / f"{key}-{serial:x}")

    def revocations(self, key: str) -> list[Revocation]:
        """Return the revocations of all that a CA's key has signed."""
        found = map(_read, sorted(self._folder("revoked").glob(f"{key}-*")))
        return [revocation for revocation in found if revocation is not None]

    def _folder(self, name: str) -> Path:
        folder = self.directory / name
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder


def _name(certificate: x509.Certificate) -> str:
    return f"{_issuer_key_id(certificate)}-{certificate.serial_number:x}"


def _read(file: Path) -> Revocation | None:
    """Return a revocation; one that another process is just writing is not there yet."""
    with contextlib.suppress(FileNotFoundError, ValueError):
        moment, reason = file.read_text().split()
        serial = int(file.name.rpartition("-")[2], 16)
        return Revocation(serial, datetime.fromisoformat(moment), x509.ReasonFlags(reason))
    return None
