"""The walk that the README shows: a company registers, and no page of the portal sees the PIN."""

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

    async def in_the_window(portal: Page, pin: str | None) -> None:
        """Open the window that the portal offers, and answer there."""
        await panel(portal, "pin-prompting")
        async with portal.expect_popup() as popup:
            await portal.click("#card-link")
        window = await popup.value
        await window.set_viewport_size({"width": 480, "height": 720})
        await expect(window.locator("#ok")).to_be_enabled()
        if pin is not None:
            await window.get_by_label("PIN").fill(pin)
        await keep(window, "window")
        if pin is None:
            await window.click("#ok")
        else:
            await typed(window, pin)

    stack.card()
    stack.daemon(f"{stack.origin}=certificates,sign")
    stack.portal()
    portal = await chromium.page(width=1000, height=800)
    await portal.goto(stack.origin)
    await panel(portal, "ready")
    await keep(portal, "page")
    await portal.goto(f"{stack.origin}/registration/menu")
    await keep(portal, "page")
    await portal.click("#register")
    await panel(portal, "ready")
    await keep(portal, "page")
    await portal.click("#pin-ok:enabled")
    await in_the_window(portal, EBID_PIN)
    await on_screen(portal, 6)
    await fill_form(portal)
    await keep(portal, "page")
    await portal.click("#submit-application")
    await panel(portal, "ready")
    await portal.click("#pin-ok:enabled")
    await in_the_window(portal, EBID_PIN)
    await in_the_window(portal, None)
    await expect_receipt(portal)
    await keep(portal, "page")
    pin = re.compile(rf"(?<![0-9A-Za-z]){EBID_PIN}(?![0-9A-Za-z])")
    assert chromium.sent
    assert [sent for sent in chromium.sent if pin.search(sent)] == []
