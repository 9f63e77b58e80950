"""What the portal writes to people; `{name}` stands for a value."""

from __future__ import annotations

from dataclasses import dataclass

from portal_demo.language import Language, Text

SENDER = Text("CALS/EC 電子入札システム", "CALS/EC Electronic Bidding System")
_END = Text(
    "\n\nこのメールは自動で送信しています。返信いただいても、お答えできません。\n"
    "CALS/EC 電子入札システム\n{portal}\n",
    "\n\nThis mail was sent automatically; replies to it are not read.\n"
    "CALS/EC Electronic Bidding System\n{portal}\n",
)


@dataclass(frozen=True, slots=True)
class Template:
    """A mail, by its name; the text of a `secret` one is forgotten once it has been sent."""

    name: str
    subject: Text
    body: Text
    secret: bool = False

    def render(self, language: Language, values: dict[str, object]) -> tuple[str, str]:
        """Return subject and body. Raises KeyError for a value that is not given."""
        body = Text(self.body.ja + _END.ja, self.body.en + _END.en)
        return self.subject.fill(**values)[language], body.fill(**values)[language]


_APPLICATION = Text(
    "受付番号：{number}\n手続き：{procedure}\n登録番号：{company_number}\n"
    "商号又は名称：{company}\n",
    "Receipt number: {number}\nProcedure: {procedure}\n"
    "Registration number: {company_number}\nCompany: {company}\n",
)

APPLICATION_RECEIVED = Template(
    "application-received",
    Text("利用申請 受付のお知らせ（{number}）", "Your application was received ({number})"),
    Text(
        "{company}\nご担当者様\n\n次の申請を受け付けました。\n\n"
        + _APPLICATION.ja
        + "受付日時：{time}\n状態：{status}\n\n{next}",
        "To {company}\n\nWe have received this application.\n\n"
        + _APPLICATION.en
        + "Received: {time}\nStatus: {status}\n\n{next}",
    ),
)
APPLICATION_ACCEPTED = Template(
    "application-accepted",
    Text("利用申請 受理のお知らせ（{number}）", "Your application was accepted ({number})"),
    Text(
        "{company}\nご担当者様\n\n次の利用申請を受理し、本登録が完了しました。\n\n"
        + _APPLICATION.ja
        + "\n登録されたICカードで、電子入札システムをご利用いただけます。",
        "To {company}\n\nThis application was accepted, and the registration is final.\n\n"
        + _APPLICATION.en
        + "\nYou can use the electronic bidding system with the registered IC card.",
    ),
)
APPLICATION_REJECTED = Template(
    "application-rejected",
    Text("利用申請 不受理のお知らせ（{number}）", "Your application was not accepted ({number})"),
    Text(
        "{company}\nご担当者様\n\n次の利用申請は、下記の理由により受理できませんでした。\n\n"
        + _APPLICATION.ja
        + "\n【理由】\n{reason}\n\n理由をご確認のうえ、もう一度申請してください。",
        "To {company}\n\nThis application could not be accepted.\n\n"
        + _APPLICATION.en
        + "\nReason:\n{reason}\n\nMend what the reason says and apply again.",
    ),
)
NUMBERS_MERGED = Template(
    "numbers-merged",
    Text("登録番号 統合完了のお知らせ", "Your new registration number"),
    Text(
        "{company}\nご担当者様\n\n既存の登録番号との統合が完了しました。新しい登録番号（10桁）を通知します。\n\n"
        "新しい登録番号：{new_number}\n統合前の登録番号：{old_numbers}\n\n"
        "新しい登録番号をそのまま電子入札の登録番号としてご利用ください。\n"
        "統合前の登録番号はご利用いただけません。登録済みのICカードとユーザIDは、そのままお使いいただけます。",
        "To {company}\n\nYour registration numbers have been merged. This is the new one (10 digits):\n\n"
        "New registration number: {new_number}\nMerged numbers: {old_numbers}\n\n"
        "Use the new number for electronic bidding as it is. The merged numbers can no longer be used.\n"
        "Registered IC cards and user IDs stay as they are.",
    ),
)
INQUIRY_RECEIVED = Template(
    "inquiry-received",
    Text("お問い合わせ受付のお知らせ（{number}）", "Your question was received ({number})"),
    Text(
        "お問い合わせを受け付けました。\n\n受付番号：{number}\n\n"
        "回答は、このメールアドレスにお送りします。\n"
        "お心当たりのない場合は、このメールを破棄してください。",
        "We have received your question.\n\nNumber: {number}\n\n"
        "The answer is going to be sent to this address.\n"
        "If you have not asked anything, ignore this mail.",
    ),
)
INQUIRY_ANSWERED = Template(
    "inquiry-answered",
    Text("お問い合わせへの回答（{number}）", "The answer to your question ({number})"),
    Text(
        "{name} 様\n\nお問い合わせ（{number}）に回答します。\n\n{answer}\n\n【ご質問】\n{question}",
        "To {name}\n\nThis is the answer to your question ({number}).\n\n{answer}\n\nYour question:\n{question}",
    ),
)
PASSWORD_RESET = Template(
    "password-reset",
    Text("パスワード再設定のご案内", "Set a new password"),
    Text(
        "パスワードの再設定を受け付けました。次のアドレスを開いて、新しいパスワードを設定してください。\n\n"
        "{link}\n\nこのアドレスは{minutes}分間、一度だけ有効です。\n"
        "お心当たりのない場合は、このメールを破棄してください。パスワードは変更されません。",
        "A new password was asked for. Open this address and choose one:\n\n"
        "{link}\n\nIt works once, for {minutes} minutes.\n"
        "If you have not asked for it, do nothing: the password stays as it is.",
    ),
    secret=True,
)
OFFICER_INVITED = Template(
    "officer-invited",
    Text("発注機関用ログインのご案内", "Your log-in to the back office"),
    Text(
        "{name} 様\n\n電子入札システム（発注機関用）の担当者として登録されました。次のアドレスを開いて、パスワードを設定してください。\n\n"
        "{link}\n\nこのアドレスは{hours}時間、一度だけ有効です。\n\n担当者ID　{login}\n\n"
        "パスワードを設定した後、ログインして認証アプリを登録してください。",
        "To {name}\n\nYou are an officer of the e-bidding system's back office now. Open this address and choose a password:\n\n"
        "{link}\n\nIt works once, for {hours} hours.\n\nOfficer ID  {login}\n\n"
        "Log in then, and enrol an authenticator app.",
    ),
    secret=True,
)
