"""Behind a proxy each visitor is counted by the address that a trusted proxy says, and no other."""

from __future__ import annotations

import msgspec
import pytest
from aiohttp.test_utils import TestClient, TestServer

from portal_demo.app import create_app
from portal_demo.proxies import networks, origin_of
from portal_demo.settings import SettingsError, load_settings
from portal_demo.views.postal import LIMIT

TRUSTED = networks(["10.0.0.0/8", "192.0.2.1", "fd00::/8"])
ASKED = "/api/postal/100-0001"


@pytest.mark.parametrize(
    ("remote", "hops", "origin"),
    [
        ("10.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", [" 198.51.100.7 "], "198.51.100.7"),
        ("10.0.0.1", ["203.0.113.9", "198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["198.51.100.7", "10.0.0.2", "192.0.2.1"], "198.51.100.7"),
        ("10.0.0.1", ["10.0.0.3"], "10.0.0.3"),
        ("10.0.0.1", ["198.51.100.7:4711"], "198.51.100.7"),
        ("10.0.0.1", ["[2001:db8::7]:4711"], "2001:db8::7"),
        ("10.0.0.1", ["2001:db8::7"], "2001:db8::7"),
        ("fd00::1", ["198.51.100.7"], "198.51.100.7"),
        ("::ffff:10.0.0.1", ["::ffff:198.51.100.7"], "198.51.100.7"),
        ("198.51.100.1", ["203.0.113.9"], "198.51.100.1"),
        ("192.0.2.2", ["203.0.113.9"], "192.0.2.2"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["unknown"], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.9", "_hidden"], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.9", "10.0.0.2.evil"], "10.0.0.1"),
        ("", ["203.0.113.9"], ""),
    ],
)
def test_the_way_back_ends_where_trust_ends(remote, hops, origin):
    assert origin_of(remote, hops, TRUSTED) == origin


@pytest.fixture
def behind(settings, clock):
    """Return a function that asks a portal behind a proxy at 127.0.0.1, and tells the status."""

    async def asked(headers, *, trusted=("127.0.0.1",), header="X-Forwarded-For"):
        changed = msgspec.structs.replace(settings, trusted_proxies=trusted, proxy_header=header)
        app = create_app(changed, clock)
        async with TestServer(app) as server, TestClient(server) as client:
            answers = []
            for sent in headers:
                async with client.get(ASKED, headers=sent) as response:
                    answers.append(response.status)
            return answers

    return asked


def by(name, *values):
    return [[(name, value)] for value in values]


FULL = [200] * LIMIT.count


async def test_visitors_of_one_proxy_are_counted_apart(behind):
    sent = by("X-Forwarded-For", *["198.51.100.7"] * (LIMIT.count + 1), "198.51.100.8")
    assert await behind(sent) == [*FULL, 429, 200]


async def test_a_visitor_does_not_become_another_by_a_header(behind):
    sent = by("X-Forwarded-For", *(f"203.0.113.{n}, 198.51.100.7" for n in range(LIMIT.count + 1)))
    assert await behind(sent) == [*FULL, 429]


async def test_a_line_that_a_visitor_sent_apart_changes_nothing(behind):
    sent = [
        [("X-Forwarded-For", f"203.0.113.{n}"), ("X-Forwarded-For", "198.51.100.7")]
        for n in range(LIMIT.count + 1)
    ]
    assert await behind(sent) == [*FULL, 429]


async def test_nobody_is_believed_unless_listed(behind):
    sent = by("X-Forwarded-For", *(f"203.0.113.{n}" for n in range(LIMIT.count + 1)))
    assert await behind(sent, trusted=()) == [*FULL, 429]
    assert await behind(sent, trusted=("10.0.0.1",)) == [429] * len(sent)


async def test_the_header_that_the_proxy_does_not_write_changes_nothing(behind):
    sent = by("Forwarded", *(f"for=203.0.113.{n}" for n in range(LIMIT.count + 1)))
    assert await behind(sent) == [*FULL, 429]


@pytest.mark.parametrize(
    "forged",
    ["for=203.0.113.{n}", 'for=203.0.113.{n};x="', 'for="203.0.113.{n}', "for=203.0.113.{n};by=a"],
)
async def test_forwarded_is_read_as_the_proxy_wrote_it(behind, forged):
    written = 'for="[2001:db8::7]:4711";proto=https;by=203.0.113.43'
    sent = by("Forwarded", *(f"{forged.format(n=n)}, {written}" for n in range(LIMIT.count + 1)))
    sent += by("Forwarded", 'by=203.0.113.43;For="[2001:db8:0:1::7]"')
    assert await behind(sent, header="Forwarded") == [*FULL, 429, 200]


async def test_a_network_of_ipv6_is_one_visitor(behind):
    sent = by("X-Forwarded-For", *(f"2001:db8::{n + 1:x}" for n in range(LIMIT.count + 1)))
    assert await behind([*sent, *by("X-Forwarded-For", "2001:db8:0:1::1")]) == [*FULL, 429, 200]


async def test_a_new_session_is_no_new_visitor(visitor):
    for _ in range(LIMIT.count):
        visitor.client.session.cookie_jar.clear()
        await visitor.get("/registration/pin")
        assert (await visitor.get(ASKED)).status == 200
    visitor.client.session.cookie_jar.clear()
    await visitor.get("/registration/pin")
    assert (await visitor.get(ASKED)).status == 429


def test_proxies_stand_in_the_environment(tmp_path):
    settings = load_settings({}, {"PORTAL_DEMO_TRUSTED_PROXIES": "10.0.0.1,fd00::/8"})
    assert settings.trusted_proxies == ("10.0.0.1", "fd00::/8")
    with pytest.raises(SettingsError, match="trusted_proxies"):
        load_settings({"trusted_proxies": ("proxy.example",)}, {})
    with pytest.raises(SettingsError, match="proxy_header"):
        load_settings({"proxy_header": "X-Real-IP"}, {})
