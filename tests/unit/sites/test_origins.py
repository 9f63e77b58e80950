"""Who a page is: just what browsers serialise, and nothing that only looks like it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridged.model import Grant
from bridged.sites.origins import Origin, is_loopback
from bridged.sites.policy import Site, SitePolicy

ALLOWED = "https://portal.example"
POLICY = SitePolicy({ALLOWED: frozenset({Grant.SIGN})})

GOOD = [
    ALLOWED,
    "https://portal.example:8443",
    "https://a-b.c_d.example",
    "https://xn--rhqr3b6z2c.example",
    "https://192.0.2.1",
    "https://[2001:db8::1]",
    "https://[2001:db8::1]:8443",
    "https://127.0.0.1:8443",
    "https://localhost",
    "http://localhost",
    "http://localhost:8000",
    "http://127.0.0.1",
    "http://127.0.0.1:65535",
    "http://127.255.0.1:8000",
    "http://[::1]:8000",
]

# None of these is the origin of a page that may be trusted, and most are none at all.
HOSTILE = [
    "",
    "null",
    "*",
    "portal.example",
    "//portal.example",
    "https:",
    "https://",
    "https:/portal.example",
    "https:portal.example",
    # other schemes
    "http://portal.example",
    "http://192.0.2.1",
    "http://10.0.0.1:8000",
    "http://[2001:db8::1]",
    "ws://portal.example",
    "wss://portal.example",
    "ftp://portal.example",
    "file:",
    "file://",
    "file:///etc/passwd",
    "data:text/html,x",
    "blob:https://portal.example",
    "javascript:alert(1)",
    "about:blank",
    "app://portal.example",
    "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
    "moz-extension://6a1e6f0e-0000-0000-0000-000000000000",
    "safari-web-extension://6A1E6F0E",
    "chrome://settings",
    "https+http://portal.example",
    # case
    "HTTPS://portal.example",
    "https://PORTAL.example",
    "https://Portal.example",
    "http://LOCALHOST",
    # slash, dot, path, query, fragment
    "https://portal.example/",
    "https://portal.example.",
    "https://portal.example./",
    "https://portal..example",
    "https://.portal.example",
    "https://portal.example/path",
    "https://portal.example?x",
    "https://portal.example#x",
    "https://portal.example\\",
    "https:\\\\portal.example",
    "https://localhost.",
    "http://localhost./",
    # user information
    "https://user@portal.example",
    "https://user:pw@portal.example",
    "https://portal.example@evil.example",
    "https://portal.example%40evil.example",
    "https://portal.example:x@evil.example",
    # ports
    "https://portal.example:",
    "https://portal.example:443",
    "http://localhost:80",
    "https://portal.example:0",
    "https://portal.example:0443",
    "https://portal.example:65536",
    "https://portal.example:99999",
    "https://portal.example:100000",
    "https://portal.example:-1",
    "https://portal.example:+8443",
    "https://portal.example: 8443",
    "https://portal.example:8443:8443",
    "https://portal.example:８４４３",
    "https://portal.example:٨٤٤٣",
    # white space and control characters
    " https://portal.example",
    "https://portal.example ",
    "https://portal.example\n",
    "https://portal.example\r\nX: y",
    "https://portal.example\t",
    "https://portal.example\0",
    "https://portal.example\0.evil.example",
    "https://por tal.example",
    "\ufeffhttps://portal.example",
    "https://portal.example\u200b",
    # several
    "https://portal.example, https://evil.example",
    "https://portal.example https://evil.example",
    "https://portal.example,https://portal.example",
    # IDN and look-alikes that no browser leaves as they are
    "https://入札.example",
    "https://pоrtal.example",
    "https://portal。example",
    "https://ｐortal.example",
    "https://portal.exam\u00adple",
    # hosts
    "https://-portal.example",
    "https://portal.example-:8443@",
    "https://portal%2eexample",
    "https://portal!example",
    "https://*.example",
    "https://portal.example;x",
    # numbers that browsers write as four decimals
    "http://127.1",
    "http://127.0.0.01",
    "http://2130706433",
    "http://0x7f000001",
    "http://0177.0.0.1",
    "https://2130706433",
    "https://0x7f.0.0.1",
    "https://127.1",
    "https://192.0.2.256",
    "https://192.0.2.1.5",
    "http://0.0.0.0:8000",
    # IPv6 not as browsers write it
    "http://::1",
    "http://[::1",
    "http://[::1]]",
    "http://[0:0:0:0:0:0:0:1]",
    "http://[0000::1]",
    "http://[::0001]",
    "http://[::1%25lo]",
    "http://[::1%lo]",
    "http://[::]",
    "http://[::ffff:127.0.0.1]",
    "http://[::ffff:7f00:1]",
    "https://[::ffff:7f00:1]",
    "http://[127.0.0.1]",
    "https://[127.0.0.1]",
    "https://[2001:DB8::1]",
    "https://[2001:db8::1::2]",
    "https://[:::]",
    "https://[v1.fe80]",
    "https://[]",
    # loopback look-alikes
    "http://localhost.evil.example",
    "http://127.0.0.1.evil.example",
    "http://evil.localhost",
    "http://localhost@evil.example",
    "http://xn--localhost",
    # length
    "https://" + "a" * 400 + ".example",
    "https://portal.example" + ":" * 100_000,
    "https://" + "a." * 100_000 + "example",
]

# Well-formed, but other sites than the one that is allowed.
OTHERS = [
    "https://portal.example:8443",
    "https://portal.example.evil.example",
    "https://evil-portal.example",
    "https://evilportal.example",
    "https://sub.portal.example",
    "https://portal.exampl",
    "https://portal.examplee",
    "https://portalxexample",
    "https://portal-example",
    "https://example",
    "https://xn--prtal-jta.example",
]


@pytest.mark.parametrize("text", GOOD)
def test_what_browsers_send_is_an_origin(text: str) -> None:
    origin = Origin.parse(text)
    assert origin is not None
    assert str(origin) == origin.text == text


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[1:61])
def test_what_no_trusted_page_sends_is_none(text: str) -> None:
    assert Origin.parse(text) is None
    assert POLICY.site(text) is None


@pytest.mark.parametrize("text", OTHERS)
def test_a_likeness_of_an_allowed_site_is_another_site(text: str) -> None:
    assert Origin.parse(text) is not None
    assert POLICY.site(text) == Site(text, frozenset())


def test_there_are_more_than_forty_adversaries() -> None:
    assert len(set(HOSTILE)) == len(HOSTILE) > 40


@given(st.text(max_size=60))
def test_any_text_behind_an_allowed_origin_makes_it_another_or_none(tail: str) -> None:
    text = ALLOWED + tail
    if tail:
        assert POLICY.site(text) in (None, Site(text, frozenset()))
    origin = Origin.parse(text)
    assert origin is None or origin.text == text


@given(st.text(alphabet="htps:/[]0123456789abcdefxn-._%@ ", max_size=40))
def test_any_text_can_be_looked_at(text: str) -> None:
    origin = Origin.parse(text)
    assert origin is None or text.startswith(("https://", "http://"))


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "127.0.0.2", "127.255.255.254", "[::1]"]
)
def test_loopback_hosts(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "::1",
        "localhost.",
        "localhost.localdomain",
        "xlocalhost",
        "0.0.0.0",  # noqa: S104
        "[::]",
        "126.0.0.1",
        "128.0.0.1",
        "127.0.0.1.example",
        "127.1",
        "2130706433",
        "[127.0.0.1]",
        "[::ffff:127.0.0.1]",
        "::ffff:127.0.0.1",
        "[::1",
        "::1]",
        "[::1%lo]",
        "::2",
        "portal.example",
        "１２７.0.0.1",
    ],
)
def test_other_hosts_are_not_loopback(host: str) -> None:
    assert not is_loopback(host)
