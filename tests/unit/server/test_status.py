"""The status page follows what happens, and tells no other page that anything did."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from bridged.audit.journal import Journal
from bridged.model import Grant
from bridged.pin.prompt import Prompts
from bridged.server import live
from bridged.server.app import create_app, listening
from bridged.server.status import StatusPage
from bridged.service.hub import Hub
from bridged.sites.managed import ManagedPolicy
from bridged.sites.policy import SitePolicy
from bridged.virtual.card import VirtualCard
from bridged.virtual.inprocess import InProcessBus

from .conftest import ALLOWED, TOKEN, Daemon
from .test_app import ask, open_socket

OURS = {"Sec-Fetch-Site": "same-origin", "X-Bridged": "status-page"}


@pytest.fixture(autouse=True)
def _short_of_breath(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(live, "BREATH_S", 0.0)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def text(http: aiohttp.ClientSession, daemon: Daemon, language: str = "ja") -> str:
    async with http.get(daemon.http, headers={"Accept-Language": language}) as response:
        assert response.status == 200
        return await response.text()


async def test_the_stream_counts_up_when_a_card_comes_and_says_no_more(
    daemon: Daemon, http: aiohttp.ClientSession, bus: InProcessBus, ebid: VirtualCard
) -> None:
    async with http.get(f"{daemon.http}/status/changes", headers=OURS) as stream:
        before = int(await stream.content.readline())
        assert f'data-count="{before}"' in await text(http, daemon)
        bus.insert(0, ebid)
        told = await stream.content.readline()
        assert int(told) > before
        assert stream.headers["X-Content-Type-Options"] == "nosniff"
        assert "frame-ancestors 'none'" in stream.headers["Content-Security-Policy"]
    page = await text(http, daemon)
    assert "サイトが使用するときに読み取ります" in page


@pytest.mark.parametrize(
    "changed",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": None},
        {"X-Bridged": None},
        {"X-Bridged": "1"},
        {"Origin": "https://portal.example"},
        {"Origin": "null"},
        {"Host": "evil.example"},
    ],
)
async def test_no_other_page_hears_of_a_change(
    daemon: Daemon, http: aiohttp.ClientSession, changed: dict[str, str | None]
) -> None:
    headers = {k: v for k, v in {**OURS, **changed}.items() if v is not None}
    async with http.get(f"{daemon.http}/status/changes", headers=headers) as response:
        assert response.status == 403


async def test_streams_are_bounded_and_a_page_that_left_makes_room(
    daemon: Daemon,
    http: aiohttp.ClientSession,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live, "MAX_STREAMS", 1)
    url = f"{daemon.http}/status/changes"
    async with http.get(url, headers=OURS) as first:
        await first.content.readline()
        async with http.get(url, headers=OURS) as second:
            assert second.status == 503
    status = 503
    async with asyncio.timeout(10):
        while status == 503:
            async with http.get(url, headers=OURS) as third:
                status = third.status
    assert status == 200


async def test_a_stream_ends_with_the_daemon(
    bus: InProcessBus, http: aiohttp.ClientSession
) -> None:
    hub = Hub(bus, Prompts())
    await hub.start()
    async with listening(create_app(hub, TOKEN), 0) as port:
        url = f"http://127.0.0.1:{port}/status/changes"
        stream = await http.get(url, headers=OURS)
        await stream.content.readline()
    assert await stream.content.read() == b""
    await hub.stop()
    assert not hub.changes.watchers


async def test_the_doctor_speaks_of_a_card_once_a_site_has_read_it(
    daemon: Daemon, http: aiohttp.ClientSession, bus: InProcessBus, ebid: VirtualCard
) -> None:
    async with open_socket(daemon) as ws:
        await ask(ws, "reader.list")
        bus.insert(0, ebid)
        await ws.recv()
        page = await text(http, daemon, "en")
        assert "it is read when a site uses it" in page
        assert ebid.pins["pin"].verified is False
        await ask(ws, "certificate.list")
        page = await text(http, daemon, "en")
    assert "it is read when a site uses it" not in page
    assert "tries left" in page
    assert "no card" in page, "of the other reader, with what to do:"
    assert "Insert the card." in page


async def test_recent_activity_is_told_in_words_and_without_what_was_signed(
    bus: InProcessBus, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    journal, digest = Journal(tmp_path), "ab" * 32
    asked = {"origin": ALLOWED, "method": "signature.create", "certificate": digest}
    journal.append("key.asked", {**asked, "title": "入札書", "digests": [digest] * 3})
    journal.append("key.used", {**asked, "result": "done", "made": 3})
    journal.append("key.used", {**asked, "result": "pin-incorrect", "made": 0})
    journal.append("site.granted", {"origin": "https://<b>.example"})
    hub = Hub(bus, Prompts(), SitePolicy({ALLOWED: frozenset(Grant)}))
    await hub.start()
    page = StatusPage(hub, audit=tmp_path)
    async with listening(create_app(hub, TOKEN, page=page), 0) as port:
        shown = await text(http, Daemon(port, hub))
    await hub.stop()
    rows = shown.split('id="activity"')[1].split("</ul>")[0]
    assert rows.count("<li") == 3
    assert "署名（3件）" in rows
    assert "PINの誤り" in rows
    assert rows.index("https://&lt;b&gt;.example") < rows.index("署名（3件）")
    assert digest[:16] not in shown
    assert "入札書" not in shown


@pytest.mark.parametrize("personal", [True, False])
async def test_a_daemon_of_every_user_names_no_holder(
    bus: InProcessBus,
    http: aiohttp.ClientSession,
    ebid: VirtualCard,
    personal: bool,  # noqa: FBT001
) -> None:
    hub = Hub(bus, Prompts(), SitePolicy({ALLOWED: frozenset(Grant)}))
    await hub.start()
    app = create_app(hub, TOKEN, page=StatusPage(hub, personal=personal))
    async with listening(app, 0) as port:
        daemon = Daemon(port, hub)
        async with open_socket(daemon) as ws:
            await ask(ws, "reader.list")
            bus.insert(0, ebid)
            await ws.recv()
            listed = (await ask(ws, "certificate.list"))["result"]["certificates"]
        page = await text(http, daemon)
    await hub.stop()
    holder = listed[0]["x509"]["holder"]
    assert (holder["organization"] in page) is personal


async def test_a_permission_that_the_administrator_overrules_is_told_as_such(
    http: aiohttp.ClientSession, daemon: Daemon
) -> None:
    words = "管理者の設定が優先されるため、無効です"
    assert words not in await text(http, daemon)
    daemon.hub.policy.managed = ManagedPolicy(managed_only=True)
    assert words in await text(http, daemon)


async def test_checks_that_the_computer_forbids_are_said_and_the_page_stands(
    daemon: Daemon, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise PermissionError

    monkeypatch.setattr("bridged.doctor.inside.examine", forbidden)
    page = await text(http, daemon, "en")
    assert "The checks failed." in page
    assert "Nothing is wrong." not in page
    assert ALLOWED in page
