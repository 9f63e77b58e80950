"""Every refusal of the portal, with its reason, HTTP status and what the person can do.

Three families, by who can act: `PersonError` (the person, here and now), `CardError` (the
certificate is not one the portal takes), `RequestError` (the page or program that sent it).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import ClassVar

from portal_demo.language import Text


class PortalError(Exception):
    """Root of the tree; never raised itself."""

    reason: ClassVar[str]
    status: ClassVar[int]
    title: ClassVar[Text]
    en: ClassVar[str]
    ja: ClassVar[str]

    def message(self) -> Text:
        """Return what to tell a person."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}  # type: ignore[arg-type]
        return Text(self.ja, self.en).fill(**values)

    def __str__(self) -> str:
        return self.message().en


class PersonError(PortalError):
    """The person can mend it."""

    status = 422


class CardError(PortalError):
    """The portal does not take this certificate or what was signed with it."""

    status = 403


class RequestError(PortalError):
    """The request is not one that the portal's own pages send."""

    status = 400


# ---- the session and its challenges ----


@dataclass(eq=False)
class SessionEnded(PersonError):
    """There is no session, it is over, or nobody has logged in on it."""

    reason, status = "session-ended", 401
    title = Text("もう一度ログインしてください", "Log in again")
    en = "The session is over. Log in again; what you had entered is kept."
    ja = "ログインの有効時間が終わりました。もう一度ログインしてください。入力した内容は保存されています。"


@dataclass(eq=False)
class CsrfRefused(RequestError):
    """The request does not come from a page of this session."""

    reason, status = "csrf-refused", 403
    title = Text("画面の有効期限が切れています", "The page is out of date")
    en = "The page is out of date. Load it again and retry."
    ja = "画面の有効期限が切れています。画面を再読み込みして、もう一度操作してください。"


@dataclass(eq=False)
class ChallengeUnknown(PersonError):
    """The challenge was used already or never belonged to this session."""

    reason, status = "challenge-unknown", 409
    title = Text("もう一度操作してください", "Please try again")
    en = "This confirmation was used already. Enter the PIN once more."
    ja = "この画面での確認は、すでに使用されたか、無効になっています。もう一度PIN番号を入力してください。"


@dataclass(eq=False)
class ChallengeExpired(PersonError):
    """The challenge is older than five minutes."""

    reason, status = "challenge-expired", 409
    title = Text("時間切れです", "Too much time has passed")
    en = "More than five minutes have passed. Enter the PIN once more."
    ja = "操作の開始から5分を過ぎました。もう一度PIN番号を入力してください。"


# ---- what a card made ----


@dataclass(eq=False)
class TokenMalformed(RequestError):
    """The token or signature is not of the form of Web eID 1.0."""

    detail: str
    reason = "token-malformed"
    title = Text("ログインに失敗しました", "The log-in failed")
    en = "The answer of the card is malformed ({detail}). Update bridged and retry."
    ja = "ICカードからの応答の形式が正しくありません（{detail}）。bridgedを更新して、やり直してください。"


@dataclass(eq=False)
class SignatureInvalid(CardError):
    """The signature does not belong to what should have been signed."""

    reason = "signature-invalid"
    title = Text("署名を確認できませんでした", "The signature could not be verified")
    en = "The signature could not be verified. Retry; if it fails again ask us."
    ja = "署名を確認できませんでした。やり直しても確認できない場合は、お問い合わせください。"


@dataclass(eq=False)
class CertificateMalformed(CardError):
    """The bytes are not an X.509 certificate."""

    reason, status = "certificate-malformed", 400
    title = Text("証明書を読み取れませんでした", "The certificate cannot be read")
    en = "The certificate cannot be read. Ask the issuer of the IC card."
    ja = "ICカードの証明書を読み取れませんでした。ICカードの発行元にお問い合わせください。"


