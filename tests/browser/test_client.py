"""client-js and its example page in Chromium and Firefox, with a card behind a real pcscd."""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from playwright.async_api import Browser, Page, expect

from .conftest import GRANTS, ROOT, Stack, shoot, together
from .test_window import typed

pytestmark = [pytest.mark.browser, pytest.mark.hil, pytest.mark.timeout(120)]

EBID_PIN = "123456"
# The example speaks to the daemon's own port; the daemon of the test has another one.
OTHER_PORT = """
window.WebSocket = class extends WebSocket {{
  constructor(url, protocols) {{ super(url.replace(":24781/", ":{port}/"), protocols); }}
}};
"""
# What the page tells, in the order it came.
WATCH = """async () => {
  const { connect } = await import("/client-js/dist/index.js");
  window.told = [];
  const bridge = await connect({ reconnect: true });
  for (const type of ["card.inserted", "card.removed", "open"]) {
    bridge.addEventListener(type, () => told.push(type));
  }
  bridge.addEventListener("close", ({ detail }) => told.push(detail.error.reason));
}"""
CERTIFICATE = """async () => {
  const { connect } = await import("/client-js/dist/index.js");
  const bridge = await connect();
  const [certificate] = await bridge.certificates({ usage: "signature" });
  bridge.close();
  return certificate.x509.der;
}"""
CONTENT = "async (link) => [...new Uint8Array(await (await fetch(link.href)).arrayBuffer())]"


@pytest.fixture(params=["chromium", "firefox"])
def browser(request: pytest.FixtureRequest) -> Browser:
    return request.getfixturevalue(f"{request.param}_browser")


@together
async def site() -> AsyncIterator[str]:
    """A site with the examples and the built client, as `python3 -m http.server` would serve it."""
    app = web.Application()
    for folder in ("examples", "client-js/dist"):
        app.router.add_static(f"/{folder}", ROOT / folder)
    async with TestServer(app, host="127.0.0.1") as server:
        yield str(server.make_url("")).rstrip("/")


@together
async def page(browser: Browser, stack: Stack) -> AsyncIterator[Page]:
    errors: list[str] = []
    async with await browser.new_page(locale="ja-JP") as page:
        page.on("pageerror", lambda error: errors.append(str(error)))
        await page.add_init_script(OTHER_PORT.format(port=stack.daemon_port))
        yield page
    # Firefox reports a daemon that is not there as an error of the page, too.
    assert [error for error in errors if "can’t establish a connection" not in error] == []


async def test_the_example_page_signs_a_text(
    stack: Stack, site: str, page: Page, browser: Browser
) -> None:
    stack.card()
    stack.daemon(f"{site}={GRANTS}")
    await page.goto(f"{site}/examples/page.html")
    await page.click("#connect")
    await page.fill("[name=pin]", EBID_PIN)
    await page.click("form button")
    await expect(page.locator("output")).to_have_text(re.compile(r"^[A-Za-z0-9+/]{342}==$"))
    signature = base64.b64decode(await page.locator("output").inner_text())
    assert await page.input_value("[name=pin]") == ""
    await shoot(page, f"example-page-{browser.browser_type.name}")

    verify(base64.b64decode(await page.evaluate(CERTIFICATE)), signature, "利用者登録".encode())


def verify(certificate: bytes, signature: bytes, data: bytes) -> None:
    key = x509.load_der_x509_certificate(certificate).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    key.verify(signature, data, padding.PKCS1v15(), hashes.SHA256())


async def test_a_site_that_nobody_knows_is_allowed_and_signs_and_its_page_has_no_pin(
    stack: Stack, site: str, page: Page, browser: Browser
) -> None:
    stack.card()
    stack.daemon("https://other.example")
    await page.goto(f"{site}/examples/window.html")
    async with page.expect_popup() as popup:
        await page.click("#read")
    await (await popup.value).click("#ok:enabled")
    async with page.expect_popup() as popup:
        await page.click("#sign:enabled")
    await typed(await popup.value, EBID_PIN)
    await expect(page.locator("output")).to_have_text("署名しました")
    await shoot(page, f"example-window-{browser.browser_type.name}")
    saved = [
        bytes(await page.locator(f"a[download='{name}']").evaluate(CONTENT))
        for name in ("certificate.der", "signature.bin", "data")
    ]
    verify(*saved)


async def test_the_example_page_says_what_to_do(stack: Stack, site: str, page: Page) -> None:
    output = page.locator("output")
    await page.goto(f"{site}/examples/page.html")
    await page.click("#connect")
    await expect(output).to_contain_text("bridgedを起動して")
    stack.card()
    stack.daemon(f"{site}={GRANTS}")
    await page.click("#connect")
    await page.fill("[name=pin]", "000000")
    await page.click("form button")
    await expect(output).to_contain_text("残り回数は2回")
    assert await page.input_value("[name=pin]") == ""


async def test_a_site_that_nobody_knows_asks_and_is_told_of_a_no(
    stack: Stack, site: str, page: Page
) -> None:
    stack.daemon("https://other.example")
    await page.goto(f"{site}/examples/page.html")
    async with page.expect_popup() as popup:
        await page.click("#connect")
    window = await popup.value
    await expect(window.locator("#facts")).to_contain_text(site)
    await window.click("#cancel")
    await expect(page.locator("output")).to_contain_text("許可されませんでした")


async def test_events_come_to_the_same_bridge_after_the_daemon_was_started_again(
    stack: Stack, site: str, page: Page
) -> None:
    card = stack.card()
    daemon = stack.daemon(f"{site}={GRANTS}")
    await page.goto(f"{site}/examples/page.html")
    await page.evaluate(WATCH)
    expected: list[str] = []

    async def told(what: str) -> None:
        expected.append(what)
        await page.wait_for_function("count => told.length >= count", arg=len(expected))
        assert await page.evaluate("told") == expected

    card.remove()
    await told("card.removed")
    daemon.kill()
    await told("connection-lost")
    stack.daemon(f"{site}={GRANTS}")
    await told("open")
    card.insert()
    await told("card.inserted")
