"""The receipt as a sheet of paper: A4, Japanese, its text selectable.

Set in the Japanese fonts that every PDF reader brings along (Adobe-Japan1), so that no font has to
be shipped; what they do not hold (outside the BMP) is shown as 〓.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.enums import TA_CENTER, TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from portal_demo.characters import plain_kanji
from portal_demo.clock import japanese_date, japanese_minute

TITLE, TEXT, CODE = "HeiseiKakuGo-W5", "HeiseiMin-W3", "Courier"
INK, RULE, GROUND = (
    colors.HexColor("#111111"),
    colors.HexColor("#555555"),
    colors.HexColor("#f2f3f6"),
)
_LABEL_WIDTH, _VALUE_WIDTH = 42 * mm, 128 * mm


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signed, with which certificate."""

    names: str
    issuer: str
    serial_number: str
    not_after: datetime
    algorithm: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the sheet says; `digest` is the SHA-256 of the application, hex.

    `company_number` is the one that was signed, `number_now` what it was merged into since.
    """

    title: str
    number: str
    created: datetime
    procedure: str
    status: str
    procurement: str
    company_number: str
    number_now: str
    company_name: str
    signers: tuple[Signer, ...]
    digest: str
    portal: str


def make_pdf(receipt: Receipt) -> bytes:
    """Return the sheet; the same receipt makes the same bytes."""
    _register_fonts()
    buffer = io.BytesIO()
    document = SimpleDocTemplate(
        buffer,
        pagesize=A4,
        leftMargin=20 * mm,
        rightMargin=20 * mm,
        topMargin=22 * mm,
        bottomMargin=22 * mm,
        title=f"{receipt.title} {receipt.number}",
        author="CALS/EC 電子入札システム",
        lang="ja",
        invariant=True,
    )

    def frame(canvas: Canvas, _document: object) -> None:
        _draw_frame(canvas, receipt)

    document.build(list(_story(receipt)), onFirstPage=frame, onLaterPages=frame)
    return buffer.getvalue()


@cache
def _register_fonts() -> None:
    for name in (TITLE, TEXT):
        pdfmetrics.registerFont(UnicodeCIDFont(name))


def _style(font: str, size: float, leading: float, **more: object) -> ParagraphStyle:
    wrap = None if font == CODE else "CJK"
    return ParagraphStyle(
        f"{font}{size}", fontName=font, fontSize=size, leading=leading, textColor=INK,
        wordWrap=wrap, **more,
    )  # fmt: skip


def _story(receipt: Receipt) -> Iterator[Flowable]:
    yield Paragraph(
        f"受付番号　{escape(receipt.number)}<br/>{japanese_date(receipt.created)}",
        _style(TEXT, 10, 16, alignment=TA_RIGHT),
    )
    yield Spacer(0, 9 * mm)
    yield Paragraph(_text(receipt.title), _style(TITLE, 20, 28, alignment=TA_CENTER))
    yield Spacer(0, 8 * mm)
    yield Paragraph(f"{_text(receipt.company_name)}　様", _style(TITLE, 12, 20))
    yield Spacer(0, 3 * mm)
    yield Paragraph(
        "次の申請を、電子署名とともに受け付けました。"
        if receipt.signers
        else "次の申請を受け付けました。",
        _style(TEXT, 11, 18),
    )
    yield Spacer(0, 5 * mm)
    yield _table(receipt)
    yield Spacer(0, 6 * mm)
    yield from _notes(receipt)


def _numbers(receipt: Receipt) -> str:
    """Return the number that was signed, and the one that it was merged into since."""
    signed, now = receipt.company_number, receipt.number_now
    return signed if now == signed else f"{signed}（統合後：{now}）"


def _table(receipt: Receipt) -> Flowable:
    rows = [
        ("受付番号", f'<font name="{TITLE}" size="13">{escape(receipt.number)}</font>'),
        ("受付日時", japanese_minute(receipt.created)),
        ("手続き", _text(receipt.procedure)),
        ("状態", f'<font name="{TITLE}">{_text(receipt.status)}</font>'),
        ("調達区分", _text(receipt.procurement)),
        ("登録番号", escape(_numbers(receipt))),
        ("商号又は名称", _text(receipt.company_name)),
        *(("署名した証明書", _signer(signer)) for signer in receipt.signers),
        ("申請データのSHA-256", f'<font name="{CODE}" size="8.8">{receipt.digest}</font>'),
    ]
    label, value = _style(TITLE, 9.5, 15), _style(TEXT, 10.5, 16)
    table = Table(
        [[Paragraph(name, label), Paragraph(text, value)] for name, text in rows],
        colWidths=[_LABEL_WIDTH, _VALUE_WIDTH],
    )
    table.setStyle(
        TableStyle(
            [
                ("GRID", (0, 0), (-1, -1), 0.5, RULE),
                ("BOX", (0, 0), (-1, -1), 1.2, INK),
                ("BACKGROUND", (0, 0), (0, -1), GROUND),
                ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
                ("LEFTPADDING", (0, 0), (-1, -1), 9),
                ("TOPPADDING", (0, 0), (-1, -1), 5),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 7),
            ]
        )
    )
    return table


def _signer(signer: Signer) -> str:
    return "<br/>".join(
        (
            _text(signer.names),
            f"発行者　{_text(signer.issuer)}",
            f"有効期限　{japanese_date(signer.not_after)}　署名方式　{escape(signer.algorithm)}",
            f'シリアル番号　<font name="{CODE}" size="9">{escape(signer.serial_number)}</font>',
        )
    )


def _notes(receipt: Receipt) -> Iterator[Flowable]:
    heading, note, code = _style(TITLE, 11, 18), _style(TEXT, 9.5, 16), _style(CODE, 8, 12)
    if receipt.status == "仮登録":
        yield Paragraph("ご注意", heading)
        yield Paragraph(
            "現在は仮登録です。発注機関が本登録処理を実施するまでは、システムを利用する事ができません。",
            note,
        )
        yield Spacer(0, 3 * mm)
    yield Paragraph("申請内容の確認方法", heading)
    yield Paragraph(
        "受付完了の画面から申請データ（application-番号.json）を保存し、そのSHA-256が上の値と一致することを確認してください。",
        note,
    )
    yield Paragraph(f"sha256sum application-{escape(receipt.number)}.json", code)
    if not receipt.signers:
        return
    yield Paragraph(
        "電子署名（.sig）と証明書（.cer）も保存すると、申請データが変更されていないことを、本システムによらずに検証できます（署名方式がRS256の場合）。",
        note,
    )
    name = f"application-{escape(receipt.number)}"
    for line in (
        f"openssl x509 -inform DER -in {name}.cer -pubkey -noout &gt; key.pem",
        f"openssl dgst -sha256 -verify key.pem -signature {name}.sig {name}.json",
    ):
        yield Paragraph(line, code)


def _draw_frame(canvas: Canvas, receipt: Receipt) -> None:
    """Draw what stands on every sheet around the text."""
    width, height = A4
    canvas.saveState()
    canvas.setStrokeColor(INK)
    for inset, line in ((11 * mm, 1.4), (12.2 * mm, 0.4)):
        canvas.setLineWidth(line)
        canvas.rect(inset, inset, width - 2 * inset, height - 2 * inset)
    canvas.setFillColor(INK)
    canvas.setFont(TITLE, 9)
    canvas.drawString(20 * mm, height - 18 * mm, "CALS/EC 電子入札システム")
    canvas.setFont(TEXT, 8)
    canvas.drawString(20 * mm, 15.5 * mm, receipt.portal)
    canvas.drawRightString(width - 20 * mm, 15.5 * mm, f"{canvas.getPageNumber()} ページ")
    canvas.restoreState()


def _text(text: str) -> str:
    """Return text that the fonts hold, as markup."""
    return escape("".join(c if ord(c) <= 0xFFFF else "〓" for c in _mapped(text)))


def _mapped(text: str) -> str:
    return "".join(plain_kanji(c) if ord(c) > 0xFFFF else c for c in text)
