"""The back office in Chromium: from the bidder's application to 本登録, and how it looks."""

from __future__ import annotations

import asyncio

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from portal_demo.language import COOKIE
from portal_demo.office import totp

from .conftest import Chromium, Stack, shoot
from .test_public_pages import RULES
from .test_registration import EBID_PIN, enter_pin, expect_receipt, panel, to_confirmation

pytestmark = [pytest.mark.browser, pytest.mark.hil, pytest.mark.timeout(300)]

LOOKS = [("ja", "light", 1280), ("en", "dark", 1280), ("ja", "dark", 320), ("en", "light", 768)]
PAGES = {
    "applications": "/office/applications?status=",
    "none": "/office/applications?q=9999999999",
    "users": "/office/users",
    "user": "/office/users/1",
    "user-reset": "/office/users/1/reset",
    "questions": "/office/questions",
    "register": "/office/register",
    "merge": "/office/register/merge",
    "mails": "/office/mail",
    "mail": "/office/mail/1",
    "account": "/office/account",
    "recovery-ask": "/office/account/recovery-codes",
    "audit": "/office/audit?check=1",
    "officers": "/office/officers",
    "officer": "/office/officers/1",
    "officer-new": "/office/officers/new",
    "officer-reset": "/office/officers/1/reset",
    "officer-card": "/office/officers/1/card",
    "unknown": "/office/users/99",
}


async def expect_well_made(page: Page, path: str, name: str) -> None:
    """No fault that axe-core finds, nothing wider than the window, in each of the looks."""
    for language, scheme, width in LOOKS:
        await page.context.add_cookies([{"name": COOKIE, "value": language, "url": path}])
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        await page.set_viewport_size({"width": width, "height": 900})
        await page.goto(path)
        await expect(page.locator("html")).to_have_attribute("lang", language)
        result = await Axe().run(page, options={"runOnly": RULES})
        assert result.response["violations"] == [], f"{name} {language} {scheme} {width}"
        wide = await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert wide, f"{name} {language} {width}"
        cut = "[...document.querySelectorAll('.table-sheet')].filter(s => s.scrollWidth > s.clientWidth)"
        assert await page.evaluate(f"{cut}.length") == 0, f"{name} at {width} px cuts a table off"
        await shoot(page, f"office-{name}-{language}-{scheme}-{width}")
    await page.context.clear_cookies(name=COOKIE)
    await page.emulate_media(color_scheme="light", reduced_motion="reduce")
    await page.set_viewport_size({"width": 1280, "height": 900})


async def enter(page: Page, stack: Stack, login: str = "shinsa01") -> None:
    """Log in with what the demo shows."""
    await page.goto(f"{stack.origin}/office")
    row = page.locator("#demo tr", has_text=login)
    password, code = [await row.locator("td").nth(n).inner_text() for n in (2, 3)]
    await page.fill("#login", login)
    await page.fill("#password", password.split()[-1])
    await page.fill("#code", code.split()[-1])
    await page.click("#submit")
    await expect(page.locator('#main[data-screen="office-applications"]')).to_be_visible()


async def apply(page: Page, stack: Stack) -> str:
    """Register the card as a bidder does, and return the number of the receipt."""
    await to_confirmation(page, stack)
    await panel(page, "ready")
    await enter_pin(page, EBID_PIN)
    await expect_receipt(page)
    return await page.locator("#receipt-number").inner_text()


async def ask(page: Page, stack: Stack) -> str:
    """Leave a question for the office, and return its number."""
    await page.goto(f"{stack.origin}/questions/contact?q=PIN")
    for name, value in (("name", "長野 太郎"), ("mail", "taro@example.jp")):
        await page.fill(f"#{name}", value)
    await page.click("#send-inquiry")
    return (await page.locator("#inquiry-number").inner_text()).strip()


async def compare(page: Page, stack: Stack) -> str:
    """Choose a file for the register with a change, a new company and a fault in it."""
    await page.goto(f"{stack.origin}/office/register")
    async with page.expect_download() as export:
        await page.click("#export")
    path = await (await export.value).path()
    lines = path.read_text("utf-8-sig").splitlines()
    lines[1] = lines[1].replace("IT業者電子01", "IT業者電子01改")
    lines.append(lines[2].replace("1234567891", "2234567891"))
    lines.append(lines[2].replace("1234567891", "12"))
    file = stack.folder / "register.csv"
    file.write_text("\r\n".join(lines), "utf-8")
    await page.set_input_files("#file", file)
    await page.click("#compare")
    await expect(page.locator("#count-faults")).not_to_have_text("0")
    return page.url


async def test_an_application_is_accepted_and_the_bidder_sees_it(
    stack: Stack, chromium: Chromium
) -> None:
    stack.start()
    page = await chromium.page()
    number = await apply(page, stack)
    receipt = page.url
    await enter(page, stack)
    await page.click(f"text={number}")
    await expect(page.locator("#report")).to_have_attribute("data-good", "true")
    await page.click("#reject")
    await expect(page.locator("#reason-error")).to_be_visible()
    await page.click("#accept")
    await expect(page.locator("#status")).to_have_text("本登録")
    await expect(page.locator("#decide")).to_have_count(0)
    await page.goto(receipt)
    await expect(page.locator("#receipt-status")).to_have_text("本登録")
    await page.goto(f"{stack.origin}/demo/mail")
    await expect(page.locator(f"text=受理のお知らせ（{number}）").first).to_be_visible()


