"""What the demo tells a person, in Japanese and English."""

from __future__ import annotations

from programs import ProgramEnded

from bridged.virtual.profiles import EBID_PIN

PREPARING = "==> Starting card, daemon and portal / カード、デーモン、ポータルを起動しています"

FALLBACK = """\
==> PC/SCサービス（pcscd）をここでは動かせないため、デーモン内蔵の仮想リーダーを使います。
    No private PC/SC service can run here, so the card is in a reader inside the daemon.
    ({why})"""

GUIDE = """
  ──────────────────────────────────────────────────────────────────────
   bridged  デモ / demo
  ──────────────────────────────────────────────────────────────────────
   ブラウザーで開く / Open in a browser

       {portal}

   利用者登録を、画面の順に / Register, screen by screen

     1. 「利用者登録へ進む」→「物品、役務」→「利用者登録」
        “Go to the registration” → “Goods and services” → “User registration”
     2. 左メニュー「利用者登録」→「登録」
        “User registration” in the left menu → “Register”
     3. 「PIN番号」/ “PIN”  {pin} →「OK」
     4. 「登録番号」/ “Registration number”  1234567890
        「商号又は名称」/ “Company name”  IT業者電子01 →「検索」/ “Search”
     5. (※)の項目を入力。2つ目の連絡先は「代表窓口情報と同じ内容を入力」で写せます
        →「入力内容確認」
        Fill in what is marked (※); the second contact by “Same as the main contact”
        → “Check the input”
     6. 「登録」/ “Register” → PIN {pin} →「OK」      the card signs

   ICカードなし / Without a card
     「少額物品」→「利用者登録」→「利用者変更」→ 左メニュー「利用者登録」→「変更」
     “Small purchases” → “User registration” → “Change of the user” → left menu
     “User registration” → “Change”
     登録番号 1234567897   ユーザID / user ID shogaku07   パスワード / password shogaku2024

   発注機関用の画面で受理する / Accept it in the back office
       {portal}office
     担当者ID / officer ID shinsa01   パスワード / password hatchukikan-2024
     認証コードはログイン画面に表示 / the log-in page shows the code
     申請を開き「受理する（本登録）」/ open the application, “Accept (本登録)”
     作成されたメール / the mail that was written   {portal}demo/mail

   デーモンの状態 / The daemon's status   {status}
{pulls}   終了 / End                             Ctrl-C
  ──────────────────────────────────────────────────────────────────────
"""

PULLS = """\
   カードを抜く・挿す / Pull the card     remove、insert と入力 / type it here
   カードを失効させる / Revoke the card   revoke と入力
"""

REMOVED = "カードを抜きました。 / The card is out.  (insert)"
INSERTED = "カードを挿しました。 / The card is in.  (remove)"
REVOKED = (
    "カードを失効させました。数秒後から使えません。 / The card is revoked, refused in some seconds."
)
UNKNOWN_COMMAND = "remove（抜く）/ insert（挿す）/ revoke（失効）/ Ctrl-C（終了）"
EPILOGUE = "終了しました。 / Everything has ended."

NOT_HEALTHY = """
!!! デーモンまたはポータルが30秒以内に応答しませんでした。もう一度お試しください。
    The daemon or the portal did not answer within 30 s. Please try again."""

ENDED = """
!!! {name} が終了したため、デモを終わります（終了コード {status}）。最後の出力:
    {name} ended by itself (status {status}), so the demo ends. Its last lines:
"""


def guide(portal: str, status: str, *, pulls: bool) -> str:
    """Return what to open, click and type; `pulls` tells how to pull the card, too."""
    return GUIDE.format(portal=portal, status=status, pin=EBID_PIN, pulls=PULLS if pulls else "")


def ended_by_itself(error: ProgramEnded) -> str:
    """Return which program ended and its last lines."""
    heading = ENDED.format(name=error.name, status="?" if error.status is None else error.status)
    return heading + "\n".join(f"      | {line}" for line in error.last_lines)
