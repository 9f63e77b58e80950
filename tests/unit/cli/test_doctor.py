"""`bridged doctor` as a person and a support desk use it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from bridged.cli.doctor import bundle, report
from bridged.doctor.finding import Finding


def run(tmp_path: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PCSCLITE_CSOCK_NAME": str(tmp_path / "none"),
        "XDG_CONFIG_HOME": str(tmp_path),
        "HOME": str(tmp_path),
        "LC_ALL": "ja_JP.UTF-8",
        "PYTHONUTF8": "1",
        **env,
    }
    return subprocess.run(
        [sys.executable, "-m", "bridged", "doctor", *words],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_says_what_to_do_in_the_persons_language(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert done.returncode == 2
    assert "ICカードのサービス（pcscd）が" in done.stdout
    assert "    → " in done.stdout
    assert "\x1b" not in done.stdout
    assert done.stdout.endswith("このままではICカードを使用できません。\n")


def test_programs_get_json(tmp_path: Path) -> None:
    found = json.loads(run(tmp_path, "--json").stdout)
    assert {"name", "severity", "title", "advice", "fields"} == set(found[0])
    assert any(finding["severity"] == "error" for finding in found)


def test_the_bundle_is_private_and_names_nobody(tmp_path: Path) -> None:
    (tmp_path / "bridged").mkdir()
    (tmp_path / "bridged" / "config.toml").write_text("port = 'x'")
    (tmp_path / "bundle.zip").write_bytes(bytes(100_000))
    (tmp_path / "bundle.zip").chmod(0o644)
    run(tmp_path, "--bundle", str(tmp_path / "bundle.zip"))
    assert (tmp_path / "bundle.zip").stat().st_size < 50_000
    assert (tmp_path / "bundle.zip").stat().st_mode & 0o077 == 0
    with zipfile.ZipFile(tmp_path / "bundle.zip") as archive:
        assert archive.namelist() == ["doctor.json", "facts.json", "report.txt"]
        everything = "".join(archive.read(name).decode() for name in archive.namelist())
    assert "~/bridged/config.toml" in everything
    assert str(tmp_path) not in everything


def test_the_bundle_tells_no_name_in_a_path_outside_of_the_home(tmp_path: Path) -> None:
    file = tmp_path / "taro-n" / "config.toml"
    file.parent.mkdir()
    file.write_text("prot = 1")
    words = ("--config", str(file), "--bundle", str(tmp_path / "b.zip"))
    run(tmp_path, *words, HOME="/nowhere", LOGNAME="taro-n")
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        everything = [archive.read(name).decode() for name in archive.namelist()]
    assert "/***/config.toml" in everything[0]
    assert "/***/config.toml" in everything[2]
    assert "taro-n" not in "".join(everything)


@pytest.mark.parametrize(("personal", "told"), [(False, "***"), (True, "IT業者電子01")])
def test_names_are_in_the_bundle_where_the_person_agreed(
    tmp_path: Path, told: str, *, personal: bool
) -> None:
    fields: dict[str, str | int] = {
        "label": "署名",
        "until": "2027-01-01",
        "holder": "IT業者電子01",
    }
    found = Finding("certificate-good", fields, frozenset({"holder"}))
    bundle(tmp_path / "b.zip", [found], personal=personal)
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        (finding,) = json.loads(archive.read("doctor.json"))
        assert finding["fields"]["holder"] == told
        assert f"（{told}）" in archive.read("report.txt").decode()


def test_colours_and_the_verdict_follow_the_worst() -> None:
    good = report([Finding("pcscd-good")], "en", coloured=True)
    assert good == "\x1b[32m✓\x1b[0m The smart card service (pcscd)\n\nNothing is wrong."
    hint = report([Finding("dialog-no-display")], "en", coloured=False)
    assert hint.endswith("Nothing is wrong.")
    warning = report([Finding("reader-empty", {"reader": "R"})], "ja", coloured=False)
    assert warning.splitlines() == [
        "! R: ICカードが挿入されていません",
        "    → ICカードを挿入してください。",
        "",
        "注意が必要な項目があります。",
    ]


def test_a_name_of_a_program_or_card_cannot_play_with_the_terminal() -> None:
    findings = [
        Finding("port-taken", {"port": 1, "program": "a\x1b[2Jb\u202ec"}),
        Finding("browser-blocks", {"browser": "b", "file": "f", "pattern": "*", "policy": "x\ny"}),
        Finding(
            "certificate-good", {"label": "署名", "until": "2027-01-01", "holder": "長野　太郎"}
        ),
    ]
    told = report(findings, "ja", coloured=False)
    assert "a?[2Jb?c" in told
    assert "管理者に x?y の変更を依頼してください。" in told
    assert "長野　太郎" in told


def test_a_report_is_broken_into_lines_below_each_other_and_a_command_stays_whole() -> None:
    findings = [Finding("daemon-stopped", {"port": 24781}), Finding("dialog-no-display")]
    assert report(findings, "en", coloured=True, columns=40).splitlines() == [
        "\x1b[33m!\x1b[0m bridged does not run (port 24781)",
        "    → Start it:",
        "      systemctl --user start bridged.socket, or bridged serve",
        "\x1b[36m-\x1b[0m There is no display here, so no dialog",
        "  for PINs can open",
        "",
        "Something needs your attention.",
    ]
    assert report(findings, "ja", coloured=False, columns=62).splitlines()[1:] == [
        "    → 起動してください: systemctl --user start bridged.socket",
        "      （または bridged serve）",
        "- 画面（ディスプレイ）のない環境です。PIN入力の画面は",
        "  開けません",
        "",
        "注意が必要な項目があります。",
    ]
