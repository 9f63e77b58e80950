"""Every failure bridged can report, with its wire code and what the person can do.

The tree has families, by who can act:

* `CallerError`: the request itself is wrong; repeating it will fail again.
* `RetryableError`: something outside the request has to change first (a card, a PIN, time).
* `BlockedError`: nobody at this computer can mend it; the issuer or an administrator can.
* `LocalError`: the program cannot start so; told on the terminal, never on the wire.

`InternalError` stands alone: a defect here; `id` finds it in the daemon's log.

A class is one `reason` of `docs/protocol.md`. Its dataclass fields are the members of
`error.data` beside `reason` and `messages`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import ClassVar, cast


class BridgedError(Exception):
    """Root of the tree; never raised itself."""

    reason: ClassVar[str]
    code: ClassVar[int]
    en: ClassVar[str]
    ja: ClassVar[str]
    made = cast("tuple[bytes, ...]", ())
    """The signatures a batch had made when this ended it, in order; no field of the error."""

    def data(self) -> dict[str, object]:
        """Return the typed fields of this error by their Python names."""
        return {f.name: getattr(self, f.name) for f in fields(self)}  # type: ignore[arg-type]

    def messages(self) -> dict[str, str]:
        """Return one sentence or two for a person, by language, with what to do next."""
        values = self.data()
        return {"ja": self.ja.format(**values), "en": self.en.format(**values)}

    def __str__(self) -> str:
        return self.messages()["en"]


class CallerError(BridgedError):
    """The request is wrong as it stands."""


class RetryableError(BridgedError):
    """The same request may succeed once something has changed."""


class BlockedError(BridgedError):
    """Only somebody elsewhere can mend it."""


class LocalError(BridgedError):
    """The program itself cannot go on; told on the terminal, never on the wire."""


# ---- the message itself (JSON-RPC 2.0, section 5.1) ----


@dataclass(eq=False)
class ParseError(CallerError):
    """The frame is not one JSON value."""

    reason, code = "parse-error", -32700
    en = "The message is not valid JSON."
    ja = "メッセージが正しいJSONではありません。"


@dataclass(eq=False)
class InvalidRequest(CallerError):
    """The JSON is not a JSON-RPC 2.0 request."""

    detail: str
    reason, code = "invalid-request", -32600
    en = "The message is not a JSON-RPC 2.0 request: {detail}"
    ja = "メッセージがJSON-RPC 2.0の要求ではありません: {detail}"


@dataclass(eq=False)
class MethodNotFound(CallerError):
    """There is no such method in this version of the protocol."""

    method: str
    reason, code = "method-not-found", -32601
    en = "There is no method “{method}”."
    ja = "「{method}」というメソッドはありません。"


@dataclass(eq=False)
class InvalidParams(CallerError):
    """A parameter is missing, unknown, of the wrong type or out of bounds."""

    path: str
    detail: str
    reason, code = "invalid-params", -32602
    en = "The parameter {path} is wrong: {detail}"
    ja = "パラメーター {path} が正しくありません: {detail}"


# ---- sites ----


@dataclass(eq=False)
class SiteNotAllowed(CallerError):
    """The origin lacks the grant that the method needs."""

    origin: str
    grant: str
    reason, code = "site-not-allowed", 4001
    en = (
        "{origin} is not allowed to do this (“{grant}”). Allow the site in the settings of bridged."
    )
    ja = "{origin} にはこの操作（{grant}）が許可されていません。bridgedの設定でサイトを許可してください。"


@dataclass(eq=False)
class ConsentDenied(CallerError):
    """The person said no to what the site asked for, now or a while ago."""

    origin: str
    reason, code = "consent-denied", 4002
    en = (
        "You did not allow {origin} to use the IC card. If that was a mistake, "
        "open the status page of bridged and take the refusal back."
    )
    ja = (
        "{origin} によるICカードの使用は許可されませんでした。誤って拒否した場合は、"
        "bridgedの状態画面で拒否を取り消してください。"
    )


@dataclass(eq=False)
class ConsentUnavailable(RetryableError):
    """The person has to agree, and there is no display, pinentry or window to ask at."""

    origin: str
    reason, code = "consent-unavailable", 4003
    en = (
        "Nobody could be asked whether {origin} may use the IC card: no dialog can be shown here. "
        "To allow it, run: bridged sites allow {origin}"
    )
    ja = (
        "確認の画面を表示できないため、{origin} によるICカードの使用の可否を確かめられませんでした。"
        "許可するには次を実行してください: bridged sites allow {origin}"
    )


# ---- readers and cards ----


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


# ---- keys and certificates ----


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


# ---- PIN ----


@dataclass(eq=False)
class PinRequired(RetryableError):
    """The key wants its PIN and nobody could be asked for it here."""

    reason, code = "pin-required", 4300
    en = "The PIN is needed. Enter the PIN of the IC card."
    ja = "PINが必要です。ICカードのPIN番号を入力してください。"


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
class PinFormat(CallerError):
    """The PIN breaks the card's own rules; it was not sent and no try was used."""

    min_length: int
    max_length: int
    alphabet: str
    reason, code = "pin-format", 4301
    en = "The PIN has {min_length} to {max_length} characters ({alphabet}). No try was used."
    ja = "PIN番号は{min_length}～{max_length}文字（{alphabet}）です。残り回数は減っていません。"


