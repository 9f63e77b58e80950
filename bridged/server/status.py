"""The page at `/`: what the daemon sees now, for the person at this computer."""

from __future__ import annotations

from html import escape
from importlib.resources import files
from string import Template

from aiohttp import web

from bridged import __version__
from bridged.errors import PcscUnavailable
from bridged.model import Reader, ReaderState
from bridged.service.hub import Hub
from bridged.sites.policy import Decision

Text = tuple[str, str]

_HERE = files("bridged.server")
_PAGE = Template(_HERE.joinpath("status.html").read_text(encoding="utf-8"))
_STYLE = _HERE.joinpath("status.css").read_text(encoding="utf-8")

TEXTS: dict[str, Text] = {
    "title": ("bridged の状態", "bridged status"),
    "running": ("動作中です", "Running"),
    "readers": ("ICカードリーダー", "Card readers"),
    "sites": ("許可されているサイト", "Allowed sites"),
    "no_reader": (
        "リーダーがありません。ICカードリーダーを接続してください。",
        "No reader. Connect a card reader.",
    ),
    "no_site": (
        "許可されているサイトはありません。設定ファイルで許可してください。",
        "No site is allowed yet. Allow one in the settings.",
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


def status_page(request: web.Request, hub: Hub) -> web.Response:
    """Return the page, in Japanese where the browser asks for it first, else in English."""
    lang = 0 if request.headers.get("Accept-Language", "ja").lower().startswith("ja") else 1
    texts = {name: escape(text[lang]) for name, text in TEXTS.items()}
    page = _PAGE.substitute(
        texts,
        lang=("ja", "en")[lang],
        version=escape(__version__),
        reader_rows=_readers(hub, lang),
        site_rows=_sites(hub.policy.decisions(), lang),
    )
    return web.Response(text=page, content_type="text/html")


async def stylesheet(_: web.Request) -> web.Response:
    """Return the page's style."""
    return web.Response(text=_STYLE, content_type="text/css")


def _readers(hub: Hub, lang: int) -> str:
    try:
        readers = [slot.describe() for slot in hub.readers.all()]
    except PcscUnavailable as error:
        return f'<li class="bad"><span>{escape(error.messages()[("ja", "en")[lang]])}</span></li>'
    if not readers:
        return f'<li class="wait"><span>{escape(TEXTS["no_reader"][lang])}</span></li>'
    return "".join(_reader(reader, lang) for reader in readers)


def _reader(reader: Reader, lang: int) -> str:
    good = reader.state is ReaderState.PRESENT
    mood = "good" if good else "wait" if reader.state is ReaderState.EMPTY else "bad"
    label = f" ({escape(reader.card.label)})" if reader.card else ""
    state = escape(STATES[reader.state][lang])
    return (
        f'<li class="{mood}"><strong>{escape(reader.name)}</strong><span>{state}{label}</span></li>'
    )


def _sites(sites: list[Decision], lang: int) -> str:
    if not sites:
        return f'<li class="wait"><span>{escape(TEXTS["no_site"][lang])}</span></li>'
    rows = []
    for site in sites:
        grants = "・".join(GRANTS[grant][lang] for grant in sorted(site.grants))
        rows.append(f"<li><strong>{escape(site.origin)}</strong><span>{escape(grants)}</span></li>")
    return "".join(rows)
