"""The internet hospital's database: yesterday's business, what people do to it, and how its rows are written."""

import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from sandbox import town
from sandbox.his.clock import Clock
from sandbox.hospital import Hospital
from sandbox.reports import Mistake
from sandbox.store import Store
from sandbox.warehouse.database import Database, moment
from sandbox.warehouse.desk import TABLES, Desk, Wish
from sandbox.warehouse.spoiling import SPOILS, UNKNOWN_DRUG
from tests.postgres_server import Server, postgres

__all__ = ["postgres"]
YESTERDAY = date(2026, 11, 19)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'warehouse.db'}"
    server: Server = request.getfixturevalue("postgres")
    return server.fresh().replace("&search_path=", "&options=-csearch_path%3D")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "hospital.db")
    town.build(store, 1, date(2026, 11, 20))
    yield store
    store.close()


@pytest.fixture
def clock(store: Store) -> Clock:
    clock = Clock(store)
    clock.put("2026-11-20 10:00:00")
    clock.hold(True)
    return clock


@pytest.fixture
def desk(store: Store, clock: Clock, url: str) -> Iterator[Desk]:
    database = Database(url)
    yield Desk(database, store, clock, 1)
    database.close()


def one(desk: Desk, table: str, number: str) -> dict[str, Any]:
    (row,) = desk.database.all(f"select * from {table} where {TABLES[table][0]} = :number", number=number)
    return row


def test_yesterday_is_there_once_and_plausible(desk: Desk) -> None:
    for _ in range(2):
        desk.seed()
        counts = {table: desk.database.value(f"select count(*) from {table}") for table in TABLES}
        assert counts == {
            "consultation": 9,
            "revisit": 8,
            "prescription": 4,
            "verification": 3,
            "drug": 12,
            "evaluation": 3,
            "dispute": 0,
        }
    for table in TABLES:
        rows = desk.database.all(f"select * from {table}")
        assert {moment(row["changed_at"]).date() for row in rows} <= {YESTERDAY}, table  # type: ignore[union-attr]
        assert {row["version"] for row in rows} <= {1}
    revisits = desk.database.all("select * from revisit order by revisit_id")
    assert [row["state"] for row in revisits].count("REFUSED") == 1
    assert [row["is_test"] for row in revisits] == [0] * 7 + [1]
    assert [row["guardian_name"] is not None for row in revisits] == [row["patient_age"] < 6 for row in revisits]
    items = desk.database.all("select distinct drug_code from prescription_item")
    assert {item["drug_code"] for item in items} <= {row["drug_code"] for row in desk.rows("drug", "", 50)}


def test_rows_of_a_table_are_written_one_after_the_other(desk: Desk) -> None:
    desk.seed()
    made = [desk.add("revisit", Wish(YESTERDAY))["id"] for _ in range(3)]
    newest = desk.rows("revisit", "2026-11-19", 3)
    assert [row["revisit_id"] for row in newest] == made[::-1]
    assert len({row["changed_at"] for row in newest}) == 3
    assert made == ["FC2026111900009", "FC2026111900010", "FC2026111900011"]
    today = desk.add("revisit", Wish(date(2026, 11, 20)))
    assert (today["id"], today["changed_at"]) == ("FC2026112000001", "2026-11-20 10:00:00")


@pytest.mark.parametrize("table", [name for name in TABLES if name != "drug"])
def test_what_is_made_wrong_is_put_right_as_a_new_version(desk: Desk, table: str) -> None:
    desk.seed()
    for kind in SPOILS[table]:
        made = desk.add(table, Wish(YESTERDAY, wrong=kind))
        wrong = one(desk, table, made["id"])
        drugs = "select drug_code from prescription_item where prescription_id = :number order by line_no"
        if kind == "unknown_drug":
            assert desk.database.value(drugs, number=made["id"]) == UNKNOWN_DRUG
        done = desk.correct(made["id"], {}, YESTERDAY)
        right = one(desk, table, made["id"])
        assert (done["version"], right["version"]) == (2, 2)
        assert moment(right["changed_at"]) > moment(wrong["changed_at"])  # type: ignore[operator]
        if kind == "unknown_drug":
            assert desk.database.value(drugs, number=made["id"]) != UNKNOWN_DRUG
        else:
            assert all(right[name] != wrong[name] for name in done["changed"])
            assert set(done["changed"]) == set(SPOILS[table][kind])
        with pytest.raises(Mistake, match="nothing was made wrong"):
            desk.correct(made["id"], {}, YESTERDAY)


