"""The demo cards: `ebid`, as an e-bidding CA issues it, and `jpki`, the Individual Number Card."""

from __future__ import annotations

from cryptography.hazmat.primitives.serialization import Encoding

from bridged.virtual import certificates, jpki, piv
from bridged.virtual.ca import DemoCa, new_rsa_key
from bridged.virtual.card import VirtualCard
from bridged.virtual.certificates import SIGNATURE_USAGE, Cardholder, Validity
from bridged.virtual.reference_data import ReferenceData

PROFILES = ("ebid", "jpki")

# PINs of demo cards: no secret, printed where the demo is started.
EBID_PIN = "123456"
EBID_PUK = "12345678"
JPKI_AUTHENTICATION_PIN = "1234"
JPKI_SIGNATURE_PIN = "ABC123"


def make_card(
    profile: str,
    ca: DemoCa,
    *,
    holder: Cardholder | None = None,
    validity: Validity | None = None,
    signature_usage: tuple[str, ...] = SIGNATURE_USAGE,
    tries: int = 3,
    signature_tries: int = 5,
) -> VirtualCard:
    """Issue a card with new keys.

    `signature_usage` is the keyUsage of the signature certificate. `tries` goes for the PIN (and
    PUK) of `ebid` and the authentication PIN of `jpki`, `signature_tries` for the latter's
    signature PIN. Raises `ValueError` for a profile that does not exist.
    """
    holder = holder or Cardholder()
    validity = validity or certificates.valid_for(730)
    if profile == "ebid":
        return _ebid(ca, holder, validity, signature_usage, tries)
    if profile == "jpki":
        return _jpki(
            ca, holder, validity, signature_usage, tries=tries, signature_tries=signature_tries
        )
    raise ValueError(f"no profile {profile!r}; there are {', '.join(PROFILES)}")


def _ebid(
    ca: DemoCa, holder: Cardholder, validity: Validity, usage: tuple[str, ...], tries: int
) -> VirtualCard:
    authentication, signature = new_rsa_key(), new_rsa_key()
    authentication_certificate = certificates.ebid_authentication(
        ca, authentication.public_key(), holder, validity
    )
    signature_certificate = certificates.ebid_signature(
        ca, signature.public_key(), holder, validity, usage
    )
    keys = (
        piv.PivKey(
            piv.AUTHENTICATION,
            authentication,
            authentication_certificate.public_bytes(Encoding.DER),
        ),
        piv.PivKey(
            piv.SIGNATURE,
            signature,
            signature_certificate.public_bytes(Encoding.DER),
            pin_always=True,
        ),
    )
    pin = ReferenceData(EBID_PIN.encode().ljust(8, b"\xff"), tries)
    puk = ReferenceData(EBID_PUK.encode(), tries)
    return VirtualCard([piv.PivApplet(keys, pin, puk)], b"ebid")


def _jpki(
    ca: DemoCa,
    holder: Cardholder,
    validity: Validity,
    usage: tuple[str, ...],
    *,
    tries: int,
    signature_tries: int,
) -> VirtualCard:
    authentication, signature = new_rsa_key(), new_rsa_key()
    authentication_ca = ca.subordinate(certificates.jpki_issuer("user authentication"))
    signature_ca = ca.subordinate(certificates.jpki_issuer("digital signature"))
    authentication_certificate = certificates.jpki_authentication(
        authentication_ca, authentication.public_key(), validity
    )
    signature_certificate = certificates.jpki_signature(
        signature_ca, signature.public_key(), holder, validity, usage
    )
    applet = jpki.JpkiApplet(
        authentication=jpki.JpkiKey(
            authentication,
            authentication_certificate.public_bytes(Encoding.DER),
            authentication_ca.certificate.public_bytes(Encoding.DER),
            ReferenceData(JPKI_AUTHENTICATION_PIN.encode(), tries),
        ),
        signature=jpki.JpkiKey(
            signature,
            signature_certificate.public_bytes(Encoding.DER),
            signature_ca.certificate.public_bytes(Encoding.DER),
            ReferenceData(JPKI_SIGNATURE_PIN.encode(), signature_tries),
        ),
    )
    return VirtualCard([applet], b"jpki")
