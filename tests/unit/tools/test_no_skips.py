"""`pytest --no-skips` fails where a test or a module skips itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
CALLED = "import pytest\ndef test_a():\n    pytest.skip('no card')\n"
MARKED = "import pytest\n@pytest.mark.skip(reason='no card')\ndef test_a():\n    pass\n"
MODULE = "import pytest\npytest.skip('no card', allow_module_level=True)\n"
FIXTURE = (
    "import pytest\n@pytest.fixture\ndef card():\n    pytest.skip('no card')\n"
    "def test_a(card):\n    pass\n"
)


def run(folder: Path, source: str, *options: str) -> subprocess.CompletedProcess[str]:
    (folder / "conftest.py").write_text((ROOT / "conftest.py").read_text())
    (folder / "test_it.py").write_text(f"{source}\ndef test_fine():\n    pass\n")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, str(folder)],
        cwd=folder,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("source", [CALLED, MARKED, MODULE, FIXTURE])
def test_skip_fails_the_run(tmp_path: Path, source: str) -> None:
    refused = run(tmp_path, source, "--no-skips")
    assert refused.returncode != 0
    assert "no card" in refused.stdout


def test_a_run_without_skips_passes(tmp_path: Path) -> None:
    assert run(tmp_path, "", "--no-skips").returncode == 0


def test_skips_pass_where_they_are_not_refused(tmp_path: Path) -> None:
    assert run(tmp_path, CALLED).returncode == 0
