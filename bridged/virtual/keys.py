"""Private-key operations as a card does them, on the raw block."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric import rsa


def raw_rsa(key: rsa.RSAPrivateKey, block: bytes) -> bytes:
    """Return block^d mod n (RFC 8017, 5.2.1) by the remainder theorem, as long as the modulus.

    Not in constant time: demo keys only. Raises `ValueError` unless the block is as long as the
    modulus and smaller than it.
    """
    private = key.private_numbers()
    n = private.public_numbers.n
    size = key.key_size // 8
    m = int.from_bytes(block, "big")
    if len(block) != size or m >= n:
        raise ValueError("the block does not fit the modulus")
    s1 = pow(m, private.dmp1, private.p)
    s2 = pow(m, private.dmq1, private.q)
    s = s2 + private.q * (private.iqmp * (s1 - s2) % private.p)
    return s.to_bytes(size, "big")


def pkcs1_v15_block(message: bytes, size: int) -> bytes:
    """Return 00 01 FF.. 00 `message`, `size` bytes long (RFC 8017, 9.2 from step 3 on).

    Raises `ValueError` where fewer than 8 bytes of FF would fit.
    """
    padding = size - 3 - len(message)
    if padding < 8:
        raise ValueError("too long for the modulus")
    return b"\x00\x01" + b"\xff" * padding + b"\x00" + message
