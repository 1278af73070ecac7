"""The stands of the SQL adapter: the same table in SQLite and in PostgreSQL."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import psycopg

import adapters
from engine.contract import Call, Limits, Link, Reply
from tests.contract.stands import LIMITS, Stand

SCHEMA = """
create table if not exists notes (   -- what was taken; in order
    place {serial}, number text not null unique check (number <> '0'), body text);
"""
INSERT = (
    "insert into notes (number, body) values (:number, :body); select number as said from notes where number = :number"
)


class SqlStand(Stand):
    adapter = "sql"
    serial: str
    slow: str

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        (folder / "notes.sql").write_text(SCHEMA.format(serial=self.serial), encoding="utf-8")

    def call(self, number: str, *, timeout: float = 2.0, size: int = 0, slow: bool = False) -> Call:
        statement = f"{self.slow}; {INSERT}" if slow else INSERT
        options = adapters.load("sql").operation_options(statement=statement)
        return Call("save", options, {"number": number, "body": self.secret + "x" * size}, number, timeout)

    def refused(self) -> Call:
        return self.call("0")

    def answered(self, reply: Reply, number: str) -> bool:
        return reply.rows == [{"said": number}]

    def link(self, port: int, limits: Limits = LIMITS) -> Link:
        options = adapters.load("sql").profile_options(schema="notes.sql")
        return Link("peer", options, url=self.url(port), limits=limits, folder=str(self.folder), create=True)

    async def ledger(self) -> list[str]:
        try:
            return [row[0] for row in await asyncio.to_thread(self.rows, "select number from notes order by place")]
        except (sqlite3.OperationalError, psycopg.errors.UndefinedTable):
            return []  # nobody has connected yet

    def rows(self, query: str) -> list[Any]:
        raise NotImplementedError


class SqliteStand(SqlStand):
    serial = "integer primary key"
    slow = "with recursive a(n) as (select 1 union all select n + 1 from a where n < 2000000) select count(*) from a"

    async def set_up(self) -> None:
        """No server and no wire."""

    def url(self, port: int) -> str:
        return f"sqlite:///{self.folder / ('peer.db' if port == 0 else 'nowhere/peer.db')}"

    def open(self, port: int | None = None, limits: Limits = LIMITS) -> Any:
        return super().open(port or 0, limits)

    def rows(self, query: str) -> list[Any]:
        with sqlite3.connect(self.folder / "peer.db") as connection:
            return connection.execute(query).fetchall()


class PostgresStand(SqlStand):
    serial = "bigserial primary key"
    slow = "select pg_sleep(0.3)"
    doubt_begins = b"COMMIT"

    def __init__(self, folder: Path, port: int) -> None:
        super().__init__(folder)
        self.server_port = port

    async def set_up(self) -> None:
        await asyncio.to_thread(self._clean)
        await self.put_proxy(self.server_port)

    def url(self, port: int) -> str:
        return f"postgresql://postgres@127.0.0.1:{port}/postgres"

    def rows(self, query: str) -> list[Any]:
        with psycopg.connect(self._conninfo) as connection:
            return connection.execute(query).fetchall()

    @property
    def _conninfo(self) -> str:
        return f"host=127.0.0.1 port={self.server_port} user=postgres"

    def _clean(self) -> None:
        with psycopg.connect(self._conninfo) as connection:
            connection.execute("drop table if exists notes")
