"""The same card from the inside: what the driver is tested with."""

from __future__ import annotations

from collections.abc import Mapping

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from bridged.pcsc.apdu import SW, Command, Response
from bridged.virtual.reference_data import ReferenceData

KeyAndCertificate = tuple[ec.EllipticCurvePrivateKey, bytes]


class GuildApplet:
    """Two keys by their references, and one PIN."""

    aid = bytes.fromhex("F0000000677569 6C64")

    def __init__(self, keys: Mapping[int, KeyAndCertificate], pin: ReferenceData) -> None:
        self.pins: Mapping[str, ReferenceData] = {"pin": pin}
        self._keys, self._pin = keys, pin

    def select(self, p2: int) -> Response:
        return Response(b"", SW.OK)

    def deselect(self) -> None:
        self._pin.verified = False

    def process(self, command: Command) -> Response:
        match command.ins, command.p2:
            case 0xB0, _:
                return self._read(command)
            case 0x20, 0x01:
                return self._verify(command.data)
            case 0x24, 0x01:
                return self._change(command.data)
            case 0x88, ref:
                return self._sign(ref, command.data)
        return Response(b"", SW.INS_UNSUPPORTED)

    def _read(self, command: Command) -> Response:
        found = self._keys.get(command.p1 & 0x1F)
        return Response(found[1], SW.OK) if found else Response(b"", SW.FILE_NOT_FOUND)

    def _verify(self, block: bytes) -> Response:
        if block and self._pin.blocked:
            return Response(b"", SW.AUTH_METHOD_BLOCKED)
        if self._pin.verify(block) if block else self._pin.verified:
            return Response(b"", SW.OK)
        return Response(b"", 0x63C0 | self._pin.tries_left)

    def _change(self, blocks: bytes) -> Response:
        verified = self._verify(blocks[:8])
        if verified.ok:
            self._pin.set(blocks[8:])
        return verified

    def _sign(self, ref: int, digest: bytes) -> Response:
        if ref not in self._keys:
            return Response(b"", SW.REFERENCE_NOT_FOUND)
        if not self._pin.verified:
            return Response(b"", SW.SECURITY_STATUS)
        key, _ = self._keys[ref]
        return Response(key.sign(digest, ec.ECDSA(Prehashed(hashes.SHA256()))), SW.OK)