@dataclass(eq=False)
class CertificateUntrusted(CardError):
    """No trust anchor of the portal issued it."""

    issuer: str
    reason = "certificate-untrusted"
    title = Text("このICカードは利用できません", "This IC card is not accepted")
    en = "The portal does not accept cards of this issuer ({issuer})."
    ja = "このICカードの認証局（{issuer}）は、本システムでは利用できません。対応する認証局のICカードをご利用ください。"


@dataclass(eq=False)
class CertificateNotValid(CardError):
    """The certificate is expired or not valid yet."""

    not_before: Text
    not_after: Text
    reason = "certificate-not-valid"
    title = Text("証明書の有効期間外です", "The certificate is out of its validity")
    en = "The certificate is valid from {not_before} to {not_after} only. Get a new card."
    ja = "ICカードの証明書の有効期間（{not_before}～{not_after}）外です。発行元に新しいICカードを申し込んでください。"


@dataclass(eq=False)
class CertificateUsage(CardError):
    """KeyUsage does not allow what the key was used for."""

    reason = "certificate-usage"
    title = Text("この証明書は使用できません", "This certificate cannot be used")
    en = "This certificate is not made for this purpose. Choose another certificate."
    ja = "この証明書は、この操作に使用できません。別の証明書を選択してください。"


@dataclass(eq=False)
class CertificateIsAuthority(CardError):
    """The certificate is a CA's own."""

    reason = "certificate-is-ca"
    title = Text("この証明書は使用できません", "This certificate cannot be used")
    en = "This is the certificate of an authority, not of a person. Choose another one."
    ja = "認証局の証明書は使用できません。利用者の証明書を選択してください。"


@dataclass(eq=False)
class CertificateWeak(CardError):
    """A signature on the path is made with an algorithm that can be forged."""

    reason = "certificate-weak"
    title = Text("このICカードは利用できません", "This IC card cannot be used")
    en = "The certificate is signed with a weak algorithm (such as SHA-1). Get a new card."
    ja = "ICカードの証明書の署名方式（SHA-1など）は安全ではないため、利用できません。発行元に新しいICカードを申し込んでください。"


@dataclass(eq=False)
class CertificatePolicy(CardError):
    """The authority is trusted, but not for certificates of this policy."""

    issuer: str
    reason = "certificate-policy"
    title = Text("この証明書は使用できません", "This certificate cannot be used")
    en = "Certificates of this kind of {issuer} are not made for electronic bidding. Use the card for electronic bidding."
    ja = "認証局（{issuer}）のこの種類の証明書は、電子入札には使用できません。電子入札用のICカードをご利用ください。"


@dataclass(eq=False)
class CertificateRevoked(CardError):
    """The authority has revoked the certificate."""

    revoked: Text
    why: Text
    reason = "certificate-revoked"
    title = Text("このICカードは失効しています", "This IC card is revoked")
    en = "The certificate on the IC card was revoked on {revoked} ({why}). Ask its issuer for a new card."
    ja = "ICカードの証明書は{revoked}に失効しました（理由：{why}）。このICカードは利用できません。発行元に新しいICカードを申し込んでください。"


@dataclass(eq=False)
class CertificateStatusUnknown(CardError):
    """Nobody could be asked whether the certificate is revoked, and the settings insist on it."""

    reason, status = "certificate-status-unknown", 503
    title = Text("証明書の有効性を確認できませんでした", "The certificate could not be checked")
    en = "The authority could not be asked whether the certificate is revoked. Try again later."
    ja = "証明書が失効していないことを、認証局に確認できませんでした。時間をおいて、もう一度操作してください。"


@dataclass(eq=False)
class CertificateRegistered(PersonError):
    """The card is registered already: one card, one number."""

    reason, status = "certificate-registered", 409
    title = Text("このICカードはすでに登録されています", "This IC card is registered already")
    en = "This IC card is registered already. One card goes with one registration number."
    ja = "このICカードはすでに利用者登録されています。1枚のICカードを登録できるのは、1つの登録番号だけです。"


