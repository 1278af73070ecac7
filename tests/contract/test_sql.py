"""SQL beside the common cases: when a break is a doubt and when it is none, what values survive, feeds."""

import asyncio
import json
import sqlite3
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from pydantic import ValidationError

import adapters
from adapters.sql.cursor import read_cursor, write_cursor
from adapters.sql.statements import compiled, names, parted
from engine.contract import Call, InDoubt, Limits, Link, Refused, Unavailable
from tests.contract.databases import PostgresStand
from tests.peers.proxy import Fault

SQL = adapters.load("sql")
Options = SQL.operation_options
Open = Callable[..., Any]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'a.db'}"
    port = request.getfixturevalue("postgres_port")
    with psycopg.connect(f"host=127.0.0.1 port={port} user=postgres") as connection:
        connection.execute("drop schema public cascade; create schema public")
    return f"postgresql://postgres@127.0.0.1:{port}/postgres"


def link(url: str, **more: Any) -> Link:
    return Link("db", SQL.profile_options(**more.pop("profile", {})), url=url, **more)


def run(url: str, statement: str, row: dict[str, Any] | None = None, kind: str = "change", timeout: float = 2.0) -> Any:
    """One call with a destination of its own."""
    destination = SQL.destination(link(url))
    try:
        return destination.send(Call("run", Options(kind=kind, statement=statement), row or {}, "t", timeout))
    finally:
        destination.close()


# --- values and statements -----------------------------------------------------------------------


def test_values_come_back_as_they_went() -> None:
    assert (
        read_cursor(write_cursor(values := [1, "张", Decimal("1.20"), date(1990, 4, 15), b"\x00\xff", 0.5])) == values
    )
    moments = [datetime(2026, 11, 20, 9, 0, 0, 123456, UTC), time(9, 0, 30), UUID(int=7)]
    assert read_cursor(write_cursor(moments)) == moments


@pytest.mark.parametrize("value", [None, True, [1]])
def test_a_cursor_that_could_not_be_read_again_is_never_kept(value: Any) -> None:
    with pytest.raises(Unavailable, match="cursor_of_no_such_type"):
        write_cursor([1, value])


@pytest.mark.postgres
def test_postgresql_keeps_decimals_dates_instants_and_bytes(postgres_port: int) -> None:
    url = f"postgresql://postgres@127.0.0.1:{postgres_port}/postgres"
    row = {
        "fee": Decimal("12.30"),
        "born": date(1990, 4, 15),
        "at": datetime(2026, 11, 20, 1, 0, 0, 5, UTC),
        "file": b"\x00\xff",
        "name": "张三",
        "note": None,
    }
    statement = (
        "select cast(:fee as numeric(10,2)) as fee, cast(:born as date) as born, cast(:at as timestamptz) as at,"
        " cast(:file as bytea) as file, cast(:name as text) as name, cast(:note as text) as note"
    )
    (found,) = run(url, statement, row, "query").rows
    assert found == row
    assert str(found["fee"]) == "12.30"


def test_sqlite_takes_decimals_and_dates_as_their_text(tmp_path: Path) -> None:
    row = {"fee": Decimal("12.30"), "born": date(1990, 4, 15), "file": b"\x00"}
    (found,) = run(
        f"sqlite:///{tmp_path / 'a.db'}", "select :fee as fee, :born as born, :file as file", row, "query"
    ).rows
    assert found == {"fee": "12.30", "born": "1990-04-15", "file": b"\x00"}


@pytest.mark.parametrize(
    ("sql", "statements", "parameters"),
    [
        ("select :a; update t set b = :b;", ["select :a", "update t set b = :b"], {"a", "b"}),
        ("select ';', ':x', :a -- ; :y", ["select ';', ':x', :a"], {"a"}),
        ("/* ; :x */ select 'it''s; :y' || :a", ["select 'it''s; :y' || :a"], {"a"}),
        ('select ":x;" from t where a::int = :a', ['select ":x;" from t where a::int = :a'], {"a"}),
        ("do $$ begin :x; end $$; select :a", ["do $$ begin :x; end $$", "select :a"], {"a"}),
        (" ; ;", [], set()),
    ],
)
def test_parts_statements_where_sql_does(sql: str, statements: list[str], parameters: set[str]) -> None:
    assert parted(sql) == statements
    assert names(compiled(sql, whole=False)) == parameters


def test_a_procedure_keeps_its_semicolons() -> None:
    assert parted("begin p(:a); end;", whole=True) == ["begin p(:a); end;"]


