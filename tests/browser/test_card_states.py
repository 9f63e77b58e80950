"""States of the card part that need another reader than pcscd's: keypad, window, mute, none.

The daemon runs in the test, with readers of its own; the portal is the real one.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack

import pytest
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page, expect

from bridged.config import DEFAULT_GRANTS
from bridged.errors import ConfigError
from bridged.pin.prompt import Prompts
from bridged.pin.question import Language
from bridged.pin.window import Windows
from bridged.server import misconfigured
from bridged.server.app import create_app, listening
from bridged.service.hub import Hub
from bridged.sites.policy import SitePolicy
from bridged.virtual.ca import DemoCa
from bridged.virtual.card import VirtualCard
from bridged.virtual.inprocess import InProcessBus
from bridged.virtual.keypad import VirtualKeypad
from bridged.virtual.profiles import EBID_PIN, make_card

from .conftest import Chromium, Stack, shoot, together
from .test_portal import faults_of
from .test_registration import expect_receipt, fill_form, on_screen, panel

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

# What the portal writes by itself: the PIN is not typed in its page.
GRANTS = DEFAULT_GRANTS
Bridge = Callable[..., Awaitable[None]]


@pytest.fixture
def card(stack: Stack) -> VirtualCard:
    return make_card("ebid", DemoCa.load_or_create(stack.ca))


@together
async def bridge(stack: Stack) -> AsyncIterator[Bridge]:
    """Return what starts a daemon with these readers, and the portal."""
    async with AsyncExitStack() as running:

        async def start(bus: InProcessBus, asking: Sequence[Windows] = ()) -> None:
            prompts = Prompts(list(asking), language=Language.JA)
            hub = Hub(bus, prompts, SitePolicy({stack.origin: GRANTS}))
            await hub.start()
            running.push_async_callback(hub.stop)
            windows = asking[0] if asking else Windows()
            app = create_app(hub, "token", windows)
            stack.daemon_port = await running.enter_async_context(listening(app, 0))
            windows.base = f"http://127.0.0.1:{stack.daemon_port}"
            await asyncio.to_thread(stack.portal)

        yield start


async def to_pin_screen(stack: Stack, chromium: Chromium) -> Page:
    page = await chromium.page()
    await page.goto(f"{stack.origin}/registration/pin")
    return page


async def look_at(page: Page, state: str, name: str = "") -> None:
    """See a state that comes by itself in both languages, light and dark."""
    await panel(page, state)
    assert await faults_of(page) == [], state
    await shoot(page, f"state-{name or state}")
    await page.emulate_media(color_scheme="dark")
    await page.click("#switch-language")
    await expect(page.locator("html")).to_have_attribute("lang", "en")
    await panel(page, state)
    assert await faults_of(page) == [], f"{state} in English, dark"
    await shoot(page, f"state-{name or state}-en")
    await page.click("#switch-language")
    await expect(page.locator("html")).to_have_attribute("lang", "ja")
    await page.emulate_media(color_scheme="light")
    await panel(page, state)


async def test_without_a_reader_the_person_is_told_to_connect_one(
    stack: Stack, chromium: Chromium, bridge: Bridge
) -> None:
    await bridge(InProcessBus(readers=0))
    page = await to_pin_screen(stack, chromium)
    await look_at(page, "no-reader")
    await expect(page.locator("#pin-ok")).to_be_disabled()
    await page.goto(stack.origin)
    await panel(page, "no-reader")
    await expect(page.locator('[data-check="bridge"]')).to_have_attribute("data-ok", "true")
    await expect(page.locator('[data-check="reader"]')).to_have_attribute("data-ok", "false")


async def test_settings_that_are_wrong_are_told_and_a_link_shows_where(
    stack: Stack, chromium: Chromium, card: VirtualCard
) -> None:
    wrong = ConfigError(
        file="/etc/bridged/policy.toml", detail="unknown key alow (line 3, column 1)"
    )
    async with listening(misconfigured.create_app(wrong), 0) as stack.daemon_port:
        await asyncio.to_thread(stack.portal)
        page = await to_pin_screen(stack, chromium)
        await look_at(page, "misconfigured")
        async with page.expect_popup() as opened:
            await page.click("#card-status")
        told = await opened.value
        await expect(told.locator("main")).to_contain_text("alow (line 3, column 1)")
        assert await faults_of(told) == []
        await shoot(told, "status-misconfigured")
    bus = InProcessBus()
    bus.insert(0, card)
    hub = Hub(bus, Prompts(), SitePolicy({stack.origin: GRANTS}))
    await hub.start()
    async with listening(create_app(hub, "token"), stack.daemon_port):
        await page.click("#card-retry")
        await panel(page, "ready")
    await hub.stop()


async def test_a_card_that_does_not_answer_is_told_as_such(
    stack: Stack, chromium: Chromium, bridge: Bridge, card: VirtualCard
) -> None:
    bus = InProcessBus()
    card.mute = True
    bus.insert(0, card)
    await bridge(bus)
    page = await to_pin_screen(stack, chromium)
    await look_at(page, "card-mute")
    await expect(page.locator("#certificates")).to_be_hidden()
    bus.remove(0)
    await panel(page, "no-card")
    card.restore()
    card.mute = False
    bus.insert(0, card)
    await panel(page, "ready")


async def test_the_pin_is_typed_on_the_keypad_of_the_reader(
    stack: Stack, chromium: Chromium, bridge: Bridge, card: VirtualCard
) -> None:
    keypad = VirtualKeypad()
    bus = InProcessBus(keypad=keypad)
    bus.insert(0, card)
    await bridge(bus)
    page = await to_pin_screen(stack, chromium)
    await panel(page, "ready")
    await expect(page.locator("#pin-entry")).to_be_hidden()
    await look_at(page, "ready", "ready-without-pin-field")
    await page.click("#pin-ok")
    await panel(page, "pin-prompting")
    await expect(page.locator("#card-text")).to_contain_text("キーパッド")
    await expect(page.locator("#card-link")).to_be_hidden()
    assert await faults_of(page) == []
    await shoot(page, "state-pin-prompting-keypad")
    keypad.cancel()
    await panel(page, "user-cancelled")
    assert await faults_of(page) == []
    await shoot(page, "state-user-cancelled")
    assert card.pins["pin"].tries_left == 3
    await page.click("#pin-ok")
    await panel(page, "pin-prompting")
    keypad.type(EBID_PIN)
    await on_screen(page, 6)


async def type_in_window(page: Page, button: str) -> None:
    """Press a button, and type the PIN in the window of bridged that opens with the click."""
    async with page.expect_popup() as popup:
        await page.click(button)
    window = await popup.value
    await panel(page, "pin-prompting")
    await shoot(page, "state-pin-prompting-window")
    await confirm_in(window)


async def confirm_in(window: Page) -> None:
    await window.get_by_label("PIN").fill(EBID_PIN)
    # The window closes itself, maybe before its driver hears of the key.
    with contextlib.suppress(PlaywrightError):
        await window.keyboard.press("Enter")


async def test_the_pin_is_typed_in_the_window_of_bridged_from_log_in_to_receipt(
    stack: Stack, chromium: Chromium, bridge: Bridge, card: VirtualCard
) -> None:
    bus = InProcessBus()
    bus.insert(0, card)
    await bridge(bus, [Windows()])
    page = await to_pin_screen(stack, chromium)
    await panel(page, "ready")
    await type_in_window(page, "#pin-ok")
    await on_screen(page, 6)
    await fill_form(page)
    await page.click("#submit-application")
    await panel(page, "ready")
    async with page.expect_popup() as popup:
        await page.click("#pin-ok")
    window = await popup.value
    await expect(window.get_by_text("利用者登録の申請")).to_be_visible()
    await panel(page, "pin-prompting")
    assert await faults_of(page) == []
    await confirm_in(window)
    await expect_receipt(page)


async def test_a_window_that_the_browser_held_back_is_a_click_away(
    stack: Stack, chromium: Chromium, bridge: Bridge, card: VirtualCard
) -> None:
    bus = InProcessBus()
    bus.insert(0, card)
    await bridge(bus, [Windows()])
    page = await chromium.page()
    await page.add_init_script("window.open = () => null")
    await page.goto(f"{stack.origin}/registration/pin")
    await panel(page, "ready")
    await page.click("#pin-ok")
    await panel(page, "pin-prompting")
    await expect(page.locator("#card-link")).to_be_visible()
    assert await faults_of(page) == []
    await shoot(page, "state-pin-prompting-held-back")
    await type_in_window(page, "#card-link")
    await on_screen(page, 6)
