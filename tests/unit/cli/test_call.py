"""`bridged call` against `bridged serve`, each a process as a person starts them."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from bridged.virtual.profiles import EBID_PIN


@dataclass(frozen=True)
class Shell:
    """A person's shell, with a daemon that runs on a port of its own."""

    home: Path
    port: int

    def call(self, *args: str, typed: str = "", **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "bridged", "call", *args],
            env={**environment(self.home), **env},
            input=typed,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=30,
            check=False,
        )

    def answer(self, *args: str, typed: str = "") -> dict[str, Any]:
        """Return the result of a call that succeeds and says nothing else."""
        done = self.call(*args, "--port", str(self.port), typed=typed)
        assert (done.returncode, done.stderr) == (0, "")
        return json.loads(done.stdout)  # type: ignore[no-any-return]

    def error(self, *args: str, typed: str = "") -> dict[str, Any]:
        """Return the error object of a call that fails and prints nothing else."""
        done = self.call(*args, "--port", str(self.port), "--json", typed=typed)
        assert (done.returncode, done.stdout) == (1, "")
        error = json.loads(done.stderr)
        assert error["message"] == error["data"]["messages"]["en"]
        return error  # type: ignore[no-any-return]

    def key(self, usage: str) -> str:
        found = self.answer("certificate.list", json.dumps({"usage": usage}))
        return found["certificates"][0]["id"]  # type: ignore[no-any-return]