async def test_every_screen_is_well_made(stack: Stack, chromium: Chromium) -> None:
    stack.start()
    page = await chromium.page()
    number = await apply(page, stack)
    question = await ask(page, stack)
    await expect_well_made(page, f"{stack.origin}/office/login", "login")
    await enter(page, stack, "kanri01")
    more = {
        "application": f"/office/applications/{number}",
        "question": f"/office/questions/{question}",
        "import": (await compare(page, stack)).removeprefix(stack.origin),
    }
    for name, path in {**PAGES, **more}.items():
        await expect_well_made(page, stack.origin + path, name)


async def test_an_officer_logs_in_with_a_card(stack: Stack, chromium: Chromium) -> None:
    stack.start()
    page = await chromium.page()
    await enter(page, stack, "kanri01")
    await page.goto(f"{stack.origin}/office/officers")
    await page.click("text=shinsa01")
    await page.click("#register-card")
    await panel(page, "ready")
    await enter_pin(page, EBID_PIN)
    await expect(page.locator("#has-card")).to_contain_text("有効期限")
    await page.click("#log-out")
    await page.click("#with-card")
    await panel(page, "ready")
    await shoot(page, "office-login-card")
    await enter_pin(page, EBID_PIN)
    await expect(page.locator("#who")).to_contain_text("審査 花子")
    assert not any(EBID_PIN in sent for sent in chromium.sent)


async def test_an_officer_enrols_an_authenticator_by_keyboard(
    stack: Stack, chromium: Chromium
) -> None:

    (stack.folder / "password").write_text("correct horse battery\n")
    stack.portal()
    await asyncio.to_thread(stack.create_admin, "hajime", stack.folder / "password")
    page = await chromium.page(width=320)
    await page.goto(f"{stack.origin}/office/login")
    await page.focus("#login")
    await page.keyboard.type("hajime")
    await page.keyboard.press("Tab")
    await page.keyboard.type("correct horse battery")
    await page.keyboard.press("Enter")
    await expect(page.locator("#qr svg")).to_be_visible()
    await expect_well_made(page, f"{stack.origin}/office/setup", "setup")
    secret = (await page.locator("#secret").inner_text()).replace(" ", "")
    now = await page.evaluate("Date.now() / 1000")
    await page.fill("#code", totp.code_at(secret, int(now) // totp.PERIOD_S))
    await page.keyboard.press("Enter")
    await expect(page.locator("#codes li")).to_have_count(10)
    for scheme, width in (("light", 1280), ("dark", 320)):
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        await page.set_viewport_size({"width": width, "height": 900})
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await shoot(page, f"office-recovery-codes-{scheme}-{width}")
    result = await Axe().run(page, options={"runOnly": RULES})
    assert result.response["violations"] == []
    await page.click("#way-on")
    await expect(page.locator("#role")).to_have_text("管理者")


async def test_a_user_sets_a_new_password_by_the_link(stack: Stack, chromium: Chromium) -> None:
    stack.portal()
    page = await chromium.page()
    await enter(page, stack)
    await page.goto(f"{stack.origin}/office/users/1")
    await page.click("#reset")
    await page.click("#do")
    await expect(page.locator("#sent")).to_be_visible()
    await page.goto(f"{stack.origin}/demo/mail")
    text = await page.locator(".mail-text").first.inner_text()
    link = next(word for word in text.split() if "/password/" in word)
    await expect_well_made(page, link, "password")
    for field, value in (("password", "newpass1"), ("again", "newpass2")):
        await page.fill(f"#{field}", value)
    await page.click("#submit")
    await expect(page.locator("#error-summary")).to_be_visible()
    for field in ("password", "again"):
        await page.fill(f"#{field}", "newpass1")
    await page.click("#submit")
    await expect(page.locator('#main[data-screen="password-set"]')).to_be_visible()
    await shoot(page, "office-password-set")


async def test_numbers_are_merged_after_a_look(stack: Stack, chromium: Chromium) -> None:
    stack.portal()
    page = await chromium.page(width=320)
    await enter(page, stack, "kanri01")
    for language in ("en", "ja"):  # the address of the confirmation alone shows the form
        await page.context.add_cookies([{"name": COOKIE, "value": language, "url": stack.origin}])
        await page.goto(f"{stack.origin}/office/register/merge")
        await page.fill("#old", "1234567890\n1234567891")
        await page.fill("#new", "9234567890")
        await page.click("#check")
        await page.check("#names-differ")
        await shoot(page, f"office-merge-differ-{language}")
        await page.click("#check")
        await expect(page.locator("#told")).to_be_visible()
        await expect(page.locator("html")).to_have_attribute("lang", language)
        result = await Axe().run(page, options={"runOnly": RULES})
        assert result.response["violations"] == []
        await shoot(page, f"office-merge-confirm-{language}")
    await page.context.clear_cookies(name=COOKIE)
    await page.click("#merge-now")
    await expect(page.locator("#old-numbers")).to_contain_text("1234567891")
    await expect_well_made(page, page.url, "merged")
