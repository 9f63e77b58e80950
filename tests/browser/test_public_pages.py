"""The pages that need no card: notices, questions, and the chat beside any screen."""

from __future__ import annotations

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from .conftest import Chromium, Stack, shoot

pytestmark = [pytest.mark.browser, pytest.mark.hil, pytest.mark.timeout(120)]

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


async def expect_well_made(page: Page, name: str) -> None:
    """No fault that axe-core finds, nothing wider than the window, and a picture to look at."""
    result = await Axe().run(page, options={"runOnly": RULES})
    assert result.response["violations"] == []
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await shoot(page, name)


@pytest.mark.parametrize("width", [1280, 320])
async def test_notices_are_found_and_read(stack: Stack, chromium: Chromium, width: int) -> None:
    stack.portal()
    page = await chromium.page(width=width)
    await page.goto(f"{stack.origin}/")
    await page.click("#link-bid-info")
    await expect_well_made(page, f"notices-{width}")
    await page.fill("#q", "除雪")
    await page.select_option("#procurement", "goods")
    await page.click("#find-notices")
    await expect(page.locator("#found")).to_contain_text("1件の案件")
    await page.click(".notice-card a")
    await expect(page.locator("h1")).to_contain_text("除雪車両")
    await expect_well_made(page, f"notice-{width}")
    await page.click("#back")
    await expect(page.locator("#q")).to_have_value("除雪")


@pytest.mark.parametrize("width", [1280, 320])
async def test_the_chat_answers_beside_the_screen_by_keyboard_alone(
    stack: Stack, chromium: Chromium, width: int
) -> None:
    stack.portal()
    page = await chromium.page(width=width)
    await page.goto(f"{stack.origin}/registration/pin")
    await expect(page.locator('#card-panel[data-state="not-running"]')).to_be_visible()
    await page.focus("#menu-chat")
    await page.keyboard.press("Enter")
    suggestions = page.locator("#chat .chat-suggestions button")
    await expect(suggestions.first).to_contain_text("bridgedが動作していません")
    await expect(page.locator("#chat-question")).to_be_focused()
    await page.keyboard.type("<b>PIN番号</b>を間違えました")
    await page.keyboard.press("Enter")
    await expect(page.locator(".chat-question")).to_have_text(
        "あなた：<b>PIN番号</b>を間違えました"
    )
    await expect(page.locator(".chat-source").first).to_contain_text("よくあるご質問：PIN番号")
    await expect_well_made(page, f"chat-{width}")
    await page.keyboard.press("Escape")
    await expect(page.locator("#chat")).to_be_hidden()
    await expect(page.locator("#menu-chat")).to_be_focused()
    await page.goto(f"{stack.origin}/questions/contact?q=PIN")
    await expect_well_made(page, f"contact-{width}")
    for name, value in (("name", "長野 太郎"), ("mail", "taro@example.jp")):
        await page.fill(f"#{name}", value)
    await page.click("#send-inquiry")
    await expect(page.locator("#inquiry-number")).to_contain_text("Q20")
    number = await page.locator("#inquiry-number").inner_text()
    await page.goto(f"{stack.origin}/demo/mail")
    await expect(page.locator(".mail h2")).to_have_text(f"お問い合わせ受付のお知らせ（{number}）")
    await expect(page.locator(".mail")).to_contain_text("taro@example.jp")
    await expect_well_made(page, f"demo-mail-{width}")
