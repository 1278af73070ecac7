"""The internet hospital's database on each kind of database it may be: its feeds, and what is read of their rows."""

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest

import adapters
from engine.contract import Call, Link
from engine.formats.format import Hints
from engine.mapping.library import load_texts
from engine.model import Context, Profile
from engine.routing.release import read_texts
from engine.settings.problems import Problems
from sandbox.warehouse.database import Database
from tests.peers import mariadb

SITE = Path(__file__).resolve().parents[2]
ZONE = ZoneInfo("Asia/Shanghai")
SQL = adapters.load("sql")
RUN, DAY = date(2026, 1, 6), date(2026, 1, 5)
at = datetime.fromisoformat
"""The hospital's local time, as its database has it: without a zone."""
EVENING = at("2026-01-05T21:30:00")
KNOWN = Context(datetime(2026, 1, 6, 1, 30, tzinfo=ZONE), datetime(2026, 1, 6, 1, 30, tzinfo=ZONE), {"campus": "main"})
CONSULTATION = {
    "version": 1, "changed_at": EVENING, "is_test": 0, "state": "DONE", "channel": "TEXT", "purpose": "CARE",
    "subject_code": "03.04", "subject_name": "心血管内科专业", "dept_name": "心血管内科", "doctor_id": "D1",
    "doctor_id_no": "110101190003070037", "doctor_name": "示例医生", "patient_id_type": "01",
    "patient_id_no": "110101190003070010", "patient_name": "张三", "patient_age": 35, "patient_sex": "M",
    "patient_mobile": "13800001234", "applied_at": at("2026-01-05T09:00:00"), "price": Decimal("0.10"),
    "content": "药片😀怎么吃", "answered": 1,
}  # fmt: skip


@pytest.fixture(scope="session")
def mariadb_port() -> Iterator[int]:
    if not mariadb.installed():
        pytest.skip("no MariaDB server is installed here: apt-get install mariadb-server")
    with mariadb.running() as port:
        yield port


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres), "mariadb"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'warehouse.db'}"
    port = request.getfixturevalue(f"{request.param}_port")
    if request.param == "mariadb":
        return f"mariadb://root@127.0.0.1:{port}/site"
    with psycopg.connect(f"host=127.0.0.1 port={port} user=postgres") as connection:
        connection.execute("drop schema public cascade; create schema public")
    return f"postgresql://postgres@127.0.0.1:{port}/postgres"


@pytest.fixture(scope="session")
def profile() -> Profile:
    problems = Problems()
    texts = {name.removeprefix("mappings/"): text for name, text in read_texts(SITE).items() if "/" in name}
    library = load_texts(texts, {name: adapters.load(name) for name in adapters.NAMES}, problems, ZONE)
    assert not problems, list(map(str, problems))
    return library.profiles["warehouse/db"]


@pytest.fixture
def warehouse(url: str) -> Iterator[Callable[..., None]]:
    """Writes rows, into tables that were empty at the beginning."""
    database = Database(url)
    with database.together() as connection:
        for table in database.columns:
            connection.exec_driver_sql(f"delete from {table}")

    def write(table: str, *rows: dict[str, Any]) -> None:
        with database.together() as connection:
            database.insert(connection, table, list(rows))

    yield write
    database.close()


def consultation(number: str, **other: Any) -> dict[str, Any]:
    return CONSULTATION | {"consultation_id": number} | other


def pages(url: str, profile: Profile, operation: str, limit: int = 2) -> list[list[dict[str, Any]]]:
    """Every page of a feed, read on from the cursor behind the one before."""
    operations = {each.name: each.options for each in profile.outgoing.values()}
    feed = SQL.feed(Link("warehouse", profile.options, operations, url=url))
    found, cursor, more = [], None, True
    try:
        while more:
            page = feed.pull(operation, cursor, limit, RUN)
            found.append([profile.format.parse(item, Hints()) for item in page.items])
            cursor, more = page.cursors[-1] if page.cursors else cursor, page.more
    finally:
        feed.close()
    return found