@dataclass(eq=False)
class PinIncorrect(RetryableError):
    """The card refused the PIN; `tries_left` is None where the card sets no limit."""

    tries_left: int | None
    reason, code = "pin-incorrect", 4302
    en = "The PIN is not correct. Tries left: {tries_left}."
    ja = "PIN番号が違います。残り回数は{tries_left}回です。"

    def messages(self) -> dict[str, str]:
        """Leave the number out where the card sets no limit."""
        if self.tries_left is None:
            return {"ja": "PIN番号が違います。", "en": "The PIN is not correct."}
        return super().messages()


@dataclass(eq=False)
class PinLastTry(RetryableError):
    """One try is left, and the person has not agreed to use it; it was not used."""

    tries_left: int
    reason, code = "pin-last-try", 4303
    en = "One try is left. A wrong PIN now blocks the card. Go on only if you are sure of the PIN."
    ja = (
        "残り1回です。次に間違えるとICカードがロックされます。PIN番号を確かめてから続けてください。"
    )


@dataclass(eq=False)
class PinBlocked(BlockedError):
    """No try is left."""

    reason, code = "pin-blocked", 4304
    en = "The PIN is blocked. Ask the issuer of the IC card to unblock it."
    ja = "PIN番号がロックされています。ICカードの発行元に解除を依頼してください。"


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


# ---- the bridge ----


@dataclass(eq=False)
class Busy(RetryableError):
    """Too much is waiting on this connection or card."""

    reason, code = "busy", 4400
    en = "Too many requests are waiting. Try again in a moment."
    ja = "処理待ちの要求が多すぎます。少し待ってから、やり直してください。"


@dataclass(eq=False)
class Cancelled(RetryableError):
    """The request ended before its work was done because its owner went away."""

    reason, code = "cancelled", 4401
    en = "The request was cancelled."
    ja = "要求は取り消されました。"


@dataclass(eq=False)
class RateLimited(RetryableError):
    """The site, or all sites together, ask for more than they may."""

    retry_after_seconds: int
    reason, code = "rate-limited", 4402
    en = "Too much was asked in a short time. Try again in {retry_after_seconds} seconds."
    ja = "短い時間に要求が集中しました。{retry_after_seconds}秒後に、やり直してください。"


@dataclass(eq=False)
class RecordFailed(RetryableError):
    """What has to be written down could not be, so it was not done; the log says which file."""

    reason, code = "record-failed", 4410
    en = (
        "bridged could not write its records, so nothing was done. Check that the disk is not full "
        "and look at the log: journalctl --user -u bridged"
    )
    ja = (
        "bridgedが記録を書き込めないため、処理を中止しました。ディスクの空き容量を確かめ、"
        "ログをご覧ください: journalctl --user -u bridged"
    )


# ---- documents ----


@dataclass(eq=False)
class DocumentMalformed(CallerError):
    """The document is not what its format needs, or more than can be read safely."""

    format: str
    detail: str
    reason, code = "document-malformed", 4600
    en = "The document cannot be signed ({format}): {detail}"
    ja = "この文書には署名できません（{format}）: {detail}"


@dataclass(eq=False)
class DocumentProtected(CallerError):
    """The PDF is encrypted, or certified against changes; signing it would break it."""

    reason, code = "document-protected", 4601
    en = "The document is protected by a password or against changes. Sign an unprotected copy."
    ja = (
        "文書がパスワードまたは変更の禁止で保護されています。保護していない文書に署名してください。"
    )