def test_a_correction_can_be_any_change(desk: Desk) -> None:
    desk.seed()
    desk.correct("YP0001", {"price": "13.50", "in_use": "0"}, date(2026, 11, 20))
    row = one(desk, "drug", "YP0001")
    assert (float(row["price"]), row["in_use"], row["version"]) == (13.5, 0, 2)
    assert moment(row["changed_at"]) == datetime.fromisoformat("2026-11-20 10:00:00")
    for changes in ({"drug_code": "YP2"}, {"colour": "red"}):
        with pytest.raises(Mistake):
            desk.correct("YP0001", changes, YESTERDAY)


def test_what_the_database_will_not_have_changes_nothing(desk: Desk) -> None:
    desk.seed()
    with pytest.raises(ValueError, match="will not have it"):
        desk.correct("YP0001", {"generic_name": None}, YESTERDAY)
    assert one(desk, "drug", "YP0001")["version"] == 1


def test_a_load_is_written_in_the_order_of_its_numbers(desk: Desk) -> None:
    assert desk.load("revisit", YESTERDAY, 45) == {
        "table": "revisit",
        "added": 45,
        "first": "FC2026111900001",
        "last": "FC2026111900045",
    }
    rows = desk.database.all("select revisit_id, changed_at from revisit order by changed_at, revisit_id")
    assert [row["revisit_id"] for row in rows] == sorted(row["revisit_id"] for row in rows)
    last = moment(rows[-1]["changed_at"])
    first = moment(rows[0]["changed_at"])
    assert last is not None
    assert first is not None
    assert last - first == timedelta(seconds=4)


def test_what_cannot_be_done_is_said(desk: Desk) -> None:
    wishes = [
        ("letter", Wish(YESTERDAY), "no table letter"),
        ("drug", Wish(YESTERDAY), "name the drug"),
        ("evaluation", Wish(YESTERDAY), "there is no revisit"),
        ("revisit", Wish(YESTERDAY, wrong="unknown_drug"), "revisit can be wrong as"),
    ]
    for table, wish, text in wishes:
        with pytest.raises(Mistake, match=text):
            desk.add(table, wish)
    with pytest.raises(Mistake, match="1 to"):
        desk.load("revisit", YESTERDAY, 0)
    with pytest.raises(Mistake, match="no table has a number"):
        desk.correct("QQ1", {}, YESTERDAY)


async def test_port_9000_shows_and_moves_it(hospital: Hospital) -> None:
    async with aiohttp.ClientSession(f"http://127.0.0.1:{hospital.port}") as session:

        async def post(path: str, **body: Any) -> tuple[int, dict[str, Any]]:
            async with session.post(path, data=json.dumps(body)) as answer:
                return answer.status, await answer.json()

        _, made = await post("/warehouse/add", table="revisit", wrong="empty")
        _, done = await post("/warehouse/correct", id=made["id"], changes={})
        assert done["version"] == 2
        assert (await post("/warehouse/load", count=3))[1]["added"] == 3
        assert (await post("/warehouse/load", count=3, speed=2))[0] == 400
        async with session.get(
            "/warehouse/rows", params={"table": "revisit", "day": "yesterday", "limit": "4"}
        ) as rows:
            assert (await rows.json())["count"] == 4
        async with session.get("/warehouse/counts") as counts:
            found = {row["table"]: row["rows"] for row in (await counts.json())["rows"]}
        assert found["revisit"] == 12


def test_a_database_that_is_not_there_says_so_without_its_password() -> None:
    with pytest.raises(OSError, match=r"the warehouse at postgresql.*\*\*\*") as raised:
        Database("postgresql://bus:geheim@127.0.0.1:9/postgres")
    assert "geheim" not in str(raised.value)
