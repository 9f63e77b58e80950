"""The status page takes grants back, and no other page can."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import aiohttp
import pytest

from bridged.model import Grant
from bridged.protocol import messages as m
from bridged.sites.store import How, SiteStore

from .conftest import TOKEN, Daemon
from .test_app import ask, open_socket

SITE = "https://other.example"


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def ours(daemon: Daemon) -> dict[str, str]:
    return {
        "Origin": daemon.http,
        "Sec-Fetch-Site": "same-origin",
        "X-Bridged": "status-page",
        "Content-Type": "application/json",
    }


async def forget(
    http: aiohttp.ClientSession, daemon: Daemon, headers: Mapping[str, str], body: str | None = None
) -> int:
    text = json.dumps({"origin": SITE}) if body is None else body
    url = f"{daemon.http}/sites/forget"
    async with http.post(url, headers=headers, data=text) as response:
        assert not any(name.startswith("Access-Control") for name in response.headers)
        return response.status


async def test_the_page_lists_and_takes_back_what_the_person_decided(
    daemon: Daemon, http: aiohttp.ClientSession
) -> None:
    daemon.hub.policy.grant(SITE, [Grant.CERTIFICATES], How.PROMPT)
    daemon.hub.policy.deny("https://evil.example", How.COMMAND, never=True)
    async with http.get(daemon.http, headers={"Accept-Language": "ja"}) as response:
        text = await response.text()
        policy = response.headers["Content-Security-Policy"]
    assert f'data-forget="{SITE}"' in text
    assert "拒否を取り消す" in text
    assert 'data-forget="https://portal.example"' not in text, "the settings are not the page's"
    assert "unsafe" not in policy
    async with open_socket(daemon, SITE) as ws:
        await ask(ws, "reader.list")
        assert await forget(http, daemon, ours(daemon)) == 204
        assert json.loads(await ws.recv())["method"] == "site.revoked"
        await ws.wait_closed()
        assert ws.close_code == m.CloseCode.SITE_NOT_ALLOWED
    assert SITE not in daemon.hub.policy.store.sites


@pytest.mark.parametrize(
    "changed",
    [
        {"Origin": None},
        {"Origin": "https://portal.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1"},
        {"Origin": "http://localhost:{port}"},
        {"Origin": "https://127.0.0.1:{port}"},
        {"Sec-Fetch-Site": None},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "none"},
        {"X-Bridged": None},
        {"X-Bridged": "1"},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": None},
        {"Host": "evil.example:{port}"},
    ],
)
async def test_no_other_page_can_change_anything(
    daemon: Daemon, http: aiohttp.ClientSession, changed: dict[str, str | None]
) -> None:
    daemon.hub.policy.grant(SITE, [Grant.CERTIFICATES], How.PROMPT)
    headers = {**ours(daemon), **changed}
    kept = {k: v.format(port=daemon.port) for k, v in headers.items() if v is not None}
    assert await forget(http, daemon, kept) == 403
    assert SITE in daemon.hub.policy.store.sites


async def test_a_preflight_of_any_page_is_refused(
    daemon: Daemon, http: aiohttp.ClientSession
) -> None:
    """Of CORS, and of what Local Network Access had before it asked the person."""
    headers = {
        "Origin": "https://portal.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-bridged",
        "Access-Control-Request-Private-Network": "true",
    }
    for path in ("/sites/forget", "/sites/reload", "/v1", "/"):
        async with http.options(daemon.http + path, headers=headers) as response:
            assert response.status in {403, 404, 405}
            assert not any(name.startswith("Access-Control") for name in response.headers)


@pytest.mark.parametrize("body", ["", "{", "[]", '{"origin": 1}', '{"origin": "x", "y": 1}'])
async def test_a_body_that_is_no_origin_is_an_error(
    daemon: Daemon, http: aiohttp.ClientSession, body: str
) -> None:
    assert await forget(http, daemon, ours(daemon), body) in {400, 413}


async def test_a_body_is_bounded(daemon: Daemon, http: aiohttp.ClientSession) -> None:
    assert await forget(http, daemon, ours(daemon), "x" * 100_000) == 413


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Bearer {TOKEN}", "Origin": "https://portal.example"},
    ],
)
async def test_the_list_is_read_anew_for_a_program_with_the_token_alone(
    daemon: Daemon, http: aiohttp.ClientSession, headers: dict[str, str]
) -> None:
    url = f"{daemon.http}/sites/reload"
    async with http.post(url, headers=headers) as response:
        assert response.status == 403
    async with http.post(url, headers={"Authorization": f"Bearer {TOKEN}"}) as response:
        assert response.status == 204


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda folder: (folder / "sites.json.lock").mkdir(), "record-failed"),
        (lambda folder: folder.chmod(0o777), "config-error"),
    ],
)
async def test_a_list_that_cannot_be_read_anew_is_told_and_stays_as_it_was(
    daemon: Daemon,
    http: aiohttp.ClientSession,
    tmp_path: Path,
    spoil: Callable[[Path], None],
    reason: str,
) -> None:
    def granted_and_spoilt() -> None:
        daemon.hub.policy.store = SiteStore(tmp_path / "bridged" / "sites.json")
        daemon.hub.policy.grant(SITE, [Grant.SIGN], How.COMMAND)
        (tmp_path / "bridged" / "sites.json.lock").unlink()
        spoil(tmp_path / "bridged")

    await asyncio.to_thread(granted_and_spoilt)
    program = {"Authorization": f"Bearer {TOKEN}"}
    for path, headers in (("reload", program), ("forget", ours(daemon))):
        url, body = f"{daemon.http}/sites/{path}", json.dumps({"origin": SITE})
        async with http.post(url, headers=headers, data=body) as response:
            assert response.status == 507
            data = (await response.json())["data"]
        if path == "reload":
            assert data["reason"] == reason
        assert all(data["messages"][language] for language in ("ja", "en"))
    assert SITE in daemon.hub.policy.store.sites


@pytest.mark.parametrize(
    "path", ["/", "/health", "/openrpc.json", "/status.css", "/status.js", "/nothing"]
)
async def test_every_answer_has_the_headers(
    daemon: Daemon, http: aiohttp.ClientSession, path: str
) -> None:
    async with http.get(daemon.http + path) as response:
        headers = response.headers
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert not any(name.startswith("Access-Control") for name in headers)
