"""Both flows from the first screen to the receipt without a mouse."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from .conftest import COMPANY, REGISTRATION_NUMBER, Chromium, Stack
from .test_portal import USER
from .test_registration import EBID_PIN, FORM, expect_receipt, on_screen, panel

pytestmark = [pytest.mark.browser, pytest.mark.hil, pytest.mark.timeout(240)]

FARTHEST = 80
FOCUSED = """wanted => {
  const outer = document.activeElement;
  const inner = outer.shadowRoot?.activeElement ?? outer;
  return outer.matches(wanted) || inner.matches(wanted);
}"""
# Whether a person sees where the focus is: an outline, or the element is a frame of its own.
OUTLINED = "getComputedStyle(document.activeElement).outlineStyle !== 'none'"


async def reach(page: Page, selector: str) -> None:
    """Press Tab until an element has the focus, as far as a person would go."""
    for _ in range(FARTHEST):
        if await page.evaluate(FOCUSED, selector):
            assert await page.evaluate(OUTLINED), f"nobody sees the focus on {selector}"
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"no way to {selector} by Tab")


async def press(page: Page, selector: str) -> None:
    await reach(page, selector)
    await page.keyboard.press("Enter")


async def fill(page: Page, selector: str, value: str) -> None:
    """Type into a field; Tab has selected what was in it."""
    await reach(page, selector)
    await page.keyboard.press("Control+A")
    await page.keyboard.insert_text(value)


async def tick(page: Page, selector: str) -> None:
    await reach(page, selector)
    await page.keyboard.press("Space")
    await expect(page.locator(selector)).to_be_checked()


async def type_pin(page: Page) -> None:
    await panel(page, "ready")
    await fill(page, "#pin", EBID_PIN)
    await page.keyboard.press("Enter")


async def test_a_bidder_with_a_card_needs_no_mouse(stack: Stack, chromium: Chromium) -> None:
    stack.start()
    page = await chromium.page()
    await page.goto(stack.origin)
    await panel(page, "ready")
    for screen, selector in (
        (1, "#start"),
        (2, "#procurement-goods"),
        (3, "#choose-registration"),
        (4, "#menu-registration"),
        (5, "#register"),
    ):
        await press(page, selector)
        await on_screen(page, screen)
    await type_pin(page)
    await on_screen(page, 6)
    await fill(page, "#number", REGISTRATION_NUMBER)
    await fill(page, "#name", COMPANY)
    await page.keyboard.press("Enter")
    await on_screen(page, 7)
    for field, value in FORM.items():
        await fill(page, f"#{field}", value)
    if await page.locator("#accept-name-difference").count():
        await tick(page, "#accept-name-difference")
    await press(page, "#to-confirm")
    await on_screen(page, 8)
    await press(page, "#submit-application")
    # The title first; once the card is ready the PIN, which may be sooner than anybody looks.
    await expect(page.locator(":is(#card-part-title, #pin):focus")).to_be_attached()
    await type_pin(page)
    await expect_receipt(page)
    await reach(page, "#download-receipt")


async def test_a_user_without_a_card_needs_no_mouse_even_after_a_fault(
    stack: Stack, chromium: Chromium
) -> None:
    stack.portal()
    page = await chromium.page()
    await page.goto(f"{stack.origin}/procurement")
    for screen, selector in (
        ("small-2", "#procurement-small"),
        ("small-3", "#choose-registration"),
        ("small-4", "#choose-change"),
        ("small-5", "#menu-registration"),
        ("small-6", "#change"),
    ):
        await press(page, selector)
        await on_screen(page, screen)
    await press(page, "#search")
    await expect(page.locator("#number")).to_be_focused()
    for field, value in USER.items():
        await fill(page, f"#{field}", value)
    await page.keyboard.press("Enter")
    await on_screen(page, "small-7")
    await fill(page, "#contact_person", "高橋 花子")
    await press(page, "#to-confirm")
    await expect(page.locator("#password")).to_be_focused()
    await fill(page, "#password", USER["password"])
    await press(page, "#to-confirm")
    await on_screen(page, "small-8")
    await expect(page.locator("#value-contact_person")).to_have_text("高橋 花子")
    await press(page, "#submit-application")
    await on_screen(page, "small-9")
    await reach(page, "#print")
