from __future__ import annotations

from pathlib import Path

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
