"""`<bridged-card-picker>` in Chromium: with real cards, and in every state and look."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Locator, Page, expect

from .conftest import GRANTS, ROOT, Chromium, Stack, shoot, together

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

# A page whose bridge says what the test sets: `readers`, and by reader certificates or a failure.
PAGE = """<!doctype html><html lang="LANG"><meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<style>:root { color-scheme: light dark } body { margin: 1rem; font-family: sans-serif }</style>
<bridged-card-picker></bridged-card-picker>
<script type="module">
  import { BridgeError, ConnectError } from "/client-js/dist/index.js";
  import "/client-js/dist/picker.js";
  const failure = (reason) => {
    const messages = { ja: `${reason}の説明。`, en: `What ${reason} means.` };
    return new BridgeError(reason, { code: 1, data: {}, messages });
  };
  window.bridge = Object.assign(new EventTarget(), {
    async readers() { return state.readers ?? Promise.reject(failure(state.failure)); },
    async certificates({ reader, usage }) {
      const found = state.certificates[reader];
      if (typeof found === "string") throw failure(found);
      return found.filter((one) => !usage || one.usage === usage);
    },
  });
  window.changes = [];
  window.looks = [];
  window.picker = document.querySelector("bridged-card-picker");
  picker.addEventListener("certificate-change", ({ detail }) =>
    changes.push(detail.certificate?.id ?? null));
  picker.addEventListener("look-change", ({ detail }) => looks.push(detail));
  window.tell = (type, detail) => bridge.dispatchEvent(new CustomEvent(type, { detail }));
  window.lose = (reconnecting) =>
    tell("close", { code: 1006, error: new ConnectError("connection-lost"), reconnecting });
  window.show = (next) => { window.state = next; picker.bridge = bridge; };
