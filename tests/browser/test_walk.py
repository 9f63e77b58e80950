"""The walk that the README shows: a company allows the portal and registers; no page sees the PIN."""

from __future__ import annotations

import re
from itertools import count

import pytest
from playwright.async_api import Page, expect

from bridged.virtual.profiles import EBID_PIN

from .conftest import Chromium, Stack, shoot
from .test_registration import expect_receipt, fill_form, on_screen, panel
from .test_window import typed

pytestmark = [pytest.mark.browser, pytest.mark.hil, pytest.mark.timeout(120)]


async def test_a_company_registers_and_the_pin_stays_in_the_window_of_bridged(
    stack: Stack, chromium: Chromium
) -> None:
    numbers = count(1)

    async def keep(shown: Page, name: str) -> None:
        await shoot(shown, f"walk-{next(numbers):02}-{name}", full_page=False)

    async def opened_by(portal: Page, button: str, height: int) -> Page:
        async with portal.expect_popup() as popup:
            await portal.click(button)
        window = await popup.value
        await window.set_viewport_size({"width": 480, "height": height})
        return window

    async def in_the_window(portal: Page, height: int) -> None:
        """Press OK, which opens the window, and give the PIN there."""
        window = await opened_by(portal, "#pin-ok:enabled", height)
        await window.get_by_label("PIN").fill(EBID_PIN)
        await keep(window, "window")
        await typed(window, EBID_PIN)

    stack.card()
    stack.daemon("https://other.example")
    stack.portal()
    portal = await chromium.page(width=1000, height=860)
    await portal.goto(stack.origin)
    await panel(portal, "site-not-allowed")
    await keep(portal, "page")
    window = await opened_by(portal, "#card-retry", 570)
    await expect(window.locator("#facts")).to_contain_text(stack.origin)
    await expect(window.locator("#ok")).to_be_enabled()
    await keep(window, "window")
    await window.click("#ok")
    await panel(portal, "ready")
    await keep(portal, "page")
    await portal.goto(f"{stack.origin}/registration/menu")
    await portal.click("#register")
    await panel(portal, "ready")
    await keep(portal, "page")
    await in_the_window(portal, 670)
    await on_screen(portal, 6)
    await fill_form(portal)
    await keep(portal, "page")
    await portal.click("#submit-application")
    await panel(portal, "ready")
    await in_the_window(portal, 810)
    await expect_receipt(portal)
    await keep(portal, "page")
    pin = re.compile(rf"(?<![0-9A-Za-z]){EBID_PIN}(?![0-9A-Za-z])")
    assert chromium.sent
    assert [sent for sent in chromium.sent if pin.search(sent)] == []
