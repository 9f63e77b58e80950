"""The audit's last records in words: when, which site, what; nothing of what was signed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from html import escape
from itertools import islice
from typing import Any

LAST = 10
LOOKED_AT = 1000
"""Records that are looked through for those to show."""
Text = tuple[str, str]

_METHODS: dict[str, Text] = {
    "authentication.create": ("ICカードで本人を認証", "authenticated with the card"),
    "signature.create": ("署名", "signed"),
    "document.sign": ("文書に署名", "signed a document"),
    "pin.verify": ("PINを確認", "verified the PIN"),
    "pin.change": ("PINを変更", "changed the PIN"),
    "pin.unblock": ("PINのロックを解除", "unblocked the PIN"),
}
_EVENTS: dict[str, Text] = {
    "site.granted": ("許可しました", "allowed"),
    "site.denied": ("拒否しました", "denied"),
    "site.revoked": ("許可・拒否を取り消しました", "taken back"),
}
_ANSWERS: dict[str, Text] = {
    "yes": ("接続を求め、許可しました", "asked to connect: allowed"),
    "no": ("接続を求め、許可しませんでした", "asked to connect: not allowed"),
    "never": ("接続を求め、今後も拒否することにしました", "asked to connect: never to ask again"),
}
_ASKED: Text = ("接続を求めましたが、回答がありませんでした", "asked to connect: not answered")
_PROGRAM: Text = ("このパソコンのプログラム", "A program on this computer")
_FAILURES: dict[str, Text] = {
    "cancelled": ("取り消し", "cancelled"),
    "user-cancelled": ("取り消し", "cancelled"),
    "user-timeout": ("時間切れ", "no answer"),
    "pin-incorrect": ("PINの誤り", "wrong PIN"),
    "pin-blocked": ("PINがロック中", "PIN blocked"),
    "card-removed": ("ICカードが抜かれました", "card pulled out"),
    "certificate-expired": ("証明書の有効期限切れ", "certificate expired"),
}


def rows(records: Iterable[dict[str, Any]], lang: int) -> str:
    """Return the last things that happened as list items; the last record comes first."""
    shown = (_row(record, lang) for record in islice(records, LOOKED_AT))
    return "".join(islice((row for row in shown if row), LAST))


def _row(record: dict[str, Any], lang: int) -> str:
    told = _what(record, lang)
    try:
        at = datetime.fromisoformat(str(record.get("at"))).astimezone()
    except (ValueError, OverflowError):
        return ""
    if not told:
        return ""
    what, good = told
    who = str(record.get("origin") or _PROGRAM[lang])
    mood = "" if good else ' class="wait"'
    return (
        f'<li{mood}><time datetime="{at.isoformat(timespec="seconds")}">{at:%Y-%m-%d %H:%M}</time>'
        f"<div><strong>{escape(who)}</strong><span>{escape(what)}</span></div></li>"
    )


def _what(record: dict[str, Any], lang: int) -> tuple[str, bool] | None:
    """Return what happened, and whether it went well; None for what nobody looks for here."""
    event, result = str(record.get("event")), str(record.get("result"))
    if event == "site.asked":
        answer = str(record.get("answer"))
        return _ANSWERS.get(answer, _ASKED)[lang], answer == "yes"
    if event in _EVENTS:
        return _EVENTS[event][lang], True
    method = _METHODS.get(str(record.get("method")))
    if event not in {"key.used", "pin.used"} or method is None:
        return None
    what, made = method[lang], record.get("made")
    if isinstance(made, int):
        what += (f"（{made}件）", f" ({made})")[lang]
    if result == "done":
        return what, True
    why = _FAILURES[result][lang] if result in _FAILURES else result
    return what + (f" — 完了しませんでした（{why}）", f": not completed ({why})")[lang], False
