"""The `openssl` program as a judge of signatures by JWA's algorithms."""

from __future__ import annotations

import subprocess
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bridged.model import Algorithm
from bridged.signing import algorithms


def openssl_verifies(
    public: CertificatePublicKeyTypes,
    algorithm: Algorithm,
    signature: bytes,
    message: bytes,
    folder: Path,
) -> bool:
    """Ask the command-line tool, which wants ECDSA as DER."""
    if isinstance(public, ec.EllipticCurvePublicKey):
        half = len(signature) // 2
        assert half == (public.key_size + 7) // 8
        parts = (int.from_bytes(part, "big") for part in (signature[:half], signature[half:]))
        signature = encode_dss_signature(*parts)
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for name, content in (("key", pem), ("signature", signature), ("message", message)):
        (folder / name).write_bytes(content)
    verify = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "key", "-rawin"]
    options = [] if algorithm is Algorithm.EdDSA else ["-digest", algorithms.hash_name(algorithm)]
    if algorithm.startswith("PS"):
        options += ["-pkeyopt", "rsa_padding_mode:pss", "-pkeyopt", "rsa_pss_saltlen:digest"]
    files = ["-in", "message", "-sigfile", "signature"]
    done = subprocess.run([*verify, *options, *files], cwd=folder, capture_output=True, check=False)
    assert b"Signature Verif" in done.stdout + done.stderr, done
    return done.returncode == 0
