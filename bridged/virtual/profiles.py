"""Virtual cards as they are issued: a profile, the demo CA, and keys."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from msgspec.structs import replace

from bridged.virtual import certificates, jpki, piv
from bridged.virtual.ca import DemoCa
from bridged.virtual.card import Applet, VirtualCard, atr_of, make_atr
from bridged.virtual.certificates import Cardholder
from bridged.virtual.keystore import KeyAlgorithm, KeyStore
from bridged.virtual.profile import (
    AtrSpec,
    JpkiSpec,
    PivKeySpec,
    PivPin,
    PivSpec,
    Profile,
    Puk,
    Secret,
    Validity,
    load,
)
from bridged.virtual.reference_data import ReferenceData

# PINs of demo cards: no secret, printed where the demo is started.
EBID_PIN = "123456"
EBID_PUK = "12345678"
JPKI_AUTHENTICATION_PIN = "1234"
JPKI_SIGNATURE_PIN = "ABC123"


def make_card(
    profile: str | Profile,
    ca: DemoCa,
    *,
    keys: KeyStore | None = None,
    holder: Cardholder | None = None,
    validity: certificates.Validity | None = None,
) -> VirtualCard:
    """Issue the card of a profile (a name of ours, a file's path, or the profile itself).

    `holder` and `validity` go before those of the profile; without `keys` the card gets new ones.
    Raises `ConfigError`.
    """
    made = load(profile) if isinstance(profile, str) else profile
    issuer = _Issuer(replace(made, holder=holder or made.holder), ca, keys or KeyStore(), validity)
    return issuer.card()


class _Issuer:
    """Makes one card."""

    def __init__(
        self,
        profile: Profile,
        ca: DemoCa,
        keys: KeyStore,
        validity: certificates.Validity | None,
    ) -> None:
        self._profile, self._ca, self._keys, self._validity = profile, ca, keys, validity
        self._now = datetime.now(UTC).replace(microsecond=0)

    def card(self) -> VirtualCard:
        profile = self._profile
        applets: list[Applet] = []
        if profile.piv is not None:
            applets.append(self._piv(profile.piv))
        if profile.jpki is not None:
            applets.append(self._jpki(profile.jpki))
        card = VirtualCard(
            applets,
            b"",
            atr=_atr(profile.atr),
            faults=profile.misbehaviour,
            mute=profile.atr.mute,
        )
        card.apdu_latency_s = profile.latency.apdu_ms / 1000
        card.signature_latency_s = profile.latency.signature_ms / 1000
        return card

    def _piv(self, spec: PivSpec) -> piv.PivApplet:
        keys = [self._piv_key(key) for key in spec.keys]
        return piv.PivApplet(keys, _reference(spec.pin), _reference(spec.puk))

    def _piv_key(self, spec: PivKeySpec) -> piv.PivKey:
        key = self._keys.key(f"{self._profile.name}-{spec.slot}", spec.algorithm)
        asked = spec.certificate
        certificate = certificates.ebid(
            self._ca,
            key.public_key(),
            self._profile.holder,
            self._valid(asked.validity),
            unit=asked.unit,
            usage=tuple(bit.value for bit in asked.usage),
            client_authentication=asked.client_authentication,
            subject=x509.Name.from_rfc4514_string(asked.subject) if asked.subject else None,
            kanji=asked.kanji,
        )
        return piv.PivKey(
            spec.reference,
            key,
            self._given(certificate),
            pin_always=spec.pin_always,
            compressed=asked.compressed,
        )

    def _jpki(self, spec: JpkiSpec) -> jpki.JpkiApplet:
        login = self._rsa_key("authentication")
        login_ca = self._ca.subordinate(certificates.jpki_issuer("user authentication"))
        login_certificate = certificates.jpki_authentication(
            login_ca, login.public_key(), self._valid(spec.authentication.validity)
        )
        signing = self._rsa_key("signature")
        signing_ca = self._ca.subordinate(certificates.jpki_issuer("digital signature"))
        signing_certificate = certificates.jpki_signature(
            signing_ca,
            signing.public_key(),
            self._profile.holder,
            self._valid(spec.signature.validity),
            tuple(bit.value for bit in spec.signature.usage),
        )
        return jpki.JpkiApplet(
            authentication=jpki.JpkiKey(
                login,
                self._given(login_certificate),
                _der(login_ca.certificate),
                _reference(spec.authentication.pin),
            ),
            signature=jpki.JpkiKey(
                signing,
                self._given(signing_certificate),
                _der(signing_ca.certificate),
                _reference(spec.signature.pin),
            ),
        )

    def _given(self, certificate: x509.Certificate) -> bytes:
        """Return the holder's certificate as it is written to the card."""
        if self._profile.revoked and self._ca.register is not None:
            self._ca.register.revoke(certificate, x509.ReasonFlags.key_compromise)
        return _der(certificate)

    def _rsa_key(self, purpose: str) -> rsa.RSAPrivateKey:
        key = self._keys.key(f"{self._profile.name}-{purpose}", KeyAlgorithm.RSA_2048)
        assert isinstance(key, rsa.RSAPrivateKey)
        return key

    def _valid(self, own: Validity | None) -> certificates.Validity:
        if self._validity is not None:
            return self._validity
        days = own or self._profile.validity
        begins, ends = timedelta(days=days.begins_in_days), timedelta(days=days.ends_in_days)
        return self._now + begins, self._now + ends


def _reference(secret: Secret) -> ReferenceData:
    value = secret.value.encode()
    if isinstance(secret, PivPin | Puk):
        value = value.ljust(8, b"\xff")
    return ReferenceData(value, secret.tries, secret.left)


def _atr(spec: AtrSpec) -> bytes:
    if spec.whole is not None:
        return bytes.fromhex(spec.whole)
    if spec.historical is not None:
        return atr_of(bytes.fromhex(spec.historical))
    return make_atr(spec.label.encode(), extended=spec.extended_length)


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)
