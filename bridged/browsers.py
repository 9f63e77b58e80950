"""The browsers of this computer, and the administrator's word that sites may reach it unasked.

Chromium reads every file of its folder of policies; ours is `bridged.json`, with the sites in
`LoopbackNetworkAllowedForUrls`. Firefox reads one file for all: the names of hosts are added to
`LocalNetworkAccess`, and whatever else stands there stays.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bridged.errors import FileUnusable

ALLOWED = "LoopbackNetworkAllowedForUrls"
OURS = "bridged.json"

NOTE = "bridged"
"""Beside Firefox's policies, where it looks at nothing: the hosts that were added here."""

Policy = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Browser:
    """A browser, where its program and where its policies are: a folder, or a file."""

    name: str
    programs: tuple[str, ...]
    policies: str

    def installed(self, root: Path = Path("/")) -> bool:
        """Whether it is on this computer."""
        return any(below(root, program).exists() for program in self.programs)

    def file(self, root: Path = Path("/")) -> Path:
        """Return the file that holds what we set."""
        path = below(root, self.policies)
        return path if self is FIREFOX else path / OURS

    def sites(self, root: Path = Path("/")) -> list[str]:
        """Return what is allowed there: origins, or hosts for Firefox; raises `FileUnusable`."""
        return sorted(self._of(_read(self.file(root))))

    def allow(self, origins: Iterable[str], root: Path = Path("/")) -> bool:
        """Add sites; False where all were there. Raises `FileUnusable`."""
        policy = _read(self.file(root))
        before, names = self._of(policy), self._named(origins)
        if self is FIREFOX:
            policy[NOTE] = sorted({*policy.get(NOTE, []), *(names - before)})
        return self._keep(policy, before | names, root)

    def revoke(self, origins: Iterable[str] | None = None, root: Path = Path("/")) -> bool:
        """Take sites out, by default all that were put in here; False where there was none.

        Raises `FileUnusable`.
        """
        policy = _read(self.file(root))
        before = self._of(policy)
        ours = set(policy.get(NOTE, [])) if self is FIREFOX else before
        gone = ours if origins is None else self._named(origins)
        if self is FIREFOX:
            policy[NOTE] = sorted(ours - gone)
        return self._keep(policy, before - gone, root)

    def _keep(self, policy: Policy, sites: set[str], root: Path) -> bool:
        if sites == self._of(policy):
            return False
        if self is FIREFOX:
            _set_firefox(policy, sorted(sites))
        else:
            policy[ALLOWED] = sorted(sites)
        _write(self.file(root), {key: value for key, value in policy.items() if value})
        return True

    def _of(self, policy: Policy) -> set[str]:
        access = policy.get("policies", {}).get("LocalNetworkAccess", {})
        return set(access.get("SkipDomains", []) if self is FIREFOX else policy.get(ALLOWED, []))

    def _named(self, origins: Iterable[str]) -> set[str]:
        if self is not FIREFOX:
            return set(origins)
        return {urlsplit(origin).hostname or "" for origin in origins}


CHROMIUMS = (
    Browser("Chromium", ("/usr/bin/chromium",), "/etc/chromium/policies/managed"),
    # The snap may read this folder of the system alone: `snap connections chromium`.
    Browser("Chromium (snap)", ("/snap/bin/chromium",), "/etc/chromium-browser/policies/managed"),
    Browser("Google Chrome", ("/opt/google/chrome/chrome",), "/etc/opt/chrome/policies/managed"),
    Browser("Microsoft Edge", ("/opt/microsoft/msedge/msedge",), "/etc/opt/edge/policies/managed"),
)
FIREFOX = Browser(
    "Firefox",
    ("/usr/bin/firefox", "/usr/bin/firefox-esr", "/snap/bin/firefox"),
    "/etc/firefox/policies/policies.json",
)
BROWSERS = (*CHROMIUMS, FIREFOX)


def below(root: Path, path: str) -> Path:
    """Return a path of the system, below its root."""
    return root / path.lstrip("/")


def _set_firefox(policy: Policy, hosts: list[str]) -> None:
    policies = policy.setdefault("policies", {})
    access = policies.setdefault("LocalNetworkAccess", {"Enabled": True})
    access["SkipDomains"] = hosts
    if not hosts:
        del access["SkipDomains"]
        if access == {"Enabled": True}:
            del policies["LocalNetworkAccess"]


def _read(file: Path) -> Policy:
    try:
        policy = json.loads(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise FileUnusable(file=str(file), detail=error.strerror or str(error)) from None
    except ValueError as error:
        raise FileUnusable(file=str(file), detail=str(error)) from None
    inner = policy.get("policies", {}) if isinstance(policy, dict) else None
    if not isinstance(inner, dict) or not isinstance(inner.get("LocalNetworkAccess", {}), dict):
        raise FileUnusable(file=str(file), detail="this is not how policies are written")
    return dict(policy)


def _leave_empty(file: Path) -> None:
    """Take away the folders that were made for a file, as far as nothing else is in them."""
    with suppress(OSError):
        for folder in file.parents:
            folder.rmdir()


def _write(file: Path, policy: Policy) -> None:
    """Write a policy for everybody to read; one that says nothing leaves no file."""
    try:
        if not policy:
            file.unlink()
            _leave_empty(file)
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_name(f".{file.name}.new")
        new.write_text(json.dumps(policy, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        new.chmod(0o644)
        new.replace(file)
    except OSError as error:
        raise FileUnusable(file=str(file), detail=error.strerror or str(error)) from None
