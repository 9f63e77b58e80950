"""Browsers: whether a policy of the administrator lets pages connect unasked, or forbids it.

Names of the policies: Chromium `LoopbackNetworkAllowedForUrls` and its elder
`LocalNetworkAccessAllowedForUrls`, with `...BlockedForUrls`; Firefox `LocalNetworkAccess`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from bridged.browsers import CHROMIUMS, FIREFOX, Browser
from bridged.doctor.context import Context
from bridged.doctor.finding import Fields, Finding

_KINDS = ("LoopbackNetwork", "LocalNetworkAccess")
BLOCKED = tuple(f"{kind}BlockedForUrls" for kind in _KINDS)
ALLOWED = tuple(f"{kind}AllowedForUrls" for kind in _KINDS)


def browsers(context: Context) -> Iterator[Finding]:
    """Look at every browser that is installed."""
    for browser in CHROMIUMS:
        if browser.installed(context.root):
            yield from _chromium(context, browser)
    if FIREFOX.installed(context.root):
        yield from _firefox(context)


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
    except (ValueError, RecursionError) as error:
        return str(error)
    return policy if isinstance(policy, dict) else "no JSON object"


def _listed(patterns: object) -> list[object]:
    return patterns if isinstance(patterns, list) else [patterns]


def _about(browser: Browser, file: Path) -> Fields:
    return {"browser": browser.name, "file": str(file)}