def asked(url: str, profile: Profile, operation: str, document: dict[str, Any]) -> dict[str, Any]:
    """What an operation that asks gives."""
    one = profile.outgoing[operation]
    destination = SQL.destination(Link("warehouse", profile.options, url=url))
    try:
        reply = destination.send(Call(operation, one.options, one.build(document, KNOWN).body, "t", 10.0))
    finally:
        destination.close()
    value = one.understand(reply).value
    assert value is not None
    return value


def test_rows_of_one_instant_come_once_each_and_in_order(url: str, profile: Profile, warehouse: Any) -> None:
    second = timedelta(seconds=1)
    warehouse(
        "consultation",
        *(consultation(f"C{n}") for n in (3, 1, 5, 2)),
        consultation("C0", changed_at=EVENING + second),
        consultation("C9", changed_at=EVENING - second),
        consultation("C4", state="REFUSED"),
    )
    found = pages(url, profile, "consults")
    assert [[row["consultation_id"] for row in page] for page in found] == [
        ["C9", "C1"], ["C2", "C3"], ["C4", "C5"], ["C0"],
    ]  # fmt: skip


def test_what_is_not_final_of_today_or_of_a_test_patient_stays(url: str, profile: Profile, warehouse: Any) -> None:
    midnight = at("2026-01-06T00:00:00")
    warehouse(
        "consultation",
        consultation("C1", changed_at=midnight - timedelta(seconds=1)),
        consultation("C2", changed_at=midnight),
        consultation("C3", state="OPEN"),
        consultation("C4", state="CANCELLED"),
        consultation("C5", is_test=1),
    )
    assert [[row["consultation_id"] for row in page] for page in pages(url, profile, "consults")] == [["C1"]]


def test_a_correction_of_today_comes_by_its_own_feed(url: str, profile: Profile, warehouse: Any) -> None:
    noon = at("2026-01-06T12:00:00")
    warehouse(
        "consultation",
        consultation("C1", version=2, changed_at=noon),
        consultation("C2", changed_at=noon),
        consultation("C3", version=3, changed_at=EVENING),
    )
    corrected = pages(url, profile, "consults_corrected")
    assert [[(row["consultation_id"], row["version"]) for row in page] for page in corrected] == [
        [("C3", 3), ("C1", 2)]
    ]


def test_a_dispute_is_of_its_day_until_that_has_ended(url: str, profile: Profile, warehouse: Any) -> None:
    """What is corrected later says nothing of the day before the run: it comes by the other feed alone."""
    same = at("2026-01-05T09:00:00")
    texts = ("description", "reason", "steps_taken", "damage", "improvements", "reported_by_dept", "reported_by")
    row = dict.fromkeys(texts, "跌倒") | {
        "is_test": 0, "business_kind": "REVISIT", "patient_name": "张三", "patient_mobile": "13800001234",
        "happened_at": same, "reported_at": same, "changed_at": EVENING,
    }  # fmt: skip
    warehouse(
        "dispute",
        row | {"dispute_id": "Z1", "version": 1},
        row | {"dispute_id": "Z2", "version": 2},
        row | {"dispute_id": "Z3", "version": 2, "reported_at": same - timedelta(days=2)},
        row | {"dispute_id": "Z4", "version": 1, "reported_at": same - timedelta(days=2)},
    )
    found = {
        feed: [row["dispute_id"] for page in pages(url, profile, feed) for row in page]
        for feed in ("disputes", "disputes_corrected")
    }
    assert found == {"disputes": ["Z1", "Z2", "Z4"], "disputes_corrected": ["Z2", "Z3"]}


