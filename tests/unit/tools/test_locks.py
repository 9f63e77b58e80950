"""The lock files hold what the projects ask for, and can be installed from any index."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[3]
PROJECTS = (ROOT / "pyproject.toml", ROOT / "portal-demo" / "pyproject.toml")
PIN = re.compile(r"^(?P<name>[a-z0-9-]+)==(?P<version>\S+)(?: ; .*)? \\$")


def _project(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text())


def _lock(name: str) -> str:
    return (ROOT / "requirements" / f"{name}.txt").read_text()


def _pins(name: str) -> dict[str, str]:
    pins = (PIN.match(line) for line in _lock(name).splitlines())
    return {pin["name"]: pin["version"] for pin in pins if pin}


RUN_TIME = [text for path in PROJECTS for text in _project(path)["project"]["dependencies"]]
GROUPS = _project(PROJECTS[0])["dependency-groups"]


@pytest.mark.parametrize(
    ("lock", "wanted"),
    [
        (
            "build",
            GROUPS["build"]
            + [r for p in PROJECTS for r in _project(p)["build-system"]["requires"]],
        ),
        ("demo", RUN_TIME),
        ("dev", RUN_TIME + GROUPS["dev"]),
    ],
    ids=["build", "demo", "dev"],
)
def test_lock_holds_what_is_asked_for(lock: str, wanted: list[str]) -> None:
    pins = _pins(lock)
    for requirement in map(Requirement, wanted):
        version = pins.get(canonicalize_name(requirement.name))
        assert version, f"{requirement} is not in {lock}.txt: run tools/lock"
        assert requirement.specifier.contains(version), f"{requirement}: run tools/lock"


@pytest.mark.parametrize("lock", ["build", "demo"])
def test_what_is_tested_is_what_the_demo_runs(lock: str) -> None:
    tested = _pins("dev")
    versions = _pins(lock).items()
    assert {name: v for name, v in versions if tested.get(name, v) != v} == {}


@pytest.mark.parametrize("lock", ["build", "demo", "dev"])
def test_lock_names_no_index_and_every_pin_has_a_hash(lock: str) -> None:
    text = _lock(lock)
    assert "://" not in text
    lines = text.splitlines()
    assert lines
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if not line.startswith(" "):
            assert PIN.match(line), line
            assert following.startswith("    --hash=sha256:"), line