</script></html>"""

State = dict[str, Any]


@together
async def site() -> AsyncIterator[str]:
    async def page(request: web.Request) -> web.Response:
        return web.Response(
            text=PAGE.replace("LANG", request.match_info["lang"]), content_type="text/html"
        )

    app = web.Application()
    app.router.add_get("/picker/{lang}", page)
    for folder in ("examples", "client-js/dist"):
        app.router.add_static(f"/{folder}", ROOT / folder)
    async with TestServer(app, host="127.0.0.1") as server:
        yield str(server.make_url("")).rstrip("/")


@together
async def page(chromium: Chromium, site: str) -> Page:
    page = await chromium.page(width=900)
    await page.goto(f"{site}/picker/ja")
    return page


def reader(id_: str, state: str = "present", card: str | None = "電子入札用ICカード") -> State:
    shown = {"id": f"{id_}c", "type": "piv", "label": card} if card else None
    return {"id": id_, "name": f"Reader {id_}", "state": state, "pinpad": False, "card": shown}


def certificate(id_: str, days: float = 700, **changed: Any) -> State:
    now = datetime.now(UTC)
    name = {"commonName": "e-Bid Demo CA", "organization": "電子認証株式会社"}
    x509 = {
        "holder": {
            "name": "長野 太郎",
            "organization": "IT業者電子01",
            "address": None,
            "corporateNumber": None,
        },
        "subject": name,
        "issuer": name,
        "issuerFamily": None,
        "notBefore": (now - timedelta(days=400)).isoformat(),
        "notAfter": (now + timedelta(days=days)).isoformat(),
        "expiresInDays": int(days),
    }
    made = {"id": id_, "usage": "signature", "label": "署名用の鍵", "pin": None, "x509": x509}
    return {**made, **changed}


def one_reader(*certificates: State) -> State:
    return {"readers": [reader("1")], "certificates": {"1": list(certificates)}}


def failing(reason: str, state: str = "present") -> State:
    return {"readers": [reader("1", state, None)], "certificates": {"1": reason}}


PIN = {"label": "PIN", "triesLeft": 0, "blocked": True}
GALLERY = {
    "readers": [reader("1"), reader("2", card=None), reader("3", "empty", None)],
    "certificates": {
        "1": [
            certificate("good"),
            certificate("soon", 12.5, usage="authentication"),
            certificate("expired", -3),
            certificate("locked", x509=None, label="署名用電子証明書"),
            certificate("blocked", pin=PIN),
        ],
        "2": "card-unsupported",
    },
}
TROUBLES: dict[str, State] = {
    "pcsc-unavailable": {"failure": "pcsc-unavailable", "certificates": {}},
    "site-not-allowed": {"failure": "site-not-allowed", "certificates": {}},
    "no-reader": {"readers": [], "certificates": {}},
    "no-card": failing("", "empty"),
    "card-mute": failing("", "mute"),
    "reader-unavailable": failing("", "unavailable"),
    "card-in-use": failing("card-in-use", "in-use"),
    "card-leased": failing("card-leased"),
    "card-unsupported": failing("card-unsupported"),
    "card-fault": failing("card-fault"),
    "certificate-not-found": one_reader(),
    "invented-later": failing("invented-later"),
}


def radio(page: Page, id_: str) -> Locator:
    return page.locator(f'input[value="{id_}"]')


async def show(page: Page, state: State) -> None:
    await page.evaluate("state => show(state)", state)


async def changes(page: Page) -> list[str | None]:
    found: list[str | None] = await page.evaluate("changes")
    return found


@pytest.mark.hil
async def test_a_card_comes_and_goes_while_the_page_is_open(
    stack: Stack, chromium: Chromium, site: str
) -> None:
    card = stack.card(inserted=False)
    stack.daemon(f"{site}={GRANTS}")
    page = await chromium.page(width=900)
    await page.add_init_script(
        "window.WebSocket = class extends WebSocket { constructor(url, protocols) {"
        f' super(url.replace(":24781/", ":{stack.daemon_port}/"), protocols); }} }};'
    )
    await page.goto(f"{site}/examples/picker.html")
    await expect(page.locator('[data-state="connecting"]')).to_be_visible()
    await page.click("button")
    await expect(page.locator('[data-state="no-card"]')).to_have_count(2)
    card.insert()
    await expect(page.get_by_role("radio", name="長野 太郎")).to_be_checked()
    await expect(page.locator("output")).to_contain_text("選択中")
    await shoot(page, "picker-example")
    card.remove()
    await expect(page.locator('[data-state="no-card"]')).to_have_count(2)
    await expect(page.locator("output")).to_have_text("")


@pytest.mark.parametrize("lang", ["ja", "en"])
async def test_each_state_says_what_to_do(chromium: Chromium, site: str, lang: str) -> None:
    page = await chromium.page(width=320)
    await page.goto(f"{site}/picker/{lang}")
    for reason, state in TROUBLES.items():
        await show(page, state)
        shown = page.locator(f'[data-state="{reason}"]')
        await expect(shown).to_be_visible()
        title, text = [await line.inner_text() for line in await shown.locator("p").all()]
        for line in (title, text):
            assert line.strip(), reason
            assert line.isascii() is False or lang == "en", line
        await expect(page.get_by_role("status")).to_contain_text(title)
        await expect(page.get_by_role("status")).to_contain_text(text)
        await shoot(page, f"picker-state-{reason}-{lang}")
    assert await changes(page) == []


async def test_the_only_certificate_that_can_be_used_is_chosen(page: Page) -> None:
    await show(page, one_reader(certificate("expired", -1), certificate("good")))
    await expect(radio(page, "good")).to_be_checked()
    await expect(radio(page, "expired")).to_be_disabled()
    assert await changes(page) == ["good"]
    assert await page.evaluate("picker.certificate.id") == "good"


async def test_a_person_chooses_by_keyboard(page: Page) -> None:
    await show(page, one_reader(certificate("a"), certificate("expired", -1), certificate("b")))
    await expect(radio(page, "a")).to_be_visible()
    assert await changes(page) == []
    await page.keyboard.press("Tab")
    await expect(radio(page, "a")).to_be_focused()
    await page.keyboard.press("Space")
    await page.keyboard.press("ArrowDown")
    await expect(radio(page, "b")).to_be_checked()
    assert await changes(page) == ["a", "b"]
    outline = "e => getComputedStyle(e.closest('label')).outlineStyle"
    assert await radio(page, "b").evaluate(outline) == "solid"


async def test_what_was_chosen_stays_chosen_and_focused_while_readers_come(page: Page) -> None:
    state = one_reader(certificate("a"), certificate("b"))
    await show(page, state)
    await radio(page, "b").click()
    state["readers"].append(reader("2", "empty", None))
    await page.evaluate("state => { window.state = state; tell('reader.added') }", state)
    await expect(page.locator('[data-state="no-card"]')).to_be_visible()
    await expect(radio(page, "b")).to_be_checked()
    await expect(radio(page, "b")).to_be_focused()
    assert await changes(page) == ["b"]
    await page.evaluate(
        "state => { window.state = state; tell('card.removed') }", failing("no-card")
    )
    await expect(radio(page, "b")).to_have_count(0)
    assert await changes(page) == ["b", None]


async def test_a_card_in_use_is_looked_at_again(page: Page) -> None:
    await page.clock.install()
    await show(page, TROUBLES["card-in-use"])
    await expect(page.locator('[data-state="card-in-use"]')).to_be_visible()
    await page.evaluate("state => { window.state = state }", one_reader(certificate("a")))
    await page.clock.run_for(3000)
    await expect(radio(page, "a")).to_be_checked()


async def test_a_connection_that_ends_and_comes_back(page: Page) -> None:
    await show(page, one_reader(certificate("a")))
    await expect(radio(page, "a")).to_be_checked()
    await page.evaluate("lose(true)")
    await expect(page.locator('[data-state="reconnecting"]')).to_be_visible()
    await page.evaluate("tell('open', {})")
    await expect(radio(page, "a")).to_be_checked()
    await page.evaluate("lose(false)")
    await expect(page.locator('[data-state="connection-lost"]')).to_be_visible()
    assert await changes(page) == ["a", None, "a", None]


async def test_a_certificate_that_its_pin_unlocks_is_shown_when_asked(page: Page) -> None:
    await show(page, one_reader(certificate("a", x509=None)))
    await expect(page.get_by_role("radio", name="署名用の鍵")).to_be_checked()
    await page.evaluate("state => { window.state = state; }", one_reader(certificate("a")))
    await page.evaluate("picker.refresh()")
    await expect(page.get_by_role("radio", name="長野 太郎")).to_be_checked()
    assert await page.evaluate("picker.certificate.x509 !== null")
    assert await changes(page) == ["a"]


async def test_usage_and_language_can_be_changed(page: Page) -> None:
    await show(page, one_reader(certificate("s"), certificate("a", usage="authentication")))
    await expect(page.get_by_role("radio")).to_have_count(2)
    await page.evaluate("picker.setAttribute('usage', 'authentication')")
    await expect(page.get_by_role("radio")).to_have_count(1)
    await expect(page.get_by_role("radio", name="長野 太郎 認証用")).to_be_checked()
    await page.evaluate("picker.lang = 'en'")
    await expect(page.get_by_role("radio", name="長野 太郎 Log-in")).to_be_checked()
    assert await changes(page) == ["a"]


async def test_what_the_portal_does_not_take_is_left_out(page: Page) -> None:
    """The filter goes to the bridge as it is; another one looks anew."""
    await page.evaluate("""() => {
      window.asked = [];
      const find = bridge.certificates;
      bridge.certificates = async (filter) => {
        asked.push(filter);
        const [issuer] = filter.issuers ?? [];
        return (await find(filter)).filter((one) => !issuer || one.x509.issuer.rfc4514 === issuer);
      };
    }""")
    ours, other = certificate("ours"), certificate("other")
    ours["x509"]["issuer"] = {"rfc4514": "CN=e-Bid Demo CA"}
    other["x509"]["issuer"] = {"rfc4514": "CN=Other CA"}
    await page.evaluate("picker.filter = {issuers: ['CN=e-Bid Demo CA'], validOnly: true}")
    await page.evaluate("picker.setAttribute('usage', 'signature')")
    await show(page, one_reader(other, ours))
    await expect(radio(page, "ours")).to_be_checked()
    await expect(radio(page, "other")).to_have_count(0)
    wanted = {"usage": "signature", "issuers": ["CN=e-Bid Demo CA"], "validOnly": True}
    assert wanted.items() <= (await page.evaluate("asked.at(-1)")).items()
    await page.evaluate("picker.filter = {issuers: ['CN=Other CA']}")
    await expect(radio(page, "other")).to_be_checked()
    await expect(radio(page, "ours")).to_have_count(0)
    assert await changes(page) == ["ours", "other"]
    await page.evaluate("picker.filter = {issuers: ['CN=Nobody']}")
    await expect(page.locator('[data-state="certificate-not-found"]')).to_be_visible()
    assert await page.evaluate("picker.certificate") is None
    await page.evaluate("picker.filter = {}")
    await expect(page.get_by_role("radio")).to_have_count(2)


ONE_CARD = "card => { picker.accepts = (one) => one.card === card }"


async def test_a_step_takes_one_card_of_two_and_then_the_other(page: Page) -> None:
    old, new = certificate("old", card="1c"), certificate("new", card="2c")
    both = {"readers": [reader("1"), reader("2")], "certificates": {"1": [old], "2": [new]}}
    await page.evaluate(ONE_CARD, "2c")
    await show(page, both)
    await expect(radio(page, "new")).to_be_checked()
    await expect(radio(page, "old")).to_have_count(0)
    await expect(page.locator('[data-state="other-card"]')).to_have_count(1)
    await shoot(page, "picker-one-card-of-two")
    await page.evaluate(ONE_CARD, "1c")
    await expect(radio(page, "old")).to_be_checked()
    await expect(radio(page, "new")).to_have_count(0)
    assert await changes(page) == ["new", "old"]
    await page.evaluate("picker.accepts = () => true")
    await expect(page.get_by_role("radio")).to_have_count(2)
    await expect(radio(page, "old")).to_be_checked()


async def test_a_page_is_told_of_every_look_what_there_is(page: Page) -> None:
    await page.evaluate(ONE_CARD, "2c")
    await show(page, one_reader(certificate("old", card="1c")))
    await expect(page.locator('[data-state="other-card"]')).to_be_visible()
    found = "looks.map(({ trouble, readers }) => trouble?.reason ?? readers[0].certificates[0].id)"
    assert await page.evaluate(found) == ["old"]
    await page.evaluate("state => { window.state = state }", {"readers": [], "certificates": {}})
    await page.evaluate("picker.refresh()")
    assert await page.evaluate(found) == ["old", "no-reader"]


async def test_a_picker_that_was_taken_away_asks_nothing_more(page: Page) -> None:
    await show(page, one_reader(certificate("a")))
    await expect(radio(page, "a")).to_be_checked()
    await page.evaluate("picker.remove()")
    asked = """() => {
      let asked = 0;
      bridge.readers = async () => { asked += 1; return []; };
      tell("card.inserted");
      return asked;
    }"""
    assert await page.evaluate(asked) == 0
    await page.evaluate("document.body.append(picker)")
    await expect(page.locator('[data-state="no-reader"]')).to_be_visible()


LOOKS = list(itertools.product(["light", "dark"], ["ja", "en"], [320, 900]))


@pytest.mark.parametrize(("scheme", "lang", "width"), LOOKS)
async def test_pictures(chromium: Chromium, site: str, scheme: Any, lang: str, width: int) -> None:
    page = await chromium.page(width=width, height=400)
    await page.emulate_media(color_scheme=scheme)
    await page.goto(f"{site}/picker/{lang}")
    await show(page, GALLERY)
    await radio(page, "good").check()
    await radio(page, "soon").focus()
    await page.keyboard.press("ArrowUp")
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert await page.evaluate(overflow) <= 0
    await shoot(page, f"picker-{scheme}-{lang}-{width}")
    assert await page.evaluate(CONTRAST) == []


# Text whose contrast with what is behind it is below 4.5 (WCAG 2.2, 1.4.3).
CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = (colour) => {
    const [r, g, b] = colour.map((part) => part / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const behind = (element) => {
    for (let each = element; each instanceof Element; each = each.parentElement) {
      const colour = rgba(getComputedStyle(each).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return dark ? [18, 18, 18] : [255, 255, 255];
  };
  const words = [...picker.shadowRoot.querySelectorAll("span, dt, dd, p, strong, .organization")];
  return words.filter((one) => one.textContent.trim()).flatMap((one) => {
    const [a, b] = [luminance(rgba(getComputedStyle(one).color)), luminance(behind(one))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    return ratio < 4.5 ? [`${one.textContent}: ${ratio.toFixed(2)}`] : [];
  });
}"""
