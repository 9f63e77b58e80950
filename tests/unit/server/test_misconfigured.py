"""A daemon whose settings cannot be used, as a browser and a portal meet it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from bridged.errors import ConfigError
from bridged.protocol.messages import SUBPROTOCOL, CloseCode
from bridged.server.app import listening
from bridged.server.misconfigured import create_app

ERROR = ConfigError(file="/home/me/<config>.toml", detail="unknown key langage (line 3)")


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with (
        listening(create_app(ERROR), 0) as port,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
    ):
        yield session


@pytest.mark.parametrize(
    ("asked_for", "said"),
    [("ja", "<h2>動作できない原因</h2>"), ("en", "<h2>What stands in the way</h2>")],
)
async def test_the_page_tells_the_file_and_the_place(
    http: aiohttp.ClientSession, asked_for: str, said: str
) -> None:
    async with http.get("/", headers={"Accept-Language": asked_for}) as answer:
        text = await answer.text()
        assert answer.status == 503
        assert "script-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "status.css" in answer.headers["Content-Security-Policy"]
    assert said in text
    assert f'lang="{asked_for}"' in text
    assert "/home/me/&lt;config&gt;.toml" in text
    assert "langage (line 3)" in text
    assert "$" not in text


async def test_the_page_has_its_style(http: aiohttp.ClientSession) -> None:
    for name in ("base", "status"):
        async with http.get(f"/{name}.css") as answer:
            assert answer.status == 200
            assert answer.content_type == "text/css"


@pytest.mark.parametrize("origin", [None, "https://portal.example"])
async def test_a_socket_is_closed_with_the_reason(
    http: aiohttp.ClientSession, origin: str | None
) -> None:
    async with http.ws_connect("/v1", protocols=[SUBPROTOCOL], origin=origin) as ws:
        message = await ws.receive()
        assert message.type is aiohttp.WSMsgType.CLOSE
        assert message.data == CloseCode.MISCONFIGURED


@pytest.mark.parametrize("path", ["/health", "/openrpc.json", "/self-test", "/sites/reload"])
async def test_nothing_else_is_served(http: aiohttp.ClientSession, path: str) -> None:
    for method in ("GET", "POST"):
        async with http.request(method, path) as answer:
            assert answer.status == 503
            assert "/home/me" not in await answer.text()


async def test_another_host_learns_nothing(http: aiohttp.ClientSession) -> None:
    async with http.get("/", headers={"Host": "portal.example"}) as answer:
        assert answer.status == 403
        assert "/home/me" not in await answer.text()
