"""A card that its authority has revoked is refused in the page, in words."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from .conftest import Chromium, Stack, shoot

pytestmark = [pytest.mark.browser, pytest.mark.hil, pytest.mark.timeout(120)]


@pytest.mark.parametrize(("profile", "taken"), [("ebid", True), ("revoked", False)])
async def test_a_revoked_card_is_refused_with_date_and_reason(
    stack: Stack, chromium: Chromium, profile: str, *, taken: bool
) -> None:
    stack.revocations()
    stack.start(profile)
    page = await chromium.page()
    await page.goto(f"{stack.origin}/registration/pin")
    await expect(page.locator('#card-panel[data-state="ready"]')).to_be_visible()
    await page.fill("#pin", "123456")
    await page.click("#pin-ok")
    if taken:
        await expect(page.locator('#main[data-screen="6"]')).to_be_visible()
        return
    panel = page.locator('#card-panel[data-reason="certificate-revoked"]')
    await expect(panel).to_be_visible()
    words = re.compile("年.*月.*日に失効しました（理由：鍵の危殆化）")
    await expect(page.locator("#card-text")).to_have_text(words)
    await shoot(page, "revoked-card")
