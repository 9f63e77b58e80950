"""Hostile pages in a real Chromium: what they try, and that the daemon alone keeps them out.

The pages come by https from names that resolve to loopback, so the browser's own question (Local
Network Access) does not stand before the daemon.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from playwright.async_api import Browser, BrowserContext, Frame, Page, Playwright

from bridged.browsers import CHROMIUMS
from bridged.doctor import inside
from bridged.model import Grant
from bridged.pin.prompt import PER_SITE, Prompts
from bridged.pin.question import Answer
from bridged.server.app import create_app, listening
from bridged.service.hub import Hub
from bridged.sites.policy import SitePolicy
from bridged.sites.store import How
from bridged.virtual.ca import DemoCa
from bridged.virtual.card import VirtualCard
from bridged.virtual.inprocess import InProcessBus
from bridged.virtual.profiles import EBID_PIN, make_card

from .conftest import CHROMIUM, free_port, launch, together
from .person import Person

pytestmark = [pytest.mark.browser, pytest.mark.timeout(60)]

DIGEST = "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="
BOTH = ["certificates", "sign"]
SCRIPT = """
window.open_ = (url, protocol = "bridged.v1") => new Promise((resolve) => {
  let socket;
  try { socket = new WebSocket(url, [protocol]); } catch (error) { return resolve({ threw: error.name }); }
  const waiting = new Map(), events = [];
  const bridge = { socket, events, call: (method, params = {}) => new Promise((done) => {
    const id = waiting.size + 1;
    waiting.set(id, done);
    socket.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
  })};
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.method) events.push(message.method);
    else waiting.get(message.id)(message.error?.data.reason ?? message.result);
  };
  socket.onopen = () => resolve(bridge);
  socket.onclose = ({ code }) => { bridge.closed = code; resolve({ closed: code }); };
});
"""


@dataclass
class House:
    """The daemon, the person, the card beside the reader, and where hostile pages are served."""

    hub: Hub
    bus: InProcessBus
    person: Person
    port: int
    pages: int

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}/v1"

    def origin(self, host: str) -> str:
        return f"https://{host}:{self.pages}"


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """A certificate that the browser is told to take."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = serialization.PrivateFormat.PKCS8
    file: Path = tmp_path_factory.mktemp("tls") / "both.pem"
    file.write_bytes(
        key.private_bytes(pem, private, serialization.NoEncryption())
        + certificate.public_bytes(pem)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


async def blank(_: web.Request) -> web.Response:
    return web.Response(text="<!doctype html><title>x</title>", content_type="text/html")


@together
async def house(tls: ssl.SSLContext) -> AsyncIterator[House]:
    bus, person = InProcessBus(readers=1), Person()
    person.may_answer.set()
    hub = Hub(bus, Prompts([person]), SitePolicy({}))
    await hub.start()
    app = web.Application()
    app.add_routes([web.get("/{path:.*}", blank)])
    runner = web.AppRunner(app)
    await runner.setup()
    pages = free_port()
    await web.TCPSite(runner, "127.0.0.1", pages, ssl_context=tls).start()
    async with listening(create_app(hub, "token"), 0) as port:
        yield House(hub, bus, person, port, pages)
    await hub.stop()
    await runner.cleanup()


@together
async def context(chromium_browser: Browser) -> AsyncIterator[BrowserContext]:
    async with await chromium_browser.new_context(ignore_https_errors=True) as context:
        await context.add_init_script(SCRIPT)
        yield context


async def visit(context: BrowserContext, url: str) -> Page:
    page = await context.new_page()
    await page.goto(url)
    return page


async def connected(house: House, page: Page) -> None:
    await page.evaluate("async (url) => { window.bridge = await open_(url) }", house.ws)


async def call(page: Page, method: str, params: dict[str, Any] | None = None) -> Any:
    return await page.evaluate("([m, p]) => bridge.call(m, p)", [method, params or {}])


async def test_a_page_of_another_origin_learns_nothing_of_the_card(
    house: House, context: BrowserContext
) -> None:
    house.hub.policy.grant(house.origin("portal.test"), Grant, How.COMMAND)
    evil = await visit(context, house.origin("evil.test"))
    portal = await visit(context, house.origin("portal.test"))
    for page in (evil, portal):
        await connected(house, page)
    assert (await call(portal, "reader.list"))["readers"][0]["state"] == "empty"
    house.bus.insert(0, make_card("ebid", DemoCa.create()))
    await portal.wait_for_function("bridge.events.includes('card.inserted')")
    assert await call(evil, "reader.list") == "site-not-allowed"
    assert await call(evil, "certificate.list") == "site-not-allowed"
    assert await call(evil, "pin.verify", {"key": "x.9a", "pin": "000000"}) == "site-not-allowed"
    assert await evil.evaluate("bridge.events") == []
    assert (await call(evil, "bridge.info"))["grants"] == []


async def test_a_name_that_only_contains_the_allowed_one_is_a_stranger(
    house: House, context: BrowserContext
) -> None:
    house.hub.policy.grant(house.origin("portal.test"), Grant, How.COMMAND)
    for host in ("portal.test.evil.test", "evilportal.test", "sub.portal.test"):
        page = await visit(context, house.origin(host))
        await connected(house, page)
        assert await call(page, "reader.list") == "site-not-allowed"


async def test_dns_rebinding_reaches_nothing(house: House, playwright: Playwright) -> None:
    """The page's own name points to loopback: for the browser the daemon is its own site.

    By a browser that does not look where a page came from (Local Network Access).
    """
    host = f"rebind.test:{house.port}"
    async with await launch(playwright, "--disable-features=LocalNetworkAccessChecks") as browser:
        context = await browser.new_context()
        await context.add_init_script(SCRIPT)
        await rebound(host, await context.new_page())


async def rebound(host: str, page: Page) -> None:
    answer = await page.goto(f"http://{host}/")
    assert answer is not None
    assert answer.status == 403
    assert "bridged" not in await page.content()
    # The page itself came from elsewhere, before its name pointed here.
    await page.route(f"http://{host}/before", lambda route: route.fulfill(body="<title>x</title>"))
    await page.goto(f"http://{host}/before")
    look = """async (path) => {
      const answer = await fetch(path, {
        method: path === "/" ? "GET" : "POST",
        headers: { "X-Bridged": "status-page", "Content-Type": "application/json" },
        body: path === "/" ? undefined : '{"origin":"https://portal.test"}',
      });
      return answer.status;
    }"""
    assert await page.evaluate(look, "/") == 403
    assert await page.evaluate(look, "/sites/forget") == 403
    opened = await page.evaluate(f"open_('ws://{host}/v1')")
    assert opened["closed"] == 1006


async def test_no_request_of_another_page_changes_anything(
    house: House, context: BrowserContext
) -> None:
    site = house.origin("portal.test")
    house.hub.policy.grant(site, Grant, How.COMMAND)
    page = await visit(context, house.origin("evil.test"))
    tries = """async ([url, origin]) => {
      const body = JSON.stringify({ origin });
      const simple = { method: "POST", mode: "no-cors", body };
      const told = [];
      told.push(await fetch(url, simple).then((r) => r.type, (e) => e.name));
      told.push(navigator.sendBeacon(url, body));
      const headers = { "X-Bridged": "status-page", "Content-Type": "application/json" };
      told.push(await fetch(url, { ...simple, mode: "cors", headers }).then((r) => r.status, (e) => e.name));
      told.push(await fetch(url.replace("/sites/forget", "/"), {}).then((r) => r.text(), (e) => e.name));
      return told;
    }"""
    url = f"http://127.0.0.1:{house.port}/sites/forget"
    told = await page.evaluate(tries, [url, site])
    assert told == ["TypeError", True, "TypeError", "TypeError"], "not even an opaque answer"
    form = """(url) => {
      document.body.innerHTML = `<form method="post" enctype="text/plain" action="${url}"><input name='{"origin":"x","' value='":1}'></form>`;
      document.forms[0].submit();
    }"""
    async with page.expect_navigation() as navigation:
        await page.evaluate(form, url)
    answer = await navigation.value
    assert answer is not None
    assert answer.status == 403
    assert site in house.hub.policy.store.sites


async def test_another_page_cannot_make_the_daemon_look_at_the_computer(
    house: House, context: BrowserContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the status page shows takes long; opening it is for the person alone."""
    looks: list[object] = []
    examine = inside.examine

    def noted(*what: Any, **more: Any) -> Any:
        looks.append(what)
        return examine(*what, **more)

    monkeypatch.setattr(inside, "examine", noted)
    page = await visit(context, house.origin("evil.test"))
    url = f"http://127.0.0.1:{house.port}/"
    fetched = """async (url) => {
      await Promise.allSettled([
        fetch(url), fetch(url, { mode: "no-cors" }), fetch(url + "health", { mode: "no-cors" }),
        ...["img", "script", "iframe"].map((name) => new Promise((done) => {
          const element = document.createElement(name);
          element.onload = element.onerror = done;
          element.src = url;
          document.body.append(element);
        })),
      ]);
    }"""
    await page.evaluate(fetched, url)
    assert looks == []
    async with context.expect_page() as opening:
        await page.evaluate("(url) => { window.open(url, '_blank', 'noopener') }", url)
    opened = await opening.value
    await opened.wait_for_load_state()
    assert "bridged" in await opened.content()
    assert len(looks) == 1


async def frame_of(page: Page, name: str) -> Frame:
    """Return the frame of an element, which the page may not know by its name yet."""
    element = await page.locator(f"iframe[name={name}]").element_handle()
    frame = await element.content_frame()
    assert frame is not None
    return frame


async def test_frames_are_no_way_in(house: House, context: BrowserContext) -> None:
    """The status page lies in no frame, and a frame without an origin is nobody."""
    page = await visit(context, house.origin("evil.test"))
    await page.set_content(
        f"<iframe name=status src='http://127.0.0.1:{house.port}/'></iframe>"
        "<iframe name=nobody sandbox='allow-scripts' srcdoc='x'></iframe>"
    )
    status = await frame_of(page, "status")
    await status.wait_for_load_state()
    assert "bridged" not in await status.content()
    nobody = await frame_of(page, "nobody")
    assert await nobody.evaluate("self.origin") == "null"
    assert (await nobody.evaluate(f"open_('{house.ws}')"))["closed"] == 1006


async def test_a_frame_of_another_site_has_nothing_of_the_page_around_it(
    house: House, context: BrowserContext
) -> None:
    house.hub.policy.grant(house.origin("portal.test"), Grant, How.COMMAND)
    page = await visit(context, house.origin("portal.test"))
    await page.set_content(f"<iframe name=evil src='{house.origin('evil.test')}'></iframe>")
    evil = await frame_of(page, "evil")
    await evil.wait_for_load_state()
    for frame, reason in ((page.main_frame, None), (evil, "site-not-allowed")):
        await frame.evaluate("async (url) => { window.bridge = await open_(url) }", house.ws)
        told = await frame.evaluate("bridge.call('reader.list')")
        assert told == reason if reason else told["readers"]


async def test_a_page_without_tls_may_never_connect(house: House, context: BrowserContext) -> None:
    await context.route("http://plain.test/", lambda route: route.fulfill(body="x"))
    page = await visit(context, "http://plain.test/")
    assert (await page.evaluate(f"open_('{house.ws}')"))["closed"] == 1006


async def test_a_flood_of_questions_shows_one_and_ends_with_a_no(
    house: House, context: BrowserContext
) -> None:
    house.person.answer = Answer.NO
    page = await visit(context, house.origin("evil.test"))
    await connected(house, page)
    flood = """(grants) => Promise.all(
      Array.from({ length: 30 }, () => bridge.call("site.request", { grants })))"""
    answers = await page.evaluate(flood, BOTH)
    assert set(answers) <= {"consent-denied", "busy"}
    assert len(house.person.asked) == 1
    assert await call(page, "site.request", {"grants": BOTH}) == "consent-denied"
    assert len(house.person.asked) == 1


async def test_pages_of_many_names_are_asked_about_one_at_a_time(
    house: House, context: BrowserContext
) -> None:
    house.person.may_answer.clear()
    pages = [await visit(context, house.origin(f"evil{n}.test")) for n in range(3)]
    for page in pages:
        await connected(house, page)
        await page.evaluate(
            "(grants) => { window.answer = bridge.call('site.request', { grants }) }", BOTH
        )
    await house.person.seen.wait()
    house.person.may_answer.set()
    for page in pages:
        assert (await page.evaluate("answer"))["missing"] == []
    assert house.person.most_shown == 1
    assert len(house.person.asked) == 3 < PER_SITE


async def test_a_question_goes_with_its_page(house: House, context: BrowserContext) -> None:
    house.person.may_answer.clear()
    page = await visit(context, house.origin("evil.test"))
    await connected(house, page)
    await page.evaluate("(grants) => { bridge.call('site.request', { grants }) }", BOTH)
    await house.person.seen.wait()
    await page.close()
    async with asyncio.timeout(10):
        await house.person.gone.wait()
    assert house.person.shown == 0
    assert house.hub.policy.store.sites == {}


async def test_two_pages_of_a_site_race_for_one_question(
    house: House, context: BrowserContext
) -> None:
    house.person.may_answer.clear()
    pages = [await visit(context, house.origin("portal.test")) for _ in range(2)]
    for page in pages:
        await connected(house, page)
        await page.evaluate(
            "(grants) => { window.answer = bridge.call('site.request', { grants }) }", BOTH
        )
    await house.person.seen.wait()
    house.person.may_answer.set()
    for page in pages:
        assert (await page.evaluate("answer"))["held"] == BOTH
    assert len(house.person.asked) == 1


async def test_a_pin_that_is_typed_after_its_page_closed_is_not_used(
    house: House, context: BrowserContext
) -> None:
    key, card, page = await with_a_key(house, context)
    house.person.may_answer.clear()
    await page.evaluate("(key) => { bridge.call('pin.verify', { key }) }", key)
    await house.person.seen.wait()
    await page.close()
    async with asyncio.timeout(10):
        await house.person.gone.wait()
    house.person.may_answer.set()
    other = await visit(context, house.origin("portal.test"))
    await connected(house, other)
    status = await call(other, "pin.status", {"key": key})
    assert (status["verified"], status["triesLeft"]) == (False, 3)
    assert not card.pins["pin"].verified
    signed = {"certificate": key, "algorithm": "RS256", "digests": [DIGEST]}
    assert "signatures" in await call(other, "signature.create", signed), "asked anew"
    assert len(house.person.asked) == 2


async def test_of_two_sites_that_race_for_the_card_one_gets_it(
    house: House, context: BrowserContext
) -> None:
    key, _, portal = await with_a_key(house, context)
    house.hub.policy.grant(house.origin("rival.test"), Grant, How.COMMAND)
    rival = await visit(context, house.origin("rival.test"))
    await connected(house, rival)
    took = {"key": key, "pin": EBID_PIN}
    for _ in range(5):
        answers = await asyncio.gather(
            call(portal, "pin.verify", took), call(rival, "pin.verify", took)
        )
        (lost,) = (each for each in answers if isinstance(each, str))
        (won,) = (each for each in answers if not isinstance(each, str))
        assert lost == "card-leased"
        winner, loser = (portal, rival) if won is answers[0] else (rival, portal)
        assert await call(loser, "lease.release", {"lease": won["id"]}) == "lease-ended"
        signing = {"certificate": key, "algorithm": "RS256", "digests": [DIGEST]}
        assert await call(loser, "signature.create", signing) == "card-leased"
        assert await call(winner, "lease.release", {"lease": won["id"]}) == {}


async def with_a_key(house: House, context: BrowserContext) -> tuple[str, VirtualCard, Page]:
    """Return a signature key, its card, and the page of a site that may do everything."""
    house.hub.policy.grant(house.origin("portal.test"), Grant, How.COMMAND)
    page = await visit(context, house.origin("portal.test"))
    await connected(house, page)
    assert (await call(page, "reader.list"))["readers"][0]["state"] == "empty"
    card = make_card("ebid", DemoCa.create())
    house.bus.insert(0, card)
    await page.wait_for_function("bridge.events.includes('card.inserted')")
    found = await call(page, "certificate.list", {"usage": "signature"})
    return found["certificates"][0]["id"], card, page


async def test_what_a_page_says_cannot_play_with_the_dialog(
    house: House, context: BrowserContext
) -> None:
    key, _, page = await with_a_key(house, context)
    title = "入札書\u202e\u2066\u200b\n残り回数: 3\u0007\x1b[2J\u2028<b>x</b>"
    signed = {"certificate": key, "algorithm": "RS256", "digests": [DIGEST], "title": title}
    assert "signatures" in await call(page, "signature.create", signed)
    (question,) = house.person.asked
    assert question.facts[0].text == house.origin("portal.test")
    (said,) = [each for each in question.facts if "入札書" in each.text]
    assert said.quoted
    assert not set(said.text) & set("\u202e\u2066\u200b\n\u0007\x1b\u2028")


@pytest.mark.parametrize(
    "host", ["por\u202etal.test", "por\u2066tal.test", "portal.test\u200f", "por\u0000tal.test"]
)
async def test_a_name_with_signs_of_direction_is_none_in_a_browser(
    context: BrowserContext, house: House, host: str
) -> None:
    page = await visit(context, house.origin("evil.test"))
    told = """(host) => {
      try { return new URL("https://" + host).host } catch (error) { return error.name }
    }"""
    assert await page.evaluate(told, host) == "TypeError"


LOOK_ALIKES = [
    ("роrtal.test", "xn--rtal-45dl.test"),  # Cyrillic р and о
    ("入札.test", "xn--y5qw44c.test"),
    ("por\u200btal.test", "portal.test"),  # zero width: gone before it is a name
    ("ｐortal.test", "portal.test"),
]


async def test_a_name_that_looks_like_another_is_shown_as_what_it_is(
    house: House, context: BrowserContext
) -> None:
    for host, written in LOOK_ALIKES:
        page = await visit(context, house.origin(host))
        await page.evaluate("document.title = 'https://portal.example\\u202e'")
        await connected(house, page)
        await call(page, "site.request", {"grants": BOTH})
        assert house.person.asked[-1].facts[0].text == house.origin(written)
        assert house.origin(written) in house.hub.policy.store.sites
        await page.close()
    assert len(house.person.asked) == 3, "the last two are one site"


async def test_a_public_page_needs_the_persons_permission_and_no_preflight(
    house: House, playwright: Playwright
) -> None:
    """Local Network Access: the browser asks, and the daemon has no header to answer with."""
    seen: list[str] = []

    async def note(request: web.Request, _: web.StreamResponse) -> None:
        seen.append(request.method)

    app = create_app(house.hub, "token")
    app.on_response_prepare.append(note)
    public = f"--ip-address-space-overrides=127.0.0.1:{house.pages}=public"
    origin = house.origin("portal.test")
    async with listening(app, 0) as port, await launch(playwright, public) as browser:
        context = await browser.new_context(ignore_https_errors=True)
        await context.add_init_script(SCRIPT)
        page = await visit(context, origin)
        opening = f"open_('ws://127.0.0.1:{port}/v1').then((o) => o.closed ?? 'open')"
        assert await page.evaluate(opening) == 1006
        assert seen == []
        await context.grant_permissions(["local-network-access"], origin=origin)
        assert await page.evaluate(opening) == "open"
        assert seen == ["GET"]


POLICED = """#!/bin/sh
exec unshare {root} -m --propagation private sh -c '
mkdir -p /etc/chromium /etc/opt
mount --bind {folder} /etc/chromium
mount -t tmpfs none /etc/opt
ln -s {folder} /etc/opt/chrome
ln -s {folder} /etc/opt/chrome_for_testing
exec {chromium} "$@"' - "$@"
"""
"""A Chromium that finds the policies of a test in the places of the system."""


async def test_a_site_that_the_administrator_allowed_needs_no_question(
    house: House, playwright: Playwright, tmp_path: Path
) -> None:
    allowed, other = (house.origin(name) for name in ("portal.test", "other.test"))
    chromium = replace(CHROMIUMS[0], policies=str(tmp_path / "policies" / "managed"))
    chromium.allow([allowed])
    program = tmp_path / "chromium"
    root = "-r" if os.geteuid() else ""
    program.write_text(POLICED.format(folder=tmp_path, chromium=CHROMIUM, root=root))
    program.chmod(0o755)
    public = f"--ip-address-space-overrides=127.0.0.1:{house.pages}=public"
    app = create_app(house.hub, "token")
    async with (
        listening(app, 0) as port,
        await launch(playwright, public, program=program) as browser,
    ):
        context = await browser.new_context(ignore_https_errors=True)
        await context.add_init_script(SCRIPT)
        opening = f"open_('ws://127.0.0.1:{port}/v1').then((o) => o.closed ?? 'open')"
        page = await visit(context, allowed)
        assert await page.evaluate(opening) == "open"
        page = await visit(context, other)
        assert await page.evaluate(opening) == 1006