def environment(home: Path) -> dict[str, str]:
    return {
        **os.environ,
        "XDG_RUNTIME_DIR": str(home / "run"),
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_STATE_HOME": str(home / "state"),
        "LC_ALL": "C.UTF-8",
    }


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    home = tmp_path_factory.mktemp("home")
    with subprocess.Popen(
        [sys.executable, "-m", "bridged", "serve", "--port", "0", "--virtual", "ebid"],
        env=environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as daemon:
        assert daemon.stdout is not None
        match = re.fullmatch(r"listening on http://127\.0\.0\.1:(\d+)\n", daemon.stdout.readline())
        assert match is not None
        yield Shell(home, int(match[1]))
        daemon.terminate()


def test_a_result_is_printed_as_json_that_a_person_can_read(shell: Shell) -> None:
    done = shell.call("reader.list", "--port", str(shell.port))
    assert done.returncode == 0
    assert done.stdout.startswith('{\n  "readers": [\n    {\n      "id": ')
    assert done.stdout.endswith("}\n")


def test_bytes_are_base64_and_kanji_are_themselves(shell: Shell) -> None:
    arguments = ("certificate.list", '{"usage": "signature"}', "--port", str(shell.port))
    text = shell.call(*arguments, PYTHONUTF8="0", PYTHONIOENCODING="ascii").stdout
    (certificate,) = json.loads(text)["certificates"]
    der = base64.b64decode(certificate["x509"]["der"], validate=True)
    assert x509.load_der_x509_certificate(der).serial_number
    assert certificate["x509"]["holder"]["organization"] in text


def test_a_pin_comes_from_standard_input(shell: Shell) -> None:
    key = shell.key("signature")
    lease = shell.answer("pin.verify", "-", typed=json.dumps({"key": key, "pin": EBID_PIN}))
    assert lease["key"] == key
    status = shell.answer("pin.status", json.dumps({"key": key}))
    assert (status["verified"], status["triesLeft"]) == (False, 3)


@pytest.mark.parametrize("text", ['{"key": "%s", "pin": "999999"}', '{"p\\u0069n":0,"key":"%s"}'])
def test_a_pin_in_the_arguments_is_refused_before_anybody_hears_it(shell: Shell, text: str) -> None:
    key = shell.key("signature")
    done = shell.call("pin.verify", text % key, "--port", str(shell.port))
    assert (done.returncode, done.stdout) == (1, "")
    assert "Write - in place of the JSON" in done.stderr
    assert "999999" not in done.stderr
    assert shell.answer("pin.status", json.dumps({"key": key}))["triesLeft"] == 3


@pytest.mark.parametrize("member", ["pin", "newPin", "puk", "newPuk"])
def test_every_secret_of_the_protocol_is_refused_in_the_arguments(
    shell: Shell, member: str
) -> None:
    method = {"puk": "pin.unblock", "newPuk": "puk.change"}.get(member, "pin.change")
    error = shell.error(method, json.dumps({"key": "k", member: "999999"}))
    assert error["data"]["reason"] == "pin-as-argument"


def test_an_error_of_the_daemon_has_its_fields(shell: Shell) -> None:
    key = shell.key("authentication")
    typed = json.dumps({"key": key, "pin": "999999"})
    error = shell.error("pin.verify", "-", typed=typed)
    assert error["code"] == 4302
    assert error["data"]["reason"] == "pin-incorrect"
    assert error["data"]["triesLeft"] == 2
    shell.answer("pin.verify", "-", typed=json.dumps({"key": key, "pin": EBID_PIN}))


@pytest.mark.parametrize(
    ("params", "path"),
    [
        ("{", "params"),
        ("", "params"),
        ("[]", "params"),
        ('{"key": "k"} {}', "params"),
        ('{"key": "k\\ud800"}', "params"),
        ("{}", "key"),
        ('{"key": 1}', "key"),
        ('{"key": "k", "lease_seconds": 1}', "lease_seconds"),
        ('{"key": "k", "leaseSeconds": 301}', "leaseSeconds"),
        ('{"key": ' + "[" * 50_000, "key"),
    ],
)
def test_wrong_parameters_are_refused_here_with_their_path(
    shell: Shell, params: str, path: str
) -> None:
    for error in (
        shell.error("pin.verify", params),
        shell.error("pin.verify", "-", typed=params),
    ):
        assert error["code"] == -32602
        assert error["data"]["path"] == path


def test_a_method_that_does_not_exist_is_said(shell: Shell) -> None:
    done = shell.call("card.transmit", "--port", str(shell.port))
    assert done.returncode == 1
    assert done.stderr == "bridged: There is no method “card.transmit”.\n"


def test_a_signature_that_wants_its_pin_says_so(shell: Shell) -> None:
    digest = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    params = {"certificate": shell.key("signature"), "algorithm": "RS256", "digests": [digest]}
    assert shell.error("signature.create", json.dumps(params))["data"]["reason"] == "pin-required"


@pytest.mark.parametrize(
    ("variable", "said"),
    [("LC_ALL", "というメソッドはありません"), ("LANG", "There is no method")],
)
def test_an_error_is_told_in_the_language_of_the_person(
    shell: Shell, variable: str, said: str
) -> None:
    done = shell.call("card.transmit", **{"LC_ALL": "C.UTF-8", variable: "ja_JP.UTF-8"})
    assert said in done.stderr


def test_the_port_comes_from_the_settings(shell: Shell, tmp_path: Path) -> None:
    settings = tmp_path / "config.toml"
    settings.write_text(f"port = {shell.port}\n")
    done = shell.call("bridge.info", "--config", str(settings))
    assert json.loads(done.stdout)["origin"] is None
    (tmp_path / "bridged").mkdir()
    settings.rename(tmp_path / "bridged" / "config.toml")
    done = shell.call("bridge.info", XDG_CONFIG_HOME=str(tmp_path))
    assert json.loads(done.stdout)["origin"] is None


def test_no_daemon_is_said_with_what_to_do(shell: Shell) -> None:
    done = shell.call("bridge.info", "--port", "1")
    assert done.returncode == 1
    assert "No bridged of yours runs on port 1. Start it: " in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("token", ["of a daemon that was killed", "キー"])
def test_a_token_that_opens_nothing_is_no_daemon_of_this_user(
    shell: Shell, tmp_path: Path, token: str
) -> None:
    folder = tmp_path / "bridged"
    folder.mkdir()
    for port in (1, shell.port):
        (folder / f"token-{port}").write_text(token, encoding="utf-8")
        done = shell.call("bridge.info", "--port", str(port), XDG_RUNTIME_DIR=str(tmp_path))
        assert f"No bridged of yours runs on port {port}" in done.stderr
