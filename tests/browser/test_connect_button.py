"""`<bridged-connect>` in Chromium: what the person is told before, and what comes of the click."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import expect

from bridged.model import Grant
from bridged.pin.prompt import Prompts
from bridged.pin.question import Answer
from bridged.server.app import create_app, listening
from bridged.service.hub import Hub
from bridged.sites.policy import SitePolicy
from bridged.sites.store import How
from bridged.virtual.inprocess import InProcessBus

from .conftest import ROOT, Chromium, shoot, together
from .person import Person

pytestmark = [pytest.mark.browser, pytest.mark.timeout(60)]

PAGE = """<!doctype html><html lang="LANG"><meta charset="utf-8"><title>x</title>
<style>:root { color-scheme: light dark; font-family: sans-serif } body { max-width: 40rem }</style>
<body>
<script type="module">
  import "/client-js/dist/connect-button.js";
  const element = document.createElement("bridged-connect");
  // A page of this computer itself is not asked; a portal's is.
  const environment = { queryPermission: async () => window.permission ?? "prompt" };
  element.options = { url: "ws://127.0.0.1:PORT/v1", environment };
  element.addEventListener("bridge-open", ({ detail }) => { window.bridge = detail.bridge; });
  document.body.append(element);
</script>"""


@pytest.fixture
def person() -> Person:
    return Person()


@together
async def hub(person: Person) -> AsyncIterator[Hub]:
    hub = Hub(InProcessBus(readers=1), Prompts([person]), SitePolicy({}))
    await hub.start()
    yield hub
    await hub.stop()


@together
async def site(hub: Hub) -> AsyncIterator[TestServer]:
    async with listening(create_app(hub, "token"), 0) as port:

        async def page(request: web.Request) -> web.Response:
            text = PAGE.replace("LANG", request.match_info["lang"]).replace("PORT", str(port))
            return web.Response(text=text, content_type="text/html")

        app = web.Application()
        app.router.add_static("/client-js/dist", ROOT / "client-js" / "dist")
        app.router.add_get("/{lang}", page)
        async with TestServer(app) as server:
            yield server


async def test_the_person_is_told_asked_once_and_the_page_has_its_bridge(
    chromium: Chromium, site: TestServer, person: Person
) -> None:
    page = await chromium.page()
    await page.goto(str(site.make_url("/ja")))
    await expect(page.get_by_role("listitem")).to_have_count(2)
    await expect(page.get_by_text("「許可」を選びます")).to_be_visible()
    await shoot(page, "connect-ja")
    await page.get_by_role("button", name="ICカードに接続").click()
    await expect(page.get_by_role("status")).to_have_text("bridgedの確認画面をご覧ください。")
    await shoot(page, "connect-asking")
    person.may_answer.set()
    await expect(page.locator("bridged-connect")).to_be_hidden()
    assert await page.evaluate("bridge.info.grants") == ["certificates", "sign"]
    assert len(person.asked) == 1


async def test_a_no_is_told_with_what_to_do_and_the_button_stays(
    chromium: Chromium, site: TestServer, person: Person, hub: Hub
) -> None:
    person.answer = Answer.NO
    person.may_answer.set()
    page = await chromium.page()
    await page.emulate_media(color_scheme="dark")
    await page.goto(str(site.make_url("/en")))
    await page.get_by_role("button", name="Connect").click()
    await expect(page.get_by_role("status")).to_contain_text("You did not allow")
    await shoot(page, "connect-denied")
    origin = str(site.make_url("/")).rstrip("/")
    hub.policy.forget(origin)
    hub.policy.grant(origin, [Grant.CERTIFICATES, Grant.SIGN], How.STATUS_PAGE)
    await page.get_by_role("button", name="Connect").click()
    await expect(page.locator("bridged-connect")).to_be_hidden()


async def test_a_browser_that_blocks_the_page_is_explained(
    chromium: Chromium, site: TestServer
) -> None:
    page = await chromium.page(width=400)
    await page.add_init_script("window.permission = 'denied'")
    await page.goto(str(site.make_url("/ja")))
    await expect(page.get_by_text("接続が拒否されています")).to_be_visible()
    await shoot(page, "connect-blocked")
