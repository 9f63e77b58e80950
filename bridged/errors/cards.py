"""What can be wrong with readers, cards, keys and certificates."""

from __future__ import annotations

from dataclasses import dataclass

from bridged.errors.tree import BlockedError, CallerError, RetryableError


@dataclass(eq=False)
class PcscUnavailable(RetryableError):
    """The PC/SC service does not answer, so readers are unknown rather than none."""

    reason, code = "pcsc-unavailable", 4100
    en = "The smart card service (pcscd) is not running. Start it: systemctl start pcscd.socket"
    ja = "ICカードのサービス（pcscd）が動作していません。起動してください: systemctl start pcscd.socket"


@dataclass(eq=False)
class NoReader(RetryableError):
    """No reader is connected, or not the one that was named."""

    reason, code = "no-reader", 4101
    en = "No card reader is connected. Connect the reader."
    ja = "ICカードリーダーが接続されていません。リーダーを接続してください。"


@dataclass(eq=False)
class NoCard(RetryableError):
    """The reader is empty."""

    reason, code = "no-card", 4102
    en = "There is no IC card in the reader. Insert the card."
    ja = "ICカードがリーダーに挿入されていません。ICカードを挿入してください。"


@dataclass(eq=False)
class CardRemoved(RetryableError):
    """The card left the reader while it was needed."""

    reason, code = "card-removed", 4103
    en = "The IC card was removed. Insert it and try again."
    ja = "ICカードが抜かれました。もう一度挿入して、やり直してください。"


@dataclass(eq=False)
class CardMute(RetryableError):
    """The card does not answer at all: inserted wrongly, dirty or broken."""

    reason, code = "card-mute", 4104
    en = "The IC card does not answer. Check which way round it is and insert it again."
    ja = "ICカードが応答しません。表裏と向きを確かめて、挿入し直してください。"


@dataclass(eq=False)
class CardUnsupported(RetryableError):
    """The card answers, but no driver and no PKCS#11 module knows it."""

    reason, code = "card-unsupported", 4105
    en = (
        "This IC card is not known here. Insert the card for electronic bidding, or install the "
        "software that its issuer gives out with it."
    )
    ja = (
        "このICカードは認識できません。電子入札用のICカードを挿入するか、"
        "カード発行元のソフトウェアをインストールしてください。"
    )


@dataclass(eq=False)
class CardInUse(RetryableError):
    """Another program holds the card."""

    reason, code = "card-in-use", 4106
    en = "Another program is using the IC card. Close it and try again."
    ja = "ほかのプログラムがICカードを使用しています。終了してから、やり直してください。"


@dataclass(eq=False)
class CardLeased(RetryableError):
    """Another connection to bridged holds the lease of this key."""

    reason, code = "card-leased", 4107
    en = "Another page is using the IC card. Finish there first, then try again."
    ja = "ほかの画面がICカードを使用しています。そちらを終えてから、やり直してください。"


@dataclass(eq=False)
class CardFault(RetryableError):
    """The card answered something no specification allows here.

    `sw` is the status word in hexadecimal, or empty where the data was wrong.
    """

    sw: str
    reason, code = "card-fault", 4108
    en = "The IC card gave an unexpected answer ({sw}). Insert it again and retry."
    ja = "ICカードから予期しない応答がありました（{sw}）。挿入し直して、やり直してください。"


@dataclass(eq=False)
class ModuleFault(RetryableError):
    """The PKCS#11 module of the card failed.

    `cause` is `hung`, `crashed`, `garbled`, `unloadable`, `unstartable` (the computer lets no more
    processes start), or what the module itself said.
    """

    module: str
    cause: str
    reason, code = "module-fault", 4109
    en = (
        "The card software “{module}” failed ({cause}). Insert the IC card again; "
        "if that does not help, reinstall the software from the card's issuer."
    )
    ja = (
        "ICカード用ソフトウェア「{module}」が正しく動作しませんでした（{cause}）。ICカードを挿入し直して"
        "ください。解決しない場合は、カード発行元のソフトウェアをインストールし直してください。"
    )


@dataclass(eq=False)
class CertificateNotFound(RetryableError):
    """No certificate has this id on the cards that are inserted now."""

    reason, code = "certificate-not-found", 4200
    en = "The certificate is not on the inserted card. Insert the card and choose again."
    ja = "その証明書は挿入中のICカードにありません。ICカードを確かめて、選び直してください。"


@dataclass(eq=False)
class CertificateExpired(BlockedError):
    """The certificate's validity is over (or has not begun); nothing was signed."""

    not_before: str
    not_after: str
    reason, code = "certificate-expired", 4201
    en = "The certificate is valid from {not_before} to {not_after} only. Ask its issuer for a new card."
    ja = "証明書の有効期間（{not_before}～{not_after}）外です。発行元に新しいICカードを申し込んでください。"


@dataclass(eq=False)
class AlgorithmUnsupported(CallerError):
    """The key cannot make this kind of signature."""

    algorithm: str
    supported: tuple[str, ...]
    reason, code = "algorithm-unsupported", 4202
    en = "The key cannot sign with {algorithm}."
    ja = "この鍵では {algorithm} の署名ができません。"


@dataclass(eq=False)
class KeyUsageForbidden(CallerError):
    """The authentication key signs authentication tokens, the signature key digests."""

    usage: str
    reason, code = "key-usage-forbidden", 4203
    en = "This key is for {usage} only."
    ja = "この鍵は {usage} 専用です。"
