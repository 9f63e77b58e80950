"""What can go wrong with a PIN or PUK, and with the person who is asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from bridged.errors.tree import BlockedError, BridgedError, CallerError, RetryableError


class WhichSecret(StrEnum):
    """Of what an error tells."""

    PIN = "pin"
    PUK = "puk"


class SecretError(BridgedError):
    """What is about a PIN, or just so about the PUK that unblocks it; `secret` tells which."""

    secret: WhichSecret
    puk_en: ClassVar[str]
    puk_ja: ClassVar[str]

    def messages(self) -> dict[str, str]:
        """Return sentences that name the secret."""
        if self.secret == WhichSecret.PIN:
            return super().messages()
        values = self.data()
        return {"ja": self.puk_ja.format(**values), "en": self.puk_en.format(**values)}


@contextmanager
def about(which: WhichSecret) -> Iterator[None]:
    """Let what goes wrong in here be told of this secret."""
    try:
        yield
    except SecretError as error:
        error.secret = which
        raise


@dataclass(eq=False)
class PinRequired(SecretError, RetryableError):
    """The key wants its PIN and nobody could be asked for it here."""

    secret: WhichSecret = WhichSecret.PIN
    reason, code = "pin-required", 4300
    en = "The PIN is needed. Enter the PIN of the IC card."
    ja = "PINが必要です。ICカードのPIN番号を入力してください。"
    puk_en = "The PUK is needed. Enter the PUK of the IC card."
    puk_ja = "PUKが必要です。ICカードのPUKを入力してください。"


@dataclass(eq=False)
class ConfirmationUnavailable(RetryableError):
    """The person has to agree to the use of a key, and there is nowhere to ask."""

    reason, code = "confirmation-unavailable", 4309
    en = (
        "Nobody could be asked to agree to this use of the IC card: no dialog can be shown here. "
        "Log in to the desktop, install pinentry, or allow pop-up windows for the site, "
        "then try again."
    )
    ja = (
        "ICカードの使用を確認する画面を表示できないため、中止しました。デスクトップにログインし、"
        "pinentryをインストールするか、サイトのポップアップを許可してから、もう一度お試しください。"
    )


@dataclass(eq=False)
class PinFormat(SecretError, CallerError):
    """The PIN breaks the card's own rules; it was not sent and no try was used."""

    min_length: int
    max_length: int
    alphabet: str
    secret: WhichSecret = WhichSecret.PIN
    reason, code = "pin-format", 4301
    en = "The PIN has {min_length} to {max_length} characters ({alphabet}). No try was used."
    ja = "PIN番号は{min_length}～{max_length}文字（{alphabet}）です。残り回数は減っていません。"
    puk_en = "The PUK has {min_length} to {max_length} characters ({alphabet}). No try was used."
    puk_ja = "PUKは{min_length}～{max_length}文字（{alphabet}）です。残り回数は減っていません。"


@dataclass(eq=False)
class PinIncorrect(SecretError, RetryableError):
    """The card refused the PIN; `tries_left` is None where the card sets no limit."""

    tries_left: int | None
    secret: WhichSecret = WhichSecret.PIN
    reason, code = "pin-incorrect", 4302
    en = "The PIN is not correct. Tries left: {tries_left}."
    ja = "PIN番号が違います。残り回数は{tries_left}回です。"
    puk_en = "The PUK is not correct. Tries left: {tries_left}."
    puk_ja = "PUKが違います。残り回数は{tries_left}回です。"

    def messages(self) -> dict[str, str]:
        """Leave the number out where the card sets no limit."""
        if self.tries_left is not None:
            return super().messages()
        ja, en = ("PUK", "PUK") if self.secret == WhichSecret.PUK else ("PIN番号", "PIN")
        return {"ja": f"{ja}が違います。", "en": f"The {en} is not correct."}


@dataclass(eq=False)
class PinLastTry(SecretError, RetryableError):
    """One try is left, and the person has not agreed to use it; it was not used."""

    tries_left: int
    secret: WhichSecret = WhichSecret.PIN
    reason, code = "pin-last-try", 4303
    en = "One try is left. A wrong PIN now blocks the card. Go on only if you are sure of the PIN."
    ja = (
        "残り1回です。次に間違えるとICカードがロックされます。PIN番号を確かめてから続けてください。"
    )
    puk_en = (
        "One try is left. A wrong PUK now blocks the PUK, and a blocked PIN stays so for good. "
        "Go on only if you are sure of the PUK."
    )
    puk_ja = (
        "残り1回です。次に間違えるとPUKがロックされ、PIN番号のロックを解除できなくなります。"
        "PUKを確かめてから続けてください。"
    )


@dataclass(eq=False)
class PinBlocked(SecretError, BlockedError):
    """No try is left."""

    secret: WhichSecret = WhichSecret.PIN
    reason, code = "pin-blocked", 4304
    en = "The PIN is blocked. Ask the issuer of the IC card to unblock it."
    ja = "PIN番号がロックされています。ICカードの発行元に解除を依頼してください。"
    puk_en = (
        "The PUK is blocked, so a blocked PIN cannot be unblocked with it. "
        "Ask the issuer of the IC card what to do."
    )
    puk_ja = (
        "PUKがロックされているため、PUKによるPIN番号のロックの解除はできません。"
        "ICカードの発行元にお問い合わせください。"
    )


@dataclass(eq=False)
class PinUnblockUnsupported(BlockedError):
    """The card has no PUK that a person could use; its issuer alone unblocks it."""

    reason, code = "pin-unblock-unsupported", 4306
    en = "The PIN of this card is unblocked by its issuer only. Take the card there."
    ja = "このICカードのPIN番号は発行元でのみ解除できます。ICカードを発行元の窓口へお持ちください。"


@dataclass(eq=False)
class LeaseEnded(RetryableError):
    """There is no such lease on this connection any more."""

    reason, code = "lease-ended", 4305
    en = "The PIN's validity is over. Enter the PIN again."
    ja = "PIN番号の有効時間が終わりました。もう一度入力してください。"


@dataclass(eq=False)
class UserCancelled(RetryableError):
    """The person chose to cancel in a dialog of ours, at the keypad or in the window."""

    reason, code = "user-cancelled", 4307
    en = "You cancelled. Start again when you are ready."
    ja = "操作を中止しました。続けるときは、もう一度やり直してください。"


@dataclass(eq=False)
class UserTimeout(RetryableError):
    """The person did not answer in time; the dialog is gone."""

    reason, code = "user-timeout", 4308
    en = "There was no answer in time and the dialog was closed. Start again."
    ja = "時間内に入力がなかったため、画面を閉じました。もう一度やり直してください。"
