"""The files of JPKI: keys, their certificates and PINs, and what the application is on. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from bridged.cards.key import Input, PinObject
from bridged.model import PinAlphabet, PinRules, Usage

AID = bytes.fromhex("D392F000260100000001")


class EF(IntEnum):
    """File identifiers; the last five bits are the short ones."""

    SIGNATURE_CERTIFICATE = 0x0001
    SIGNATURE_CA = 0x0002
    TOKEN_INFO = 0x0006
    AUTHENTICATION_CERTIFICATE = 0x000A
    AUTHENTICATION_CA = 0x000B
    AUTHENTICATION_KEY = 0x0017
    AUTHENTICATION_PIN = 0x0018
    SIGNATURE_KEY = 0x001A
    SIGNATURE_PIN = 0x001B

    @property
    def short(self) -> int:
        """The file in P1 of READ BINARY or P2 of the signing command."""
        return 0x80 | self & 0x1F


CARD = "マイナンバーカード"
TOKENS = {
    b"JPKIAPICCTOKEN": CARD,
    b"JPKIAPGPSETOKEN": "スマートフォンのマイナンバーカード (Android)",
    b"JPKIAPIOSTOKEN": "スマートフォンのマイナンバーカード (iPhone)",
}
"""How the token information begins, and what people call what it is on."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A key with its files, the rules of its PIN and what it can be given to sign."""

    key: EF
    pin: EF
    certificate: EF
    ca: EF
    usage: Usage
    label: str
    pin_object: PinObject
    private: bool
    inputs: frozenset[Input] = frozenset({Input.RSA_DIGEST_INFO})


SLOTS = (
    Slot(
        EF.AUTHENTICATION_KEY,
        EF.AUTHENTICATION_PIN,
        EF.AUTHENTICATION_CERTIFICATE,
        EF.AUTHENTICATION_CA,
        Usage.AUTHENTICATION,
        "利用者証明用電子証明書",
        PinObject(
            "0018",
            "利用者証明用パスワード",
            PinRules(min_length=4, max_length=4, alphabet=PinAlphabet.DIGITS),
        ),
        private=False,
    ),
    Slot(
        EF.SIGNATURE_KEY,
        EF.SIGNATURE_PIN,
        EF.SIGNATURE_CERTIFICATE,
        EF.SIGNATURE_CA,
        Usage.SIGNATURE,
        "署名用電子証明書",
        PinObject(
            "001b",
            "署名用パスワード",
            PinRules(min_length=6, max_length=16, alphabet=PinAlphabet.UPPER_ALNUM),
        ),
        private=True,
    ),
)


def token_label(info: bytes) -> str:
    """Return what people call the thing that has this token information."""
    return next((label for name, label in TOKENS.items() if info.startswith(name)), CARD)


def slot_of(ref: str) -> Slot:
    """Return the slot of a key by its reference."""
    return next(slot for slot in SLOTS if f"{slot.key:04x}" == ref)
