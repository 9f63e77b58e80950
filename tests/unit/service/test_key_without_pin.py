"""PIV's 9E signs without a PIN: no lease, no status, and one transaction of the card's own."""

from __future__ import annotations

import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding

from bridged.errors import CardFault, InvalidParams, KeyUsageForbidden
from bridged.model import Algorithm, Usage
from bridged.pcsc.apdu import SW, Command, Response
from bridged.signing import webeid
from bridged.virtual import certificates, piv
from bridged.virtual.ca import DemoCa
from bridged.virtual.card import VirtualCard
from bridged.virtual.inprocess import InProcessBus
from bridged.virtual.reference_data import ReferenceData

from .conftest import Page

CHALLENGE = "c" * 44


class Refusing(piv.PivApplet):
    """A card whose issuer wants a PIN for 9E all the same."""

    def process(self, command: Command) -> Response:
        if command.ins == 0x87:
            return Response(b"", SW.SECURITY_STATUS)
        return super().process(command)


def card(ca: DemoCa, kind: type[piv.PivApplet] = piv.PivApplet) -> VirtualCard:
    issued = certificates.ebid_authentication(
        ca, ca.key.public_key(), certificates.Cardholder(), certificates.valid_for(9)
    )
    key = piv.PivKey(piv.CARD_AUTHENTICATION, ca.key, issued.public_bytes(Encoding.DER))
    pin, puk = ReferenceData(b"123456\xff\xff", 3), ReferenceData(b"12345678", 3)
    return VirtualCard([kind([key], pin, puk)], b"9e")


async def test_it_logs_in_at_once(page: Page, bus: InProcessBus, ca: DemoCa) -> None:
    bus.insert(0, card(ca))
    await page.event("card.inserted")
    key = await page.certificate(Usage.AUTHENTICATION)
    assert (key.label, key.pin) == ("Card Authentication (9E)", None)
    token = await page.call("authentication.create", certificate=key.id, challenge=CHALLENGE)
    public = x509.load_der_x509_certificate(token.unverified_certificate).public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    digest = webeid.digest("https://portal.example", CHALLENGE, token.algorithm)
    public.verify(token.signature, digest, padding.PKCS1v15(), Prehashed(hashes.SHA256()))


async def test_it_signs_no_documents(page: Page, bus: InProcessBus, ca: DemoCa) -> None:
    bus.insert(0, card(ca))
    await page.event("card.inserted")
    key = await page.certificate(Usage.AUTHENTICATION)
    digests = (hashlib.sha256(b"bid").digest(),)
    error = await page.fails(
        "signature.create", certificate=key.id, algorithm=Algorithm.RS256, digests=digests
    )
    assert isinstance(error, KeyUsageForbidden)


@pytest.mark.parametrize(
    "method", ["pin.status", "pin.verify", "pin.change", "pin.unblock", "puk.change"]
)
async def test_it_has_no_pin_to_speak_of(
    page: Page, bus: InProcessBus, ca: DemoCa, method: str
) -> None:
    bus.insert(0, card(ca))
    await page.event("card.inserted")
    key = await page.certificate(Usage.AUTHENTICATION)
    error = await page.fails(method, key=key.id)
    assert isinstance(error, InvalidParams)
    assert error.path == "key"


async def test_a_card_that_wants_a_pin_for_it_is_at_fault(
    page: Page, bus: InProcessBus, ca: DemoCa
) -> None:
    bus.insert(0, card(ca, Refusing))
    await page.event("card.inserted")
    key = await page.certificate(Usage.AUTHENTICATION)
    error = await page.fails("authentication.create", certificate=key.id, challenge=CHALLENGE)
    assert isinstance(error, CardFault)
    assert error.sw == "6982"