@dataclass(eq=False)
class TimestampNotConfigured(BlockedError):
    """A time-stamp was asked for, and the settings name no time-stamp authority."""

    reason, code = "timestamp-not-configured", 4602
    en = "No time-stamp authority is set up. Name one in the settings of bridged: [documents] tsa."
    ja = (
        "タイムスタンプ局が設定されていません。bridgedの設定（[documents] tsa）で指定してください。"
    )


@dataclass(eq=False)
class TimestampUnavailable(RetryableError):
    """The time-stamp authority gave no time-stamp that holds; the document was not signed."""

    detail: str
    reason, code = "timestamp-unavailable", 4603
    en = "The time-stamp authority gave no usable time-stamp ({detail}). Try again later."
    ja = "タイムスタンプを取得できませんでした（{detail}）。しばらくしてから、やり直してください。"


# ---- the program itself ----


@dataclass(eq=False)
class ConfigError(LocalError):
    """The settings cannot be used."""

    file: str
    detail: str
    reason, code = "config-error", 4500
    en = "The settings in {file} are wrong: {detail}"
    ja = "設定ファイル {file} が正しくありません: {detail}"


@dataclass(eq=False)
class AddressInUse(LocalError):
    """Something else listens on the port already."""

    port: int
    reason, code = "address-in-use", 4501
    en = "Port {port} is taken, perhaps by a bridged that already runs. End it or use --port."
    ja = "ポート{port}は使用中です。すでに動作中のbridgedを終了するか、--port を指定してください。"


@dataclass(eq=False)
class NotRunning(LocalError):
    """No daemon of this user answers on the port."""

    port: int
    reason, code = "not-running", 4502
    en = (
        "No bridged of yours runs on port {port}. Start it: systemctl --user start bridged, "
        "or bridged serve. If it runs on another port, name that with --port."
    )
    ja = (
        "ポート{port}であなたのbridgedが動作していません。systemctl --user start bridged または "
        "bridged serve で起動してください。別のポートで動作中なら --port で指定してください。"
    )


@dataclass(eq=False)
class NotAnOrigin(LocalError):
    """The text names no site."""

    text: str
    reason, code = "not-an-origin", 4505
    en = (
        "“{text}” is not a site such as https://portal.example (https, or http on loopback; "
        "no path, no slash at the end)."
    )
    ja = (
        "「{text}」はサイトの指定として正しくありません。https://portal.example のように"
        "指定してください（パスや末尾の / は付けません）。"
    )


@dataclass(eq=False)
class SiteSettled(LocalError):
    """The person cannot change what is decided elsewhere."""

    origin: str
    source: str
    reason, code = "site-settled", 4506
    en = (
        "{origin} is decided elsewhere ({source}): in /etc/bridged/policy.toml or in your settings."
    )
    ja = (
        "{origin} はほかで決められています（{source}）。/etc/bridged/policy.toml または"
        "設定ファイルで変更してください。"
    )


@dataclass(eq=False)
class PinAsArgument(LocalError):
    """A PIN stood in the arguments, where every program of the machine can read it."""

    reason, code = "pin-as-argument", 4503
    en = (
        "Other programs can read arguments, so a PIN is not taken from them. "
        "Write - in place of the JSON and give it on standard input."
    )
    ja = (
        "引数はほかのプログラムから読めるため、PINは引数では受け付けません。"
        "JSONの代わりに - と書き、JSONは標準入力から渡してください。"
    )


@dataclass(eq=False)
class FileUnusable(LocalError):
    """A file that was named cannot be read or written."""

    file: str
    detail: str
    reason, code = "file-unusable", 4520
    en = "{file} cannot be used: {detail}"
    ja = "{file} を使用できません: {detail}"


@dataclass(eq=False)
class CertificateAmbiguous(LocalError):
    """Several certificates could sign, and none was named."""

    certificates: str
    reason, code = "certificate-ambiguous", 4521
    en = "Several certificates can sign. Name one with --certificate: {certificates}"
    ja = "署名できる証明書が複数あります。--certificate で選んでください: {certificates}"


@dataclass(eq=False)
class InternalError(BridgedError):
    """A defect in bridged; `id` is in the log beside the traceback."""

    id: str
    reason, code = "internal-error", -32603
    en = "Something went wrong inside bridged. Report the number {id}."
    ja = "bridgedの内部でエラーが発生しました。番号 {id} を添えてお問い合わせください。"
