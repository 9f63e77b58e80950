"""The window's address: who may open it, and how often."""

from __future__ import annotations

import aiohttp
import pytest

from bridged.pin.prompt import Asker, Prompts
from bridged.pin.window import Windows
from bridged.server.app import create_app, listening
from bridged.service.hub import Hub
from bridged.virtual.inprocess import InProcessBus

from .conftest import ALLOWED, TOKEN

OPENED = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@pytest.mark.parametrize(
    "otherwise",
    [
        {},
        {"Sec-Fetch-Mode": "navigate"},
        {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
        {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image", "Sec-Fetch-Site": "none"},
    ],
)
async def test_an_address_serves_one_window_that_a_person_sees_and_nothing_else(
    bus: InProcessBus, otherwise: dict[str, str]
) -> None:
    windows = Windows()
    app = create_app(Hub(bus, Prompts([windows])), TOKEN, windows)
    async with listening(app, 0) as port, aiohttp.ClientSession() as http:
        windows.base = f"http://127.0.0.1:{port}"
        url = (await windows.start(Asker(ALLOWED, lambda _: None))).url
        assert url is not None
        told = []
        for headers in (otherwise, OPENED, OPENED):
            async with http.get(url, headers=headers) as response:
                told.append((response.status, "ask-key" in await response.text()))
        assert told == [(403, False), (200, True), (410, False)]
