"""Who is measured: a bare pyscard script, bridged over its WebSocket, OpenSC through PKCS#11."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import pkcs11
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from pkcs11 import Attribute, Mechanism, ObjectClass
from smartcard import scard

from bridged.client import blocking
from bridged.model import ReaderState, Usage
from bridged.pcsc import tlv
from bridged.pcsc.apdu import Command, Response
from bridged.virtual.profiles import EBID_PIN, JPKI_SIGNATURE_PIN

OPENSC = ("/usr/lib/x86_64-linux-gnu/opensc-pkcs11.so", "/usr/lib64/opensc-pkcs11.so")
ORIGIN = "https://portal.example"
PINS = {"piv": EBID_PIN, "jpki": JPKI_SIGNATURE_PIN}
DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
START_S = 20.0

CERTIFICATES = tuple(bytes.fromhex("5C035FC1" + slot) for slot in ("05", "0A", "0B", "01"))
"""Of 9A, 9C, 9D and 9E."""
KEY_HISTORY, DISCOVERY = bytes.fromhex("5C035FC10C"), bytes.fromhex("5C017E")
"""How many more keys there are, and which PIN is the card's."""


class Contender(Protocol):
    """One way to the card; a signature is PKCS#1 v1.5 over a SHA-256 digest."""

    who: str

    def meet(self) -> None:
        """Get ready for a card that was just inserted; not measured."""

    def list(self) -> int:
        """Read what a person chooses from; return how many certificates that are."""

    def first(self, digest: bytes) -> bytes:
        """Verify the PIN and sign."""

    def next(self, digest: bytes) -> bytes:
        """Sign once more."""

    def batch(self, digests: Sequence[bytes]) -> Sequence[bytes]:
        """Sign many."""

    def certificate(self) -> bytes:
        """Return the certificate of the key that signed (DER); not measured."""

    def part(self) -> None:
        """Let go of the card; not measured."""

    def close(self) -> None:
        """End."""


def verify(der: bytes, digest: bytes, signature: bytes) -> None:
    """Raise `InvalidSignature` unless the certificate's key made the signature."""
    key = x509.load_der_x509_certificate(der).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    key.verify(signature, digest, padding.PKCS1v15(), Prehashed(hashes.SHA256()))


class Floor:
    """The fewest APDUs that do the work, in a transaction that nobody can come between.

    It knows which kind of card it has. It reads what bridged's list shows: every certificate that
    can be read, with its issuer's where the card has that, the tries left, and on JPKI what the
    application is on, a card or a phone. Like bridged it looks at the tries left before it sends a
    PIN.
    """

    who = "pyscard (floor)"

    def __init__(self, kind: str, reader: int) -> None:
        self._kind, self._reader = kind, reader
        _, self._context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
        self._handle: Any = None
        self._certificate = b""

    def meet(self) -> None:
        _, names = scard.SCardListReaders(self._context, [])
        name = sorted(names)[self._reader]
        state = 0
        while not state & scard.SCARD_STATE_PRESENT:
            watched = [(name, state & ~scard.SCARD_STATE_CHANGED)]
            code, ((_, state, _),) = scard.SCardGetStatusChange(self._context, 20_000, watched)
            assert code == scard.SCARD_S_SUCCESS, hex(code)
        code, self._handle, self._protocol = scard.SCardConnect(
            self._context, name, scard.SCARD_SHARE_SHARED, scard.SCARD_PROTOCOL_T1
        )
        assert code == scard.SCARD_S_SUCCESS, hex(code)
        scard.SCardBeginTransaction(self._handle)

    def list(self) -> int:
        return self._list_piv() if self._kind == "piv" else self._list_jpki()

    def first(self, digest: bytes) -> bytes:
        # A person types the PIN; until then the card is everybody's.
        scard.SCardEndTransaction(self._handle, scard.SCARD_LEAVE_CARD)
        scard.SCardBeginTransaction(self._handle)
        self._select()
        if self._kind == "jpki":
            self._send(0x00, 0xA4, 0x02, 0x0C, bytes.fromhex("001B"))
        self._tries_left()
        self._verify()
        if self._kind == "jpki":
            self._certificate = self._send(0x00, 0xB0, 0x81, 0x00, le=65536)
        return self._sign(digest)

    def next(self, digest: bytes) -> bytes:
        if self._kind == "piv":
            # 9C asks for the PIN before each signature.
            self._verify()
        return self._sign(digest)

    def batch(self, digests: Sequence[bytes]) -> Sequence[bytes]:
        return [self.next(digest) for digest in digests]

    def certificate(self) -> bytes:
        return self._certificate

    def part(self) -> None:
        scard.SCardDisconnect(self._handle, scard.SCARD_RESET_CARD)

    def close(self) -> None:
        scard.SCardReleaseContext(self._context)

    def _list_piv(self) -> int:
        self._select()
        certificates = []
        for request in (*CERTIFICATES, KEY_HISTORY, DISCOVERY):
            data = self._send(0x00, 0xCB, 0x3F, 0xFF, request, le=65536, accept=None)
            if request in CERTIFICATES and data:
                certificates.append(tlv.find(data, 0x53, 0x70))
        _, self._certificate = certificates
        self._tries_left()
        return len(certificates)

    def _list_jpki(self) -> int:
        self._select()
        self._send(0x00, 0xB0, 0x80 | 0x06, 0x00, le=32)
        for file in (0x0A, 0x0B):
            self._send(0x00, 0xB0, 0x80 | file, 0x00, le=65536)
        for pin in ("0018", "001B"):
            self._send(0x00, 0xA4, 0x02, 0x0C, bytes.fromhex(pin))
            self._tries_left()
        return 2

    def _select(self) -> None:
        aid = "A000000308" if self._kind == "piv" else "D392F000260100000001"
        self._send(0x00, 0xA4, 0x04, 0x00 if self._kind == "piv" else 0x0C, bytes.fromhex(aid))

    def _tries_left(self) -> None:
        self._send(0x00, 0x20, 0x00, 0x80, accept=0x63)

    def _verify(self) -> None:
        pin = PINS[self._kind].encode()
        self._send(0x00, 0x20, 0x00, 0x80, pin.ljust(8, b"\xff") if self._kind == "piv" else pin)

    def _sign(self, digest: bytes) -> bytes:
        info = DIGEST_INFO + digest
        if self._kind == "jpki":
            return self._send(0x80, 0x2A, 0x00, 0x9A, info, le=256)
        block = b"\0\1" + b"\xff" * (256 - 3 - len(info)) + b"\0" + info
        template = tlv.encode(0x7C, tlv.encode(0x82), tlv.encode(0x81, block))
        return tlv.find(self._send(0x00, 0x87, 0x07, 0x9C, template, le=65536), 0x7C, 0x82)

    def _send(
        self,
        cla: int,
        ins: int,
        p1: int,
        p2: int,
        data: bytes = b"",
        *,
        le: int | None = None,
        accept: int | None = 0x90,
    ) -> bytes:
        command = Command(cla, ins, p1, p2, data, le)
        apdu = list(command.encode(extended=command.needs_extended))
        code, answer = scard.SCardTransmit(self._handle, self._protocol, apdu)
        assert code == scard.SCARD_S_SUCCESS, hex(code)
        response = Response.decode(bytes(answer))
        assert accept in {None, response.sw >> 8}, f"{response.sw:04X}"
        return response.data


