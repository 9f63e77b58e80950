"""JPKI, the public key application of the Individual Number Card (マイナンバーカード).

No public specification exists; the facts are those that OpenSC and myna agree upon, and what
others read off their cards. PSS, which some found behind P1 04 and 05 of the signing command, is
not offered: nobody has told how the card makes it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

from bridged.cards.answers import SecurityStatus, check, check_permitted, check_verified, tries_left
from bridged.cards.base import CardDriver
from bridged.cards.certificate import is_certificate, issued_by
from bridged.cards.jpki_files import AID, CARD, EF, SLOTS, Slot, slot_of, token_label
from bridged.cards.key import Input, Key, Keypad
from bridged.errors import CardFault
from bridged.model import CardType, PinStatus, Usage
from bridged.pcsc import tlv
from bridged.pcsc.apdu import ELSEWHERE, SW, Command, Response
from bridged.pcsc.channel import Channel
from bridged.secret import Pin

SEQUENCE = 0x30
SHORTEST_READ = 32
"""A card that gives fewer bytes at a time than this wants to hold us up."""
MAX_CERTIFICATE = 0x2000
"""No certificate on the card is larger (bytes)."""
TOKEN_NAME_LENGTH = 32


class JpkiDriver(CardDriver):
    """The JPKI application (公的個人認証AP). Selecting it logs out every PIN of it."""

    card_type = CardType.JPKI

    def __init__(self, channel: Channel) -> None:
        super().__init__(channel)
        self._certificates: dict[EF, bytes] = {}
        self._names_files = self._names_keys = True
        self._file: tuple[int, int, EF] | None = None
        self._verified: set[EF] = set()
        self._entered()
        self.label = self._token_label()

    @classmethod
    def detect(cls, channel: Channel) -> Self | None:
        """Select the application by its AID."""
        return cls(channel) if _select_application(channel) else None

    def _token_label(self) -> str:
        try:
            info = self._read_start(EF.TOKEN_INFO, TOKEN_NAME_LENGTH)
        except (CardFault, SecurityStatus):
            return CARD
        return token_label(info)

    # ---- keys ----

    def keys(self, usage: Usage | None = None) -> list[Key]:
        """Return the keys that have one; the signature certificate is None until its PIN was verified."""
        wanted = (slot for slot in SLOTS if usage in {None, slot.usage})
        return [key for slot in wanted if (key := self._key(slot)) is not None]

    def _key(self, slot: Slot) -> Key | None:
        locked = slot.private and not self._is_verified(slot.pin)
        certificate = None if locked else self._read_certificate(slot.certificate)
        if certificate == b"":
            return None
        return Key(
            ref=f"{slot.key:04x}",
            usage=slot.usage,
            label=slot.label,
            pin=slot.pin_object,
            pin_always=False,
            inputs=slot.inputs,
            certificate=certificate,
            certificate_private=slot.private,
        )

    def chain(self, key: Key) -> tuple[bytes, ...]:
        """Return the CA's certificate, where its key has signed: it may be of another generation."""
        if key.certificate is None:
            return ()
        ca = self._read_certificate(slot_of(key.ref).ca)
        return (ca,) if ca and issued_by(key.certificate, ca) else ()

    def _read_certificate(self, file: EF) -> bytes | None:
        """Return a certificate, empty where the file holds none; None where it needs the PIN."""
        if file not in self._certificates:
            self._ensure_selected()
            try:
                der = self._read_der(file)
            except SecurityStatus:
                # It was verified, and another program has selected the application since.
                return None
            self._certificates[file] = der if is_certificate(der) else b""
        return self._certificates[file]

    # ---- files ----

    def _read_der(self, file: EF) -> bytes:
        """Read a file as far as the DER in it goes (READ BINARY, 15-bit offset)."""
        data = self._read_start(file, 0x10000 if self._channel.extended else 256)
        try:
            tag, size = tlv.header(data)
        except tlv.TlvError:
            return b""
        if tag != SEQUENCE or size > MAX_CERTIFICATE:
            return b""
        while len(data) < size:
            more = self._read(len(data), min(size - len(data), 256))
            if len(more) < min(size - len(data), SHORTEST_READ):
                raise CardFault(sw="")
            data += more
        return data[:size]

    def _read_start(self, file: EF, length: int) -> bytes:
        """Name the file in the command, or select it first where the card wants that."""
        if self._names_files and self._file != self._here(file):
            response = self._read_binary(file.short << 8, length)
            if response.sw not in ELSEWHERE:
                data = _content(self._noted(response))
                self._file = self._here(file)
                return data
        self._select_file(file)
        data = self._read(0, length)
        self._names_files = False
        return data

    def _read(self, offset: int, length: int) -> bytes:
        return _content(self._noted(self._read_binary(offset, length)))

    def _read_binary(self, p1p2: int, length: int) -> Response:
        return self._channel.transmit(Command(0x00, 0xB0, p1p2 >> 8, p1p2 & 0xFF, le=length))

    def _select_file(self, file: EF) -> None:
        if self._file != self._here(file):
            check(self._noted(self._try_file(file)))

    def _try_file(self, file: EF) -> Response:
        response = self._channel.transmit(Command(0x00, 0xA4, 0x02, 0x0C, file.to_bytes(2, "big")))
        self._file = self._here(file) if response.ok else None
        return response

    def _here(self, file: EF) -> tuple[int, int, EF]:
        return self._channel.epoch, self._channel.transaction, file

    # ---- PIN ----

    def enter(self) -> None:
        """Select the application, which logs out every PIN of it."""
        self._select()

    def pin_status(self, key: Key) -> PinStatus:
        """Return the state of the PIN of a key, by a VERIFY without data."""
        slot = slot_of(key.ref)
        self._ensure_selected()
        self._select_file(slot.pin)
        left, verified = tries_left(self._channel.transmit(Command(0x00, 0x20, 0x00, 0x80)))
        return slot.pin_object.status(tries_left=left, verified=verified)

    def verify_pin(self, key: Key, pin: Pin) -> None:
        """Verify the PIN of a key."""
        command = slot_of(key.ref).pin_object.block.verify(pin.reveal())
        self._verify(key, lambda: self._channel.transmit(command))

    def verify_on_keypad(self, key: Key, keypad: Keypad) -> None:
        """Verify the PIN of a key, typed on the reader."""
        pin = slot_of(key.ref).pin_object
        self._verify(key, lambda: keypad.verify(pin.block.verify(), pin))

    def _verify(self, key: Key, present: Callable[[], Response]) -> None:
        slot = slot_of(key.ref)
        self._verified.discard(slot.pin)
        self._select_file(slot.pin)
        check_verified(present())
        self._verified.add(slot.pin)

    def change_pin(self, key: Key, pin: Pin, new: Pin) -> None:
        """Verify, then change by CHANGE REFERENCE DATA with the new PIN alone."""
        self.verify_pin(key, pin)
        check(self._channel.transmit(_change(new.reveal())))

    def change_on_keypad(self, key: Key, keypad: Keypad) -> None:
        """Verify, then change; the person types the PIN, and the new one twice."""
        pin = slot_of(key.ref).pin_object
        self.verify_on_keypad(key, keypad)
        check(keypad.modify(_change(), pin, old=False))

    # ---- signing ----

    def sign(self, key: Key, form: Input, data: bytes) -> bytes:
        """Sign a DigestInfo with COMPUTE DIGITAL SIGNATURE."""
        file = slot_of(key.ref).key
        if self._epoch != self._channel.epoch:
            self._select()
        response = self._compute_signature(file, data)
        selected_now = self._transaction == self._channel.transaction
        if response.sw in ELSEWHERE and not selected_now:
            # Another program has selected its own application: ours tells that the PIN is gone.
            self._select()
            response = self._compute_signature(file, data)
        return check_permitted(response)

    def _compute_signature(self, file: EF, data: bytes) -> Response:
        """Name the key in the command, or select it first where the card wants that."""
        if self._names_keys:
            response = self._compute(file.short, data)
            self._file = None
            if response.sw not in ELSEWHERE:
                return response
        if self._file != self._here(file) and not (selected := self._try_file(file)).ok:
            return selected
        response = self._compute(0x80, data)
        self._names_keys = self._names_keys and not response.ok
        return response

    def _compute(self, p2: int, data: bytes) -> Response:
        return self._channel.transmit(Command(0x80, 0x2A, 0x00, p2, data, 256))

    # ---- the application ----

    def _is_verified(self, pin: EF) -> bool:
        return self._epoch == self._channel.epoch and pin in self._verified

    def _ensure_selected(self) -> None:
        """Select where another program may have selected, unless that would log a PIN out."""
        new_transaction = self._transaction != self._channel.transaction
        if self._epoch != self._channel.epoch or (new_transaction and not self._verified):
            self._select()

    def _select(self) -> None:
        if not _select_application(self._channel):
            raise CardFault(sw="6A82")
        self._entered()

    def _entered(self) -> None:
        """Note that the application was just selected: no file is, and no PIN is verified."""
        self._epoch, self._transaction = self._channel.epoch, self._channel.transaction
        self._file = None
        self._verified.clear()

    def _noted(self, response: Response) -> Response:
        refused = response.sw in ELSEWHERE or response.sw == SW.SECURITY_STATUS
        if refused and self._transaction != self._channel.transaction:
            # Another program may have selected its own application since; select ours next time.
            self._epoch = -1
        return response


def _change(new: bytes = b"") -> Command:
    """Return the CHANGE REFERENCE DATA of a PIN that is verified: the new one alone."""
    return Command(0x00, 0x24, 0x01, 0x80, new)


def _content(response: Response) -> bytes:
    """Return what was read, all or up to the end of the file; raises `SecurityStatus`."""
    return response.data if response.sw == SW.END_OF_FILE else check_permitted(response)


def _select_application(channel: Channel) -> bool:
    return channel.transmit(Command(0x00, 0xA4, 0x04, 0x0C, AID)).ok
