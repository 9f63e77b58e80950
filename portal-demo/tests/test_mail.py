"""Mail on its way: a real mail server, and all that can go wrong with one."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
import sys
from base64 import b64decode
from collections.abc import AsyncIterator
from datetime import timedelta
from ipaddress import IPv4Address

import pytest
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from post_office import Listening, PostOffice
from sqlalchemy import select

from portal_demo.clock import utc_now
from portal_demo.db import Database
from portal_demo.language import Language
from portal_demo.mail import outbox, templates, worker
from portal_demo.mail.models import Mail
from portal_demo.mail.outbox import Status, enqueue, mails
from portal_demo.mail.smtp import Server, server_of
from portal_demo.mail.worker import GIVEN_UP, LONGEST_DELAY, Worker, delay_after
from portal_demo.settings import Settings, SettingsError

SENDER = "portal@portal.test"


async def drop(server: SMTP) -> None:
    server.transport.abort()


async def hang(server: SMTP) -> None:
    await asyncio.Event().wait()


@pytest.fixture
async def office() -> AsyncIterator[PostOffice]:
    office = PostOffice()
    listening = Listening(office)
    await listening.open()
    yield office
    listening.close()


@pytest.fixture
def sender(database, office, clock) -> Worker:
    return Worker(database, plain(office), clock)


def plain(office: PostOffice) -> Server:
    return Server("127.0.0.1", office.port, "none", SENDER)


async def write(database: Database, now, to="a@example.jp", event="merged:1", **changes) -> None:
    values = {"company": "髙﨑工業株式会社", "new_number": "1234567899", "old_numbers": "1, 2"}
    async with database.transaction() as db:
        await enqueue(
            db,
            event,
            templates.NUMBERS_MERGED,
            to,
            {"portal": "http://portal.test", **values, **changes},
            language=Language.JA,
            now=now,
        )


async def the_mail(database: Database):
    async with database.transaction() as db:
        (mail,) = await mails(db)
    return mail


async def test_a_mail_arrives_once_and_can_be_read(database, office, sender, clock):
    await write(database, clock())
    await sender.send_due()
    await sender.send_due()
    (message,) = office.taken
    assert office.recipients == ["a@example.jp"]
    assert message["Subject"] == "登録番号 統合完了のお知らせ"
    assert message["From"] == "CALS/EC 電子入札システム <portal@portal.test>"
    assert message["To"] == "a@example.jp"
    assert message["Date"].datetime == clock()
    assert message["Message-ID"].endswith("@portal.test>")
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content_type() == "text/plain"
    assert message.get_content_charset() == "utf-8"
    assert "髙﨑工業株式会社\r\nご担当者様\r\n" in b64decode(message.get_payload()).decode()
    mail = await the_mail(database)
    assert (mail.status, mail.attempts, mail.sent, mail.due) == (Status.SENT, 1, clock(), None)


async def test_nothing_but_ascii_goes_over_the_wire_and_no_value_makes_a_header(
    database, office, sender, clock
):
    await write(database, clock(), company="会社\r\n.\r\nBcc: x@example.jp", new_number="1\n\n2")
    await sender.send_due()
    (message,) = office.taken
    assert message["Bcc"] is None
    assert message.as_bytes().isascii()
    assert office.recipients == ["a@example.jp"]


async def test_a_server_that_is_down_for_an_hour_loses_nothing(database, clock):
    office = PostOffice()
    listening = Listening(office)
    await listening.open()
    listening.close()
    sender = Worker(database, plain(office), clock)
    addresses = [f"p{n}@example.jp" for n in range(5)]
    await write(database, clock(), addresses)
    for _ in range(60):
        await sender.send_due()
        clock.advance(minutes=1)
    async with database.transaction() as db:
        waiting = await mails(db)
    assert {(mail.status, mail.attempts) for mail in waiting} == {(Status.WAITING, 0)}
    assert any("111" in mail.error or "refused" in mail.error.lower() for mail in waiting)
    await listening.open()
    clock.advance(minutes=13)
    await sender.send_due()
    listening.close()
    assert sorted(office.recipients) == addresses
    async with database.transaction() as db:
        assert {mail.status for mail in await mails(db)} == {Status.SENT}


async def test_a_server_that_was_back_is_waited_for_anew(database, office, sender, clock):
    away = Worker(database, Server("127.0.0.1", 1, "none", SENDER), clock)
    for _ in range(5):
        await write(database, clock())
        await away.send_due()
        clock.advance(hours=1)
    away.server = plain(office)
    await away.send_due()
    assert (await the_mail(database)).status == Status.SENT
    away.server = Server("127.0.0.1", 1, "none", SENDER)
    await write(database, clock(), event="merged:2")
    await away.send_due()
    away.server = plain(office)
    clock.advance(seconds=76)  # the first pause: a minute and a quarter at most
    await away.send_due()
    assert len(office.taken) == 2


async def test_a_mail_that_is_put_off_is_tried_later_and_others_go_on(
    database, office, sender, clock
):
    office.rcpt = "451 try later"
    await write(database, clock())
    await sender.send_due()
    office.rcpt = ""
    await write(database, clock(), "b@example.jp", "merged:2")
    await sender.send_due()
    assert office.recipients == ["b@example.jp"]
    clock.advance(seconds=80)
    await sender.send_due()
    assert office.recipients == ["b@example.jp", "a@example.jp"]


async def test_a_mail_that_is_put_off_for_days_is_given_up(database, office, sender, clock):
    office.rcpt = "452 mailbox full"
    await write(database, clock())
    attempts = 0
    while (mail := await the_mail(database)).status == Status.WAITING:
        await sender.send_due()
        clock.advance(minutes=10)
        attempts += 1
        assert attempts < 1000
    assert mail.status == Status.FAILED
    assert mail.error == "452 mailbox full"
    assert clock() - mail.created >= GIVEN_UP
    assert 60 < mail.attempts < 150


@pytest.mark.parametrize("where", ["rcpt", "data"])
async def test_a_refused_mail_is_marked_and_not_tried_again(
    database, office, sender, clock, where, caplog
):
    said = "550 5.1.1 <a@example.jp>: User unknown"
    setattr(office, where, said)
    await write(database, clock())
    await sender.send_due()
    setattr(office, where, "")
    clock.advance(days=1)
    await sender.send_due()
    mail = await the_mail(database)
    assert (mail.status, mail.attempts) == (Status.FAILED, 1)
    assert mail.error == said
    assert len(office.taken) == (where == "data")
    assert f"mail {mail.id} (numbers-merged) was not sent: 550 5.1.1\n" in caplog.text
    assert "a@example.jp" not in caplog.text


async def test_a_connection_that_breaks_off_after_the_text_repeats_it_once(
    database, office, sender, clock
):
    office.before_answer = drop
    await write(database, clock())
    for _ in range(10):
        await sender.send_due()
        clock.advance(hours=1)
    assert list(office.ids().values()) == [2]
    mail = await the_mail(database)
    assert mail.status == Status.FAILED
    assert mail.body


async def test_one_break_after_the_text_and_the_repeat_is_taken(database, office, sender, clock):
    office.before_answer = drop
    await write(database, clock())
    await sender.send_due()
    office.before_answer = None
    clock.advance(minutes=2)
    await sender.send_due()
    assert list(office.ids().values()) == [2]
    assert (await the_mail(database)).status == Status.SENT


async def test_a_server_that_never_answers_is_not_waited_for_without_end(
    database, office, sender, clock, monkeypatch
):
    monkeypatch.setattr("portal_demo.mail.smtp.ATTEMPT_S", 0.5)
    office.before_answer = hang
    await write(database, clock())
    await sender.send_due()
    mail = await the_mail(database)
    assert (mail.status, mail.interruptions) == (Status.WAITING, 1)
    assert "Timeout" in mail.error


async def test_what_a_slow_server_is_taking_is_no_other_workers(database, office, sender, clock):
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def wait(server: SMTP) -> None:
        begun.set()
        await go_on.wait()

    office.before_answer = wait
    await write(database, clock())
    sending = asyncio.create_task(sender.send_due())
    await begun.wait()
    await Worker(database, plain(office), clock).send_due()
    assert (await the_mail(database)).status == Status.SENDING
    go_on.set()
    await sending
    assert len(office.taken) == 1
    assert (await the_mail(database)).status == Status.SENT


async def test_a_worker_that_comes_back_late_changes_nothing_any_more(
    database, office, sender, clock
):
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def wait(server: SMTP) -> None:
        if not begun.is_set():
            begun.set()
            await go_on.wait()

    office.before_answer = wait
    office.data = "550 the first is refused, late"
    await write(database, clock())
    late = asyncio.create_task(sender.send_due())
    await begun.wait()
    clock.advance(minutes=6)
    office.data = "250 OK"
    await Worker(database, plain(office), clock).send_due()
    office.data = "550 the first is refused, late"
    go_on.set()
    await late
    mail = await the_mail(database)
    assert (mail.status, mail.interruptions) == (Status.SENT, 1)


async def test_a_mail_that_trips_the_portal_up_holds_nobody_else_up(
    database, office, sender, clock, monkeypatch, caplog
):
    real = worker.wire_message

    def fail(mail, sender):
        if mail.recipient == "a@example.jp":
            raise LookupError("a defect")
        return real(mail, sender)

    monkeypatch.setattr(worker, "wire_message", fail)
    await write(database, clock(), ["a@example.jp", "b@example.jp"])
    await sender.send_due()
    assert office.recipients == ["b@example.jp"]
    assert "internal error with mail" in caplog.text
    monkeypatch.undo()
    clock.advance(minutes=2)
    await sender.send_due()
    assert office.recipients == ["b@example.jp", "a@example.jp"]


async def test_a_database_that_is_away_for_a_while_does_not_end_the_worker(
    database, office, sender, clock, monkeypatch
):
    tried, real = asyncio.Event(), sender._claim

    async def away():
        tried.set()
        raise OSError("no database")

    monkeypatch.setattr(Worker, "_claim", lambda _self: away())
    running = asyncio.create_task(sender.run())
    await asyncio.wait_for(tried.wait(), 20)
    monkeypatch.setattr(Worker, "_claim", lambda _self: real())
    await write(database, clock())
    await office.wait_for(1)
    await sender.stop(running)


async def test_without_a_server_mail_is_kept_to_be_shown(database, clock):
    await write(database, clock())
    await Worker(database, None, clock).send_due()
    mail = await the_mail(database)
    assert (mail.status, mail.attempts, mail.sent) == (Status.SHOWN, 0, None)
    assert "1234567899" in mail.body


async def test_a_secret_is_forgotten_once_it_is_sent(database, office, sender, clock):
    async with database.transaction() as db:
        await enqueue(
            db,
            "reset:1",
            templates.PASSWORD_RESET,
            "a@example.jp",
            {"link": "http://portal.test/r/secret", "minutes": 30, "portal": "http://portal.test"},
            language=Language.EN,
            now=clock(),
        )
    await sender.send_due()
    assert "http://portal.test/r/secret" in office.taken[0].get_content()
    assert (await the_mail(database)).body == ""


async def test_mail_leaves_as_soon_as_it_is_written_and_the_worker_ends_when_told(
    database, office, clock, monkeypatch
):
    monkeypatch.setattr(worker, "LOOK_AGAIN_S", 3600)
    arrived = asyncio.Event()

    async def tell(server: SMTP) -> None:
        arrived.set()

    office.before_answer = tell
    sender = Worker(database, plain(office), clock)
    running = asyncio.create_task(sender.run())
    await asyncio.sleep(0)
    await write(database, clock())
    await asyncio.wait_for(arrived.wait(), 20)
    await sender.stop(running)
    assert running.done()
    assert (await the_mail(database)).status == Status.SENT


def test_delays_double_up_to_an_hour_and_differ():
    assert all(0.75 <= delay_after(1) / timedelta(minutes=1) <= 1.25 for _ in range(50))
    assert all(0.75 <= delay_after(3) / timedelta(minutes=4) <= 1.25 for _ in range(50))
    assert all(delay_after(n) <= LONGEST_DELAY * 1.25 for n in (7, 100, 10**6))
    assert len({delay_after(5) for _ in range(20)}) > 1


# ---- TLS and log-in ----


@pytest.fixture
def tls(tmp_path, keys, authority) -> ssl.SSLContext:
    """A context for a server on 127.0.0.1; its authority is in `ca.pem`."""
    names = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
    today = (-1, 3650)
    certificate = authority.sign(keys[1].public_key(), x509.Name([]), [(names, True)], days=today)
    key = keys[1].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "server.pem").write_bytes(key + certificate.public_bytes(Encoding.PEM))
    (tmp_path / "ca.pem").write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    return context


@pytest.fixture
async def guarded(tls, tmp_path) -> AsyncIterator[tuple[PostOffice, Settings]]:
    """A server that wants STARTTLS and a password, and settings for it."""

    def log_in(server, session, envelope, mechanism, data) -> AuthResult:
        right = (data.login, data.password) == (b"portal", b"right")
        return AuthResult(success=right, handled=False)

    office = PostOffice()
    listening = Listening(
        office, tls_context=tls, require_starttls=True, authenticator=log_in, auth_required=True
    )
    await listening.open()
    (tmp_path / "password").write_text("right\n")
    yield (
        office,
        Settings(
            smtp_host="127.0.0.1",
            smtp_port=office.port,
            smtp_user="portal",
            smtp_password_file=tmp_path / "password",
            smtp_ca=tmp_path / "ca.pem",
            mail_from=SENDER,
        ),
    )
    listening.close()


async def test_starttls_and_a_password_are_used(database, clock, guarded):
    office, settings = guarded
    server = server_of(settings)
    assert "right" not in repr(server)
    await write(database, clock())
    await Worker(database, server, clock).send_due()
    assert office.encrypted == [True]


async def test_a_wrong_password_loses_no_mail(database, clock, guarded, tmp_path, caplog):
    office, settings = guarded
    (tmp_path / "password").write_text("wrong")
    await write(database, clock())
    await Worker(database, server_of(settings), clock).send_due()
    mail = await the_mail(database)
    assert mail.status == Status.WAITING
    assert mail.error.startswith("535")
    assert "wrong" not in caplog.text
    (tmp_path / "password").write_text("right")
    await Worker(database, server_of(settings), clock).send_due()
    assert len(office.taken) == 1


@pytest.mark.parametrize("fault", ["stranger", "no-starttls"])
async def test_a_server_that_is_not_proved_to_be_ours_gets_nothing(
    database, clock, guarded, office, tmp_path, stranger, fault
):
    guarded_office, settings = guarded
    (tmp_path / "ca.pem").write_bytes(stranger.certificate.public_bytes(Encoding.PEM))
    server = server_of(settings)
    if fault == "no-starttls":
        server = Server("127.0.0.1", office.port, "starttls", SENDER, tls=server.tls)
    await write(database, clock())
    await Worker(database, server, clock).send_due()
    assert (await the_mail(database)).status == Status.WAITING
    assert not guarded_office.taken
    assert not office.taken


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"mail_from": ""}, "mail_from"),
        ({"mail_from": "a@b\nBcc: c@example.jp"}, "mail_from"),
        ({"smtp_user": "portal"}, "go together"),
        (
            {"smtp_user": "p", "smtp_password_file": "x", "smtp_security": "none"},
            "show the password",
        ),
    ],
)
def test_settings_that_cannot_work_are_refused(wrong, said):
    with pytest.raises(SettingsError, match=said):
        Settings(**{"smtp_host": "mail.example.jp", "mail_from": SENDER, **wrong})


def test_an_empty_password_file_is_refused(tmp_path):
    (tmp_path / "password").write_text("\n")
    settings = Settings(
        smtp_host="mail.example.jp",
        mail_from=SENDER,
        smtp_user="portal",
        smtp_password_file=tmp_path / "password",
    )
    with pytest.raises(SettingsError, match="empty"):
        server_of(settings)


def test_ports_are_the_usual_ones():
    for security, port in (("starttls", 587), ("tls", 465), ("none", 25)):
        settings = Settings(smtp_host="m.example.jp", mail_from=SENDER, smtp_security=security)
        assert server_of(settings).port == port
    assert server_of(Settings()) is None


# ---- processes ----


async def start_portal(url: str, office: PostOffice) -> asyncio.subprocess.Process:
    arguments = ("--database", url, "--smtp-host", "127.0.0.1", "--smtp-port", str(office.port))
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "portal_demo", "serve", *arguments,
        "--smtp-security", "none", "--mail-from", SENDER,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip


async def end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.communicate()


async def test_two_processes_on_one_queue_send_each_mail_once(database_url, database, office):
    both = asyncio.Barrier(2)
    everything = asyncio.Event()

    async def meet(server: SMTP) -> None:
        if len(office.taken) <= 2:
            await both.wait()  # each worker sends one mail at a time: the other has to come
        if len(office.taken) == 12:
            everything.set()

    office.before_answer = meet
    await write(database, utc_now(), [f"p{n}@example.jp" for n in range(12)])
    processes = [await start_portal(database_url, office) for _ in range(2)]
    try:
        await asyncio.wait_for(everything.wait(), 50)
        for process in processes:
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
    finally:
        for process in processes:
            await end(process)
    assert set(office.ids().values()) == {1}
    assert len(office.recipients) == 12
    async with database.transaction() as db:
        assert {mail.status for mail in await mails(db)} == {Status.SENT}


async def test_a_worker_passes_by_what_another_one_is_taking(postgresql, office, clock):
    """On SQLite one writes after the other, and there is nothing to pass by."""
    with postgresql.database() as url:
        database = Database(url)
        await write(database, clock())
        await write(database, clock(), event="merged:2")
        async with database.transaction() as db:
            await db.scalar(select(Mail).order_by(Mail.id).limit(1).with_for_update())
            worker_ = Worker(database, plain(office), clock)
            claimed = await asyncio.wait_for(worker_._claim(), 5)
        await database.close()
    assert claimed.event_key == "merged:2"


async def test_a_killed_process_leads_to_one_repeat_at_most(database_url, database, office):
    begun = asyncio.Event()

    async def kill(server: SMTP) -> None:
        begun.set()
        await asyncio.Event().wait()

    office.before_answer = kill
    await write(database, utc_now())
    process = await start_portal(database_url, office)
    try:
        await asyncio.wait_for(begun.wait(), 50)
        os.kill(process.pid, signal.SIGKILL)
    finally:
        await end(process)
    office.before_answer = None
    await Worker(database, plain(office), utc_now).send_due()
    assert len(office.taken) == 1  # the claim still holds: the process could be alive
    later = lambda: utc_now() + timedelta(minutes=6)  # noqa: E731
    for _ in range(3):
        await Worker(database, plain(office), later).send_due()
    assert list(office.ids().values()) == [2]
    assert (await the_mail(database)).status == Status.SENT


async def test_a_mail_that_kills_its_worker_twice_is_given_up_and_shown(database, office, clock):
    await write(database, clock())
    for _ in range(2):
        assert await Worker(database, plain(office), clock)._claim()
        clock.advance(minutes=6)
    await Worker(database, plain(office), clock).send_due()
    mail = await the_mail(database)
    assert (mail.status, mail.error) == (Status.FAILED, worker.UNCERTAIN)
    assert not office.taken


# ---- what is kept of it ----

DAYS_90 = timedelta(days=90)


async def test_text_and_address_go_after_their_time_and_the_event_stays(database, office, clock):
    await write(database, clock())
    sender = Worker(database, plain(office), clock, DAYS_90)
    await sender.send_due()
    sent = await the_mail(database)
    clock.advance(days=90)
    await sender.forget_old()
    assert (await the_mail(database)).body == sent.body  # not a moment too early
    clock.advance(hours=1)
    await sender.forget_old()
    mail = await the_mail(database)
    assert (mail.body, mail.error, mail.recipient) == ("", "", str(mail.id))
    assert (mail.event_key, mail.template, mail.status) == (
        sent.event_key,
        sent.template,
        Status.SENT,
    )
    assert (mail.created, mail.sent, mail.forgotten) == (sent.created, sent.sent, clock())
    await write(database, clock())  # the same event once more
    await sender.send_due()
    assert len(office.taken) == 1


async def test_what_is_not_sent_yet_is_kept_whole(database, office, clock):
    await write(database, clock())
    clock.advance(days=365)
    await Worker(database, plain(office), clock, DAYS_90).forget_old()
    assert (await the_mail(database)).body


async def test_mail_may_be_kept_for_good(database, office, clock):
    await write(database, clock())
    sender = Worker(database, plain(office), clock)
    await sender.send_due()
    clock.advance(days=3650)
    await sender.forget_old()
    assert (await the_mail(database)).body


async def test_many_are_forgotten_in_parts_and_looked_for_once_an_hour(
    database, office, clock, monkeypatch
):
    monkeypatch.setattr(outbox, "BATCH", 2)
    monkeypatch.setattr(worker, "BATCH", 2)
    sender = Worker(database, None, clock, DAYS_90)

    async def kept() -> int:
        async with database.transaction() as db:
            return sum(bool(mail.body) for mail in await mails(db))

    async def write_and_show(*keys: str) -> None:
        for key in keys:
            await write(database, clock(), event=key)
        await sender.send_due()

    await write_and_show("a", "b", "c", "d", "e")
    clock.advance(minutes=30)
    await write_and_show("f")
    clock.advance(days=90, minutes=-20)
    await sender.forget_old()
    assert await kept() == 1
    clock.advance(minutes=59)
    await sender.forget_old()
    assert await kept() == 1
    clock.advance(minutes=1)
    await sender.forget_old()
    assert await kept() == 0
