"""The refusals that only the office knows."""

from __future__ import annotations

from dataclasses import dataclass

from portal_demo.errors import PersonError
from portal_demo.language import Text


@dataclass(eq=False)
class OfficeLogInRefused(PersonError):
    """Name, password and code do not belong together; which of them is wrong is not told."""

    reason = "office-log-in-refused"
    title = Text("ログインできませんでした", "The log-in failed")
    en = "Officer ID, password and code do not belong together. A code can be used once only: wait for the next one."
    ja = "担当者ID、パスワード、認証コードのいずれかが正しくありません。認証コードは1回だけ使用できます。使用済みの場合は、次の認証コードが表示されてから入力してください。"


@dataclass(eq=False)
class OfficerCardUnknown(PersonError):
    """The card is good, but no officer's."""

    reason, status = "officer-card-unknown", 403
    title = Text("担当者のICカードではありません", "This is no officer's card")
    en = "This IC card is not registered for an officer. Ask an administrator to register it, or log in with a password."
    ja = "このICカードは担当者のICカードとして登録されていません。管理者に登録を依頼するか、パスワードでログインしてください。"


@dataclass(eq=False)
class CodeWrong(PersonError):
    """The code is not the authenticator app's, or was used already."""

    reason = "code-wrong"
    title = Text("認証コードが正しくありません", "The code is wrong")
    en = "The code is wrong or was used already. Check the clock of the device and enter the next code."
    ja = "認証コードが正しくないか、使用済みです。端末の時刻を確認し、次に表示される認証コードを入力してください。"


@dataclass(eq=False)
class SecretUnreadable(PersonError):
    """The portal has no key, or another one, for officers' authenticators; its log says what to do."""

    reason, status = "secret-unreadable", 503
    title = Text("認証アプリを確認できません", "The authenticator cannot be checked")
    en = "A setting of the portal is wrong, so that no authenticator can be checked. Tell whoever runs it: its log says what to do. A recovery code or an IC card still lets you in."
    ja = "システムの設定に問題があり、認証アプリを確認できません。システムの運用担当者に連絡してください（対処方法はログに記録しています）。リカバリーコードまたはICカードでは、ログインできます。"


@dataclass(eq=False)
class Forbidden(PersonError):
    """The officer's role does not allow it."""

    reason, status = "forbidden", 403
    title = Text("この操作の権限がありません", "Your role does not allow this")
    en = "Your role does not allow this. Ask an administrator."
    ja = "あなたの権限では、この操作を行えません。必要な場合は管理者に依頼してください。"


@dataclass(eq=False)
class AlreadyDecided(PersonError):
    """Another officer, or another tab, was faster."""

    who: str
    what: Text
    when: Text
    reason, status = "already-decided", 409
    title = Text("すでに処理されています", "This was decided already")
    en = "{who} has decided this application already: {what}, {when}. Nothing was changed now."
    ja = "この申請は、{who}がすでに処理しています（{what}、{when}）。今回の操作では何も変更していません。"


@dataclass(eq=False)
class ApplicationMoved(PersonError):
    """The bidder has added to it since the page was shown."""

    reason, status = "application-moved", 409
    title = Text("申請の内容が変わりました", "The application has changed")
    en = "The bidder has changed the registration since you opened this page. Look at it again, then decide."
    ja = "この画面を開いた後に、申請者が登録内容を変更しました。内容をもう一度確認してから、処理してください。"


@dataclass(eq=False)
class NotDecidable(PersonError):
    """There is nothing to decide: it took effect at once, or belongs to another application."""

    reason, status = "not-decidable", 409
    title = Text("審査の対象ではありません", "There is nothing to decide")
    en = "This application needs no decision of its own."
    ja = "この申請は、単独での審査の対象ではありません。"


@dataclass(eq=False)
class EntryUnknown(PersonError):
    """There is no such thing in the office."""

    reason, status = "entry-unknown", 404
    title = Text("見つかりません", "Not found")
    en = "There is nothing of this number."
    ja = "指定された番号のものはありません。一覧から選び直してください。"


@dataclass(eq=False)
class LinkUnknown(PersonError):
    """The one-time link was used, is too old, or never was one."""

    reason, status = "link-unknown", 410
    title = Text("このリンクは使用できません", "The link cannot be used")
    en = "The link was used already or is too old. Ask for a new one."
    ja = "このリンクは使用済みか、有効期限が切れています。もう一度、発行を依頼してください。"


@dataclass(eq=False)
class LoginTaken(PersonError):
    """Another officer has this log-in name."""

    reason, status = "login-taken", 409
    title = Text("この担当者IDは使用されています", "The officer ID is taken")
    en = "Another officer has this ID. Choose another one."
    ja = "この担当者IDは、別の担当者が使用しています。別の担当者IDを入力してください。"


@dataclass(eq=False)
class CardTaken(PersonError):
    """The card is another officer's."""

    reason, status = "card-taken", 409
    title = Text("このICカードは登録されています", "The card is registered")
    en = "This IC card is another officer's."
    ja = "このICカードは、別の担当者のICカードとして登録されています。"


@dataclass(eq=False)
class OwnAccount(PersonError):
    """An administrator would shut themselves out."""

    reason, status = "own-account", 409
    title = Text("自分自身には行えません", "Not for your own account")
    en = "You cannot do this to your own account. Ask another administrator."
    ja = "自分自身の権限の変更、停止、再設定は行えません。別の管理者に依頼してください。"


@dataclass(eq=False)
class NotVerified(PersonError):
    """Something speaks against the signature, so that it cannot be accepted."""

    reason, status = "not-verified", 409
    title = Text("受理できません", "It cannot be accepted")
    en = "The verification of the application has failed. It can be rejected only; see the report."
    ja = "申請の検証で問題が見つかったため、受理できません。検証結果を確認してください。"


@dataclass(eq=False)
class NoMailAddress(PersonError):
    """There is nowhere to mail a link to."""

    reason, status = "no-mail-address", 409
    title = Text("メールアドレスがありません", "There is no mail address")
    en = "No mail address is registered for this user."
    ja = "この利用者には、メールアドレスが登録されていません。"


@dataclass(eq=False)
class AnsweredMeanwhile(PersonError):
    """Another officer was faster."""

    who: str
    reason, status = "answered-meanwhile", 409
    title = Text("すでに回答されています", "It was answered meanwhile")
    en = (
        "{who} has answered since you opened the page. Your answer was not sent: read theirs first."
    )
    ja = "画面を開いた後に、{who}が回答しました。今回の回答は送信していません。先に内容を確認してください。"


@dataclass(eq=False)
class PasswordNotTheirs(PersonError):
    """The present password is another one."""

    reason = "password-not-theirs"
    title = Text("現在のパスワードが正しくありません", "The present password is wrong")
    en = "The present password is wrong."
    ja = "現在のパスワードが正しくありません。"


@dataclass(eq=False)
class PasswordUnfit(PersonError):
    """The new password is too weak, or was typed differently the second time."""

    why: Text
    reason = "password-unfit"
    title = Text("新しいパスワードを確認してください", "Check the new password")
    en = "{why}"
    ja = "{why}"
