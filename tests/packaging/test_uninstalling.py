"""The package's own scripts and units under a real dpkg and a real manager of user services."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PROMPT = "The package is tried in a copy of this system, which takes root. Password of %u: "
PERSONAL = {
    "audit",
    "audit/audit.head",
    "audit/audit.jsonl",
    "audit/audit.lock",
    "sites.json.lock",
}
"""The person's own records below `~/.local/state/bridged`, which no package touches."""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package with all but its Python packages: it runs the bridged of this folder."""
    folder = tmp_path_factory.mktemp("package")
    subprocess.run(
        [ROOT / "tools" / "deb", "--thin", folder], check=True, stdout=subprocess.DEVNULL
    )
    (package,) = folder.iterdir()
    return package


def in_a_system_of_its_own(scratch: Path, *script: Path) -> list[tuple[str, str]]:
    """Run a script of this folder there; return what it tells, by name."""
    # An ordinary user's namespace will not do: dpkg's files and the control groups are not theirs there.
    as_root = [] if os.getuid() == 0 else ["sudo", "--prompt", PROMPT]
    alone = [*as_root, "unshare", "--mount", "--net", "--pid", "--fork", "--kill-child"]
    done = subprocess.run(
        [*alone, HERE / "in_a_system_of_its_own", scratch, *script],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = [line.partition(":") for line in done.stdout.splitlines()]
    return [(name, value.strip()) for name, _, value in told]


@pytest.mark.timeout(900)
def test_uninstalling_leaves_nothing_listening(package: Path, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    told = in_a_system_of_its_own(scratch, HERE / "uninstall", package)
    state = dict(told)
    assert state["listening before"] == "0"
    assert state["enabled"] == "/usr/lib/systemd/user/bridged.socket"
    assert state["listening"] == "2", "both loopback addresses, with the installation"
    assert state["processes before anybody came"] == "0"
    assert state["answer"] == "ok"
    assert (state["processes"], state["token"]) == ("1", "/run/user/0/bridged/token-24781")
    assert "/etc/chromium/policies/managed/bridged.json" in state["browsers"]
    assert state["somebody connected"] == "HTTP/1.1 200 OK"
    after = {name: value for name, value in told if name.endswith(" after")}
    assert after == {
        "listening after": "0",
        "processes after": "0",
        "answer after": "",
        "token after": "",
        "browsers after": "",
        "units after": "",
        "active after": "",
    }
    left = {value.removeprefix("> ") for name, value in told if name == "left"}
    home = scratch / "home" / ".local"
    records = home / "state" / "bridged"
    personal = {str(records / name) for name in PERSONAL}
    folders = {str(home), str(home / "state"), str(records), "/run/user/0/bridged"}
    assert left == personal | folders, "no file, no setting of a browser, no certificate"
