"""The daemon's own page as a person has it open: it follows the card, and reads well."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from .conftest import Chromium, Stack
from .test_public_pages import expect_well_made

pytestmark = [pytest.mark.browser, pytest.mark.hil, pytest.mark.timeout(120)]


async def test_the_status_page_follows_the_card_and_the_end_of_the_daemon(
    stack: Stack, chromium: Chromium
) -> None:
    card = stack.card()
    daemon = stack.daemon("https://portal.example=certificates")
    page = await chromium.page()
    await page.goto(f"http://127.0.0.1:{stack.daemon_port}/")
    readers, told = page.locator("#readers"), page.locator("#told")
    await expect(page.locator("#live")).to_be_visible()
    await expect(readers).to_contain_text("ICカードが挿入されています")
    await expect_well_made(page, "status-1280")
    card.remove()
    await expect(readers).not_to_contain_text("ICカードが挿入されています")
    await expect(told).to_contain_text("ICカードを挿入してください")
    await page.set_viewport_size({"width": 320, "height": 800})
    await page.emulate_media(color_scheme="dark")
    await page.click("summary")
    await expect_well_made(page, "status-320-dark")
    card.insert()
    await expect(readers).to_contain_text("ICカードが挿入されています")
    await expect(page.locator("details")).to_have_attribute("open", "")
    daemon.terminate()
    await expect(page.locator("#lost")).to_be_visible()
    await expect(page.locator("#running")).to_be_hidden()


async def test_the_page_tells_what_stands_in_the_way_inside_the_browser(
    stack: Stack, chromium: Chromium
) -> None:
    stack.daemon("https://portal.example=certificates")
    address = f"http://127.0.0.1:{stack.daemon_port}/"
    page = await chromium.page()
    await page.goto(address)
    await expect(page.locator("#browser-goods")).to_contain_text("接続できます")
    await expect(page.locator("#browser-problems li")).to_have_count(0)
    # What is granted denies all else.
    await page.context.grant_permissions(["notifications"], origin=address)
    # As an extension does that guards sockets and puts a script of its own into every page.
    await page.add_init_script(
        """window.WebSocket = class { constructor() { setTimeout(() => this.onerror()) } close() {} };
        addEventListener("DOMContentLoaded", () =>
          document.body.append(document.createElement("script")))"""
    )
    await page.goto(address)
    problems = page.locator("#browser-problems")
    await expect(problems).to_contain_text("妨げられています")
    await expect(problems).to_contain_text("禁止されています")
    await expect(problems).to_contain_text("1個の要素")
    await expect(page.locator("#verdict")).to_be_hidden()
    await expect_well_made(page, "status-browser")
