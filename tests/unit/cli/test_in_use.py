"""The settings of a running daemon: read anew all together, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from bridged.cli.in_use import InUse
from bridged.config import RESTART, Config, PinWay, changed, flat
from bridged.errors import TimestampNotConfigured
from bridged.model import Grant, SignatureLevel
from bridged.pin.question import Language
from bridged.sites.store import How
from bridged.virtual.ca import DemoCa

OTHER = """
language = "en"
port = 24999

[[sites]]
origin = "https://portal.example"

[pin]
ways = ["window"]

[documents]
tsa = "https://tsa.example/"

[pkcs11]
discover = false
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    file = tmp_path / "config.toml"
    file.write_text('language = "ja"\n')
    return file


def test_everything_but_the_port_and_the_users_is_read_anew(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = InUse(file, ["https://told.example=sign"])
    file.write_text(OTHER)
    assert asyncio.run(settings.read_anew())
    assert settings.prompts.language is Language.EN
    assert settings.prompts.order == (PinWay.WINDOW,)
    settings.documents.check(SignatureLevel.B_T)
    assert not settings.modules.settings.discover
    assert settings.policy.allowed == {
        "https://portal.example": {Grant.CERTIFICATES, Grant.SIGN},
        "https://told.example": {Grant.SIGN},
    }
    assert [r.getMessage() for r in caplog.records if r.levelname == "WARNING"] == [
        "port has changed: that takes a restart"
    ]


CHANGES: dict[str, tuple[str, Callable[[InUse], object], object]] = {
    "language": ("language = 'en'", lambda s: s.prompts.language, Language.EN),
    "sites": ("sites = [{ origin = 'https://a.example' }]", lambda s: len(s.policy.allowed), 1),
    "pin.ways": ("pin.ways = ['page']", lambda s: s.prompts.order, (PinWay.PAGE,)),
    "pin.pinentry": (
        "pin.pinentry = 'FOLDER/asks'",
        lambda s: [Path(vars(w)["_path"]).name for w in s.prompts._ways if w is not s.windows],
        ["asks"],
    ),
    "documents.tsa": (
        "documents.tsa = 'https://tsa.example'",
        lambda s: s.documents.tsa and s.documents.tsa.url,
        "https://tsa.example",
    ),
    "documents.tsa_roots": (
        "documents = { tsa = 'https://tsa.example', tsa_roots = 'FOLDER/roots.pem' }",
        lambda s: s.documents.tsa and len(s.documents.tsa.roots),
        1,
    ),
    "pkcs11.discover": ("pkcs11.discover = false", lambda s: s.modules.settings.discover, False),
    "pkcs11.modules": (
        "pkcs11 = { discover = false, modules = [{ path = 'FOLDER/asks', name = 'カード' }] }",
        lambda s: [module.name for module in s.modules()][:1],
        ["カード"],
    ),
}
"""By key: what is written, where it shows in a daemon, and how."""


def test_every_setting_is_taken_up_or_takes_a_restart() -> None:
    assert CHANGES.keys() | RESTART == flat(Config()).keys()


@pytest.mark.parametrize("key", CHANGES)
def test_each_setting_is_taken_up_and_let_go_again(
    file: Path, monkeypatch: pytest.MonkeyPatch, ca: DemoCa, key: str
) -> None:
    folder = file.parent
    for name in ("pinentry-qt", "asks"):
        (folder / name).write_text("")
        (folder / name).chmod(0o755)
    (folder / "roots.pem").write_bytes(ca.pem)
    for name, value in {"PATH": str(folder), "DISPLAY": ":0", "LC_ALL": "ja_JP.UTF-8"}.items():
        monkeypatch.setenv(name, value)
    file.write_text("")
    settings = InUse(file, [])
    text, where, expected = CHANGES[key]
    before = where(settings)
    file.write_text(text.replace("FOLDER", str(folder)))
    assert asyncio.run(settings.read_anew())
    assert where(settings) == expected != before
    assert key in changed(Config(), settings.config)
    file.write_text("port = 4711")
    assert asyncio.run(settings.read_anew())
    assert where(settings) == before
    assert settings.config == Config(), "the port is that of the start"


def test_what_was_taken_out_of_the_file_holds_no_more(file: Path) -> None:
    file.write_text(OTHER)
    settings = InUse(file, [])
    file.write_text("")
    assert asyncio.run(settings.read_anew())
    assert settings.policy.allowed == {}
    assert settings.prompts.order == tuple(PinWay)
    with pytest.raises(TimestampNotConfigured):
        settings.documents.check(SignatureLevel.B_T)


@pytest.mark.parametrize(
    "broken",
    [
        'language = "en"\npin = 1\n',
        'language = "en"\n[[sites]]\norigin = "portal"\n',
        'language = "en"\n[documents]\ntsa = "https://tsa.example/"\ntsa_roots = "/none"\n',
        None,
    ],
    ids=["value", "origin", "roots", "gone"],
)
def test_a_broken_file_changes_nothing_and_is_told(
    file: Path, broken: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    settings = InUse(file, [])
    if broken is None:
        file.unlink()
    else:
        file.write_text(broken)
    assert not asyncio.run(settings.read_anew())
    assert settings.prompts.language is Language.JA
    assert settings.policy.allowed == {}
    (record,) = [r for r in caplog.records if r.levelname == "ERROR"]
    assert "stay as they were" in record.getMessage()
    assert str(file) in record.getMessage()
    assert "line" in record.getMessage() or broken is None


def test_the_list_of_sites_is_read_anew_too(file: Path) -> None:
    settings = InUse(file, [])
    settings.policy.store.load()
    elsewhere = InUse(file, [])
    elsewhere.policy.store.load()
    elsewhere.policy.grant("https://portal.example", [Grant.SIGN], How.COMMAND)
    assert asyncio.run(settings.read_anew())
    (decision,) = settings.policy.decisions()
    assert (decision.origin, decision.grants) == ("https://portal.example", {Grant.SIGN})
