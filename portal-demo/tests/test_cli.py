"""The command as it is run: its own process, a free port, SIGTERM."""

from __future__ import annotations

import signal

import aiohttp
import pytest
from processes import portal

from portal_demo import schema
from portal_demo.cli import main


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_says_where_it_listens_serves_and_ends_on_a_signal(tmp_path, number):
    database = f"sqlite+aiosqlite:///{tmp_path / 'portal.sqlite3'}"
    async with portal("--demo", "--database", database) as (process, url):
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{url}/readyz") as response:
                assert (await response.json())["status"] == "ok"
            async with session.get(url) as response:
                assert "利用者登録の手順" in await response.text()
        process.send_signal(number)
        assert await process.wait() == 0
        assert b"Traceback" not in await process.stderr.read()


async def test_a_second_start_finds_the_same_database(tmp_path):
    database = f"sqlite+aiosqlite:///{tmp_path / 'portal.sqlite3'}"
    for _ in range(2):
        async with portal("--demo", "--database", database) as (process, _):
            process.terminate()
            assert await process.wait() == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["--trust", "missing.pem"],
        ["--origin", "nonsense"],
        ["--bridge-url", "http://127.0.0.1"],
        ["--database", "sqlite+aiosqlite:////missing/folder/x.sqlite3"],
        ["--config", "missing.toml"],
        ["--host", "192.0.2.1"],
    ],
)
def test_a_wrong_setting_ends_it_with_one_line(arguments, capsys):
    assert main(["serve", *arguments]) == 1
    error = capsys.readouterr().err
    assert error.startswith("portal-demo: ")
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    "address",
    [
        "s3cret",
        "postgresql+asyncpg://u:s3cret@host:x/db",
        "postgresql+asyncpg:/u:s3cret@host/db",
        "postgresql+asyncpg://host/db?user=u&password=s3cret",
        "postgresql+asyncpg://host/db?user=u&passfile=x&sslpassword=s3cret",
        "no-such-driver://u:s3cret@host/db",
        "postgresql+asyncpg://u:s3cret@127.0.0.1:1/db",
    ],
)
@pytest.mark.parametrize("command", [["migrate"], ["config", "show"]])
def test_a_password_in_the_databases_address_is_never_told(command, address, capsys):
    status = main([*command, "--database", address])
    told = capsys.readouterr()
    assert "s3cret" not in told.out + told.err
    assert status == 0 if told.out else told.err.startswith("portal-demo: ")
    assert told.err.count("\n") <= 1


def test_a_file_that_is_no_certificate_is_refused(tmp_path, capsys):
    wrong = tmp_path / "ca.pem"
    wrong.write_text("nonsense")
    assert main(["serve", "--trust", str(wrong)]) == 1
    assert "portal-demo: " in capsys.readouterr().err


def test_migrate_says_from_where_it_came_and_leaves_the_newest_alone(empty_database_url, capsys):
    newest = schema.newest()
    for before in ("none", newest):
        assert main(["migrate", "--database", empty_database_url]) == 0
        assert capsys.readouterr().out == f"revision {before} -> {newest}\n"
