"""Which program files are loaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridged.files import distrust


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "folder" / "module.so"
    file.parent.mkdir(mode=0o755)
    file.write_text("")
    file.chmod(0o644)
    return file


def test_a_file_of_mine_is_trusted(file: Path) -> None:
    assert distrust(file) is None


def test_a_file_must_be_named_absolutely() -> None:
    assert "absolute" in (distrust(Path("module.so")) or "")


def test_a_file_must_be_there(file: Path) -> None:
    assert "cannot be read" in (distrust(file.with_name("other.so")) or "")
    assert "not a file" in (distrust(file.parent) or "")


def test_nobody_else_may_write_to_it_or_to_its_folder(file: Path) -> None:
    file.chmod(0o646)
    assert "every user may write" in (distrust(file) or "")
    file.chmod(0o644)
    file.parent.chmod(0o777)
    assert "every user may write" in (distrust(file) or "")
    # Nobody may rename what others have in there.
    file.parent.chmod(0o1777)
    assert distrust(file) is None


def test_it_belongs_to_root_or_to_this_user(file: Path, monkeypatch) -> None:
    owner = file.stat().st_uid
    monkeypatch.setattr("bridged.files.os.getuid", lambda: owner + 1)
    assert (distrust(file) is None) == (owner == 0)


def test_the_file_behind_a_link_counts(file: Path) -> None:
    link = file.with_name("link.so")
    link.symlink_to(file)
    assert distrust(link) is None
    file.chmod(0o666)
    assert "every user may write" in (distrust(link) or "")
