"""Flow A in a real browser: from the first screen to the receipt, with what can go wrong."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from playwright.async_api import Page, Playwright, expect

from .conftest import (
    COMPANY,
    REGISTRATION_NUMBER,
    Chromium,
    Stack,
    launch,
    shoot,
    together,
    without_errors,
)

pytestmark = [pytest.mark.browser, pytest.mark.hil, pytest.mark.timeout(120)]

EBID_PIN = "123456"
JPKI_PINS = ("1234", "ABC123")

FORM = {
    "company_phone": "026-000-0001",
    "company_fax": "026-000-0002",
    "branch_name": "総務部",
    "contact_department": "営業部",
    "contact_postal": "380-0001",
    "contact_address": "長野県長野市南長野1-2-3",
    "contact_person": "長野 花子",
    "contact_phone": "026-000-0003",
    "contact_fax": "026-000-0004",
    "contact_mail": "eigyo@example.jp",
    "card_department": "入札担当",
    "card_postal": "380-0001",
    "card_address": "長野県長野市南長野1-2-3",
    "card_person": "長野 太郎",
    "card_phone": "026-000-0005",
    "card_fax": "026-000-0006",
    "card_mail": "nyusatsu@example.jp",
    "qualification_name": COMPANY,
}


async def on_screen(page: Page, number: int | str) -> None:
    await expect(page.locator(f'#main[data-screen="{number}"]')).to_be_visible()


async def panel(page: Page, state: str) -> None:
    await expect(page.locator(f'#card-panel[data-state="{state}"]')).to_be_visible()


async def to_pin_screen(page: Page, stack: Stack) -> None:
    await page.goto(f"{stack.origin}/registration/menu")
    await page.click("#register")
    await on_screen(page, 5)


async def enter_pin(page: Page, pin: str) -> None:
    await page.fill("#pin", pin)
    await expect(page.locator("#pin-ok")).to_be_enabled()
    await page.click("#pin-ok")


async def log_in(page: Page, stack: Stack, pin: str = EBID_PIN) -> None:
    await to_pin_screen(page, stack)
    await panel(page, "ready")
    await enter_pin(page, pin)
    await on_screen(page, 6)


async def fill_form(page: Page) -> None:
    await page.fill("#number", REGISTRATION_NUMBER)
    await page.fill("#name", COMPANY)
    await page.click("#search")
    await on_screen(page, 7)
    for field, value in FORM.items():
        await page.fill(f"#{field}", value)
    if await page.locator("#accept-name-difference").count():
        await page.check("#accept-name-difference")
    await page.click("#to-confirm")
    await on_screen(page, 8)


async def to_confirmation(page: Page, stack: Stack, pin: str = EBID_PIN) -> None:
    await log_in(page, stack, pin)
    await fill_form(page)
    await page.click("#submit-application")


async def expect_receipt(page: Page) -> None:
    await on_screen(page, 9)
    await expect(page.locator("h1")).to_have_text("利用者登録完了です。")
    await expect(page.locator("#receipt-status")).to_have_text(re.compile("仮登録"))


async def test_a_bidder_registers_in_firefox(stack: Stack, firefox: Chromium) -> None:
    stack.start()
    await register_from_the_first_screen(await firefox.page(), stack)


async def test_a_bidder_registers_from_the_first_screen_to_the_receipt(
    stack: Stack, chromium: Chromium
) -> None:
    stack.start()
    await register_from_the_first_screen(await chromium.page(), stack)


async def register_from_the_first_screen(page: Page, stack: Stack) -> None:
    await page.goto(stack.origin)
    await on_screen(page, 0)
    await panel(page, "ready")
    await page.click("#start")
    await on_screen(page, 1)
    await page.click("#procurement-goods")
    await on_screen(page, 2)
    await page.click("#choose-registration")
    await on_screen(page, 3)
    await page.click("#menu-registration")
    await on_screen(page, 4)
    await page.click("#register")
    await on_screen(page, 5)
    await panel(page, "ready")
    await enter_pin(page, EBID_PIN)
    await on_screen(page, 6)
    await fill_form(page)
    for field, value in FORM.items():
        await expect(page.locator(f"#value-{field}")).to_have_text(value)
    await page.click("#submit-application")
    await panel(page, "ready")
    await enter_pin(page, EBID_PIN)
    await expect_receipt(page)
    number = await page.locator("#receipt-number").inner_text()

    document, signature, certificate = [
        await (await page.request.get(stack.origin + href)).body()
        for part in ("document", "signature", "certificate")
        if (href := await page.get_attribute(f"#download-{part}", "href"))
    ]
    assert json.loads(document)["companyNumber"] == REGISTRATION_NUMBER
    assert re.fullmatch(r"\S+", number)
    assert FORM["contact_mail"] in document.decode()
    key = x509.load_der_x509_certificate(certificate).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    key.verify(signature, document, padding.PKCS1v15(), hashes.SHA256())


async def test_an_individual_number_card_registers_too(stack: Stack, chromium: Chromium) -> None:
    stack.start("jpki")
    page = await chromium.page()
    await to_confirmation(page, stack, JPKI_PINS[0])
    await panel(page, "ready")
    await enter_pin(page, JPKI_PINS[1])
    await expect_receipt(page)


async def test_the_pin_goes_nowhere_but_to_the_card(stack: Stack, chromium: Chromium) -> None:
    stack.start()
    page = await chromium.page()
    await to_confirmation(page, stack)
    await panel(page, "ready")
    await enter_pin(page, EBID_PIN)
    await expect_receipt(page)
    canary = re.compile(rf"(?<![0-9A-Za-z]){EBID_PIN}(?![0-9A-Za-z])")
    assert [sent for sent in chromium.sent if canary.search(sent)] == []
    assert chromium.context is not None
    assert not canary.search(json.dumps(await chromium.context.storage_state()))
    assert not canary.search(stack.logs)
    assert EBID_PIN.encode() not in (stack.folder / "portal.db").read_bytes()


# ---- what can go wrong ----


async def test_a_wrong_pin_says_how_many_tries_are_left_and_loses_nothing(
    stack: Stack, chromium: Chromium
) -> None:
    stack.start()
    page = await chromium.page()
    await to_confirmation(page, stack)
    await panel(page, "ready")
    await enter_pin(page, "000000")
    await panel(page, "pin-incorrect")
    await expect(page.locator("#card-panel")).to_contain_text("2")
    await expect(page.locator("#value-contact_mail")).to_have_text(FORM["contact_mail"])
    await shoot(page, "fault-pin-incorrect")
    await enter_pin(page, EBID_PIN)
    await expect_receipt(page)


async def test_the_last_try_needs_the_persons_own_yes_and_then_blocks(
    stack: Stack, chromium: Chromium
) -> None:
    card = stack.start()
    page = await chromium.page()
    await to_pin_screen(page, stack)
    await panel(page, "ready")
    for left in (2, 1):
        await enter_pin(page, "000000")
        await expect(page.locator("#card-panel")).to_contain_text(str(left))
        await expect(page.locator("#pin")).to_be_editable()
    await page.fill("#pin", "000000")
    await expect(page.locator("#accept-last-try")).to_be_visible()
    await shoot(page, "fault-pin-last-try")
    assert card.tries()["pin"] == 1
    await page.check("#accept-last-try")
    await page.click("#pin-ok")
    await panel(page, "pin-blocked")
    await expect(page.locator("#pin-ok")).to_be_disabled()
    await shoot(page, "fault-pin-blocked")
    assert card.tries()["pin"] == 0

    await page.reload()
    await panel(page, "pin-blocked")


async def test_an_empty_reader_is_said_and_a_card_put_in_is_seen(
    stack: Stack, chromium: Chromium
) -> None:
    card = stack.start(inserted=False)
    page = await chromium.page()
    await to_pin_screen(page, stack)
    await panel(page, "no-card")
    await shoot(page, "fault-no-card")
    card.insert()
    await panel(page, "ready")
    await enter_pin(page, EBID_PIN)
    await on_screen(page, 6)


async def test_a_card_pulled_out_while_signing_loses_nothing(
    stack: Stack, chromium: Chromium
) -> None:
    card = stack.start()
    page = await chromium.page()
    await to_confirmation(page, stack)
    await panel(page, "ready")
    card.remove_on("sign")
    await enter_pin(page, EBID_PIN)
    await panel(page, "card-removed")
    await expect(page.locator("#value-contact_mail")).to_have_text(FORM["contact_mail"])
    await shoot(page, "fault-card-removed")
    card.insert()
    await panel(page, "ready")
    await enter_pin(page, EBID_PIN)
    await expect_receipt(page)


async def test_what_was_typed_survives_a_pulled_card_and_the_end_of_the_session(
    stack: Stack, chromium: Chromium
) -> None:
    card = stack.start()
    page = await chromium.page()
    await log_in(page, stack)
    await page.fill("#number", REGISTRATION_NUMBER)
    await page.fill("#name", COMPANY)
    await page.click("#search")
    await on_screen(page, 7)
    await page.fill("#contact_person", "途中 太郎")
    card.remove()
    await page.fill("#contact_mail", "tochu@example.jp")
    await expect(page.locator("#saved")).to_have_text("入力内容を一時保存しました。")
    await page.context.clear_cookies(name="portal-session")
    await page.goto(f"{stack.origin}/registration/form")
    await expect(page.locator('#error[data-reason="session-ended"]')).to_be_visible()
    await to_pin_screen(page, stack)
    await panel(page, "no-card")
    card.insert()
    await panel(page, "ready")
    await enter_pin(page, EBID_PIN)
    await on_screen(page, 7)
    await expect(page.locator("#restored")).to_be_visible()
    await expect(page.locator("#contact_person")).to_have_value("途中 太郎")
    await expect(page.locator("#contact_mail")).to_have_value("tochu@example.jp")


async def test_a_daemon_that_does_not_run_is_said_and_found_once_started(
    stack: Stack, chromium: Chromium
) -> None:
    stack.card()
    stack.portal()
    page = await chromium.page()
    await to_pin_screen(page, stack)
    await panel(page, "not-running")
    await shoot(page, "fault-not-running")
    stack.daemon()
    await page.click("#card-retry")
    await panel(page, "ready")


async def test_a_daemon_that_ends_meanwhile_is_said(stack: Stack, chromium: Chromium) -> None:
    stack.card()
    daemon = stack.daemon()
    stack.portal()
    page = await chromium.page()
    await to_pin_screen(page, stack)
    await panel(page, "ready")
    daemon.terminate()
    await panel(page, "not-running")


async def test_a_site_that_is_not_allowed_is_told_what_to_do(
    stack: Stack, chromium: Chromium
) -> None:
    stack.card()
    stack.daemon("https://other.example")
    stack.portal()
    page = await chromium.page()
    await to_pin_screen(page, stack)
    await panel(page, "site-not-allowed")
    await expect(page.locator("#card-panel")).to_contain_text(stack.origin)
    await shoot(page, "fault-site-not-allowed")


class TestFromAPublicSite:
    """The page as if it came from the internet: the browser asks before it lets it in here."""

    @together
    async def chromium(self, playwright: Playwright, stack: Stack) -> AsyncIterator[Chromium]:
        public = f"--ip-address-space-overrides=127.0.0.1:{stack.portal_port}=public"
        async with (
            await launch(playwright, public) as browser,
            without_errors(browser) as chromium,
        ):
            yield chromium

    async def test_the_browsers_refusal_is_told_with_the_way_out(
        self, stack: Stack, chromium: Chromium
    ) -> None:
        stack.start()
        page = await chromium.page()
        await to_pin_screen(page, stack)
        await panel(page, "blocked")
        await shoot(page, "fault-blocked-by-the-browser")

    async def test_with_the_browsers_permission_it_works(
        self, stack: Stack, chromium: Chromium
    ) -> None:
        stack.start()
        page = await chromium.page()
        await page.context.grant_permissions(["local-network-access"], origin=stack.origin)
        await to_pin_screen(page, stack)
        await panel(page, "ready")
        await enter_pin(page, EBID_PIN)
        await on_screen(page, 6)


async def test_a_card_that_is_registered_already_is_led_to_its_receipt(
    stack: Stack, chromium: Chromium
) -> None:
    stack.start()
    page = await chromium.page()
    await to_confirmation(page, stack)
    await panel(page, "ready")
    await enter_pin(page, EBID_PIN)
    await expect_receipt(page)
    await to_pin_screen(page, stack)
    await panel(page, "ready")
    await enter_pin(page, EBID_PIN)
    await expect(page.locator('#error[data-reason="certificate-registered"]')).to_be_visible()
    await shoot(page, "fault-certificate-registered")
