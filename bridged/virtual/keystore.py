"""Private keys of virtual cards, kept so that a card is the same one when it is started again."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable
from enum import Enum
from functools import partial
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

CardKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


class KeyAlgorithm(Enum):
    """A kind of key that a card can have."""

    RSA_1024 = "rsa-1024"
    RSA_2048 = "rsa-2048"
    RSA_3072 = "rsa-3072"
    RSA_4096 = "rsa-4096"
    P_256 = "p-256"
    P_384 = "p-384"
    ED25519 = "ed25519"


def _rsa(size: int) -> CardKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=size)


_GENERATE: dict[KeyAlgorithm, Callable[[], CardKey]] = {
    KeyAlgorithm.RSA_1024: partial(_rsa, 1024),
    KeyAlgorithm.RSA_2048: partial(_rsa, 2048),
    KeyAlgorithm.RSA_3072: partial(_rsa, 3072),
    KeyAlgorithm.RSA_4096: partial(_rsa, 4096),
    KeyAlgorithm.P_256: partial(ec.generate_private_key, ec.SECP256R1()),
    KeyAlgorithm.P_384: partial(ec.generate_private_key, ec.SECP384R1()),
    KeyAlgorithm.ED25519: ed25519.Ed25519PrivateKey.generate,
}


class KeyStore:
    """Makes keys, and keeps them in a private directory (0700, files 0600) where it has one."""

    def __init__(self, directory: Path | None = None) -> None:
        self._directory = directory

    def key(self, owner: str, algorithm: KeyAlgorithm) -> CardKey:
        """Return the key of a card's slot, the one that was made before if it is kept.

        Making an RSA key of 4096 bits takes seconds.
        """
        if self._directory is None:
            return _GENERATE[algorithm]()
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = self._directory / f"{owner}-{algorithm.value}.pem"
        if not file.exists():
            _write(file, _GENERATE[algorithm]())
        key = load_pem_private_key(file.read_bytes(), None)
        if not isinstance(key, CardKey):
            raise TypeError(f"{file} holds no key of a card")
        return key


def _write(file: Path, key: CardKey) -> None:
    """Put a whole file into its place, unless another process has just done so."""
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    handle, name = tempfile.mkstemp(dir=file.parent)
    with os.fdopen(handle, "wb") as temporary:
        temporary.write(pem)
    with contextlib.suppress(FileExistsError):
        file.hardlink_to(name)
    Path(name).unlink()
