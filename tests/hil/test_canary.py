"""A PIN that nothing else could be is used in every way, and then looked for everywhere.

The keypad of a reader is not among the ways here: what is typed there is in no message to the computer
(`tests/unit/service/test_keypad.py`), and no reader of pcscd's test driver has one.
"""

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
from bridged.client.client import Bridge, connect
from bridged.config import PinWay
from bridged.errors import PinIncorrect
from bridged.model import Certificate, Usage
from bridged.virtual.pcscd import PrivatePcscd
from bridged.virtual.profiles import EBID_PIN

from .canary import CANARY, SECOND, THIRD, disguises, found
from .people import Person

ORIGIN = "https://portal.example"
PUK = "12345678"


def start(pcscd: PrivatePcscd, home: Path, way: PinWay) -> subprocess.Popen[str]:
    """Start the daemon as talkative as it can be, with everything it writes below `home`."""
    grants = "certificates,sign,page-pin" if way is PinWay.PAGE else "certificates,sign"
    (home / "config.toml").write_text(
        f'[pin]\nways = ["{way}"]\npinentry = "{home / "pinentry-test"}"\n', "utf-8"
    )
    serve = ["serve", "--port", "0", "--allow", f"{ORIGIN}={grants}"]
    folders = ("XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "TMPDIR")
    with (home / "daemon.log").open("w") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "bridged", "-v", *serve, "--config", str(home / "config.toml")],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={
                **os.environ,
                **dict.fromkeys(folders, str(home)),
                "HOME": str(home),
                "DISPLAY": ":9" if way is PinWay.PINENTRY else "",
                "WAYLAND_DISPLAY": "",
                "PCSCLITE_CSOCK_NAME": pcscd.socket_name,
                "PYTHONASYNCIODEBUG": "1",
            },
        )


async def use_page(bridge: Bridge) -> None:
    """Change the PIN to the canary, mistype it, log in, sign, fail, change it again: by the page."""
    signer, login = await keys(bridge)
    async with asyncio.timeout(60):
        await bridge.change_pin(signer.id, EBID_PIN, CANARY)
        with pytest.raises(PinIncorrect):
            await bridge.verify_pin(signer.id, SECOND)
        await bridge.verify_pin(login.id, CANARY)
        await bridge.authenticate(login.id, "c" * 44)
        lease = await bridge.verify_pin(signer.id, CANARY)
        await bridge.sign(signer.id, [hashlib.sha256(b"x").digest()] * 2, title="入札書")
        await bridge.release(lease)
        await bridge.change_pin(signer.id, CANARY, SECOND)
        await bridge.change_puk(signer.id, PUK, THIRD)
        await bridge.unblock_pin(signer.id, THIRD, CANARY)
        await bridge.verify_pin(signer.id, CANARY)


async def use_dialogs(bridge: Bridge, person: Person) -> None:
    """Do the same where a person types all of it in dialogs."""
    signer, login = await keys(bridge)
    async with asyncio.timeout(60):
        person.types(EBID_PIN, CANARY)
        await bridge.change_pin(signer.id)
        person.types(SECOND, CANARY)
        lease = await bridge.verify_pin(signer.id)
        await bridge.sign(signer.id, [hashlib.sha256(b"x").digest()] * 2, title="入札書")
        await bridge.release(lease)
        person.types(CANARY)
        await bridge.sign(signer.id, [hashlib.sha256(b"x").digest()], title="入札書")
        person.types(CANARY)
        await bridge.authenticate(login.id, "c" * 44)
        person.types(CANARY, SECOND)
        await bridge.change_pin(signer.id)
        person.types(PUK, THIRD)
        await bridge.change_puk(signer.id)
        person.types(THIRD, CANARY)
        await bridge.unblock_pin(signer.id)
        person.types(CANARY)
        await bridge.verify_pin(signer.id)
    assert person.asked == 13


async def keys(bridge: Bridge) -> tuple[Certificate, Certificate]:
    (signer,) = await bridge.certificates(usage=Usage.SIGNATURE)
    (login,) = await bridge.certificates(usage=Usage.AUTHENTICATION)
    return signer, login


async def use(url: str, way: PinWay, person: Person) -> None:
    """Use the canary by one way."""
    async with connect(url, origin=ORIGIN) as bridge:
        if way is PinWay.PAGE:
            await use_page(bridge)
        elif way is PinWay.PINENTRY:
            async with person.at_pinentry():
                await use_dialogs(bridge, person)
        else:
            async with asyncio.TaskGroup() as tasks:
                sitting = tasks.create_task(person.at_windows(bridge))
                await use_dialogs(bridge, person)
                sitting.cancel()


def test_the_search_would_find_it(tmp_path: Path) -> None:
    for form in disguises(CANARY):
        (tmp_path / "log").write_bytes(b"before " + form + b" after")
        assert found(tmp_path, disguises(CANARY))
        # The search after the whole suite is not to find it.
        (tmp_path / "log").unlink()


@pytest.mark.parametrize("way", [PinWay.PAGE, PinWay.PINENTRY, PinWay.WINDOW])
async def test_the_pin_is_nowhere(
    pcscd: PrivatePcscd, ca_directory: Path, tmp_path: Path, way: PinWay
) -> None:
    card = pcscd.spawn_card("ebid", ca_directory, trace=tmp_path / "trace")
    person = Person(tmp_path)
    process = start(pcscd, tmp_path, way)
    try:
        assert process.stdout is not None
        port = re.search(r":(\d+)$", process.stdout.readline().strip())
        assert port is not None
        await use(f"ws://127.0.0.1:{port[1]}/v1", way, person)
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
    forms = disguises(CANARY) | disguises(SECOND) | disguises(THIRD) | disguises(PUK)
    assert [name for name, text in running.items() if any(form in text for form in forms)] == []
    assert not any(form in output.encode() for form in forms)
    assert found(tmp_path, forms) == []

    log, written = await asyncio.to_thread(look, tmp_path)
    assert {"daemon.log", "audit.jsonl", "audit.head", "trace"} <= written
    assert "00200080 ***" in log, "there was something to hide"
    assert re.search(r"^Max core file size +0 +0 ", limits, re.MULTILINE)
    audit = tmp_path / "bridged" / "audit"
    assert verify(audit)[1] == []
    written_down = list(records(audit))
    assert {"pin.used", "key.asked", "key.used"} <= {record["event"] for record in written_down}
    assert {record.get("pinBy") for record in written_down} == {way, "lease", None}


def look(home: Path) -> tuple[str, set[str]]:
    """Return the daemon's log, and the names of the files it wrote."""
    names = {path.name for path in home.rglob("*") if path.is_file()}
    return (home / "daemon.log").read_text("utf-8"), names