@dataclass(eq=False)
class CardUnregistered(PersonError):
    """The card is not registered, so there is nothing to change or to renew."""

    reason, status = "card-unregistered", 409
    title = Text("このICカードは登録されていません", "This IC card is not registered")
    en = "There is no registration of this IC card. Register it first."
    ja = "このICカードは利用者登録されていません。先に「登録」を行ってください。"


@dataclass(eq=False)
class CardReplaced(PersonError):
    """The card was replaced by another one (ICカード更新)."""

    reason, status = "card-replaced", 409
    title = Text("このICカードは更新済みです", "This IC card was replaced")
    en = "A new IC card has taken the place of this one. Use the new card."
    ja = (
        "このICカードは、すでに新しいICカードに更新されています。新しいICカードを使用してください。"
    )


@dataclass(eq=False)
class RenewalTooLate(CardError):
    """The old card has expired: it cannot vouch for the new one."""

    not_after: Text
    reason = "renewal-too-late"
    title = Text("ICカード更新の期限を過ぎています", "It is too late to renew")
    en = "The IC card expired on {not_after}. Register the new card with “Register”, under the same registration number."
    ja = "ICカードの有効期限（{not_after}）が過ぎているため、更新できません。新しいICカードを「登録」から、同じ登録番号で登録してください。"


@dataclass(eq=False)
class SameCard(PersonError):
    """The new card is the old one."""

    reason, status = "same-card", 409
    title = Text("同じICカードです", "This is the same IC card")
    en = "This is the old IC card. Insert the new one."
    ja = "更新前のICカードです。新しいICカードを挿入してください。"


@dataclass(eq=False)
class HolderDiffers(CardError):
    """The signing certificate names another holder than the one that logged in."""

    reason = "holder-differs"
    title = Text("ログインしたICカードと異なります", "This is not the card that logged in")
    en = "This is not the card that logged in. Insert that card, or log in again with this one."
    ja = "ログインに使用したICカードと名義が異なります。ログインしたICカードを挿入するか、このICカードでログインし直してください。"


# ---- the register and the form ----


@dataclass(eq=False)
class CompanyUnknown(PersonError):
    """The register has no such number."""

    reason = "company-unknown"
    title = Text("登録番号を確認してください", "Check the registration number")
    en = "Enter a registration number that is in the qualification register."
    ja = "資格審査情報に登録されている登録番号を入力して下さい。"


@dataclass(eq=False)
class NumberMerged(PersonError):
    """The number is an old one; the company has a new one."""

    reason = "number-merged"
    title = Text("登録番号が統合されています", "The registration number was merged")
    en = "This number was merged. Enter the new 10-digit number that was mailed to your main contact. If you have no such mail, ask the office by “Questions answered by chat”."
    ja = "この登録番号は統合されています。代表窓口の連絡先メールアドレスに通知された新しい登録番号（10桁）を入力して下さい。通知が見当たらない場合は、「ご質問にチャットでお答えします」からお問い合わせ下さい。"


@dataclass(eq=False)
class NameMismatch(PersonError):
    """The name is not the one the register has for the number."""

    reason = "name-mismatch"
    title = Text("商号又は名称を確認してください", "Check the company name")
    en = "Enter the company name that is in the qualification register."
    ja = "資格審査情報に登録されている商号又は名称を入力して下さい。"


@dataclass(eq=False)
class NobodyRegistered(PersonError):
    """The company has no user without an IC card."""

    reason = "user-unregistered"
    title = Text("ログインに失敗しました", "The log-in failed")
    en = "The log-in failed: no user is registered for this number."
    ja = "ログインに失敗しました。利用者登録されていません。"


@dataclass(eq=False)
class PasswordWrong(PersonError):
    """User ID and password do not belong together; which of them is wrong is not told."""

    reason = "password-wrong"
    title = Text("ログインに失敗しました", "The log-in failed")
    en = "Enter the password that is registered for the user ID. Check the user ID, too."
    ja = (
        "ユーザパスワード情報に登録されているパスワードを入力して下さい。ユーザIDも確認して下さい。"
    )


