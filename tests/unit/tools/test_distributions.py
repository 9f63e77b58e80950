"""What the package for Debian and Ubuntu relies on, against what the distributions have.

The versions are those of the archives' own lists of packages (`dists/SUITE/main/binary-amd64/Packages`).
`tools/deb-test` ran in all of them, and in 22.04 for its refusal.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
Version = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Distribution:
    """The versions that a distribution was published with."""

    name: str
    python3: Version
    libc6: Version
    init_system_helpers: Version
    polkitd: Version
    supported: bool = True


DISTRIBUTIONS = (
    Distribution("Debian 12", (3, 11), (2, 36), (1, 65), (122,)),
    Distribution("Debian 13", (3, 13), (2, 41), (1, 69), (126,)),
    # Its Python lacks what bridged is written with (TaskGroup, timeout, tomllib); polkit reads no rules there.
    Distribution("Ubuntu 22.04", (3, 10), (2, 35), (1, 62), (0, 105), supported=False),
    Distribution("Ubuntu 24.04", (3, 12), (2, 39), (1, 66), (124,)),
    Distribution("Ubuntu 26.04", (3, 14), (2, 43), (1, 69), (127,)),
)
RULES_SINCE = (0, 106)
"""polkit reads rules in JavaScript since this version; before, only .pkla files."""


def supports(words: str, version: Version) -> bool:
    """Whether a relation of a package, as `python3 (>= 3.11~)`, holds for a version."""
    relation, wanted = re.search(r"\((>=|<<) ([\d.]+)~?\)", words).groups()  # type: ignore[union-attr]
    bound = tuple(map(int, wanted.split(".")))
    return version >= bound if relation == ">=" else version[: len(bound)] < bound


@pytest.fixture(scope="module")
def depends() -> list[str]:
    """What the package asks of a distribution, as `tools/deb` fills it in."""
    control = (ROOT / "packaging/debian/control.in").read_text(encoding="utf-8")
    pythons = re.search(r"^pythons=\((.*)\)$", (ROOT / "tools/deb").read_text(), re.MULTILINE)
    assert pythons
    first, last = pythons[1].split()[0], pythons[1].split()[-1]
    after = f"3.{int(last.removeprefix('3.')) + 1}"
    filled = control.replace("@PYTHON@", first).replace("@PYTHON_AFTER@", after)
    # What pyscard asks for that was compiled in Debian 12; the wheels of manylinux_2_28 ask for less.
    filled = filled.replace("@LIBC@", "2.34")
    (line,) = re.findall(r"^Depends: (.*)$", filled, re.MULTILINE)
    return [word.strip() for word in line.split(",")]


@pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=lambda each: each.name)
def test_the_package_installs_where_it_can_run_and_nowhere_else(
    depends: list[str], distribution: Distribution
) -> None:
    has = {
        "python3": distribution.python3,
        "libc6": distribution.libc6,
        "init-system-helpers": distribution.init_system_helpers,
    }
    bound = [words for words in depends if "(" in words]
    assert {words.split()[0] for words in bound} == has.keys()
    satisfied = all(supports(words, has[words.split()[0]]) for words in bound)
    assert satisfied is distribution.supported


@pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=lambda each: each.name)
def test_polkit_reads_our_rule_wherever_the_package_installs(distribution: Distribution) -> None:
    assert not distribution.supported or distribution.polkitd >= RULES_SINCE


def test_the_metadata_of_the_wheel_asks_for_the_oldest_python_of_them() -> None:
    wanted = re.search(
        r'^requires-python = ">=(.*)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE
    )
    oldest = min(each.python3 for each in DISTRIBUTIONS if each.supported)
    assert wanted
    assert tuple(map(int, wanted[1].split("."))) == oldest


NEEDS_NAMESPACES = re.compile(
    r"^(Private(?!Users=no)\w+|Protect\w+|(ReadOnly|ReadWrite|Inaccessible|Exec|NoExec)Paths|Bind\w*Paths|"
    r"TemporaryFileSystem|MountAPIVFS|Root\w+|DynamicUser|ProcSubset|NetworkNamespacePath|"
    r"IPCNamespacePath|LogNamespace|MountImages|ExtensionImages)=",
    re.MULTILINE,
)
"""Settings of systemd.exec(5) by which the manager of a user's services makes a user namespace."""


def test_the_user_service_starts_where_users_may_make_no_namespaces() -> None:
    """As in Ubuntu since 24.04 (kernel.apparmor_restrict_unprivileged_userns=1)."""
    units = ROOT / "systemd"
    assert NEEDS_NAMESPACES.search((units / "system/bridged.service").read_text(encoding="utf-8"))
    for unit in (units / "user").iterdir():
        assert not NEEDS_NAMESPACES.search(unit.read_text(encoding="utf-8")), unit.name
