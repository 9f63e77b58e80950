"""pyscard's own corner: empty readers, and cards without extended length."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from bridged.cards.piv import PivDriver
from bridged.errors import NoCard, NoReader
from bridged.model import Algorithm, Usage
from bridged.pcsc.channel import Channel
from bridged.pcsc.scard import PcscBus
from bridged.secret import Pin
from bridged.signing.signer import sign_digest
from bridged.virtual.pcscd import PrivatePcscd
from bridged.virtual.profiles import EBID_PIN


@pytest.fixture
def service(pcscd: PrivatePcscd, monkeypatch: pytest.MonkeyPatch) -> PcscBus:
    monkeypatch.setenv("PCSCLITE_CSOCK_NAME", pcscd.socket_name)
    return PcscBus()


def reader_of(service: PcscBus) -> str:
    context = service.open()
    name = context.wait_for_change()[0].name
    context.close()
    return name


@pytest.mark.parametrize("extended", [1, 0], ids=["extended", "chained"])
def test_a_signature_is_made_with_and_without_extended_length(
    service: PcscBus, pcscd: PrivatePcscd, ca_directory: Path, extended: int
) -> None:
    card = pcscd.spawn_card("ebid", ca_directory)
    context = service.open()
    connection = context.connect(reader_of(service))
    channel = Channel()
    channel.attach(connection.transmit, extended=bool(extended))
    connection.begin()
    driver = PivDriver.detect(channel)
    assert driver is not None
    (key,) = driver.keys(Usage.AUTHENTICATION)
    assert key.certificate is not None
    driver.verify_pin_guarded(key, Pin(EBID_PIN), accept_last_try=False)
    digest = hashlib.sha256(b"application").digest()
    signature = sign_digest(driver, key, key.certificate, Algorithm.RS256, digest)
    connection.end()
    connection.close(reset=True)
    context.close()
    card.close()
    public = x509.load_der_x509_certificate(key.certificate).public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    public.verify(signature, digest, padding.PKCS1v15(), Prehashed(hashes.SHA256()))


def test_an_empty_reader_and_a_reader_that_is_not_there_are_two_things(service: PcscBus) -> None:
    context = service.open()
    with pytest.raises(NoCard):
        context.connect(reader_of(service))
    with pytest.raises(NoReader):
        context.connect("no such reader")
    context.close()
