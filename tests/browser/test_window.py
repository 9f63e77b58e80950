"""The daemon's own window, opened by a portal's page in Chromium."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from aiohttp import ClientSession, web
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page, expect

from bridged.config import DEFAULT_GRANTS
from bridged.model import Grant
from bridged.pin.prompt import Prompts
from bridged.pin.question import Language
from bridged.pin.window import Windows
from bridged.server.app import create_app, listening
from bridged.service.hub import Hub
from bridged.sites.policy import SitePolicy
from bridged.virtual.ca import DemoCa
from bridged.virtual.card import VirtualCard
from bridged.virtual.inprocess import InProcessBus
from bridged.virtual.profiles import EBID_PIN, make_card

from .conftest import Chromium, shoot, together

pytestmark = pytest.mark.browser

PORTAL = """<!doctype html><meta charset="utf-8"><button>署名</button><script>
const answers = {}, socket = new WebSocket("ws://127.0.0.1:%d/v1", "bridged.v1");
window.urls = [];
socket.onmessage = ({ data }) => {
  const message = JSON.parse(data);
  if (message.method === "pin.prompting") {
    urls.push(message.params.url);
    if (window.opened) opened.location = message.params.url;
  }
  if (message.id) answers[message.id]?.(message);
};
let id = 0;
window.call = (method, params) => new Promise((resolve) => {
  answers[++id] = resolve;
  socket.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
});
document.querySelector("button").onclick = async () => {
  if (window.opens !== false) window.opened = window.open("about:blank", "_blank", "popup,width=480,height=640");
  const { result } = await call("certificate.list", { usage: "signature" });
  const digests = Array(3).fill("LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=");
  const title = "\\u202e利用者登録申請書 <img src=x onerror=alert(1)>";
  const certificate = result.certificates[0].id;
  window.answer = await call("signature.create", { certificate, algorithm: "RS256", digests, title });
};
</script>"""


@dataclass
class House:
    """A daemon whose person is asked in windows alone, and a portal on another port."""

    daemon: str
    portal: str
    card: VirtualCard
    bus: InProcessBus
    policy: SitePolicy


@pytest.fixture(scope="module")
def card() -> VirtualCard:
    return make_card("ebid", DemoCa.create())


@pytest.fixture
def granted(request: pytest.FixtureRequest) -> frozenset[Grant]:
    """What the portal was granted before; a test may say otherwise."""
    return getattr(request, "param", DEFAULT_GRANTS)


@together
async def house(
    card: VirtualCard, granted: frozenset[Grant], request: pytest.FixtureRequest
) -> AsyncIterator[House]:
    """In Japanese, unless a test names another language."""
    language = getattr(request, "param", Language.JA)
    card.restore()
    bus, windows = InProcessBus(readers=1), Windows()
    bus.insert(0, card)

    async def page(_: web.Request) -> web.Response:
        return web.Response(text=PORTAL % port, content_type="text/html")

    portal = web.Application()
    portal.router.add_get("/", page)
    async with listening(portal, 0) as portal_port:
        origin = f"http://127.0.0.1:{portal_port}"
        policy = SitePolicy({origin: granted} if granted else {})
        hub = Hub(bus, Prompts([windows], language=language), policy)
        await hub.start()
        async with listening(create_app(hub, "token", windows), 0) as port:
            windows.base = f"http://127.0.0.1:{port}"
            yield House(windows.base, origin, card, bus, policy)
        await hub.stop()
    bus.remove(0)


async def opened(chromium: Chromium, portal: Page) -> Page:
    """Press the portal's button, and return the window with the question in it."""
    async with portal.expect_popup() as popup:
        await portal.get_by_role("button").click()
    window = await popup.value
    await expect(window.get_by_role("heading")).to_have_text("電子署名")
    return window


async def typed(window: Page, pin: str) -> None:
    await window.get_by_label("PIN").fill(pin)
    # The window may be gone, as it closes itself, before its driver hears of the key.
    with contextlib.suppress(PlaywrightError):
        await window.keyboard.press("Enter")