def test_statements_of_one_change_share_a_transaction(url: str) -> None:
    run(url, "create table t (a integer unique, b integer)")
    with pytest.raises(Refused, match="constraint"):
        run(url, "insert into t values (1, 1); insert into t values (1, 2)")
    assert run(url, "select count(*) as n from t", kind="query").rows == [{"n": 0}]
    reply = run(url, "insert into t values (1, 1); insert into t values (2, 1); update t set b = 5 where b = 1")
    assert (reply.count, reply.rows) == (2, None)


def test_an_older_version_changes_nothing_and_the_count_says_so(url: str) -> None:
    run(url, "create table t (id text primary key, version integer)")
    statement = (
        "insert into t values (:id, :version)"
        " on conflict (id) do update set version = excluded.version where excluded.version > t.version"
    )
    counts = [run(url, statement, {"id": "r1", "version": version}).count for version in (2, 1, 2, 3)]
    assert counts == [1, 0, 0, 1]


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("selec 1", "statement"),
        ("select * from nowhere", "statement"),
        ("select no_column from t", "statement"),
        ("insert into t values (null)", "constraint"),
        ("select :missing", "no value for missing"),
    ],
)
def test_a_statement_that_cannot_be_is_refused_with_a_word(url: str, statement: str, why: str) -> None:
    run(url, "create table t (a integer not null)")
    with pytest.raises(Refused) as refusal:
        run(url, statement)
    assert refusal.value.why == why


@pytest.mark.postgres
def test_a_value_that_does_not_fit_is_refused(postgres_port: int) -> None:
    url = f"postgresql://postgres@127.0.0.1:{postgres_port}/postgres"
    with pytest.raises(Refused, match=r"^value$"):
        run(url, "select cast(:a as date)", {"a": "not a date"}, "query")


def test_a_query_without_bounds_is_refused(url: str) -> None:
    many = "with recursive a(n) as (select 1 union all select n + 1 from a where n < 10001) select n from a"
    with pytest.raises(Refused, match="too_many_rows"):
        run(url, many, kind="query")


# --- when a break is a doubt ---------------------------------------------------------------------


