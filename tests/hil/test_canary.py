"""A PIN that nothing else could be is used in every way, and then looked for everywhere."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bridged.audit.reading import records, verify
from bridged.client.client import connect
from bridged.errors import PinIncorrect
from bridged.model import Usage
from bridged.virtual.pcscd import PrivatePcscd
from bridged.virtual.profiles import EBID_PIN

from .canary import CANARY, SECOND, disguises, found

ORIGIN = "https://portal.example"
PUK = "12345678"
ALLOW = ("--allow", f"{ORIGIN}=certificates,sign,page-pin")


def start(pcscd: PrivatePcscd, home: Path) -> subprocess.Popen[str]:
    """Start the daemon as talkative as it can be, with everything it writes below `home`."""
    folders = ("XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "TMPDIR")
    with (home / "daemon.log").open("w") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "bridged", "-v", "serve", "--port", "0", *ALLOW],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={
                **os.environ,
                **dict.fromkeys(folders, str(home)),
                "HOME": str(home),
                "PCSCLITE_CSOCK_NAME": pcscd.socket_name,
                "PYTHONASYNCIODEBUG": "1",
            },
        )


async def use_every_way(url: str) -> None:
    """Change the PIN to the canary, mistype it, log in, sign, fail, change it again."""
    async with connect(url, origin=ORIGIN) as bridge:
        (signer,) = await bridge.certificates(usage=Usage.SIGNATURE)
        (login,) = await bridge.certificates(usage=Usage.AUTHENTICATION)
        await bridge.change_pin(signer.id, EBID_PIN, CANARY)
        with pytest.raises(PinIncorrect):
            await bridge.verify_pin(signer.id, SECOND)
        await bridge.verify_pin(login.id, CANARY)
        await bridge.authenticate(login.id, "c" * 44)
        lease = await bridge.verify_pin(signer.id, CANARY)
        await bridge.sign(signer.id, [hashlib.sha256(b"x").digest()] * 2, title="入札書")
        await bridge.release(lease)
        await bridge.change_pin(signer.id, CANARY, SECOND)
        await bridge.unblock_pin(signer.id, PUK, CANARY)
        await bridge.verify_pin(signer.id, CANARY)


def test_the_search_would_find_it(tmp_path: Path) -> None:
    for form in disguises(CANARY):
        (tmp_path / "log").write_bytes(b"before " + form + b" after")
        assert found(tmp_path, disguises(CANARY))
        # The search after the whole suite is not to find it.
        (tmp_path / "log").unlink()


async def test_the_pin_is_nowhere(pcscd: PrivatePcscd, ca_directory: Path, tmp_path: Path) -> None:
    card = pcscd.spawn_card("ebid", ca_directory)
    process = start(pcscd, tmp_path)
    try:
        assert process.stdout is not None
        port = re.search(r":(\d+)$", process.stdout.readline().strip())
        assert port is not None
        await use_every_way(f"ws://127.0.0.1:{port[1]}/v1")
        proc = Path(f"/proc/{process.pid}")
        running = {"arguments": (proc / "cmdline").read_bytes()}
        limits = (proc / "limits").read_text()
        if os.getuid() == 0:  # no other user may look: that the process is not dumpable
            running["environment"] = (proc / "environ").read_bytes()
    finally:
        process.terminate()
        output, _ = process.communicate(timeout=10)
        card.close()
    assert process.returncode == 0
    forms = disguises(CANARY) | disguises(SECOND) | disguises(PUK)
    assert [name for name, text in running.items() if any(form in text for form in forms)] == []
    assert not any(form in output.encode() for form in forms)
    assert found(tmp_path, forms) == []

    log, written = await asyncio.to_thread(look, tmp_path)
    assert {"daemon.log", "audit.jsonl", "audit.head"} <= written
    assert "00200080 ***" in log, "there was something to hide"
    assert re.search(r"^Max core file size +0 +0 ", limits, re.MULTILINE)
    audit = tmp_path / "bridged" / "audit"
    assert verify(audit)[1] == []
    assert {"pin.used", "key.asked", "key.used"} <= {record["event"] for record in records(audit)}


def look(home: Path) -> tuple[str, set[str]]:
    """Return the daemon's log, and the names of the files it wrote."""
    names = {path.name for path in home.rglob("*") if path.is_file()}
    return (home / "daemon.log").read_text("utf-8"), names
