"""Every screen of the portal in a real browser: both flows, both card updates, for everybody.

Each screen is looked at in both languages, light and dark, by axe-core (WCAG 2.2 AA) and at the
widths of a small telephone and of a desk; pictures go to build/screenshots.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from bridged.client.client import connect
from bridged.virtual.card_process import CardProcess

from ..exclusive import held_alone
from .conftest import COMPANY, GRANTS, SCREENSHOTS, Chromium, Stack, shoot
from .test_registration import (
    EBID_PIN,
    FORM,
    enter_pin,
    expect_receipt,
    fill_form,
    on_screen,
    panel,
    to_confirmation,
)

pytestmark = [pytest.mark.browser, pytest.mark.hil, pytest.mark.timeout(240)]

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
USER = {"number": "1234567897", "user_id": "shogaku07", "password": "shogaku2024"}
NEW_PASSWORD = "henkou2026"
# Buttons that reach out of the sheet they are on, which hides the rest of them.
CUT_OFF = """[...document.querySelectorAll("main .button")].filter((button) =>
  button.getClientRects().length &&
  button.getBoundingClientRect().right >
    button.closest(".sheet, main").getBoundingClientRect().right + 1
).map((button) => button.id)"""
Look = Callable[..., Awaitable[None]]


async def faults_of(page: Page) -> list[str]:
    found = await Axe().run(page, options={"runOnly": TAGS})
    return [
        f"{one['id']}: {node['target']} {node['failureSummary']}"
        for one in found.response["violations"]
        for node in one["nodes"]
    ]


def looking(page: Page) -> Look:
    """Return what looks at a screen in every way a person may.

    `here` stays in one language: the other one would load the page anew. `state` is that of the card
    panel, which a loaded page finds again.
    """

    async def look(name: str, *, here: bool = False, state: str = "") -> None:
        for width in (1280, 320):
            await page.set_viewport_size({"width": width, "height": 900})
            wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert await page.evaluate(wide) <= 0, f"{name} is wider than {width} px"
            assert await page.evaluate(CUT_OFF) == [], f"{name} cuts off at {width} px"
            await shoot(page, f"portal-{name}-{width}")
        assert await faults_of(page) == [], name
        await page.set_viewport_size({"width": 1280, "height": 900})
        await page.emulate_media(color_scheme="dark")
        if here:
            assert await faults_of(page) == [], f"{name}, dark"
        else:
            await page.click("#switch-language")
            await expect(page.locator("html")).to_have_attribute("lang", "en")
            if state:
                await panel(page, state)
            assert await faults_of(page) == [], f"{name} in English, dark"
            await shoot(page, f"portal-{name}-en")
            await page.click("#switch-language")
            await expect(page.locator("html")).to_have_attribute("lang", "ja")
            if state:
                await panel(page, state)
        await page.emulate_media(color_scheme="light")

    return look


async def print_out(page: Page, name: str) -> int:
    """Print a screen to PDF, for people to look at, and return how many sheets of paper it takes.

    What can only be clicked is not on paper.
    """
    await page.emulate_media(media="print")
    for clicked in (".side", ".steps", ".buttons"):
        for element in await page.locator(clicked).all():
            await expect(element).to_be_hidden()
    paper = SCREENSHOTS / f"{name}.pdf"
    printed = await page.pdf(path=paper, format="A4", prefer_css_page_size=True)
    await page.emulate_media(media="screen")
    return len(re.findall(rb"/Type\s*/Page\b", printed))


async def test_a_user_without_a_card_changes_the_registration_screen_by_screen(
    stack: Stack, chromium: Chromium
) -> None:
    stack.portal()
    page = await chromium.page()
    look = looking(page)
    await page.goto(f"{stack.origin}/procurement")
    await look("1-procurement")
    await page.click("#procurement-small")
    await on_screen(page, "small-2")
    await look("small-2")
    await page.click("#choose-registration")
    await look("small-3")
    await page.click("#choose-change")
    await look("small-4")
    await page.click("#menu-registration")
    await look("small-5")
    await page.click("#change")
    await on_screen(page, "small-6")
    await page.click("#search")
    await expect(page.locator("#number")).to_be_focused()
    await expect(page.locator("#error-summary li")).to_have_count(3)
    await look("small-6-faults", here=True)
    await page.goto(f"{stack.origin}/small/search")
    await look("small-6")
    for field, value in USER.items():
        await page.fill(f"#{field}", value)
    await page.click("#search")
    await on_screen(page, "small-7")
    await look("small-7")

    await page.fill("#contact_person", "髙橋")
    await page.click("#to-confirm")
    await expect(page.locator("#contact_person-error")).to_contain_text("「高」")
    await expect(page.locator("#contact_person")).to_be_focused()
    await look("small-7-faults", here=True)
    await page.fill("#contact_person", "高橋 花子")
    await page.fill("#password", USER["password"])
    await page.fill("#new_password", NEW_PASSWORD)
    await page.fill("#new_password_again", NEW_PASSWORD)
    await page.click("#to-confirm")
    await on_screen(page, "small-8")
    await expect(page.locator("#value-contact_person")).to_have_text("高橋 花子")
    await look("small-8")
    await page.dblclick("#submit-application")
    await on_screen(page, "small-9")
    await expect(page.locator("h1")).to_have_text("利用者登録完了です。")
    await expect(page.locator("#receipt-number")).to_have_text(re.compile("-000001$"))
    await look("small-9")
    assert await print_out(page, "portal-small-9") == 1

    await page.go_back()
    await expect(page.locator('#main[data-screen="small-8"]')).to_have_count(0)


async def test_the_form_helps_and_keeps_what_was_typed(stack: Stack, chromium: Chromium) -> None:
    stack.portal()
    page = await chromium.page()

    async def log_in() -> None:
        await page.goto(f"{stack.origin}/small/search")
        for field, value in {**USER, "number": "１２３４５６７８９７"}.items():
            await page.fill(f"#{field}", value)
        await page.click("#search")
        await on_screen(page, "small-7")

    await log_in()
    await page.fill("#contact_department", "あ" * 61)
    await expect(page.locator("#contact_department-count")).to_have_text("61 / 60文字")
    await page.fill("#contact_address", "")
    await page.fill("#contact_postal", "３８０－０８３８")
    await page.press("#contact_postal", "Tab")
    await expect(page.locator("#contact_postal")).to_have_value("380-0838")
    await expect(page.locator("#contact_address")).to_have_value(re.compile("^長野県長野市"))
    await page.click("#copy-contact")
    await expect(page.locator("#requester_postal")).to_have_value("380-0838")
    await expect(page.locator("#saved")).to_have_text("入力内容を一時保存しました。")

    # The language is switched before the next pause: what was typed last is kept, too.
    await page.fill("#requester_person", "途中 太郎")
    await page.click("#switch-language")
    await expect(page.locator("html")).to_have_attribute("lang", "en")
    await expect(page.locator("#requester_person")).to_have_value("途中 太郎")

    # A second tab begins where this one stands, and the older page changes nothing any more.
    second = await page.context.new_page()
    await second.goto(f"{stack.origin}/small/form")
    await second.fill("#contact_person", "別の画面")
    await expect(second.locator("#saved")).to_have_text("Your input is saved.")
    await page.fill("#contact_person", "この画面")
    await expect(page.locator("#saved")).to_contain_text("another tab")
    await second.close()

    await page.context.clear_cookies(name="portal-session")
    await page.goto(f"{stack.origin}/small/form")
    await expect(page.locator('#error[data-reason="session-ended"]')).to_be_visible()
    await log_in()
    await expect(page.locator("#restored")).to_be_visible()
    await expect(page.locator("#contact_person")).to_have_value("別の画面")


async def test_before_the_log_in_ends_the_person_is_told_and_can_go_on(
    stack: Stack, chromium: Chromium
) -> None:
    stack.portal()
    page = await chromium.page()
    await page.clock.install()
    await page.goto(f"{stack.origin}/small/search")
    for field, value in USER.items():
        await page.fill(f"#{field}", value)
    await page.click("#search")
    await on_screen(page, "small-7")
    left = {"seconds": 100}
    await page.route(
        "**/api/session",
        lambda route: (
            route.fulfill(json=left) if route.request.method == "GET" else route.continue_()
        ),
    )
    dialog = page.locator("#session-dialog")
    await expect(dialog).to_be_attached()
    await page.clock.fast_forward("08:05")
    await expect(dialog).to_be_visible()
    await expect(page.locator("#session-go-on")).to_be_focused()
    await shoot(page, "portal-session-warning")
    assert await faults_of(page) == []
    await page.keyboard.press("Enter")
    await expect(dialog).to_be_hidden()
    await page.clock.fast_forward("08:05")
    await expect(dialog).to_be_visible()
    await page.clock.fast_forward("02:00")
    await expect(page.locator("#session-title")).to_have_text("ログインの有効時間が終わりました")
    await page.click("#session-go-on")
    await on_screen(page, "small-6")


async def test_a_card_registers_changes_and_is_replaced_screen_by_screen(
    stack: Stack, chromium: Chromium
) -> None:
    old = stack.start()
    new = stack.card(inserted=False)
    page = await chromium.page()
    look = looking(page)
    await page.goto(stack.origin)
    await panel(page, "ready")
    await look("0-procedure", state="ready")
    await page.goto(f"{stack.origin}/procurement/goods")
    await look("2-choice")
    await page.click("#choose-registration")
    await look("3-registration")
    await page.click("#menu-registration")
    await look("4-menu")
    await page.click("#register")
    await panel(page, "ready")
    await look("5-pin", state="ready")
    await enter_pin(page, EBID_PIN)
    await on_screen(page, 6)
    await look("6-search")
    await fill_form(page)
    await look("8-confirm")
    assert await print_out(page, "portal-8-confirm") == 2
    await page.click("#back")
    await on_screen(page, 7)
    await look("7-form")
    await page.click("#to-confirm")
    await on_screen(page, 8)
    await page.click("#submit-application")
    await panel(page, "ready")
    await look("8-sign", here=True)
    await enter_pin(page, EBID_PIN)
    await expect_receipt(page)
    await look("9-complete")
    assert await print_out(page, "portal-9-complete") == 1
    await change_registration(page, stack, look)
    await renew_by_turns(page, stack, look, old, new)


async def change_registration(page: Page, stack: Stack, look: Look) -> None:
    await page.goto(f"{stack.origin}/change/pin")
    await panel(page, "ready")
    await enter_pin(page, EBID_PIN)
    await on_screen(page, "change-7")
    await expect(page.locator("#contact_mail")).to_have_value(FORM["contact_mail"])
    await look("change-7")
    await page.fill("#contact_mail", "henkou@example.jp")
    await page.click("#to-confirm")
    await on_screen(page, "change-8")
    await look("change-8")
    await page.click("#submit-application")
    await panel(page, "ready")
    await enter_pin(page, EBID_PIN)
    await on_screen(page, "change-9")
    await look("change-9")


async def renew_by_turns(
    page: Page, stack: Stack, look: Look, old: CardProcess, new: CardProcess
) -> None:
    """Renew with one reader: the cards take turns in it."""
    await page.goto(f"{stack.origin}/renewal/pin")
    await panel(page, "ready")
    await look("renew-5", state="ready")
    await enter_pin(page, EBID_PIN)
    await on_screen(page, "renew-6")
    await panel(page, "wrong-card")
    await look("renew-6-old-card", state="wrong-card")
    old.remove()
    await panel(page, "no-card")
    new.insert()
    await panel(page, "ready")
    await enter_pin(page, EBID_PIN)
    await on_screen(page, "renew-7")
    await expect(page.locator("#contact_mail")).to_have_value("henkou@example.jp")
    await look("renew-7")
    await page.click("#to-confirm")
    await on_screen(page, "renew-8")
    await look("renew-8")
    await page.click("#submit-application")
    await panel(page, "ready")
    await enter_pin(page, EBID_PIN)
    await expect(page.locator('#signers [data-signer="0"]')).to_have_attribute("data-ok", "true")
    await panel(page, "wrong-card")
    await look("renew-8-second-card", here=True)
    new.remove()
    await panel(page, "no-card")
    old.insert()
    await panel(page, "ready")
    await enter_pin(page, EBID_PIN)
    await on_screen(page, "renew-9")
    await expect(page.locator("#receipt-old-certificate")).to_be_visible()
    await look("renew-9")


async def test_a_new_site_is_let_in_and_the_pin_is_asked_for_outside_the_page(
    stack: Stack, chromium: Chromium
) -> None:
    dialog = stack.dialog()
    stack.card()
    stack.daemon("https://other.example")
    stack.portal()
    page = await chromium.page()
    await page.goto(f"{stack.origin}/registration/pin")
    await panel(page, "site-not-allowed")
    await shoot(page, "state-site-not-allowed")
    await page.click("#card-retry")
    await panel(page, "consent-asking")
    await shoot(page, "state-consent-asking")
    await dialog.answer("yes")
    await panel(page, "ready")
    await expect(page.locator("#pin-entry")).to_be_hidden()
    await page.click("#pin-ok")
    await panel(page, "pin-prompting")
    await shoot(page, "state-pin-prompting")
    assert await faults_of(page) == []
    await dialog.answer(EBID_PIN)
    await on_screen(page, 6)


async def test_every_kind_of_card_has_its_state(stack: Stack, chromium: Chromium) -> None:
    daemon = stack.daemon(service=str(stack.folder / "nothing"))
    stack.portal()
    page = await chromium.page()
    english = await chromium.page(locale="en-US")
    await english.emulate_media(color_scheme="dark")
    for each in (page, english):
        await each.goto(f"{stack.origin}/registration/pin")

    async def both(state: str, name: str) -> None:
        for each, suffix in ((page, ""), (english, "-en")):
            await panel(each, state)
            await shoot(each, f"state-{name}{suffix}")
            assert await faults_of(each) == [], name + suffix

    await both("pcsc-unavailable", "pcsc-unavailable")
    daemon.terminate()
    await both("not-running", "not-running")
    stack.daemon()
    await both("no-card", "no-card")
    for profile, state in (
        ("expired", "certificate-expired"),
        ("not-yet-valid", "certificate-expired"),
        ("blocked", "pin-blocked"),
        ("unknown", "card-unsupported"),
        ("expiring", "ready"),
    ):
        card = stack.card(profile)
        await both(state, profile)
        if profile == "expiring":
            await expect(page.locator("#certificates .badge")).to_be_visible()
        card.remove()
        await panel(page, "no-card")
    for reader in (0, 1):
        stack.card(reader=reader)
    await expect(page.locator("#certificates input[name=certificate]")).to_have_count(2)
    await both("ready", "several-cards")


async def test_faults_are_told_in_english_and_in_the_dark_to_everybody(
    stack: Stack, chromium: Chromium
) -> None:
    stack.start()
    page = await chromium.page(locale="en-US")
    await page.emulate_media(color_scheme="dark")

    async def look(name: str) -> None:
        assert await faults_of(page) == [], name
        await shoot(page, f"portal-{name}-en")

    await page.goto(f"{stack.origin}/registration/form")
    await look("error-session-ended")
    await page.goto(f"{stack.origin}/nowhere")
    await look("error-page-unknown")
    await page.goto(f"{stack.origin}/registration/pin")
    for left in (2, 1):
        await expect(page.locator("#pin")).to_be_editable()
        await enter_pin(page, "000000")
        await expect(page.locator("#tries-left")).to_have_text(str(left))
        await look(f"pin-{left}-left")
    await page.fill("#pin", EBID_PIN)
    await page.check("#accept-last-try")
    await page.click("#pin-ok")
    await on_screen(page, 6)
    await page.click("#search")
    await expect(page.locator("#error-summary")).to_be_visible()
    await look("6-faults")
    await page.fill("#number", "1234567890")
    await page.fill("#name", "別の会社")
    await page.click("#search")
    await expect(page.locator("#error-summary")).to_be_visible()
    await look("6-name-mismatch")
    await page.fill("#name", COMPANY)
    await page.click("#search")
    await on_screen(page, 7)
    await page.fill("#contact_person", "髙橋①")
    await page.click("#to-confirm")
    await expect(page.locator("#contact_person-error")).to_be_visible()
    await look("7-faults")


async def test_an_expired_card_is_told_to_register_anew(stack: Stack, chromium: Chromium) -> None:
    stack.start("expired")
    page = await chromium.page()
    await page.goto(f"{stack.origin}/renewal/pin")
    await panel(page, "renewal-too-late")
    await expect(page.locator("#card-text")).to_contain_text("同じ登録番号")
    await shoot(page, "state-renewal-too-late")


async def test_with_two_readers_both_cards_stay_in(stack: Stack, chromium: Chromium) -> None:
    stack.start()
    new = stack.card(reader=1, inserted=False)
    page = await chromium.page()
    await to_confirmation(page, stack)
    await panel(page, "ready")
    await enter_pin(page, EBID_PIN)
    await expect_receipt(page)
    await page.goto(f"{stack.origin}/renewal/pin")
    await panel(page, "ready")
    await enter_pin(page, EBID_PIN)
    await on_screen(page, "renew-6")
    new.insert()
    await panel(page, "ready")
    await enter_pin(page, EBID_PIN)
    await on_screen(page, "renew-7")
    await page.click("#to-confirm")
    await page.click("#submit-application")
    for left in (1, 0):
        await panel(page, "ready")
        await enter_pin(page, EBID_PIN)
        if left:
            await expect(page.locator("#signers [aria-current]")).to_have_attribute(
                "data-signer", "1"
            )
    await on_screen(page, "renew-9")


async def test_a_card_that_another_program_holds_is_waited_for(
    stack: Stack, chromium: Chromium
) -> None:
    stack.start()
    page = await chromium.page()
    with held_alone(stack.pcscd.socket_name):
        await page.goto(f"{stack.origin}/registration/pin")
        await panel(page, "card-in-use")
        await looking(page)("card-in-use", state="card-in-use")
        await expect(page.locator("#pin-ok")).to_be_disabled()
    await panel(page, "ready")
    with held_alone(stack.pcscd.socket_name):
        await enter_pin(page, EBID_PIN)
        await panel(page, "card-in-use")
    await panel(page, "ready")
    await enter_pin(page, EBID_PIN)
    await on_screen(page, 6)


async def test_a_card_that_another_site_has_is_used_once_that_is_done(
    stack: Stack, chromium: Chromium
) -> None:
    stack.card()
    other = "https://other.example"
    stack.daemon(f"{stack.origin}={GRANTS}", f"{other}={GRANTS}")
    stack.portal()
    japanese, english = await chromium.page(), await chromium.page(locale="en-US")
    url = f"ws://127.0.0.1:{stack.daemon_port}/v1"
    async with connect(url, origin=other) as bridge:
        (first, *_) = await bridge.certificates()
        await bridge.verify_pin(first.id, EBID_PIN)
        for page, name in ((japanese, "card-leased"), (english, "card-leased-english")):
            await page.goto(f"{stack.origin}/registration/pin")
            await panel(page, "ready")
            await enter_pin(page, EBID_PIN)
            await panel(page, "card-leased")
            await looking(page)(name, here=True)
            await expect(page.locator("#pin")).to_be_enabled()
    await enter_pin(english, EBID_PIN)
    await on_screen(english, 6)