async def expect_no_barrier(window: Page) -> None:
    """Let axe-core look at the window as it is now (WCAG 2.2 AA)."""
    rules = {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"],
    }
    result = await Axe().run(window, options={"runOnly": rules})
    assert result.response["violations"] == []


async def answer(portal: Page) -> dict:
    await portal.wait_for_function("window.answer")
    return await portal.evaluate("answer")


async def test_a_batch_is_signed_with_a_pin_from_the_window(
    house: House, chromium: Chromium
) -> None:
    portal = await chromium.page()
    await portal.goto(house.portal)
    window = await opened(chromium, portal)
    for text in (house.portal, "3件", "長野 太郎", "IT業者電子01", "サイトの表示", "残り"):
        await expect(window.locator("#facts")).to_contain_text(text)
    await expect(window.locator("#facts")).to_contain_text("利用者登録申請書 <img")
    assert await window.locator("#facts img").count() == 0
    await expect(window.get_by_label("PIN")).to_be_focused()
    dialog = window.get_by_role("alertdialog")
    await expect(dialog).to_have_accessible_name("電子署名")
    # What a screen reader says as the focus comes in: all that the person decides upon.
    await expect(dialog).to_have_accessible_description(re.compile(f"{house.portal}.*3件.*残り"))
    await shoot(window, "window")
    await expect_no_barrier(window)
    await window.emulate_media(color_scheme="dark")
    await window.set_viewport_size({"width": 375, "height": 760})
    await window.locator("summary").click()
    await shoot(window, "window-375-dark")
    await expect_no_barrier(window)
    await window.set_viewport_size({"width": 320, "height": 760})
    assert await window.evaluate("document.documentElement.scrollWidth") <= 320
    await typed(window, "12345")
    await expect(window.get_by_role("alert")).to_contain_text("6～8")
    await expect(window.get_by_label("PIN")).to_have_accessible_description(re.compile("6～8"))
    assert house.card.pins["pin"].tries_left == 3
    await typed(window, "000000")
    await expect(window.get_by_role("alert")).to_contain_text("残り2回")
    await shoot(window, "window-wrong")
    await expect_no_barrier(window)
    await typed(window, EBID_PIN)
    assert len((await answer(portal))["result"]["signatures"]) == 3
    assert EBID_PIN not in "".join(line.split("{")[0] for line in chromium.sent)


@pytest.mark.parametrize("house", [Language.EN], indirect=True)
async def test_everything_is_said_in_english_and_done_by_keyboard_alone(
    house: House, chromium: Chromium
) -> None:
    portal = await chromium.page()
    await portal.goto(house.portal)
    async with portal.expect_popup() as popup:
        await portal.get_by_role("button").click()
    window = await popup.value
    await expect(window.get_by_label("PIN")).to_be_focused()
    await window.set_viewport_size({"width": 1280, "height": 900})
    await shoot(window, "window-1280-en")
    await expect_no_barrier(window)
    assert await window.evaluate("document.documentElement.lang") == "en"
    words = await window.locator("main").inner_text()
    for own in ("利用者登録申請書", "長野 太郎", "IT業者電子01"):
        words = words.replace(own, "")
    assert not any("\u3040" <= char <= "\u9fff" for char in words)
    await window.keyboard.type(EBID_PIN)
    await window.keyboard.press("Tab")
    await window.keyboard.press("Tab")
    with contextlib.suppress(PlaywrightError):
        await window.keyboard.press("Enter")
    assert len((await answer(portal))["result"]["signatures"]) == 3


async def test_in_firefox_a_wrong_pin_is_told_the_right_one_signs_and_escape_is_a_no(
    house: House, firefox: Chromium
) -> None:
    portal = await firefox.page()
    await portal.goto(house.portal)
    window = await opened(firefox, portal)
    await expect(window.get_by_label("PIN")).to_be_focused()
    await shoot(window, "window-firefox")
    await typed(window, "000000")
    await expect(window.get_by_role("alert")).to_contain_text("残り2回")
    await window.locator("summary").click()
    await expect(window.locator("#details li")).to_have_count(3)
    await typed(window, EBID_PIN)
    assert len((await answer(portal))["result"]["signatures"]) == 3
    await portal.evaluate("window.answer = undefined")
    window = await opened(firefox, portal)
    with contextlib.suppress(PlaywrightError):
        await window.keyboard.press("Escape")
    assert (await answer(portal))["error"]["data"]["reason"] == "user-cancelled"


