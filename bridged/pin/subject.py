"""What a question is about: who asks, the key, its PIN, and what is to be signed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bridged.errors import WhichSecret
from bridged.model import X509, PinRules, PinStatus
from bridged.pin.question import Language


@dataclass(frozen=True, slots=True)
class About:
    """With what every question about a key deals: who asks, and the certificate if it is known."""

    language: Language
    origin: str | None
    certificate: X509 | None


@dataclass(frozen=True, slots=True)
class Subject(About):
    """The same, and the card's PIN, or the PUK of a PIN that it `unblocks`."""

    label: str
    rules: PinRules
    status: PinStatus
    unblocks: Subject | None = None

    @property
    def last_try(self) -> bool:
        """Whether a wrong PIN now blocks the card."""
        return self.status.tries_left == 1

    @property
    def which(self) -> WhichSecret:
        """Which of the two it is."""
        return WhichSecret.PIN if self.unblocks is None else WhichSecret.PUK


@dataclass(frozen=True, slots=True)
class Signing:
    """What is to be signed: the page's own title, and the digests that are really signed.

    Of a document also its format, and what else the page has put into its signature.
    """

    title: str
    fingerprints: Sequence[str]
    format: str = ""
    reason: str | None = None
    location: str | None = None
    file_name: str | None = None
