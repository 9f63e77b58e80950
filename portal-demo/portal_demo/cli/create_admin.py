"""`portal-demo create-admin`: the first officer of the back office, who adds the others there."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import sys
from pathlib import Path

from portal_demo.clock import utc_now
from portal_demo.db import Database
from portal_demo.office import audit
from portal_demo.office.audit import Action, Actor
from portal_demo.office.officers import (
    PASSWORD_FAULT,
    add_officer,
    find_officer,
    is_login,
    password_fault,
)
from portal_demo.office.roles import Role
from portal_demo.settings import Settings
from portal_demo.users import hash_password
from portal_demo.validation import is_mail

NAME = "create-admin"
HELP = "add an administrator to the back office (/office); asks for the password"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add who it is. The password is never an argument: others could read it there."""
    parser.add_argument("login", help="officer ID: lower-case letters, digits, . _ -")
    parser.add_argument("--name", required=True, help="the person's name")
    parser.add_argument("--mail", required=True, help="the person's mail address")
    parser.add_argument(
        "--password-file", type=Path, metavar="FILE", help="read the password's line from a file"
    )


async def run(settings: Settings, arguments: argparse.Namespace) -> int:
    """Add the officer. Raises ValueError for what is wrong with the arguments or the password."""
    login: str = arguments.login
    if not is_login(login):
        raise ValueError(f"no officer ID: {login!r} (3 to 40 of a-z, 0-9, . _ -; a letter first)")
    if not is_mail(arguments.mail):
        raise ValueError(f"no mail address: {arguments.mail!r}")
    password = await asyncio.to_thread(_password, arguments.password_file)
    if password_fault(login, password):
        raise ValueError(PASSWORD_FAULT.en)
    database = Database(settings.database)
    try:
        await database.upgrade()
        async with database.transaction() as db:
            if await find_officer(db, login):
                raise ValueError(f"there is an officer {login} already")
            now = utc_now()
            await add_officer(
                db,
                login=login,
                name=arguments.name,
                mail=arguments.mail,
                role=Role.ADMINISTRATOR,
                now=now,
                password_hash=await hash_password(password),
            )
            actor = Actor("create-admin", "")
            await audit.record(
                db, actor, Action.OFFICER_CREATED, login, now=now, detail=Role.ADMINISTRATOR
            )
    finally:
        await database.close()
    sys.stdout.write(f"added {login}: log in at /office and enrol an authenticator app\n")
    return 0


def _password(file: Path | None) -> str:
    if file:
        return file.read_text().rstrip("\r\n")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Password, again: ") != password:
        raise ValueError("the two passwords differ")
    return password