async def asked_to_be_allowed(house: House, portal: Page) -> Page:
    """Have the portal ask for its grants, and return the window with the question in it."""
    await portal.goto(house.portal)
    await portal.evaluate("""() => {
      const button = document.createElement("button");
      button.textContent = "request";
      button.onclick = async () => {
        window.opened = window.open("about:blank", "_blank", "popup,width=480,height=640");
        window.answer = await call("site.request", { grants: ["certificates", "sign"] });
      };
      document.body.append(button);
    }""")
    async with portal.expect_popup() as popup:
        await portal.get_by_role("button", name="request").click()
    return await popup.value


@pytest.mark.parametrize("granted", [frozenset()], indirect=True)
async def test_a_window_that_comes_to_the_front_takes_no_yes_before_it_can_be_read(
    house: House, chromium: Chromium
) -> None:
    portal = await chromium.page()
    clock = portal.context.clock
    await clock.install(time=0)
    await clock.pause_at(1000)
    window = await asked_to_be_allowed(house, portal)
    allow = window.get_by_role("button", name="許可する")
    await expect(allow).to_be_disabled()
    await clock.run_for(600)
    await window.evaluate("dispatchEvent(new Event('focus'))")
    await clock.run_for(600)
    await expect(allow).to_be_disabled()
    await clock.run_for(200)
    await expect(allow).to_be_enabled()


@pytest.mark.parametrize("granted", [frozenset()], indirect=True)
@pytest.mark.parametrize(
    ("house", "never"),
    [(Language.JA, "今後も拒否する"), (Language.EN, "Never ask again")],
    indirect=["house"],
)
async def test_a_stranger_is_refused_for_good_in_the_window(
    house: House, chromium: Chromium, never: str
) -> None:
    portal = await chromium.page()
    window = await asked_to_be_allowed(house, portal)
    button = window.get_by_role("button", name=never)
    await expect(button).to_be_enabled()
    language = await window.evaluate("document.documentElement.lang")
    await shoot(window, f"window-consent-{language}")
    await expect_no_barrier(window)
    await window.set_viewport_size({"width": 320, "height": 640})
    await window.emulate_media(color_scheme="dark")
    assert await window.evaluate("document.documentElement.scrollWidth") <= 320
    await shoot(window, f"window-consent-320-dark-{language}")
    await expect_no_barrier(window)
    with contextlib.suppress(PlaywrightError):
        await button.click()
    assert (await answer(portal))["error"]["data"]["reason"] == "consent-denied"
    (decision,) = house.policy.decisions()
    assert (decision.origin, decision.denied) == (house.portal, True)


@pytest.mark.parametrize("end", ["close", "escape", "button", "reload"])
async def test_closing_the_window_is_the_persons_no(
    house: House, chromium: Chromium, end: str
) -> None:
    portal = await chromium.page()
    await portal.goto(house.portal)
    window = await opened(chromium, portal)
    with contextlib.suppress(PlaywrightError):
        match end:
            case "close":
                await window.close(run_before_unload=True)
            case "escape":
                await window.keyboard.press("Escape")
            case "button":
                await window.get_by_role("button", name="キャンセル").click()
            case _:
                await window.reload()
    assert (await answer(portal))["error"]["data"]["reason"] == "user-cancelled"
    assert house.card.pins["pin"].tries_left == 3


async def test_a_card_that_is_pulled_ends_the_window(house: House, chromium: Chromium) -> None:
    portal = await chromium.page()
    await portal.goto(house.portal)
    window = await opened(chromium, portal)
    async with asyncio.timeout(10), window.expect_event("close"):
        house.bus.remove(0)
    assert (await answer(portal))["error"]["data"]["reason"] == "card-removed"
    house.bus.insert(0, house.card)


