"""The status page's self-test: a real signature, with consent and PIN as for any site."""

from __future__ import annotations

import asyncio
import json

import pytest
from playwright.async_api import Browser, Page, expect

from bridged.virtual.profiles import EBID_PIN

from .conftest import Chromium, Dialog, Stack
from .test_public_pages import expect_well_made
from .test_window import typed

pytestmark = [pytest.mark.browser, pytest.mark.hil, pytest.mark.timeout(120)]


SITE = "https://portal.example=certificates"


def records(stack: Stack) -> list[dict[str, object]]:
    """Return what the audit noted of the page's own site."""
    origin = f"http://127.0.0.1:{stack.daemon_port}"
    files = sorted((stack.folder / "state" / "bridged" / "audit").glob("*.jsonl"))
    lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    return [line for line in lines if line.get("origin") == origin]


async def begun(page: Page, stack: Stack) -> None:
    """Come from the status page, and press the button."""
    await page.goto(f"http://127.0.0.1:{stack.daemon_port}/")
    await page.click(".try a")
    await page.click("#start:enabled:visible")


async def asked(stack: Stack, chromium: Chromium, *, width: int = 1280) -> tuple[Page, Dialog]:
    """Begin with a native dialog; return the page and the dialog, which asks for the permission."""
    dialog = stack.dialog()
    stack.daemon(SITE)
    page = await chromium.page(width=width)
    await begun(page, stack)
    return page, dialog


async def test_a_text_is_signed_with_consent_and_pin_by_the_native_dialog(
    stack: Stack, chromium: Chromium
) -> None:
    stack.card()
    page, dialog = await asked(stack, chromium)
    await expect(page.locator("#step-allow")).to_have_class("doing")
    await expect(page.locator("#now")).to_contain_text("確認画面を表示しています")
    await expect_well_made(page, "self-test-asked")
    await dialog.answer("yes")
    await expect(page.locator("#step-sign")).to_have_class("doing")
    await dialog.answer(EBID_PIN)
    result = page.locator("#result")
    await expect(result).to_be_focused()
    await expect(page.locator("#holder")).to_contain_text("IT業者電子01")
    await expect(page.locator("#algorithm")).to_have_text("RS256")
    await expect(page.locator("#by-page")).to_have_text("正しい")
    await expect(page.locator("#by-daemon")).to_have_text("正しい")
    await expect_well_made(page, "self-test-1280")
    await page.set_viewport_size({"width": 320, "height": 800})
    await page.emulate_media(color_scheme="dark")
    await expect_well_made(page, "self-test-320-dark")
    noted = await asyncio.to_thread(records, stack)
    page = await chromium.page(width=640, locale="en-GB")
    await page.goto(f"http://127.0.0.1:{stack.daemon_port}/self-test")
    await expect(page.locator("#start")).to_have_text("Begin")
    await expect_well_made(page, "self-test-en")
    events = [record["event"] for record in noted]
    assert events == ["site.asked", "key.asked", "key.used", "site.revoked"]
    assert EBID_PIN not in stack.logs
    assert all(EBID_PIN not in request for request in chromium.sent)


async def test_of_two_cards_one_is_chosen_and_a_hidden_certificate_is_shown_after_its_pin(
    stack: Stack, chromium: Chromium
) -> None:
    stack.card("ebid")
    stack.card("jpki", reader=1)
    page, dialog = await asked(stack, chromium, width=320)
    await dialog.answer("yes")
    choices = page.get_by_role("radio")
    await expect(choices).to_have_count(2)
    await expect(choices.first).to_be_focused()
    await expect_well_made(page, "self-test-choice")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await dialog.answer("ABC123")
    await dialog.answer("yes")
    await expect(page.locator("#by-page")).to_have_text("正しい")
    await expect(page.locator("#by-daemon")).to_have_text("正しい")
    await expect(page.locator("#holder")).not_to_be_empty()


async def test_a_no_and_an_empty_reader_say_what_to_do(stack: Stack, chromium: Chromium) -> None:
    card = stack.card(inserted=False)
    page, dialog = await asked(stack, chromium)
    await dialog.answer("yes")
    fault = page.locator("#fault")
    await expect(fault).to_contain_text("ICカードを挿入してください")
    await expect(page.locator("#step-certificate")).to_have_class("bad")
    await expect(page.locator("#start")).to_be_focused()
    await expect_well_made(page, "self-test-fault")
    card.insert()
    await page.click("#start:enabled:visible")
    await dialog.answer("yes")
    await dialog.answer("000000")
    await expect(fault).to_be_hidden()
    await dialog.answer(EBID_PIN)
    await expect(page.locator("#by-daemon")).to_have_text("正しい")


async def test_a_page_that_is_left_in_the_middle_keeps_nothing(
    stack: Stack, chromium: Chromium
) -> None:
    stack.card()
    page, dialog = await asked(stack, chromium)
    await dialog.answer("yes")
    await expect(page.locator("#step-sign")).to_have_class("doing")
    await page.goto(f"http://127.0.0.1:{stack.daemon_port}/")
    sites = page.locator("#sites")
    await expect(sites).to_contain_text("https://portal.example")
    await expect(sites).not_to_contain_text(f"127.0.0.1:{stack.daemon_port}")
    events = [record["event"] for record in await asyncio.to_thread(records, stack)]
    assert events[-1] == "site.revoked"


async def test_firefox_reaches_the_daemon_and_verifies_too(
    stack: Stack, firefox_browser: Browser
) -> None:
    stack.card()
    dialog = stack.dialog()
    stack.daemon(SITE)
    async with await firefox_browser.new_page(locale="ja-JP", reduced_motion="reduce") as page:
        await begun(page, stack)
        await dialog.answer("yes")
        await dialog.answer(EBID_PIN)
        await expect(page.locator("#by-page")).to_have_text("正しい", timeout=20_000)


async def test_without_a_dialog_each_question_has_its_window(
    stack: Stack, chromium: Chromium
) -> None:
    stack.card()
    stack.daemon(SITE)
    page = await chromium.page()
    await page.goto(f"http://127.0.0.1:{stack.daemon_port}/self-test")
    async with page.expect_popup() as popup:
        await page.click("#start:enabled:visible")
    window = await popup.value
    await window.click("#ok:enabled", timeout=20_000)
    await expect(page.locator("#next")).to_be_focused()
    async with page.expect_popup() as popup:
        await page.keyboard.press("Enter")
    await typed(await popup.value, EBID_PIN)
    await expect(page.locator("#by-daemon")).to_have_text("正しい")
    await expect(page.locator("#by-page")).to_have_text("正しい")


async def test_the_page_gets_nothing_where_the_person_says_no(
    stack: Stack, chromium: Chromium
) -> None:
    stack.card()
    stack.daemon(SITE)
    page = await chromium.page()
    await page.goto(f"http://127.0.0.1:{stack.daemon_port}/self-test")
    async with page.expect_popup() as popup:
        await page.click("#start:enabled:visible")
    await (await popup.value).click("#cancel:enabled")
    await expect(page.locator("#fault")).to_contain_text("許可されませんでした")
    await page.click("#start:enabled:visible")
    await expect(page.locator("#fault")).to_contain_text("拒否を取り消してください")
    await page.click(".back a")
    await expect(page.locator("#sites")).to_contain_text(f"http://127.0.0.1:{stack.daemon_port}")
