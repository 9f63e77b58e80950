"""The settings of a running daemon: read anew all together, or not at all."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bridged.cli.in_use import InUse
from bridged.config import PinWay
from bridged.errors import TimestampNotConfigured
from bridged.model import Grant, SignatureLevel
from bridged.pin.question import Language

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
