"""From a bidder's first click to 本登録, and the mails on the way: both sides, on each database."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect
from post_office import Listening, PostOffice
from postgres import cluster

from .conftest import COMPANY, Chromium, Stack, shoot, together
from .test_registration import FORM, register_from_the_first_screen

pytestmark = [pytest.mark.browser, pytest.mark.hil, pytest.mark.timeout(180)]

CONTACTS = {FORM["contact_mail"], FORM["card_mail"]}


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path}/final.sqlite3"
        return
    with cluster() as running:
        running.run("CREATE DATABASE final")
        yield running.url("final")


@together
async def office() -> AsyncIterator[PostOffice]:
    office = PostOffice()
    listening = Listening(office)
    await listening.open()
    yield office
    listening.close()


async def log_in_to_office(page: Page, stack: Stack) -> None:
    await page.goto(f"{stack.origin}/office/login")
    await page.fill("#login", "shinsa01")
    await page.fill("#password", "hatchukikan-2024")
    await page.fill("#code", await page.locator("#code-shinsa01").inner_text())
    await page.click("#submit")
    await expect(page.locator('[data-screen="office-applications"]')).to_be_visible()


def sent_to(office: PostOffice, begin: int) -> set[str]:
    return {str(message["To"]) for message in office.taken[begin:]}


async def test_a_bidder_comes_from_the_first_click_to_the_final_registration(
    stack: Stack, chromium: Chromium, database: str, office: PostOffice
) -> None:
    stack.card()
    stack.daemon()
    mail = ["--smtp-host", "127.0.0.1", "--smtp-port", str(office.port)]
    mail += ["--smtp-security", "none", "--mail-from", "portal@example.jp"]
    key = ("--totp-key-file", str(stack.folder / "totp.key"))
    stack.portal(*mail, *key, database=database)

    bidder = await chromium.page()
    await register_from_the_first_screen(bidder, stack)
    number = await bidder.locator("#receipt-number").inner_text()
    await expect(bidder.locator("#mailed-to")).to_contain_text(FORM["card_mail"])
    messages = await office.wait_for(2)
    assert sent_to(office, 0) == CONTACTS
    assert messages[0]["Subject"] == f"利用申請 受付のお知らせ（{number}）"
    assert "仮登録" in messages[0].get_content()

    officer = await chromium.page()
    await log_in_to_office(officer, stack)
    await officer.click(f"text={number}")
    await expect(officer.locator("#company-name")).to_contain_text(COMPANY)
    await officer.click("#accept")
    await expect(officer.locator("#decision")).to_contain_text("受理")
    messages = await office.wait_for(4)
    assert sent_to(office, 2) == CONTACTS
    assert messages[2]["Subject"] == f"利用申請 受理のお知らせ（{number}）"
    assert COMPANY in messages[2].get_content()

    await bidder.reload()
    await expect(bidder.locator("#receipt-status")).to_have_text(re.compile("本登録"))
    await shoot(bidder, "final-registration")
    assert set(office.ids().values()) == {1}
