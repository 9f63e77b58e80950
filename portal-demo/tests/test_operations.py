"""What those who run the portal work with: settings, metrics, the log, the unit, a backup."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
from pathlib import Path

import aiohttp
import msgspec
import pytest
from aiohttp.test_utils import TestClient, TestServer
from processes import portal

from portal_demo.app import METRICS, create_app
from portal_demo.authorities import load_authorities
from portal_demo.cli import main
from portal_demo.logs import HEADER, JsonLines
from portal_demo.pages import PORTAL
from portal_demo.settings import SettingsError, load_settings
from portal_demo.verification import verify

UNIT = Path(__file__).parents[1] / "systemd" / "portal-demo@.service"
RECEIPT = "/registration/complete/20260604-000001"


@pytest.fixture
async def registered(visitor, card):
    await visitor.reach_confirmation(card)
    assert (await visitor.register(card)).status == 200
    assert (await visitor.get(RECEIPT)).status == 200
    return visitor


def personal(tools) -> list[str]:
    """What somebody typed, or has on the card."""
    return [*tools.FORM.values(), "1234567890", "20260604-000001", "長野 太郎", "Nagano Taro"]


# ---- settings ----


def test_the_settings_are_shown_as_they_are_in_force_without_secrets(tmp_path, monkeypatch, capsys):
    secret = tmp_path / "password"
    secret.write_text("s3cret of the database\n")
    config = tmp_path / "portal.toml"
    config.write_text(
        'database = "postgresql+asyncpg://portal@db.example/portal"\nport = 8080\n'
        f'database_password_file = "{secret}"\ntrust = ["a.toml"]\n'
    )
    monkeypatch.setenv("PORTAL_DEMO_PORT", "8081")
    settings = load_settings({"config": config})
    assert "s3cret" in settings.database
    assert main(["config", "show", "--config", str(config)]) == 0
    out = capsys.readouterr().out
    assert "s3cret" not in out
    assert 'database = "postgresql+asyncpg://portal:***@db.example/portal"' in out
    assert "port = 8081" in out
    assert 'trust = ["a.toml"]' in out
    shown_again = tmp_path / "again.toml"
    shown_again.write_text(out)
    again = msgspec.structs.replace(load_settings({"config": shown_again}), database="sqlite://")
    assert again == msgspec.structs.replace(settings, database="sqlite://")


def test_a_password_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(SettingsError, match="database_password_file"):
        load_settings({"database_password_file": tmp_path / "missing"}, {})


@pytest.mark.parametrize("metrics", ["9464", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:70000"])
def test_a_wrong_address_of_the_metrics_is_refused(metrics):
    with pytest.raises(SettingsError, match="metrics"):
        load_settings({"metrics": metrics}, {})


# ---- metrics ----


async def scraped(app) -> str:
    async with TestClient(TestServer(app[METRICS].app())) as client:
        response = await client.get("/metrics")
        assert response.status == 200
        return await response.text()


async def test_the_metrics_count_by_route_and_hold_nothing_personal(app, registered, tools):
    await registered.get("/nowhere/1234567890")
    told = await scraped(app)
    route = "/registration/complete/{number}"
    assert f'portal_requests_total{{method="GET",route="{route}",status="200"}} 1.0' in told
    assert 'route="(none)",status="404"' in told
    assert f'portal_request_seconds_count{{route="{route}"}} 1.0' in told
    assert 'portal_rows{kind="application",status="仮登録"} 1.0' in told
    assert "portal_database_reachable 1.0" in told
    assert not [value for value in personal(tools) if value in told]


async def test_the_metrics_tell_that_the_database_is_away(
    app, visitor, backend, settings, monkeypatch
):
    monkeypatch.setattr("portal_demo.db.PATIENCE_MS", 100)
    watched = create_app(settings)
    async with backend.away(settings.database):
        told = await scraped(watched)
    assert "portal_database_reachable 0.0" in told
    await watched[PORTAL].database.close()


async def test_metrics_are_served_at_an_address_of_their_own(tmp_path):
    url = f"sqlite+aiosqlite:///{tmp_path / 'portal.sqlite3'}"
    async with (
        portal("--database", url, "--metrics", "127.0.0.1:0", "--log-format", "json") as (
            process,
            origin,
        ),
        aiohttp.ClientSession() as client,
    ):
        async with client.get(f"{origin}/metrics") as response:
            assert response.status == 404
            asked = response.headers[HEADER]
        metrics = (await process.stdout.readline()).decode().removeprefix("metrics on ").strip()
        async with client.get(metrics) as response:
            assert 'status="404"' in await response.text()
        process.terminate()
        lines = (await process.stderr.read()).decode().splitlines()
    told = {line.get("request"): line for line in map(json.loads, lines)}
    assert {line["logger"].partition(".")[0] for line in told.values()} == {"portal_demo"}
    assert told[asked]["route"] == "(none)"


# ---- the log ----


async def test_the_log_tells_each_request_by_its_route_and_nothing_personal(
    caplog, visitor, card, tools
):
    caplog.set_level(logging.INFO)
    await visitor.reach_confirmation(card)
    await visitor.register(card)
    page = await visitor.get(RECEIPT)
    told = [record for record in caplog.records if record.name.startswith("portal_demo")]
    lines = [json.loads(JsonLines().format(record)) for record in told]
    [receipt] = [line for line in lines if line.get("route") == "/registration/complete/{number}"]
    assert (receipt["method"], receipt["status"]) == ("GET", 200)
    assert receipt["milliseconds"] > 0
    assert re.fullmatch("[0-9a-f]{16}", page.headers[HEADER])
    text = json.dumps(lines, ensure_ascii=False)
    assert not [value for value in personal(tools) if value in text]


def test_of_an_exception_the_kind_and_the_place_are_written_not_the_words():
    try:
        try:
            raise ValueError("typed: 長野 太郎")
        except ValueError as e:
            raise RuntimeError("mail: test@example.jp") from e
    except RuntimeError:
        record = logging.LogRecord("x", logging.ERROR, "", 0, "failed", (), sys.exc_info())
    line = JsonLines().format(record)
    failure = json.loads(line)["failure"]
    assert failure.startswith("RuntimeError\n  ")
    assert "ValueError" in failure
    assert f"{Path(__file__).name}:" in failure
    assert "長野" not in line
    assert "example.jp" not in line


# ---- the unit ----


def test_the_unit_is_sound_and_hardened(tmp_path):
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text("utf-8").replace("/usr/local/bin/portal-demo", sys.executable))
    analyze = ["systemd-analyze", "--no-pager"]
    verdict = subprocess.run(
        [*analyze, "verify", "--man=no", unit], capture_output=True, text=True, check=False
    )
    assert (verdict.returncode, verdict.stderr) == (0, "")
    exposure = subprocess.run(
        [*analyze, "security", "--offline=yes", "--threshold=15", unit],
        capture_output=True,
        check=False,
    )
    assert exposure.returncode == 0, exposure.stdout[-400:]


# ---- a backup ----


async def test_a_backup_that_was_taken_while_people_worked_holds_everything(
    registered, app, backend, settings, clock, tools, make_card
):
    with backend.restored(backend.backup(settings.database)) as url:
        other = make_card()
        await registered.reach_confirmation(other)
        assert (await registered.register(other)).status == 200
        copy = create_app(msgspec.structs.replace(settings, database=url), clock)
        async with TestClient(TestServer(copy)) as client:
            visitor = tools.Visitor(client)
            async with copy[PORTAL].database.transaction() as db:
                known = load_authorities(settings.trust)
                assert (await verify(db, "20260604-000001", known)).good
            await visitor.reach_confirmation(other)
            answer = await visitor.register(other)
            assert answer.json["location"] == "/registration/complete/20260604-000002"
