"""The refusals of a card: of what it made, of its certificate, of what it is registered as."""

from __future__ import annotations

from dataclasses import dataclass

from portal_demo.errors import PersonError, PortalError, RequestError
from portal_demo.language import Text


class CardError(PortalError):
    """The portal does not take this certificate or what was signed with it."""

    status = 403


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
