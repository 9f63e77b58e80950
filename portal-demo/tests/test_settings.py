from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from portal_demo.settings import Settings, SettingsError, load_settings


def test_defaults_are_for_this_computer_alone():
    settings = load_settings({}, {})
    assert settings == Settings()
    assert settings.host == "127.0.0.1"
    assert not settings.demo


def test_flags_win_over_environment_over_file(tmp_path):
    config = tmp_path / "portal.toml"
    config.write_text('host = "file"\nport = 1\nbridge_url = "ws://127.0.0.1:5/v1"\ndemo = true\n')
    environment = {"PORTAL_DEMO_HOST": "environment", "PORTAL_DEMO_PORT": "2"}
    settings = load_settings({"config": config, "port": 3, "host": None}, environment)
    assert (settings.host, settings.port, settings.demo) == ("environment", 3, True)
    assert settings.bridge_origin == "ws://127.0.0.1:5"


def test_the_environment_can_name_the_file_and_several_authorities(tmp_path):
    config = tmp_path / "portal.toml"
    config.write_text("port = 7\n")
    environment = {"PORTAL_DEMO_CONFIG": str(config), "PORTAL_DEMO_TRUST": "a.pem:b.pem"}
    settings = load_settings({}, environment)
    assert settings.port == 7
    assert settings.trust == (Path("a.pem"), Path("b.pem"))


@pytest.mark.parametrize(
    "origin", ["https://portal.example", "http://127.0.0.1:8080", "http://[::1]:80"]
)
def test_an_origin_is_what_a_browser_sends(origin):
    assert load_settings({"origin": origin}, {}).origin == origin


@pytest.mark.parametrize(
    "origin", ["portal.example", "https://portal.example/", "ftp://x", "https://", "null"]
)
def test_another_origin_is_refused(origin):
    with pytest.raises(SettingsError):
        load_settings({"origin": origin}, {})


@pytest.mark.parametrize(
    "text", ["unknown = 1", "port = 'x'", "trust = 'a.pem'", "[", "bridge_url = 'http://x'"]
)
def test_a_wrong_file_is_refused(tmp_path, text):
    config = tmp_path / "portal.toml"
    config.write_text(text)
    with pytest.raises(SettingsError):
        load_settings({"config": config}, {})


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(SettingsError):
        load_settings({"config": tmp_path / "missing.toml"}, {})


# Every setting, as a file and as the environment give it, and what it is then.
EACH = {
    "host": ("192.0.2.1", "192.0.2.1", "192.0.2.1"),
    "port": (8080, "8080", 8080),
    "database": ("sqlite+aiosqlite:///x", "sqlite+aiosqlite:///x", "sqlite+aiosqlite:///x"),
    "database_password_file": (__file__, __file__, Path(__file__)),
    "metrics": ("127.0.0.1:9464", "127.0.0.1:9464", "127.0.0.1:9464"),
    "totp_key_file": ("totp.key", "totp.key", Path("totp.key")),
    "log_format": ("json", "json", "json"),
    "trust": (["a.pem", "b.toml"], "a.pem:b.toml", (Path("a.pem"), Path("b.toml"))),
    "revocation": ("soft", "soft", "soft"),
    "origin": ("https://portal.example", "https://portal.example", "https://portal.example"),
    "bridge_url": ("ws://127.0.0.1:5/v1", "ws://127.0.0.1:5/v1", "ws://127.0.0.1:5/v1"),
    "demo": (True, "true", True),
    "trusted_proxies": (["10.0.0.2", "10.1.0.0/24"], "10.0.0.2,10.1.0.0/24",
                        ("10.0.0.2", "10.1.0.0/24")),
    "proxy_header": ("Forwarded", "Forwarded", "Forwarded"),
    "smtp_host": ("mail.example", "mail.example", "mail.example"),
    "smtp_port": (2525, "2525", 2525),
    "smtp_security": ("tls", "tls", "tls"),
    "smtp_user": ("portal", "portal", "portal"),
    "smtp_password_file": ("pw", "pw", Path("pw")),
    "smtp_ca": ("ca.pem", "ca.pem", Path("ca.pem")),
    "mail_from": ("portal@example.jp", "portal@example.jp", "portal@example.jp"),
    "mail_kept_days": (30, "30", 30),
}  # fmt: skip
BESIDE = {"smtp_host": ("mail_from",), "smtp_user": ("smtp_password_file",)}
BESIDE["smtp_password_file"] = ("smtp_user",)


def test_no_setting_is_forgotten_here():
    assert set(EACH) == {field.name for field in msgspec.structs.fields(Settings)}


@pytest.mark.parametrize("name", EACH)
def test_each_setting_is_taken_from_a_file_and_from_the_environment(tmp_path, name):
    names = (name, *BESIDE.get(name, ()))
    config = tmp_path / "portal.toml"
    config.write_text("".join(f"{n} = {json.dumps(EACH[n][0])}\n" for n in names))
    environment = {f"PORTAL_DEMO_{n.upper()}": EACH[n][1] for n in names}
    for settings in (load_settings({"config": config}, {}), load_settings({}, environment)):
        told = getattr(settings, name)
        assert told == EACH[name][2]
        assert type(told) is type(EACH[name][2])
