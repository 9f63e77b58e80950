"""`bridged browsers` on a likeness of a computer, and the policies it writes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bridged import browsers as module
from bridged.__main__ import main
from bridged.cli import browsers as command
from bridged.errors import NotAnOrigin

SITE = "https://e-bid.city.example.jp"
OTHER = "https://p.example:8443"


@pytest.fixture
def computer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A computer with Chromium and Firefox alone, below a folder."""

    def moved(browser: module.Browser) -> module.Browser:
        programs = tuple(f"{tmp_path}{program}" for program in browser.programs)
        return replace(browser, programs=programs, policies=f"{tmp_path}{browser.policies}")

    here = tuple(map(moved, module.BROWSERS))
    monkeypatch.setattr(module, "FIREFOX", here[-1])
    monkeypatch.setattr(command, "BROWSERS", here)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    for browser in (here[0], here[-1]):
        program = Path(browser.programs[0])
        program.parent.mkdir(parents=True, exist_ok=True)
        program.touch()
    return tmp_path


Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run_(*words: str) -> tuple[int, str]:
        status = main(["browsers", *words])
        captured = capsys.readouterr()
        return status, captured.out + captured.err

    return run_


def policy(computer: Path, file: str) -> Any:
    return json.loads((computer / file).read_text(encoding="utf-8"))


CHROMIUM = "etc/chromium/policies/managed/bridged.json"
FIREFOX = "etc/firefox/policies/policies.json"


def test_a_site_is_allowed_listed_and_revoked_and_no_file_stays(computer: Path, run: Run) -> None:
    assert run("allow", SITE, OTHER)[0] == 0
    assert policy(computer, CHROMIUM) == {"LoopbackNetworkAllowedForUrls": [SITE, OTHER]}
    access = {"Enabled": True, "SkipDomains": ["e-bid.city.example.jp", "p.example"]}
    assert policy(computer, FIREFOX)["policies"] == {"LocalNetworkAccess": access}
    assert (computer / CHROMIUM).stat().st_mode & 0o777 == 0o644
    assert not (computer / "etc/opt").exists(), "of browsers that are not installed"
    status, shown = run("list")
    assert (status, f"Chromium: {SITE}, {OTHER}\n" in shown) == (0, True)
    assert "nothing to change" in run("allow", SITE)[1]
    run("revoke", OTHER)
    assert policy(computer, CHROMIUM) == {"LoopbackNetworkAllowedForUrls": [SITE]}
    listed = json.loads(run("list", "--json")[1])["browsers"]
    assert [each["sites"] for each in listed] == [[SITE], ["e-bid.city.example.jp"]]
    changed = json.loads(run("revoke", "--all", "--json")[1])["browsers"]
    assert [(each["name"], each["changed"]) for each in changed] == [
        ("Chromium", True),
        ("Firefox", True),
    ]
    assert not (computer / CHROMIUM).exists()
    assert not (computer / "etc").exists(), "nor a folder"
    assert run("revoke", "--all")[0] == 1
    assert run("revoke", "--all", "--json") == (1, '{\n  "browsers": []\n}\n')
    assert run("revoke", "p.example") == (
        1,
        f"bridged: {NotAnOrigin('p.example').messages()['en']}\n",
    )


def test_what_others_set_in_firefox_stays(computer: Path, run: Run) -> None:
    file = computer / FIREFOX
    file.parent.mkdir(parents=True)
    before = {
        "policies": {
            "DisableTelemetry": True,
            "LocalNetworkAccess": {"Enabled": True, "BlockTrackers": True, "SkipDomains": ["a.b"]},
        }
    }
    file.write_text(json.dumps(before))
    run("allow", SITE)
    inner = policy(computer, FIREFOX)["policies"]
    assert inner["DisableTelemetry"] is True
    assert inner["LocalNetworkAccess"]["SkipDomains"] == ["a.b", "e-bid.city.example.jp"]
    run("allow", "https://a.b")
    run("revoke", "--all")
    assert policy(computer, FIREFOX) == before


def test_browsers_that_are_snaps_are_told_where_they_may_read(tmp_path: Path) -> None:
    """Ubuntu's: the snaps' own `etc-chromium-browser-policies` and `etc-firefox` name the folders."""
    for program in ("chromium", "firefox"):
        (tmp_path / "snap/bin").mkdir(parents=True, exist_ok=True)
        (tmp_path / "snap/bin" / program).touch()
    found = [browser for browser in module.BROWSERS if browser.installed(tmp_path)]
    assert [browser.allow([SITE], tmp_path) for browser in found] == [True, True]
    snap = "etc/chromium-browser/policies/managed/bridged.json"
    assert policy(tmp_path, snap) == {"LoopbackNetworkAllowedForUrls": [SITE]}
    assert "e-bid.city.example.jp" in (tmp_path / FIREFOX).read_text(encoding="utf-8")
    assert not (tmp_path / CHROMIUM).exists()


@pytest.mark.parametrize("text", ["{", "[]", '{"policies": {"LocalNetworkAccess": []}}'])
def test_a_policy_that_cannot_be_understood_is_left_alone(
    computer: Path, run: Run, text: str
) -> None:
    file = computer / FIREFOX
    file.parent.mkdir(parents=True)
    file.write_text(text)
    status, shown = run("allow", SITE)
    assert (status, str(file) in shown) == (1, True)
    assert file.read_text() == text


@pytest.mark.parametrize("site", ["e-bid.city.example.jp", "https://*.example.jp", SITE + "/"])
def test_what_is_no_origin_goes_into_no_policy(computer: Path, run: Run, site: str) -> None:
    assert run("allow", SITE, site)[0] == 1
    assert not (computer / CHROMIUM).exists()


def test_without_a_browser_nothing_is_written(computer: Path, run: Run) -> None:
    for program in ("usr/bin/chromium", "usr/bin/firefox"):
        (computer / program).unlink()
    assert run("allow", SITE)[0] == 1
    assert not (computer / "etc").exists()