async def test_the_portal_cannot_read_frame_or_answer_the_window(
    house: House, chromium: Chromium
) -> None:
    portal = await chromium.page()
    await portal.goto(house.portal)
    await portal.evaluate("window.opens = false")
    await portal.get_by_role("button").click()
    await portal.wait_for_function("urls.length")
    (url,) = await portal.evaluate("urls")
    for options in ({}, {"mode": "no-cors"}):
        tried = "([url, options]) => fetch(url, options).then((r) => r.text(), () => '')"
        assert await portal.evaluate(tried, [url, options]) == ""
    await portal.evaluate(
        """(url) => new Promise((resolve) => {
          const frame = document.createElement("iframe");
          frame.onload = resolve; frame.src = url; document.body.append(frame);
        })""",
        url,
    )
    headers = {"Content-Type": "application/json", "X-Bridged-Ask": url.rsplit("/", 1)[1]}
    body = json.dumps({"number": 1, "answer": "yes", "pin": EBID_PIN})
    own = {"Origin": house.daemon, "Sec-Fetch-Site": "same-origin"}
    foreign = [
        {"Origin": house.portal, "Sec-Fetch-Site": "same-site"},
        {"Origin": house.portal, "Sec-Fetch-Site": "same-origin"},
        {},
        {"Origin": house.daemon},
    ]
    async with ClientSession() as session:
        for more, status in [*((each, 403) for each in foreign), (own, 410)]:
            async with session.post(
                f"{house.daemon}/ask/answer", data=body, headers=headers | more
            ) as response:
                assert response.status == status
                assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    # None of that has used the address up: the window still opens, once.
    window = await portal.context.new_page()
    assert (await window.goto(url)).status == 200
    await expect(window.get_by_role("heading")).to_have_text("電子署名")
    again = await portal.context.new_page()
    assert (await again.goto(url)).status == 410
    await again.close()
    with contextlib.suppress(PlaywrightError):
        await window.keyboard.press("Escape")
    assert (await answer(portal))["error"]["data"]["reason"] == "user-cancelled"


@pytest.mark.parametrize(
    ("house", "button", "warning"),
    [
        (Language.JA, "PUKを入力する", "PUKがロックされ"),
        (Language.EN, "Enter the PUK", "A wrong PUK now blocks the PUK"),
    ],
    indirect=["house"],
)
async def test_the_last_try_of_a_puk_is_called_that(
    house: House, chromium: Chromium, button: str, warning: str
) -> None:
    portal = await chromium.page()
    await portal.goto(house.portal)
    await portal.evaluate("""() => {
      const button = document.createElement("button");
      button.textContent = "unblock";
      button.onclick = async () => {
        window.opened = window.open("about:blank", "_blank", "popup,width=480,height=640");
        const { result } = await call("certificate.list", { usage: "signature" });
        window.answer = await call("pin.unblock", { key: result.certificates[0].id });
      };
      document.body.append(button);
    }""")
    async with portal.expect_popup() as popup:
        await portal.get_by_role("button", name="unblock").click()
    window = await popup.value
    fields = window.locator("input[type=password]:visible")
    for puk in ("00000000", "11111111"):
        await expect(fields).to_have_count(1)
        await fields.fill(puk)
        await window.keyboard.press("Enter")
        await expect(fields).to_have_count(2)
        for field in await fields.all():
            await field.fill("654321")
        await window.keyboard.press("Enter")
    await expect(window.get_by_role("button", name=button)).to_be_visible()
    await expect(window.locator("main")).to_contain_text(warning)
    language = await window.evaluate("document.documentElement.lang")
    await shoot(window, f"window-last-puk-{language}")
    await expect_no_barrier(window)
    await window.set_viewport_size({"width": 320, "height": 640})
    assert await window.evaluate("document.documentElement.scrollWidth") <= 320
    await shoot(window, f"window-last-puk-320-{language}")
    await window.get_by_role("button", name=button).click()
    await expect(fields).to_have_count(1)
    assert house.card.pins["puk"].tries_left == 1
