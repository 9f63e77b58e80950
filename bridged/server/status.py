"""The page at `/`: what the daemon sees now, for the person at this computer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from html import escape
from pathlib import Path

from aiohttp import web

from bridged import __version__
from bridged.audit import reading
from bridged.config import Config
from bridged.doctor import inside
from bridged.doctor.finding import Finding
from bridged.errors import PcscUnavailable
from bridged.model import Reader, ReaderState
from bridged.server import activity, findings
from bridged.server.pages import LANGUAGES, Page, language
from bridged.service.hub import Hub
from bridged.sites.policy import Decision, Source
from bridged.sites.store import How

log = logging.getLogger(__name__)

Text = tuple[str, str]

_PAGE = Page("status", styles=("status",), text_only=False, asks_permissions=True)

TEXTS: dict[str, Text] = {
    "title": ("bridged の状態", "bridged status"),
    "running": ("動作中です", "Running"),
    "readers": ("ICカードリーダー", "Card readers"),
    "sites": ("サイトの許可", "Sites"),
    "doctor": ("診断", "Checks"),
    "nothing_wrong": ("問題は見つかりませんでした。", "Nothing is wrong."),
    "unchecked": (
        "診断できませんでした。ターミナルで bridged doctor を実行してください。",
        "The checks failed. Run bridged doctor in a terminal.",
    ),
    "self_test": ("ICカードで試しに署名する", "Sign something with my card"),
    "goods": ("問題のない項目", "What is in order"),
    "activity": ("最近の利用", "Recent activity"),
    "no_activity": ("記録はまだありません。", "Nothing is recorded yet."),
    "live": ("変化があると自動で更新されます。", "This page follows what happens by itself."),
    "lost": (
        "bridged との接続が切れました。再読み込みしてください。",
        "The connection to bridged is lost. Reload the page.",
    ),
    "no_reader": (
        "リーダーがありません。ICカードリーダーを接続してください。",
        "No reader. Connect a card reader.",
    ),
    "no_site": (
        "許可したサイトはありません。サイトが最初に接続したときに確認が表示されます。",
        "No site is allowed yet. A site asks when it comes for the first time.",
    ),
    "denied": ("拒否しています", "Denied"),
    "overruled": (
        "管理者の設定が優先されるため、無効です",
        "Not in force: the administrator decided otherwise",
    ),
    "refused": (
        "許可しませんでした（しばらく確認を表示しません）",
        "Not allowed; asks again later",
    ),
    "forget": ("許可を取り消す", "Revoke"),
    "forget_denial": ("拒否を取り消す", "Take back"),
    "failed": (
        "取り消せませんでした。再読み込みしてからやり直してください。",
        "That did not work. Reload the page and try again.",
    ),
    "reload": (
        "この画面は読み込んだ時点の状態です。再読み込みすると新しくなります。",
        "This is how things were when the page was loaded; reload it for news.",
    ),
}
STATES: dict[ReaderState, Text] = {
    ReaderState.EMPTY: ("ICカードを挿入してください", "Empty: insert the card"),
    ReaderState.PRESENT: ("ICカードが挿入されています", "A card is inserted"),
    ReaderState.MUTE: (
        "ICカードが応答しません。向きを確かめて挿入し直してください",
        "The card does not answer: check which way round it is",
    ),
    ReaderState.UNAVAILABLE: (
        "リーダーを使用できません。接続し直してください",
        "Unavailable: connect the reader again",
    ),
    ReaderState.IN_USE: (
        "ほかのプログラムが使用中です",
        "Another program holds the card",
    ),
}
GRANTS: dict[str, Text] = {
    "certificates": ("証明書の表示", "see certificates"),
    "sign": ("認証と署名", "authenticate and sign"),
    "page-pin": ("画面でのPIN入力", "PIN in the page"),
}
SOURCES: dict[Source, Text] = {
    Source.ADMINISTRATOR: ("管理者が設定", "Set by the administrator"),
    Source.SETTINGS: ("設定ファイル・起動時の指定", "From the settings"),
    Source.PERSON: ("あなたが設定", "Set by you"),
}
HOWS: dict[How, Text] = {
    How.PROMPT: ("確認画面で回答", "Answered in a dialog"),
    How.COMMAND: ("コマンドで設定", "Set by command"),
    How.STATUS_PAGE: ("この画面で設定", "Set on this page"),
}


class StatusPage:
    """What the page shows: the hub, the settings file, and the folder of the audit where it may.

    `held` are the settings that the daemon goes by. `personal` findings are shown in full: to a daemon of every user others can come.
    """

    def __init__(
        self,
        hub: Hub,
        *,
        settings: Path | None = None,
        held: Callable[[], Config | None] = lambda: None,
        audit: Path | None = None,
        personal: bool = True,
    ) -> None:
        self._hub = hub
        self._settings = settings
        self._held = held
        self._audit = audit
        self._personal = personal
        self._one_at_a_time = asyncio.Lock()

    async def serve(self, request: web.Request) -> web.Response:
        """Return the page, in Japanese where the browser asks for it first, else in English."""
        lang = language(request)
        async with self._one_at_a_time:
            count = self._hub.changes.count
            found = await self._examine()
            recent = await asyncio.to_thread(self._recent, lang)
        fields = {
            "version": escape(__version__),
            "count": count,
            "reader_rows": _readers(self._hub, lang),
            "site_rows": _sites(self._hub.policy.decisions(), lang),
            "verdict": _verdict(found, lang),
            "problem_rows": findings.rows(found or [], lang, good=False),
            "good_rows": findings.rows(found or [], lang, good=True),
            "activity_rows": recent or _line("quiet", TEXTS["no_activity"][lang]),
        }
        return _PAGE.answer(request, TEXTS, fields)

    async def _examine(self) -> list[Finding] | None:
        """Return the findings; None where the computer would not let itself be looked at."""
        known = inside.seen(self._hub.readers)
        try:
            found = await asyncio.to_thread(
                inside.examine, self._hub.bus, known, file=self._settings, held=self._held()
            )
        except OSError:
            log.exception("the checks of the status page failed")
            return None
        return found if self._personal else [finding.anonymous() for finding in found]

    def _recent(self, lang: int) -> str:
        return activity.rows(reading.latest(self._audit), lang) if self._audit else ""


def _verdict(found: list[Finding] | None, lang: int) -> str:
    if found is None:
        return _line("bad", TEXTS["unchecked"][lang])
    if findings.nothing_wrong(found):
        return _line("good", TEXTS["nothing_wrong"][lang])
    return ""


def _readers(hub: Hub, lang: int) -> str:
    try:
        readers = [slot.describe() for slot in hub.readers.all()]
    except PcscUnavailable as error:
        return _line("bad", error.messages()[LANGUAGES[lang]])
    if not readers:
        return _line("wait", TEXTS["no_reader"][lang])
    return "".join(_reader(reader, lang) for reader in readers)


def _line(mood: str, text: str) -> str:
    return f'<li class="{mood}"><span>{escape(text)}</span></li>'


def _reader(reader: Reader, lang: int) -> str:
    good = reader.state is ReaderState.PRESENT
    mood = "good" if good else "wait" if reader.state is ReaderState.EMPTY else "bad"
    label = f" ({escape(reader.card.label)})" if reader.card else ""
    state = escape(STATES[reader.state][lang])
    return (
        f'<li class="{mood}"><strong>{escape(reader.name)}</strong><span>{state}{label}</span></li>'
    )


def _sites(decisions: list[Decision], lang: int) -> str:
    if not decisions:
        return _line("quiet", TEXTS["no_site"][lang])
    return "".join(_site(decision, lang) for decision in decisions)


def _site(decision: Decision, lang: int) -> str:
    grants = ("・", ", ")[lang].join(GRANTS[grant][lang] for grant in sorted(decision.grants))
    refused = decision.denied or not grants
    what = TEXTS["denied" if decision.denied else "refused"][lang] if refused else grants
    by = SOURCES[decision.source][lang]
    if (made := decision.remembered) is not None:
        by = f"{HOWS[made.how][lang]} {made.at.astimezone():%Y-%m-%d}"
    if decision.overruled:
        by = TEXTS["overruled"][lang]
    button = ""
    if decision.source is Source.PERSON:
        text = TEXTS["forget_denial" if refused else "forget"][lang]
        label = f"{decision.origin}: {text}"
        button = (
            f'<button type="button" data-forget="{escape(decision.origin)}" '
            f'aria-label="{escape(label)}">{escape(text)}</button>'
        )
    mood = ' class="bad"' if refused else ""
    return (
        f"<li{mood}><div><strong>{escape(decision.origin)}</strong>"
        f"<span>{escape(what)}</span><small>{escape(by)}</small></div>{button}</li>"
    )
