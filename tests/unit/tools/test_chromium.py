"""`tools/chromium` finds a browser that the tests can drive, and says what to do where there is none."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
NEEDED = ("bash", "cat", "grep", "head", "readlink")
BROWSER = "#!/bin/sh\nexec /usr/lib/chromium/chromium\n"
STUB = "#!/bin/sh\nexec /snap/bin/chromium\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A search path without any browser."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in NEEDED:
        found = shutil.which(tool)
        assert found
        (folder / tool).symlink_to(found)
    return folder


def program(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


def find(path: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [path / "bash", ROOT / "tools" / "chromium"],
        env={"PATH": str(path), "HOME": str(path.parent), **env},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_first_real_browser_is_taken(path: Path) -> None:
    program(path / "chromium", STUB)
    chrome = program(path / "google-chrome", BROWSER)
    assert find(path).stdout == f"{chrome}\n"


def test_a_named_browser_comes_first(path: Path, tmp_path: Path) -> None:
    program(path / "chromium", BROWSER)
    mine = program(tmp_path / "mine", BROWSER)
    assert find(path, BRIDGED_CHROMIUM=str(mine)).stdout == f"{mine}\n"


def test_playwrights_own_browser_will_do(path: Path, tmp_path: Path) -> None:
    folder = tmp_path / ".cache" / "ms-playwright" / "chromium-1200" / "chrome-linux"
    folder.mkdir(parents=True)
    chrome = program(folder / "chrome", BROWSER)
    assert find(path).stdout == f"{chrome}\n"


def test_a_snap_alone_is_refused_with_what_to_do(path: Path) -> None:
    program(path / "chromium-browser", STUB)
    answer = find(path)
    assert answer.returncode == 1
    assert answer.stdout == ""
    assert "BRIDGED_CHROMIUM=" in answer.stderr
