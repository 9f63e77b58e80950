"""Every way in which a terminal, a pipe, a disk or a person's fingers can be in the way of a command."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bridged.__main__ import main
from bridged.cli import settings

from .test_call import environment

COMMANDS = [
    "config show",
    "config show --json",
    "completion bash",
    "card --list",
    "doctor",
]


def run(
    home: Path, words: str, *before: str, stdout: int = subprocess.PIPE, **env: str
) -> tuple[int, bytes, str]:
    """Return exit status, output and what was said on standard error."""
    done = subprocess.run(
        [*before, sys.executable, "-m", "bridged", *words.split()],
        # Buffered, as Python is by itself: what is lost may be noticed only as it ends.
        env={
            **environment(home),
            "PCSCLITE_CSOCK_NAME": str(home / "none"),
            "PYTHONUNBUFFERED": "",
            **env,
        },
        stdout=stdout,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout or b"", done.stderr.decode()


@pytest.mark.parametrize("words", COMMANDS)
def test_a_pipe_that_nobody_reads_ends_a_command_quietly(tmp_path: Path, words: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    status, _, said = run(tmp_path, words, stdout=writing)
    os.close(writing)
    assert (status, said) == (141, "")


@pytest.mark.parametrize("words", COMMANDS)
def test_a_full_disk_is_told_in_one_line(tmp_path: Path, words: str) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    status, _, said = run(tmp_path, words, stdout=full, LC_ALL="ja_JP.UTF-8", PYTHONUTF8="1")
    os.close(full)
    assert status == 1
    assert said == (
        "bridged: 出力を書き込めません（No space left on device）。"
        "空き容量と書き込み先を確かめてください。\n"
    )


def test_a_fault_of_another_file_is_not_told_as_one_of_the_output(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device", "/var/lib/sites.json")

    monkeypatch.setattr(settings, "run", full)
    with pytest.raises(OSError, match=r"sites\.json"):
        main(["config", "show"])


@pytest.mark.parametrize("words", ["config show", "config show --json", "readers"])
def test_closed_streams_are_no_fault(tmp_path: Path, words: str) -> None:
    closed = run(tmp_path, words, "sh", "-c", 'exec "$@" >&- 2>&-', "-")
    assert closed == (int(words == "readers"), b"", "")


@pytest.mark.parametrize("encoding", ["euc_jp", "shift_jis", "ascii", "utf-8"])
def test_a_terminal_that_lacks_letters_gets_what_it_can_show(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "config" / "bridged").mkdir(parents=True)
    (tmp_path / "config" / "bridged" / "config.toml").write_text("[pkcs11]\ndiscover = true\n")
    status, out, said = run(
        tmp_path, "doctor --config 髙.toml", LC_ALL="ja_JP", PYTHONIOENCODING=encoding
    )
    assert (status, said) == (2, "")
    report = out.decode(encoding)
    assert report.splitlines()[0].startswith("✗ " if encoding == "utf-8" else "x ")
    assert ("髙.toml" if encoding == "utf-8" else "\\u9ad9.toml") in report
    if encoding != "ascii":
        assert "このままではICカードを使用できません。" in report


@pytest.mark.parametrize("stage", ["msgspec", "bridged.cli.commands", "bridged.doctor.examination"])
def test_ctrl_c_ends_a_command_quietly_at_each_stage(tmp_path: Path, stage: str) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "class Person:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {stage!r}: raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Person())\n"
    )
    assert run(tmp_path, "doctor", PYTHONPATH=str(tmp_path)) == (130, b"", "")


def test_a_bundle_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    status, _, said = run(tmp_path, f"doctor --bundle {tmp_path}/none/x.zip")
    assert status == 1
    assert said == f"bridged: {tmp_path}/none/x.zip cannot be used: No such file or directory\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("serv", "did you mean serve?"),
        ("docter", "did you mean doctor?"),
        ("sites lst", "did you mean list?"),
        ("pin verfy", "did you mean verify?"),
        ("completion bsh", "did you mean bash?"),
        ("serve --alow x", "did you mean --allow?"),
        ("doctor --jsn", "did you mean --json?"),
        ("config show --orign=x", "did you mean --origin?"),
        ("readers --verbose", "--verbose goes before the command"),
        ("readers -v", "-v goes before the command"),
    ],
)
def test_a_misspelt_word_is_told_with_what_was_meant(
    words: str, said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    with pytest.raises(SystemExit) as ended:
        main(words.split())
    assert ended.value.code == 2
    shown = capsys.readouterr().err
    assert shown.endswith(f"\n{said}\n")
    group = " ".join(word for word in words.split()[:-1] if not word.startswith("-"))
    assert f"usage: bridged {group}".rstrip() in shown


def test_what_was_meant_is_told_in_japanese_and_only_where_it_is_near(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "ja_JP.UTF-8")
    for words, said in (("serv", True), ("nonsense", False)):
        with pytest.raises(SystemExit):
            main([words])
        assert ("もしかして: serve" in capsys.readouterr().err) is said
