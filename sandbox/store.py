"""The hospital's memory: one SQLite file, written from the event loop's thread only.

What a test compares later (who sent what, who received what) is committed before the act is
visible outside, so the ledgers survive a kill of the sandbox itself.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SCHEMA = """
create table if not exists facts (name text primary key, value text not null);
create table if not exists counters (name text primary key, value integer not null);

create table if not exists campuses (code text primary key, name text not null, organisation text not null);
create table if not exists departments (
  code text primary key, campus text not null, name text not null, kind text not null);
create table if not exists doctors (
  code text primary key, name text not null, pinyin text not null, department text not null, title text not null);
create table if not exists patients (
  id text primary key, name text not null, pinyin text not null, sex text not null, birth text not null,
  id_type text not null, id_number text not null, mobile text not null, card_no text not null, empi_id text not null,
  address text not null, ethnicity text not null, fee_type text not null, campus text not null);
create table if not exists visits (
  visit_no text primary key, patient text not null, kind text not null, department text not null,
  doctor text not null, bed text not null, started integer not null);
create index if not exists visits_of on visits (patient);
create table if not exists orders (
  order_no text primary key, visit_no text not null, patient text not null, kind text not null, item text not null,
  ordered_at integer not null, urgent integer not null);

create table if not exists reports (
  id text primary key, sender text not null, kind text not null, item text not null, title text not null,
  order_no text not null, patient text not null, department text not null, doctor text not null,
  collected_at integer not null, received_at integer not null);
create table if not exists versions (
  report text not null, n integer not null, status text not null, at integer not null, content text not null,
  primary key (report, n));
create index if not exists reports_of on reports (patient);

create table if not exists outbox (
  seq integer primary key autoincrement, sender text not null, line integer not null, batch text not null,
  control_id text not null, report text not null, version integer not null, status text not null,
  queued_at integer not null, message blob not null, state text not null, attempts integer not null default 0,
  refusals integer not null default 0, due integer not null default 0, ack_code text, ended_at integer);
create index if not exists outbox_waiting on outbox (sender, line, seq) where state = 'waiting';
create index if not exists outbox_control on outbox (sender, control_id);
create index if not exists outbox_report on outbox (report, version);
create table if not exists sendings (
  id integer primary key autoincrement, outbox integer not null, sender text not null, n integer not null,
  control_id text not null, at integer not null, digest text not null, size integer not null, faults text not null,
  outcome text not null, ack_at integer, ack_code text, ack_text text, ack blob, application_code text,
  complaints text not null default '');
create index if not exists sendings_of on sendings (outbox, n);

create table if not exists calls (
  id integer primary key autoincrement, system text not null, at integer not null, method text not null,
  path text not null, digest text not null, faults text not null, http integer, code text, note text not null,
  ended_at integer, answer text not null);
create table if not exists gateway_messages (
  serial_no text primary key, call integer not null, app text not null, msg_id text not null, scene text not null,
  patient_id text not null, mobile text not null, template_code text not null, params text not null,
  text text not null, send_time text not null, at integer not null);
create index if not exists gateway_msg on gateway_messages (msg_id);
create table if not exists nonces (app text not null, nonce text not null, until integer not null,
  primary key (app, nonce));
"""

Row = dict[str, Any]


class Store:
    """The tables above, and short ways to read and write them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = normal")  # survives a killed process; the power is not simulated
        self._db.executescript(SCHEMA)
        self._depth = 0

    def close(self) -> None:
        self._db.close()

    def define(self, script: str) -> None:
        """Adds the tables of one more system; those that are there stay as they are."""
        self._db.executescript(script)

    @contextmanager
    def together(self) -> Iterator[None]:
        """All or nothing; may be nested, the outermost one commits."""
        if self._depth == 0:
            self._db.execute("begin immediate")
        self._depth += 1
        try:
            yield
        except BaseException:
            self._depth -= 1
            if self._depth == 0:
                self._db.execute("rollback")
            raise
        self._depth -= 1
        if self._depth == 0:
            self._db.execute("commit")

    def run(self, statement: str, *values: Any) -> int:
        """Executes one statement and gives the number of rows it touched."""
        return self._db.execute(statement, values).rowcount

    def all(self, statement: str, *values: Any) -> list[Row]:
        return [dict(row) for row in self._db.execute(statement, values)]

    def named(self, statement: str, values: Row) -> list[Row]:
        """`all` with `:name` parameters."""
        return [dict(row) for row in self._db.execute(statement, values)]

    def one(self, statement: str, *values: Any) -> Row | None:
        row = self._db.execute(statement, values).fetchone()
        return dict(row) if row is not None else None

    def value(self, statement: str, *values: Any) -> Any:
        """The first column of the first row, or None."""
        row = self._db.execute(statement, values).fetchone()
        return row[0] if row is not None else None

    def insert(self, table: str, **values: Any) -> int:
        """Adds one row and gives its rowid; dicts and lists are kept as JSON."""
        names = ", ".join(values)
        marks = ", ".join("?" * len(values))
        cursor = self._db.execute(
            f"insert into {table} ({names}) values ({marks})", [_kept(v) for v in values.values()]
        )
        return int(cursor.lastrowid or 0)

    def count(self, name: str) -> int:
        """The next number of a counter, from 1; it survives a restart."""
        statement = """insert into counters values (?, 1)
                       on conflict (name) do update set value = value + 1 returning value"""
        return int(self._db.execute(statement, (name,)).fetchone()[0])


def _kept(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value