def test_a_locked_database_is_unavailable(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    run(f"sqlite:///{path}", "create table t (a integer)")
    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("begin immediate")
        destination = SQL.destination(link(f"sqlite:///{path}", limits=Limits(connect=0.1)))
        with pytest.raises(Unavailable, match="busy"):
            destination.send(Call("run", Options(statement="insert into t values (1)"), {}, "t", 2.0))
        destination.close()
        other.execute("rollback")


def test_a_statement_without_end_is_broken_off_and_has_done_nothing(url: str) -> None:
    endless = (
        "select pg_sleep(1.5)"
        if url.startswith("postgres")
        else "with recursive a(n) as (select 1 union all select n + 1 from a) select count(*) from a"
    )
    run(url, "create table t (a integer)")
    with pytest.raises(Unavailable, match="timeout"):
        run(url, f"insert into t values (1); {endless}", timeout=0.2)
    assert run(url, "select a from t", kind="query").rows == []
    with pytest.raises(InDoubt, match="timeout"):
        run(url, endless, kind="call", timeout=0.2)


@pytest.mark.postgres
def test_what_was_broken_off_does_not_keep_its_locks(postgres_port: int) -> None:
    url = f"postgresql://postgres@127.0.0.1:{postgres_port}/postgres"
    run(url, "drop table if exists t; create table t (a integer)")
    destination = SQL.destination(link(url, limits=Limits(total=0.4)))
    with pytest.raises(Unavailable):
        destination.send(Call("run", Options(statement="lock table t; select pg_sleep(30)"), {}, "t", 0.2))
    destination.close()
    run(url, "drop table t", timeout=2.0)


@pytest.mark.postgres
async def test_a_break_before_the_commit_is_none_of_their_business(tmp_path: Path, postgres_port: int) -> None:
    stand = PostgresStand(tmp_path, postgres_port)
    async with stand.stack:
        await stand.set_up()
        destination = stand.open()
        await destination.send(stand.call("before"))
        stand.proxy.trigger = b"insert"
        for fault, why in (
            (Fault.RESET, "broken_off"),
            (Fault.SILENCE, "timeout"),
            (Fault.LOST, "broken_off"),
        ):
            stand.proxy.fault = fault
            with pytest.raises(Unavailable, match=why):
                await destination.send(stand.call(fault.name, timeout=0.4))
        stand.proxy.fault = Fault.NONE
        await destination.send(stand.call("after"))
        assert await stand.ledger() == ["before", "after"]


@pytest.mark.postgres
async def test_a_silent_kept_connection_holds_no_thread(tmp_path: Path, postgres_port: int) -> None:
    """A firewall has forgotten the connection: even the question whether it lives must have a limit."""
    stand = PostgresStand(tmp_path, postgres_port)
    async with stand.stack:
        await stand.set_up()
        destination = stand.open()
        await destination.send(stand.call("before"))
        stand.proxy.fault = Fault.SILENCE
        with pytest.raises(Unavailable, match="timeout"):
            await asyncio.wait_for(destination.send(stand.call("m1", timeout=0.3)), 1.0)
        fresh = stand.open()
        with pytest.raises(Unavailable):
            await asyncio.wait_for(fresh.send(stand.call("m2", timeout=0.3)), 3.0)
        stand.proxy.fault = Fault.NONE
        await destination.send(stand.call("after"))
        assert await stand.ledger() == ["before", "after"]


@pytest.mark.postgres
def test_a_database_that_says_no_to_the_commit_leaves_no_doubt(postgres_port: int) -> None:
    url = f"postgresql://postgres@127.0.0.1:{postgres_port}/postgres"
    run(url, "drop table if exists child; drop table if exists parent; create table parent (id integer primary key);"
             "create table child (p integer references parent (id) deferrable initially deferred)")  # fmt: skip
    with pytest.raises(Refused, match="constraint"):
        run(url, "insert into child values (7)")
    assert run(url, "select p from child", kind="query").rows == []


def test_tables_are_made_once_even_by_several_threads(url: str, tmp_path: Path) -> None:
    (tmp_path / "t.sql").write_text("-- the table; of tests\ncreate table if not exists t (a text);", encoding="utf-8")
    wanted = link(url, profile={"schema": "t.sql"}, folder=str(tmp_path), create=True, limits=Limits(at_once=4))
    destination = SQL.destination(wanted)
    failed: list[Exception] = []

    def insert() -> None:
        try:
            destination.send(Call("run", Options(statement="insert into t values (:a)"), {"a": "x"}, "t", 5.0))
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=insert) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    destination.close()
    assert failed == []
    assert run(url, "select count(*) as n from t", kind="query").rows == [{"n": 4}]


def test_no_tables_are_made_where_the_configuration_does_not_say_so(url: str, tmp_path: Path) -> None:
    (tmp_path / "t.sql").write_text("create table if not exists t (a text)", encoding="utf-8")
    destination = SQL.destination(link(url, profile={"schema": "t.sql"}, folder=str(tmp_path)))
    with pytest.raises(Refused, match="statement"):
        destination.send(Call("run", Options(statement="insert into t values ('x')"), {}, "t", 5.0))
    destination.close()


# --- feeds ---------------------------------------------------------------------------------------

TODAY = date(2026, 11, 21)
BY_TWO = "select v, id, fee from t where (v, id) > (:cursor_v, :cursor_id) order by v, id limit :limit"


def feed(url: str, **options: Any) -> Any:
    return SQL.feed(Link("db", SQL.profile_options(), {"rows": Options(kind="query", **options)}, url=url))


