"""Browsers: whether a policy of the administrator lets pages connect unasked, or forbids it.

Names of the policies: Chromium `LoopbackNetworkAllowedForUrls` and its elder
`LocalNetworkAccessAllowedForUrls`, with `...BlockedForUrls`; Firefox `LocalNetworkAccess`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bridged.doctor.context import Context
from bridged.doctor.finding import Fields, Finding

_KINDS = ("LoopbackNetwork", "LocalNetworkAccess")
BLOCKED = tuple(f"{kind}BlockedForUrls" for kind in _KINDS)
ALLOWED = tuple(f"{kind}AllowedForUrls" for kind in _KINDS)


@dataclass(frozen=True, slots=True)
class Browser:
    """A browser, where its program and where its policies are."""

    name: str
    programs: tuple[str, ...]
    policies: str


CHROMIUMS = (
    Browser(
        "Chromium", ("/usr/bin/chromium", "/snap/bin/chromium"), "/etc/chromium/policies/managed"
    ),
    Browser("Google Chrome", ("/opt/google/chrome/chrome",), "/etc/opt/chrome/policies/managed"),
    Browser("Microsoft Edge", ("/opt/microsoft/msedge/msedge",), "/etc/opt/edge/policies/managed"),
)
FIREFOX = Browser(
    "Firefox",
    ("/usr/bin/firefox", "/usr/bin/firefox-esr", "/snap/bin/firefox"),
    "/etc/firefox/policies/policies.json",
)


def browsers(context: Context) -> Iterator[Finding]:
    """Look at every browser that is installed."""
    for browser in CHROMIUMS:
        if _installed(context, browser):
            yield from _chromium(context, browser)
    if _installed(context, FIREFOX):
        yield from _firefox(context)


def _installed(context: Context, browser: Browser) -> bool:
    return any(context.below(program).exists() for program in browser.programs)


def _chromium(context: Context, browser: Browser) -> Iterator[Finding]:
    allows = False
    for file in sorted(context.below(browser.policies).glob("*.json")):
        policy = _read(file)
        if isinstance(policy, str):
            yield Finding("browser-policy-wrong", _about(browser, file) | {"detail": policy})
            continue
        allows = allows or any(policy.get(name) for name in ALLOWED)
        for name in BLOCKED:
            if patterns := policy.get(name):
                fields: Fields = {"pattern": ", ".join(map(str, _listed(patterns))), "policy": name}
                yield Finding("browser-blocks", _about(browser, file) | fields)
    yield Finding("browser-policy-good" if allows else "browser-asks", {"browser": browser.name})


def _firefox(context: Context) -> Iterator[Finding]:
    file = context.below(FIREFOX.policies)
    policy = _read(file) if file.exists() else {}
    if isinstance(policy, str):
        yield Finding("browser-policy-wrong", _about(FIREFOX, file) | {"detail": policy})
        return
    inner = policy.get("policies")
    access = inner.get("LocalNetworkAccess") if isinstance(inner, dict) else None
    spared = isinstance(access, dict) and (access.get("SkipDomains") or not access.get("Enabled"))
    yield Finding("browser-policy-good" if spared else "browser-asks", {"browser": FIREFOX.name})


def _read(file: Path) -> dict[str, object] | str:
    """Return a policy file, or what is wrong with it."""
    try:
        policy = json.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeError) as error:
        return type(error).__name__
    except ValueError as error:
        return str(error)
    return policy if isinstance(policy, dict) else "no JSON object"


def _listed(patterns: object) -> list[object]:
    return patterns if isinstance(patterns, list) else [patterns]


def _about(browser: Browser, file: Path) -> Fields:
    return {"browser": browser.name, "file": str(file)}
