"""Measure registrations at the portal beside a bare handler that writes the same rows.

Many clients at once log in with a card of software, search, fill the form in, confirm and sign. See
docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import itertools
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from backends import Backend, Postgresql, Sqlite
from bench_results import Measured, Results, print_table, rows_of, write_file
from postgres import cluster
from programs import Programs
from sqlalchemy import insert
from visitor import ORIGIN, SoftwareCard, Visitor

from bridged.virtual.ca import DemoCa, new_rsa_key
from bridged.virtual.certificates import Cardholder, ebid_authentication, ebid_signature, valid_for
from portal_demo.clock import utc_now
from portal_demo.db import Database
from portal_demo.models import Company

FLOOR, PORTAL = "bare handler (floor)", "portal"
SIZES = (100, 10_000, 1_000_000)
_CHUNK = 10_000


def company(number: int) -> dict[str, str]:
    """Return the row of a company."""
    return {
        "number": f"{number:010d}",
        "name": f"IT業者電子{number:07d}",
        "permit_number": f"{number:08d}",
        "postal": "380-8570",
        "address": "長野県長野市大字南長野字幅下692-2",
        "representative_name": "長野 太郎",
        "representative_title": "代表取締役",
        "phone": "026-000-0000",
        "fax": "026-000-0000",
        "region": "長野県内に本店を有する",
        "qualification": "製造の請負(A): [印刷・製本: 一般印刷]",
        "branch": "",
    }


async def fill(url: str, size: int) -> None:
    """Write `size` companies."""
    database = Database(url)
    for start in range(1, size + 1, _CHUNK):
        chunk = [company(n) for n in range(start, min(start + _CHUNK, size + 1))]
        async with database.transaction() as db:
            await db.execute(insert(Company), chunk)
    await database.close()


class Issuer:
    """Makes a card for a company; the keys are always the same two, the certificates are not."""

    def __init__(self) -> None:
        self._root = DemoCa.create()
        self._keys = new_rsa_key(), new_rsa_key()

    @property
    def pem(self) -> bytes:
        """The authority that the portal is to trust."""
        return self._root.pem

    def card(self, name: str) -> SoftwareCard:
        """Issue a new card."""
        login, signing = self._keys
        holder, days = Cardholder(company=name), valid_for(365)
        return SoftwareCard(
            login,
            ebid_authentication(self._root, login.public_key(), holder, days),
            signing,
            ebid_signature(self._root, signing.public_key(), holder, days),
        )


@dataclass(frozen=True)
class Balanced:
    """What a browser sees of several processes behind a proxy: each request goes to the next."""

    session: aiohttp.ClientSession
    addresses: Iterator[str]

    def get(self, path: str, **more: Any) -> Any:
        """Begin a GET."""
        return self.session.get(next(self.addresses) + path, **more)

    def post(self, path: str, **more: Any) -> Any:
        """Begin a POST."""
        return self.session.post(next(self.addresses) + path, **more)


@contextlib.asynccontextmanager
async def browser(addresses: Sequence[str]) -> AsyncIterator[Balanced]:
    """Open a browser without cookies."""
    jar = aiohttp.CookieJar(unsafe=True)  # it takes those of an IP address
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        yield Balanced(session, itertools.cycle(addresses))


async def register(addresses: Sequence[str], issuer: Issuer, number: int) -> float:
    """Register a new card for a company at the portal; return how long it took, in ms."""
    found = company(number)
    card = issuer.card(found["name"])
    async with browser(addresses) as client:
        visitor = Visitor(client)
        began = time.perf_counter()
        await visitor.log_in(card)
        await visitor.find(found["number"], found["name"])
        await visitor.fill(qualification_name=found["name"])
        answer = await visitor.register(card)
        receipt = await visitor.get(answer.json["location"])
        took = (time.perf_counter() - began) * 1000
    if "利用者登録完了です。" not in receipt.text:
        raise RuntimeError(f"no receipt, but {receipt.status}: {receipt.text[:500]}")
    return took


async def write(addresses: Sequence[str], _issuer: Issuer, _number: int) -> float:
    """Let the floor write the rows; return how long it took, in ms."""
    async with browser(addresses) as client:
        began = time.perf_counter()
        async with client.post("/") as answer:
            answer.raise_for_status()
            await answer.read()
        return (time.perf_counter() - began) * 1000


@dataclass(frozen=True)
class Bench:
    """The same measurement of many arrangements."""

    folder: Path
    issuer: Issuer
    clients: int
    registrations: int
    results: Results

    async def measure(self, backend: str, url: str, size: int, processes: int) -> None:
        """Measure both programs on one database."""
        what = f"registration, {backend}, {_processes(processes)}, {size:,} companies"
        for who, do in ((PORTAL, register), (FLOOR, write)):
            print(f"{what}: {who} ...", file=sys.stderr, flush=True)
            async with self._serving(who, url, processes) as addresses:
                await do(addresses, self.issuer, 1)  # the first one loads what is loaded once
                times = await self._all_clients(functools.partial(do, addresses, self.issuer), size)
            self.results[what, who] = Measured(times_ms=times)

    async def _all_clients(self, do: Callable[[int], Awaitable[float]], size: int) -> list[float]:
        """Let each client do one after another until all are done, companies spread evenly."""
        numbers = iter([1 + n * size // self.registrations for n in range(self.registrations)])

        async def client() -> list[float]:
            return [await do(number) for number in numbers]

        each = await asyncio.gather(*(client() for _ in range(self.clients)))
        return [ms for times in each for ms in times]

    @contextlib.asynccontextmanager
    async def _serving(self, who: str, url: str, processes: int) -> AsyncIterator[list[str]]:
        trust = self.folder / "ca.pem"
        trust.write_bytes(self.issuer.pem)
        ports = _free_ports(processes)
        async with Programs(self.folder) as programs:
            for port in ports:
                command: tuple[str, ...] = (
                    *(sys.executable, "-m", "portal_demo", "serve", "--port", str(port)),
                    *("--database", url, "--trust", str(trust), "--origin", ORIGIN),
                )
                if who == FLOOR:
                    floor = Path(__file__).with_name("bench_portal_floor.py")
                    command = (sys.executable, str(floor), str(port), url)
                health = f"http://127.0.0.1:{port}/"
                await programs.start(f"{who} {port}", command, health=health, env={})
            await programs.until_healthy()
            yield [f"http://127.0.0.1:{port}" for port in ports]


def _processes(count: int) -> str:
    return "1 process" if count == 1 else f"{count} processes"


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [
            stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)
        ]
        return [one.getsockname()[1] for one in sockets]


def main() -> int:
    options = _options()
    with tempfile.TemporaryDirectory(prefix="portal-bench-") as scratch, cluster() as server:
        folder, results = Path(scratch), Results()
        bench = Bench(folder, Issuer(), options.clients, options.registrations, results)
        backends: dict[str, Backend] = {
            "SQLite": Sqlite(folder, utc_now()),
            "PostgreSQL": Postgresql(server, utc_now()),
        }
        for name, backend in backends.items():
            for size in options.companies:
                with backend.database() as url:
                    asyncio.run(fill(url, size))
                    for processes in options.processes:
                        asyncio.run(bench.measure(name, url, size, processes))
    rows = rows_of(results, FLOOR, PORTAL)
    print_table(rows)
    write_file(options.out, rows, keep=True)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/bench.json"))
    parser.add_argument("--companies", nargs="+", type=int, default=list(SIZES))
    parser.add_argument("--processes", nargs="+", type=int, default=[1, 2], help="behind a proxy")
    parser.add_argument("--clients", type=int, default=8, help="how many register at once")
    parser.add_argument("--registrations", type=int, default=120, help="of each measurement")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