def test_money_dates_and_texts_are_read_alike_from_each_database(url: str, profile: Profile, warehouse: Any) -> None:
    warehouse(
        "consultation",
        consultation("C1", finished_at=EVENING, refused_at=None, pay_channel="WECHAT"),
        consultation("C2", price=Decimal("19999999.99"), content="", patient_sex="U", patient_mobile=""),
    )
    first, second = (profile.incoming["consult"].read(row, KNOWN) for row in pages(url, profile, "consults")[0])
    assert first == {
        "record_id": "C1",
        "version": 1,
        "day": "2026-01-05",
        "visit_id": "C1",
        "subject": {"code": "03.04", "name": "心血管内科专业"},
        "dept": "心血管内科",
        "doctor": {"id": "D1", "id_no": "110101190003070037", "name": "示例医生"},
        "patient": {"id_type": "ID_CARD", "id_no": "110101190003070010", "name": "张三", "age": 35, "sex": "male",
                    "mobile": "13800001234"},
        "channel": "TEXT",
        "purpose": "CARE",
        "applied_at": "2026-01-05T09:00:00+08:00",
        "finished_at": "2026-01-05T21:30:00+08:00",
        "pay_channel": "WECHAT",
        "price": 10,
        "content": "药片😀怎么吃",
        "answered": True,
    }  # fmt: skip
    assert (second["price"], "content" in second, second["patient"]["sex"]) == (1999999999, False, "unknown")


def test_days_are_counted_as_they_are_reported(url: str, profile: Profile, warehouse: Any) -> None:
    warehouse(
        "consultation",
        consultation(
            "C1", finished_at=EVENING, changed_at=at("2026-01-09T00:00:00")
        ),  # corrected later, and of this day all the same
        consultation("C2", finished_at=at("2026-01-06T00:10:00")),
        consultation("C3", is_test=1),
        consultation("C4", refused_at=at("2026-01-05T23:59:59")),
    )
    assert asked(url, profile, "consult_count", {"day": DAY.isoformat()}) == {"count": 2}
    assert asked(url, profile, "consult_count", {"day": RUN.isoformat()}) == {"count": 1}
    counts = [name for name in profile.outgoing if name.endswith("_count")]
    assert len(counts) == 7
    quiet = {name: asked(url, profile, name, {"day": "2025-12-31"})["count"] for name in counts}
    assert quiet == {**dict.fromkeys(counts, 0), "dispute_count": 1}  # that there was none is told as well


def test_what_stands_in_several_tables_comes_together(url: str, profile: Profile, warehouse: Any) -> None:
    warehouse(
        "verification",
        {"verification_id": "H1", "version": 1, "changed_at": EVENING, "is_test": 0, "prescription_id": "P1",
         "public_no": "U1", "delivery": "PICKUP", "verified_at": EVENING, "person": "示例药师",
         "total_fee": Decimal("12.50"), "paid": 1},
    )  # fmt: skip
    item = {"prescription_id": "P1", "drug_code": "Y1", "drug_name": "示例药", "spec": "1g", "route_code": "1",
            "frequency": "每日一次", "dose": "1", "dose_unit": "g", "quantity": Decimal("1.50"), "quantity_unit": "盒",
            "days": 3, "is_otc": 0}  # fmt: skip
    warehouse("prescription_item", item | {"line_no": 2, "drug_code": "Y2"}, item | {"line_no": 1})
    (row,) = pages(url, profile, "verifications")[0]
    read = profile.incoming["verification"].read(row, KNOWN)
    assert (read["visit_id"], read["total_fee"], read["paid"]) == ("P1", 1250, True)  # no visit known: its own line
    document = {"record_id": "P1"}
    items = asked(url, profile, "prescription_items", document)["items"]
    assert [each["drug_code"] for each in items] == ["Y1", "Y2"]
    assert Decimal(items[0]["quantity"]) == Decimal("1.5")
    assert items[0]["otc"] is False


@pytest.mark.parametrize(
    "operation", ["drugs", "consults", "revisits", "prescriptions", "verifications", "evaluations", "disputes"]
)
def test_every_feed_is_sql_that_each_database_takes(operation: str, url: str, profile: Profile, warehouse: Any) -> None:
    assert pages(url, profile, operation) == [[]]
    assert pages(url, profile, f"{operation}_corrected") == [[]]