def test_a_feed_gives_every_row_once_and_in_order(url: str) -> None:
    run(url, "create table t (v integer, id text, fee numeric(10, 2))")
    for number in range(7):
        run(url, "insert into t values (:v, :id, :fee)", {"v": number // 3, "id": f"r{number}", "fee": Decimal("1.50")})
    reader = feed(url, statement=BY_TWO, cursor=("v", "id"), start=(-1, ""))
    cursor, seen, pages = None, [], 0
    while True:
        page = reader.pull("rows", cursor, 3, TODAY)
        seen += [json.loads(item)["id"] for item in page.items]
        pages += 1
        assert len(page.items) == len(page.cursors) <= 3
        if page.items:
            cursor = page.cursors[-1]
        if not page.more:
            break
    assert (seen, pages) == ([f"r{number}" for number in range(7)], 3)
    assert reader.pull("rows", cursor, 3, TODAY).items == []
    run(url, "insert into t values (9, 'late', 2)")
    assert [json.loads(item)["id"] for item in reader.pull("rows", cursor, 3, TODAY).items] == ["late"]
    after_second = reader.pull("rows", reader.pull("rows", None, 3, TODAY).cursors[1], 2, TODAY)
    assert [json.loads(item)["id"] for item in after_second.items] == ["r2", "r3"]
    reader.close()


@pytest.mark.parametrize(
    ("order", "cursor", "why"),
    [("id", "v", "rows_not_in_cursor_order"), ("v", "v", "rows_share_a_cursor")],
)
def test_rows_that_do_not_stand_in_the_order_of_their_cursor_are_not_taken(
    url: str, order: str, cursor: str, why: str
) -> None:
    run(url, "create table t (v integer, id integer)")
    for v, number in ((1, 2), (2, 1), (2, 3)):
        run(url, f"insert into t values ({v}, {number})")
    statement = f"select * from t where {cursor} > :cursor order by {order} limit :limit"
    reader = feed(url, statement=statement, cursor=(cursor,), start=(0,))
    with pytest.raises(Unavailable, match=why):
        reader.pull("rows", None, 10, TODAY)
    reader.close()


def test_rows_of_the_day_of_the_run_wait_where_the_query_says_until(url: str) -> None:
    run(url, "create table t (at timestamp, id text)")
    for at in ("2026-11-19T08:00:00", "2026-11-20T23:59:59", "2026-11-21T00:00:00", "2026-11-21T00:00:01"):
        run(url, f"insert into t values ('{at}', '{at[5:]}')")
    statement = "select * from t where at > :cursor and at < :until order by at limit :limit"
    reader = feed(url, statement=statement, cursor=("at",), start=("1900-01-01",))
    page = reader.pull("rows", None, 10, TODAY)
    assert [json.loads(item)["id"] for item in page.items] == ["11-19T08:00:00", "11-20T23:59:59"]
    after = reader.pull("rows", page.cursors[-1], 10, date(2026, 11, 22))
    assert [json.loads(item)["id"] for item in after.items] == ["11-21T00:00:00", "11-21T00:00:01"]
    reader.close()


@pytest.mark.postgres
def test_items_and_cursors_lose_no_digit(postgres_port: int) -> None:
    url = f"postgresql://postgres@127.0.0.1:{postgres_port}/postgres"
    run(url, "drop table if exists t; create table t (at timestamptz, fee numeric(20, 6), file bytea, born date)")
    at = datetime(2026, 11, 20, 1, 2, 3, 456789, UTC)
    row = {"at": at, "fee": Decimal("12345678901234.500000"), "file": b"\x00", "born": date(1990, 4, 15)}
    run(url, "insert into t values (:at, :fee, :file, :born)", row)
    statement = "select * from t where at > :cursor order by at limit :limit"
    reader = feed(url, statement=statement, cursor=("at",), start=("1900-01-01",))
    page = reader.pull("rows", None, 10, TODAY)
    item = json.loads(page.items[0])
    assert item["fee"] == "12345678901234.500000"
    assert (item["file"], item["born"]) == ("AA==", "1990-04-15")
    assert datetime.fromisoformat(item["at"]) == at
    assert reader.pull("rows", page.cursors[0], 10, TODAY).items == []
    reader.close()


def test_a_cursor_of_other_columns_is_not_gone_on_from(tmp_path: Path) -> None:
    reader = feed(f"sqlite:///{tmp_path / 'a.db'}", statement=BY_TWO, cursor=("v", "id"), start=(0, ""))
    with pytest.raises(Unavailable, match="cursor_of_other_columns"):
        reader.pull("rows", write_cursor([7]), 3, TODAY)
    reader.close()


def test_a_feed_without_its_database_is_unavailable(tmp_path: Path) -> None:
    reader = feed(f"sqlite:///{tmp_path / 'nowhere' / 'a.db'}", statement=BY_TWO, cursor=("v", "id"), start=(0, ""))
    with pytest.raises(Unavailable, match="connect_failed"):
        reader.pull("rows", None, 3, TODAY)
    reader.close()


@pytest.mark.parametrize(
    "options",
    [
        {"statement": "select v from t where v > :cursor", "cursor": ("v",), "start": (0,)},
        {"statement": "select v from t limit :limit", "cursor": ("v",), "start": (0,)},
        {"statement": "select v from t where v > :cursor limit :limit", "cursor": ("v",)},
        {
            "statement": "select v from t where v > :cursor limit :limit",
            "cursor": ("v",),
            "start": (0,),
            "kind": "change",
        },
    ],
    ids=["no limit", "no cursor", "no start", "no query"],
)
def test_a_feed_that_cannot_be_is_refused_when_texts_are_read(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Options(**{"kind": "query", **options})