class Bridged:
    """The daemon in a process of its own, asked by its Python client as a page would."""

    who = "bridged"

    def __init__(self, kind: str, folder: Path) -> None:
        self._kind = kind
        self._stack = ExitStack()
        self._daemon = _start_daemon(folder)
        assert self._daemon.stdout
        match = re.search(r"http://(\S+)", self._daemon.stdout.readline())
        assert match, "the daemon did not start"
        url = f"ws://{match[1]}/v1"
        self._bridge = self._stack.enter_context(blocking.connect(url, origin=ORIGIN))

    def meet(self) -> None:
        while all(reader.state is not ReaderState.PRESENT for reader in self._bridge.readers()):
            self._bridge.next_event(START_S)

    def list(self) -> int:
        certificates = self._bridge.certificates()
        (self._key,) = [each.id for each in certificates if each.usage is Usage.SIGNATURE]
        return len(certificates)

    def first(self, digest: bytes) -> bytes:
        self._lease = self._bridge.verify_pin(self._key, PINS[self._kind], lease_seconds=300)
        return self.next(digest)

    def next(self, digest: bytes) -> bytes:
        (signature,) = self._bridge.sign(self._key, [digest])
        return signature

    def batch(self, digests: Sequence[bytes]) -> Sequence[bytes]:
        return self._bridge.sign(self._key, digests)

    def certificate(self) -> bytes:
        (found,) = self._bridge.certificates(usage=Usage.SIGNATURE)
        assert found.x509 is not None
        return found.x509.der

    def part(self) -> None:
        self._bridge.release(self._lease)

    def close(self) -> None:
        self._stack.close()
        self._daemon.terminate()
        self._daemon.communicate(timeout=10)


def _start_daemon(folder: Path) -> subprocess.Popen[str]:
    allow = f"{ORIGIN}=certificates,sign,page-pin"
    with (folder / "daemon.log").open("w") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "bridged", "serve", "--port", "0", "--allow", allow],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**os.environ, "XDG_RUNTIME_DIR": str(folder), "XDG_CONFIG_HOME": str(folder)},
        )


class OpenSc:
    """OpenSC's PKCS#11 module through python-pkcs11, initialised anew for each card."""

    who = "OpenSC"

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._module = next(path for path in OPENSC if Path(path).exists())
        self._library: Any = None
        self._session: Any = None

    def meet(self) -> None:
        """Leave the module alone: it reads the card as it is initialised."""

    def list(self) -> int:
        if self._library is None:
            self._library = pkcs11.lib(self._module)
        else:
            self._library.initialize()
        count = 0
        for slot in self._library.get_slots(token_present=True):
            with slot.get_token().open() as session:
                found = session.get_objects({Attribute.CLASS: ObjectClass.CERTIFICATE})
                count += sum(bool(each[Attribute.VALUE]) for each in found)
        return count

    def first(self, digest: bytes) -> bytes:
        slot = self._library.get_slots(token_present=True)[-1]
        self._session = slot.get_token().open(user_pin=PINS[self._kind])
        keys = list(self._session.get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY}))
        (self._key,) = [key for key in keys if self._kind == "jpki" or key.id == b"\x02"]
        return self.next(digest)

    def next(self, digest: bytes) -> bytes:
        pin = PINS[self._kind] if self._kind == "piv" else None
        signed: bytes = self._key.sign(DIGEST_INFO + digest, mechanism=Mechanism.RSA_PKCS, pin=pin)
        return signed

    def batch(self, digests: Sequence[bytes]) -> Sequence[bytes]:
        return [self.next(digest) for digest in digests]

    def certificate(self) -> bytes:
        wanted = {Attribute.CLASS: ObjectClass.CERTIFICATE, Attribute.ID: self._key.id}
        (found,) = self._session.get_objects(wanted)
        return bytes(found[Attribute.VALUE])

    def part(self) -> None:
        self._session.close()
        self._library.finalize()

    def close(self) -> None:
        """There is nothing left."""
