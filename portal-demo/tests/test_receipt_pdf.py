"""The receipt on paper: what it says can be read, searched and copied."""

from __future__ import annotations

import hashlib
import re
import subprocess
from pathlib import Path

import pytest

from portal_demo.receipt_pdf import Receipt, Signer, make_pdf


@pytest.fixture
def receipt(tools) -> Receipt:
    signer = Signer("IT業者電子01　長野 太郎", "Test CA", "1f" * 20, tools.NOON, "RS256")
    return Receipt(
        title="利用者登録 受付票",
        number="20260604-000001",
        created=tools.NOON,
        procedure="利用者登録",
        status="仮登録",
        procurement="物品、役務",
        company_number="1234567890",
        number_now="1234567890",
        company_name="IT業者電子01",
        signers=(signer,),
        digest=hashlib.sha256(b"").hexdigest(),
        portal="https://portal.example",
    )


@pytest.fixture
def read(tmp_path: Path):
    """Return the text of a PDF as poppler reads it, without white space."""

    def read(pdf: bytes) -> str:
        file = tmp_path / "receipt.pdf"
        file.write_bytes(pdf)
        command = ["pdftotext", "-enc", "UTF-8", str(file), "-"]
        done = subprocess.run(command, capture_output=True, check=True)
        assert not done.stderr
        return re.sub(r"\s", "", done.stdout.decode())

    return read


def test_everything_on_the_receipt_is_text(receipt, read):
    text = read(make_pdf(receipt))
    for words in (
        "利用者登録受付票", "20260604-000001", "2026年06月04日13時33分", "仮登録", "物品、役務",
        "1234567890", "IT業者電子01様", "長野太郎", "発行者TestCA", "1f" * 20, receipt.digest,
        "本登録処理を実施するまでは", "opensslx509", "CALS/EC電子入札システム",
    ):  # fmt: skip
        assert words in text, words


def test_a_number_that_was_merged_is_told_beside_the_signed_one(receipt, read, tools):
    assert "統合後" not in read(make_pdf(receipt))
    merged = tools.replace(receipt, number_now="9234567890")
    assert "1234567890（統合後：9234567890）" in read(make_pdf(merged))


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("髙﨑工業株式会社", "髙﨑工業株式会社"),
        ("㈱①々〆ヶ", "㈱①々〆ヶ"),
        ("𠮷野商店", "吉野商店"),
        ("𩸽商店", "〓商店"),
        ("<b>&amp;</b>", "<b>&amp;</b>"),
        ("株式会社" + "長" * 56, "長" * 56),
    ],
)
def test_any_name_is_shown_or_marked(receipt, read, tools, name, shown):
    assert shown in read(make_pdf(tools.replace(receipt, company_name=name)))


def test_it_is_one_sheet_that_comes_out_the_same_each_time(receipt):
    pdf = make_pdf(receipt)
    assert pdf == make_pdf(receipt)
    assert pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") == 1
    assert b"/JavaScript" not in pdf


def test_a_final_registration_has_no_warning(receipt, read, tools):
    assert "現在は仮登録です" not in read(make_pdf(tools.replace(receipt, status="本登録")))


def test_an_application_without_a_card_tells_of_no_signature(receipt, read, tools):
    text = read(make_pdf(tools.replace(receipt, signers=())))
    assert "署名" not in text
    assert receipt.digest in text


async def test_the_receipt_is_saved_from_its_page_by_its_own_card_only(
    visitor, second_visitor, card, make_card, read
):
    await visitor.reach_confirmation(card)
    location = (await visitor.register(card)).json["location"]
    page = await visitor.get(location)
    url = re.search(r'id="download-receipt" href="([^"]+)"', page.text).group(1)
    async with visitor.client.get(url) as response:
        assert response.content_type == "application/pdf"
        assert "application-" in response.headers["Content-Disposition"]
        text = read(await response.read())
    assert page.element("receipt-number") in text
    assert page.element("receipt-digest") in text
    await second_visitor.log_in(make_card())
    assert (await second_visitor.get(url)).status == 404
