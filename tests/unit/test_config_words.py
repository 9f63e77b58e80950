"""What is wrong with a settings file is said in Japanese down to the detail."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bridged.config import load
from bridged.doctor.finding import Finding
from bridged.errors import ConfigError
from bridged.errors.config_words import in_japanese
from bridged.service.tsa import TimestampAuthority
from bridged.sites.configured import configured
from bridged.sites.managed import load_managed
from bridged.virtual import profile

# What stays as it is: names, values and paths; the words that TOML itself is written with.
KEPT = re.compile(
    r"`[^`]*`|'[^']*'|/\S*|https?://\S*|relative\.so|true|false|UTF-8|(?<=（)http(?=は)"
)

SETTINGS: tuple[str | bytes, ...] = (
    "port = ",
    "port 5",
    "port = 1 2",
    "port = 1\nport = 2",
    "port = [",
    "port = {a = 1",
    "port = {a = 1, a = 2}",
    'port = "1',
    'port = "\\q"',
    "port = '\x01'",
    "= 1",
    "[pin",
    "[[sites]",
    "[pin]\n[pin]",
    "pin = {ways = []}\n[pin.more]",
    "port = 2026-13-01",
    b"port = 1 # \xff",
    "ports = 1",
    "prt = 1",
    "[pin]\nzzz = 1",
    "port = '24781'",
    "port = 65536",
    "port = -1",
    "port = 1.5",
    "any_user = 1",
    "sites = ['https://portal.example']",
    "[[sites]]\ngrants = ['sign']",
    "[[sites]]\norigin = 'https://a.example'\ngrants = ['everything']",
    "language = 'fr'",
    "[documents]\ntsa = ['https://a.example']",
    "[[pkcs11.modules]]\npath = 'relative.so'",
    "[[pkcs11.modules]]\npath = '/absent.so'",
    "[[pkcs11.modules]]\npath = '/usr'",
)


def english(detail: str) -> list[str]:
    """Return the words of a Japanese detail that are still English."""
    return re.findall(r"[A-Za-z]{2,}", KEPT.sub("", in_japanese(detail)))


@pytest.mark.parametrize("content", SETTINGS)
def test_every_fault_of_the_settings_is_said_in_japanese(
    tmp_path: Path, content: str | bytes
) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError) as caught:
        load(file)
    # Of what may be written instead, the names stay.
    told = re.sub(
        r"(ここに書ける項目|使える値): [\w., -]*|^pkcs11\.modules\[0\]\.path",
        "",
        in_japanese(caught.value.detail),
    )
    assert english(told) == []
    assert in_japanese(caught.value.detail) in caught.value.messages()["ja"]
    assert caught.value.detail in caught.value.messages()["en"]


@pytest.mark.parametrize(
    "content", ["deny = ['*']", "[[allow]]\norigin = 'http://*.example'", "denny = []"]
)
def test_so_is_that_of_the_policy(tmp_path: Path, content: str) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(content)
    with pytest.raises(ConfigError) as caught:
        load_managed(file)
    assert english(caught.value.detail) == []


def test_so_is_what_uses_a_setting(tmp_path: Path) -> None:
    for use in (
        lambda: configured([], ["portal.example"]),
        lambda: TimestampAuthority.of("http://tsa.example", None),
        lambda: TimestampAuthority.of("https://tsa.example", tmp_path / "absent.pem"),
        lambda: load(tmp_path / "absent.toml"),
        lambda: load(tmp_path),
    ):
        with pytest.raises(ConfigError) as caught:
            use()
        assert english(caught.value.detail) == []


def test_an_unknown_virtual_card_is_told_with_those_there_are() -> None:
    with pytest.raises(ConfigError) as caught:
        profile.load("absent")
    assert "そのような仮想カードはありません。使えるもの: " in caught.value.messages()["ja"]


def test_the_doctor_says_it_in_japanese_too() -> None:
    finding = Finding(
        "settings-wrong",
        {"file": "config.toml", "detail": "Unterminated string (at line 2, column 7)"},
    )
    assert "終わりの引用符がありません（2行目の7文字目）" in finding.title("ja")
    assert "Unterminated string (at line 2, column 7)" in finding.title("en")


def test_what_is_not_known_stays() -> None:
    assert in_japanese("something new") == "something new"