@dataclass(eq=False)
class LockedOut(PersonError):
    """Too many wrong passwords in a row; the right one is not looked at for a while either."""

    wait: Text
    reason, status = "locked-out", 429
    title = Text("しばらく待ってください", "Please wait")
    en = "Too many log-ins have failed. Wait for {wait} and try again."
    ja = "ログインの失敗が続いたため、一時的に受け付けを停止しています。{wait}後に、もう一度操作して下さい。"


@dataclass(eq=False)
class DraftChanged(PersonError):
    """The page shows an older state of what was typed: another tab has changed it."""

    reason, status = "draft-changed", 409
    title = Text("別の画面で変更されています", "Changed in another tab")
    en = "What this page shows was changed or ended in another tab or window. Open the latest state and go on there."
    ja = "この画面の内容は、別の画面（タブ）で変更されたか、手続きが終わっています。最新の内容を開いて続けてください。"


@dataclass(eq=False)
class FormIncomplete(PersonError):
    """The form has not been checked, or has faults."""

    reason, status = "form-incomplete", 409
    title = Text("入力内容を確認してください", "Check what you entered")
    en = "This is not what was checked last. Open the form and press “Check the input” again."
    ja = "この内容は確認されていないか、確認の後で変わっています。入力画面でもう一度「入力内容確認」ボタンをクリックしてください。"


@dataclass(eq=False)
class ApplicationUnknown(PersonError):
    """There is no such application, or it is another card's."""

    reason, status = "application-unknown", 404
    title = Text("申請が見つかりません", "The application was not found")
    en = "You have no application with this number."
    ja = "この受付番号の申請は見つかりません。受付番号と、ログインした利用者を確認してください。"


@dataclass(eq=False)
class PageUnknown(RequestError):
    """There is no page here."""

    reason, status = "page-unknown", 404
    title = Text("ページが見つかりません", "The page was not found")
    en = "There is no page at this address."
    ja = "指定されたページはありません。アドレスを確認するか、最初の画面からやり直してください。"


@dataclass(eq=False)
class RequestTooLarge(RequestError):
    """The request is larger than any of the portal's pages sends."""

    reason, status = "request-too-large", 413
    title = Text("送信された内容が大きすぎます", "The request is too large")
    en = "The request is too large."
    ja = "送信された内容が大きすぎます。入力内容を減らして、やり直してください。"


@dataclass(eq=False)
class TooManyRequests(RequestError):
    """Somebody asks more often than a person would."""

    reason, status = "too-many-requests", 429
    title = Text("操作の回数が多すぎます", "Too many requests")
    en = "Too many requests in a short time. Wait a minute and try again."
    ja = "短い時間に操作が繰り返されました。1分ほど待ってから、もう一度操作してください。"


@dataclass(eq=False)
class Unavailable(PortalError):
    """The database does not answer, or two requests stood in each other's way; nothing was done."""

    reason, status = "unavailable", 503
    title = Text("一時的に利用できません", "Not available for the moment")
    en = (
        "The portal is not available for the moment. Wait a little and do the last step again; "
        "what was saved is kept."
    )
    ja = (
        "ただいまシステムを一時的に利用できません。しばらく待ってから、同じ操作をもう一度行って"
        "ください。保存された内容は失われません。"
    )


class ConnectionLost(Unavailable):
    """The database has closed the connection in the middle, as when it is started anew."""


@dataclass(eq=False)
class InternalError(PortalError):
    """A defect of the portal; `id` is in its log beside the traceback."""

    id: str
    reason, status = "internal-error", 500
    title = Text("システムエラーが発生しました", "A system error occurred")
    en = "Something went wrong in the portal. Report the number {id}."
    ja = "システムエラーが発生しました。時間をおいてもう一度操作してください。解決しない場合は、番号 {id} を添えてお問い合わせください。"
