"""The JPKI applet of the Individual Number Card (マイナンバーカード), read side and signing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import rsa

from bridged.pcsc.apdu import SW, Command, Response
from bridged.virtual.keys import pkcs1_v15_block, raw_rsa
from bridged.virtual.reference_data import ReferenceData

AID = bytes.fromhex("D392F000260100000001")
EF_SIGNATURE_CERTIFICATE, EF_SIGNATURE_CA = 0x0001, 0x0002
EF_TOKEN_INFO = 0x0006
EF_AUTHENTICATION_CERTIFICATE, EF_AUTHENTICATION_CA = 0x000A, 0x000B
EF_AUTHENTICATION_KEY, EF_AUTHENTICATION_PIN = 0x0017, 0x0018
EF_SIGNATURE_KEY, EF_SIGNATURE_PIN = 0x001A, 0x001B
CARD_TOKEN, ANDROID_TOKEN, IPHONE_TOKEN = b"JPKIAPICCTOKEN2", b"JPKIAPGPSETOKEN", b"JPKIAPIOSTOKEN"


@dataclass(frozen=True, slots=True)
class JpkiKey:
    """A key with its certificates (DER) and its PIN."""

    key: rsa.RSAPrivateKey
    certificate: bytes
    ca: bytes
    pin: ReferenceData


class JpkiApplet:
    """The applet with its elementary files; facts from public drivers, there is no public specification.

    `token` names what the applet is on. Without `short_identifiers` a file has to be selected before
    it is read or used.
    """

    aid = AID

    def __init__(
        self,
        authentication: JpkiKey,
        signature: JpkiKey,
        *,
        token: bytes = CARD_TOKEN,
        short_identifiers: bool = True,
    ) -> None:
        self._short_identifiers = short_identifiers
        self.pins: Mapping[str, ReferenceData] = {
            "authentication": authentication.pin,
            "signature": signature.pin,
        }
        self._files = {
            EF_SIGNATURE_CERTIFICATE: signature.certificate,
            EF_SIGNATURE_CA: signature.ca,
            EF_TOKEN_INFO: token.ljust(32).ljust(160, b"\0"),
            EF_AUTHENTICATION_CERTIFICATE: authentication.certificate,
            EF_AUTHENTICATION_CA: authentication.ca,
        }
        self._keys = {EF_AUTHENTICATION_KEY: authentication, EF_SIGNATURE_KEY: signature}
        self._pin_files = {
            EF_AUTHENTICATION_PIN: (authentication.pin, re.compile(rb"[0-9]{4}")),
            EF_SIGNATURE_PIN: (signature.pin, re.compile(rb"[0-9A-Z]{6,16}")),
        }
        self._signature_pin = signature.pin
        self._current: int | None = None

    def select(self, p2: int) -> Response:
        """Select; doing it again is how one logs out."""
        self.deselect()
        return Response(b"", SW.OK)

    def deselect(self) -> None:
        """Forget the verified PINs and the selected file."""
        self._current = None
        for pin in self.pins.values():
            pin.verified = False

    def process(self, command: Command) -> Response:
        """Carry out one command."""
        match command.cla, command.ins:
            case 0x00, 0xA4:
                return self._select_file(command)
            case 0x00, 0xB0:
                return self._read_binary(command)
            case 0x00, 0x20:
                return self._verify(command)
            case 0x00, 0x24:
                return self._change(command)
            case 0x80, 0x2A:
                return self._sign(command)
            case ((0x00 | 0x80), _):
                return Response(b"", SW.INS_UNSUPPORTED)
            case _:
                return Response(b"", SW.CLA_UNSUPPORTED)

    def _select_file(self, command: Command) -> Response:
        if (command.p1, command.p2) != (0x02, 0x0C):
            return Response(b"", SW.WRONG_P1P2)
        return self._choose(int.from_bytes(command.data, "big"))

    def _choose(self, file: int) -> Response:
        if file not in self._files and file not in self._keys and file not in self._pin_files:
            return Response(b"", SW.FILE_NOT_FOUND)
        self._current = file
        return Response(b"", SW.OK)

    def _read_binary(self, command: Command) -> Response:
        offset = command.p1 << 8 | command.p2
        if command.p1 & 0x80:
            if not self._short_identifiers:
                return Response(b"", SW.WRONG_P1P2)
            chosen = self._choose(command.p1 & 0x1F)
            if not chosen.ok:
                return chosen
            offset = command.p2
        content = self._files.get(self._current or 0)
        if content is None:
            return Response(b"", SW.COMMAND_NOT_ALLOWED)
        if self._current == EF_SIGNATURE_CERTIFICATE and not self._signature_pin.verified:
            return Response(b"", SW.SECURITY_STATUS)
        if offset >= len(content):
            return Response(b"", SW.WRONG_OFFSET)
        wanted = command.le or 256
        data = content[offset : offset + wanted]
        # Le = 00 asks for what there is, so only a number larger than that meets the end.
        whole = len(data) == wanted or wanted in {256, 65536}
        return Response(data, SW.OK if whole else SW.END_OF_FILE)

    def _verify(self, command: Command) -> Response:
        if (command.p1, command.p2) != (0x00, 0x80):
            return Response(b"", SW.WRONG_P1P2)
        if self._current not in self._pin_files:
            return Response(b"", SW.CONDITIONS_NOT_SATISFIED)
        pin, _ = self._pin_files[self._current]
        if not command.data:
            # OpenSC expects 63Cx here in every state, so neither 9000 nor 6984 is given.
            return Response(b"", 0x63C0 | pin.tries_left)
        if pin.blocked:
            return Response(b"", SW.REFERENCE_DATA_UNUSABLE)
        if pin.verify(command.data):
            return Response(b"", SW.OK)
        return Response(b"", 0x63C0 | pin.tries_left)

    def _change(self, command: Command) -> Response:
        if (command.p1, command.p2) != (0x01, 0x80):
            return Response(b"", SW.WRONG_P1P2)
        if self._current not in self._pin_files:
            return Response(b"", SW.CONDITIONS_NOT_SATISFIED)
        pin, form = self._pin_files[self._current]
        if not pin.verified:
            return Response(b"", SW.SECURITY_STATUS)
        if not form.fullmatch(command.data):
            return Response(b"", SW.WRONG_DATA)
        pin.set(command.data)
        return Response(b"", SW.OK)

    def _sign(self, command: Command) -> Response:
        """Pad what is given (a DigestInfo) by PKCS #1 v1.5 and sign; P2 is 80, or 80|SFI of the key."""
        if command.p1 != 0x00 or not command.p2 & 0x80:
            return Response(b"", SW.WRONG_P1P2)
        if command.p2 != 0x80 and not self._short_identifiers:
            return Response(b"", SW.WRONG_P1P2)
        file = command.p2 & 0x1F or self._current
        key = self._keys.get(file or 0)
        if key is None:
            return Response(b"", SW.CONDITIONS_NOT_SATISFIED)
        if not key.pin.verified:
            return Response(b"", SW.SECURITY_STATUS)
        try:
            block = pkcs1_v15_block(command.data, key.key.key_size // 8)
        except ValueError:
            return Response(b"", SW.WRONG_DATA)
        return Response(raw_rsa(key.key, block), SW.OK)
