"""The administrator's policy file."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridged.config import DEFAULT_GRANTS
from bridged.errors import ConfigError
from bridged.model import Grant
from bridged.sites.managed import Pattern, load_managed
from bridged.sites.origins import Origin


def origin(text: str) -> Origin:
    parsed = Origin.parse(text)
    assert parsed is not None
    return parsed


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("https://portal.example", "https://portal.example", True),
        ("https://portal.example", "https://portal.example:8443", False),
        ("https://portal.example", "https://a.portal.example", False),
        ("https://portal.example:8443", "https://portal.example:8443", True),
        ("https://*.pref.example.jp", "https://nagano.pref.example.jp", True),
        ("https://*.pref.example.jp", "https://e-bid.nagano.pref.example.jp", True),
        ("https://*.pref.example.jp", "https://pref.example.jp", False),
        ("https://*.pref.example.jp", "https://evilpref.example.jp", False),
        ("https://*.pref.example.jp", "https://nagano.pref.example.jp.evil.example", False),
        ("https://*.pref.example.jp", "https://nagano.pref.example.jp:8443", False),
        ("https://*.pref.example.jp", "https://nagano-pref.example.jp", False),
        ("https://*.pref.example.jp", "https://nagano.prefxexample.jp", False),
        ("https://*.pref.example.jp:8443", "https://nagano.pref.example.jp:8443", True),
        ("https://*.pref.example.jp:8443", "https://nagano.pref.example.jp", False),
        ("https://*.example", "https://192.0.2.1", False),
        ("http://localhost:8000", "http://localhost:8000", True),
        ("http://localhost:8000", "https://localhost:8000", False),
    ],
)
def test_a_pattern_means_whole_labels_of_one_scheme_and_port(
    pattern: str, text: str, *, matches: bool
) -> None:
    parsed = Pattern.parse(pattern)
    assert str(parsed) == pattern
    assert parsed.matches(origin(text)) is matches


@pytest.mark.parametrize(
    "text",
    ["http://nagano.pref.example.jp", "https://.pref.example.jp", "ftp://a.pref.example.jp"],
)
def test_a_pattern_means_no_more_even_of_what_is_no_origin(text: str) -> None:
    assert not Pattern.parse("https://*.pref.example.jp").matches(Origin(text))


@pytest.mark.parametrize(
    "text",
    [
        "*",
        "https://*",
        "https://*.",
        "https://*portal.example",
        "https://portal.*.example",
        "https://portal.example.*",
        "https://*.*.example",
        "https://portal.example/*",
        "https://portal.example/",
        "http://*.portal.example",
        "*://portal.example",
        "https://*.0.0.1",
        "https://portal.example:*",
        "portal.example",
        "null",
        "",
    ],
)
def test_any_other_pattern_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no origin"):
        Pattern.parse(text)


POLICY = """
managed-only = true
deny = ["https://old.pref.example.jp"]

[[allow]]
origin = "https://*.pref.example.jp"

[[allow]]
origin = "https://bid.pref.example.jp"
grants = ["certificates"]

[[allow]]
origin = "https://*.city.pref.example.jp"
grants = ["sign"]
"""


def test_a_policy_is_read_and_its_closest_pattern_counts(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(POLICY, "utf-8")
    policy = load_managed(path)
    assert policy.grants(origin("https://x.pref.example.jp")) == DEFAULT_GRANTS
    assert policy.grants(origin("https://bid.pref.example.jp")) == {Grant.CERTIFICATES}
    assert policy.grants(origin("https://x.city.pref.example.jp")) == {Grant.SIGN}
    assert policy.grants(origin("https://portal.example")) is None
    assert policy.denies(origin("https://old.pref.example.jp"))
    assert policy.denies(origin("https://portal.example"))
    assert not policy.denies(origin("https://x.pref.example.jp"))


def test_without_a_file_nothing_is_decided(tmp_path: Path) -> None:
    policy = load_managed(tmp_path / "policy.toml")
    assert policy.grants(origin("https://portal.example")) is None
    assert not policy.denies(origin("https://portal.example"))


@pytest.mark.parametrize(
    "text",
    [
        "managed-only = 1",
        "managed_only = true",
        "deny = ['*']",
        "[[allow]]\norigin = 'https://portal.example/'",
        "[[allow]]\norigin = 'https://portal.example'\ngrants = ['everything']",
        "[[allow]]\ngrants = ['sign']",
        "not TOML",
        "\ud800",
    ],
)
def test_a_policy_that_cannot_be_understood_is_an_error_and_never_passed_over(
    tmp_path: Path, text: str
) -> None:
    path = tmp_path / "policy.toml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(ConfigError, match=r"policy\.toml"):
        load_managed(path)


def test_a_policy_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        load_managed(tmp_path)


def test_a_misspelt_key_is_told_with_its_place_and_what_was_meant(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text("\nmanaged-onli = true\n")
    with pytest.raises(ConfigError, match=r"did you mean `managed-only`\? \(at line 2, column 1\)"):
        load_managed(file)
