"""Settings: what is said, what is not said, and what is said wrongly."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridged import config
from bridged.client.client import DEFAULT_URL
from bridged.config import DEFAULT_GRANTS, AllowedSite, Config, load
from bridged.errors import ConfigError
from bridged.model import DEFAULT_PORT, Grant


@pytest.fixture
def written(tmp_path: Path):
    def write(content: str | bytes) -> Path:
        path = tmp_path / "config.toml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture
def home(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_all_settings_are_read(written) -> None:
    path = written(
        """
        port = 4711
        [[sites]]
        origin = "https://入札.example"
        [[sites]]
        origin = "https://portal.example"
        grants = ["certificates", "sign", "page-pin", "sign"]
        """
    )
    assert load(path) == Config(
        port=4711,
        sites=(
            AllowedSite("https://入札.example", DEFAULT_GRANTS),
            AllowedSite("https://portal.example", frozenset(Grant)),
        ),
    )


def test_no_site_may_have_its_pin_typed_in_the_page_unless_it_is_said() -> None:
    assert Grant.PAGE_PIN not in DEFAULT_GRANTS


def test_an_empty_file_is_the_defaults(written) -> None:
    assert load(written("")) == Config() == Config(port=24781, sites=())


def test_the_default_port_is_the_protocols() -> None:
    assert Config().port == DEFAULT_PORT
    assert f"127.0.0.1:{DEFAULT_PORT}/" in DEFAULT_URL


def test_no_file_is_the_defaults_where_none_was_named(home: Path) -> None:
    assert load() == Config()


def test_the_persons_file_is_read_where_none_was_named(home: Path) -> None:
    path = home / ".config" / "bridged" / "config.toml"
    assert config.default_path() == path
    path.parent.mkdir(parents=True)
    path.write_text("port = 4711")
    assert load() == Config(port=4711)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("port = ", "Invalid value"),
        ("ports = 1", "ports"),
        ("port = '24781'", "`int`"),
        ("port = 65536", "65535"),
        ("port = -1", "0"),
        ("port = 1.5", "float"),
        ("sites = ['https://portal.example']", "sites"),
        ("[[sites]]\ngrants = ['sign']", "origin"),
        ("[[sites]]\norigin = 'https://a.example'\ngrants = ['everything']", "everything"),
        ("[[sites]]\norigin = 'https://a.example'\ngrant = ['sign']", "grant"),
        (b"port = 1 # \xff", "utf-8"),
        ("port = 1\nport = 2", "overwrite"),
    ],
)
def test_what_is_wrong_is_told_with_the_file(written, content: str | bytes, said: str) -> None:
    path = written(content)
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert caught.value.file == str(path)
    assert said in caught.value.detail
    assert str(path) in str(caught.value)


def test_a_file_that_was_named_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        load(tmp_path / "absent.toml")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="directory"):
        load(tmp_path)


def test_the_token_lies_in_the_runtime_folder_or_below_the_state(home: Path, monkeypatch) -> None:
    assert config.runtime_dir() == home / ".local" / "state" / "bridged" / "run"
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/1000")
    assert config.runtime_dir() == Path("/run/user/1000/bridged")


def test_the_ways_to_give_a_pin_and_their_order_can_be_set(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('language = "en"\n[pin]\nways = ["window", "pinentry"]\npinentry = "my-own"\n')
    config = load(file)
    assert (config.pin.ways, config.pin.pinentry) == (("window", "pinentry"), "my-own")
    assert config.language == "en"
    assert Config().pin.ways == ("pinpad", "pinentry", "window", "page")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("port = 'no'", "line 1, column 1"),
        ("\n  port = 99999", "line 2, column 3"),
        ("port = 1\nprot = 2", "line 2, column 1"),
        ('[[sites]]\norigin = "https://a.example"\n[[sites]]\norigin = 5', "line 4, column 1"),
        ('[[sites]]\norigin = "https://a.example"\ngrants = ["sing"]', "line 3, column 1"),
        ("port = 1\n[pin]\nways = ['mouse']", "line 3, column 1"),
        ("port = 1\n\n[pins]\nways = []", "line 3, column 1"),
        ("port = [", "line 1, column 9"),
        ("port = 1\nlanguage =", "line 2, column 11"),
        ("pin.way = []", "line 1, column 1"),
        ("[[site]]", "line 1, column 1"),
    ],
)
def test_a_wrong_setting_is_told_with_its_line_and_column(
    tmp_path: Path, text: str, place: str
) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(file)
    assert place in caught.value.detail


def test_a_module_that_others_may_change_is_refused(tmp_path: Path) -> None:
    module = tmp_path / "module.so"
    module.write_text("")
    module.chmod(0o644)
    file = tmp_path / "config.toml"
    file.write_text(f'[[pkcs11.modules]]\npath = "{module}"\nname = "カード"\n')
    (known,) = load(file).pkcs11.modules
    assert (known.path, known.name, known.any_slot) == (str(module), "カード", False)
    module.chmod(0o666)
    with pytest.raises(ConfigError, match="every user may write"):
        load(file)
    file.write_text('[[pkcs11.modules]]\npath = "module.so"\n')
    with pytest.raises(ConfigError, match="absolute"):
        load(file)


WRONG = {
    "any_user": "any_user = 1",
    "port": "port = 65536",
    "sites": "sites = [{ origin = 'https://a.example', grants = ['everything'] }]",
    "pin.ways": "[pin]\nways = ['mouse']",
    "pin.pinentry": "[pin]\npinentry = 5",
    "language": "language = 'fr'",
    "documents.tsa": "[documents]\ntsa = ['https://a.example']",
    "documents.tsa_roots": "[documents]\ntsa_roots = false",
    "pkcs11.discover": "[pkcs11]\ndiscover = 'yes'",
    "pkcs11.modules": "[[pkcs11.modules]]\npath = 'relative.so'",
}


@pytest.mark.parametrize("key", config.flat(Config()))
def test_every_setting_is_checked_and_its_place_told(written, key: str) -> None:
    with pytest.raises(ConfigError, match=r"\(at line \d+, column \d+\)$") as caught:
        load(written(WRONG[key]))
    assert key in caught.value.detail


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("prot = 1", "did you mean `port`?"),
        ("ways = []", "did you mean `pin.ways`?"),
        ("[pin]\nwais = []", "did you mean `pin.ways`?"),
        ("[[sites]]\norigin = 'https://a.example'\ngrant = []", "did you mean `sites[0].grants`?"),
        ("[[pkcs11.modules]]\npaht = 'x'", "did you mean `pkcs11.modules[0].path`?"),
        ("[pin]\nzzz = 1", "known here: ways, pinentry"),
        ("[pin]\nways = ['mouse']", "one of: pinpad, pinentry, window, page"),
        ("language = 'fr'", "one of: ja, en"),
        (WRONG["sites"], "one of: certificates, sign, page-pin"),
    ],
)
def test_what_was_probably_meant_is_told(written, text: str, meant: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(written(text))
    assert meant in caught.value.detail
