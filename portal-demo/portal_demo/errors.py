"""Every refusal of the portal, with its reason, HTTP status and what the person can do.

Three families, by who can act: `PersonError` (the person, here and now), `RequestError` (the page or
program that sent it), and in `card_errors` `CardError` (the certificate is not one the portal takes).
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
