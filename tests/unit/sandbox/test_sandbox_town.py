"""The town: believable, invented, and the same for the same seed."""

from datetime import date
from pathlib import Path
from random import Random

import pytest

from sandbox import town
from sandbox.people import check_digit, identity_number, person
from sandbox.store import Store

TABLES = ("campuses", "departments", "doctors", "patients", "visits")


def built(path: Path, seed: int) -> Store:
    store = Store(path)
    town.build(store, seed, date(2026, 11, 20))
    return store


def contents(store: Store) -> list[object]:
    return [store.all(f"select * from {table} order by 1") for table in TABLES]


@pytest.mark.parametrize(
    "number", ["110101190003070010", "11010119000307007X", "810000190003070030", "830000190003070026"]
)
def test_the_check_digit_is_that_of_the_standard(number: str) -> None:
    assert check_digit(number[:17]) == number[17]


def test_the_17th_digit_says_the_sex() -> None:
    for order in range(20):
        assert int(identity_number("440304", date(1901, 2, 3), order, "M")[16]) % 2 == 1
        assert int(identity_number("440304", date(1901, 2, 3), order, "F")[16]) % 2 == 0


def test_same_seed_same_town(tmp_path: Path) -> None:
    first, second = built(tmp_path / "a.db", 7), built(tmp_path / "b.db", 7)
    assert contents(first) == contents(second)
    assert contents(first) != contents(built(tmp_path / "c.db", 8))


def test_a_town_is_built_once(tmp_path: Path) -> None:
    store = built(tmp_path / "a.db", 7)
    before = contents(store)
    assert town.build(store, 8, date(2026, 11, 20)) == 7
    assert contents(store) == before


def test_the_town_has_what_was_promised(tmp_path: Path) -> None:
    store = built(tmp_path / "a.db", 1)
    counts = {table: store.value(f"select count(*) from {table}") for table in TABLES}
    assert counts == {"campuses": 3, "departments": 30, "doctors": 200, "patients": 500, "visits": 500}
    assert [row["name"] for row in store.all("select name from campuses order by rowid")] == [
        "桃源院区",
        "北院院区",
        "星湖门诊",
    ]
    empty = store.all("select code from departments where code not in (select department from doctors)")
    assert empty == []
    for campus in ("main", "north", "lake"):
        kinds = {row["kind"] for row in store.all("select kind from departments where campus = ?", campus)}
        assert {"clinic", "lab", "imaging"} <= kinds


def test_nobody_in_it_exists(tmp_path: Path) -> None:
    patients = built(tmp_path / "a.db", 1).all("select * from patients")
    cards = [row for row in patients if row["id_type"] in ("01", "06")]
    assert len(cards) > 480
    for row in cards:
        number = row["id_number"]
        assert check_digit(number[:17]) == number[17]
        assert number[6:14] == row["birth"]
        assert 1900 <= int(number[6:10]) <= 1909
        assert (int(number[16]) % 2 == 1) == (row["sex"] == "M")
    assert len({row["id_number"] for row in patients}) == len(patients)
    assert len({row["mobile"] for row in patients}) == len(patients)
    assert all(row["mobile"].startswith("13800") and len(row["mobile"]) == 11 for row in patients)
    assert {"01", "03", "06"} == {row["id_type"] for row in patients}


def test_some_names_hurt_whoever_splits_bytes(tmp_path: Path) -> None:
    names = [row["name"] for row in built(tmp_path / "a.db", 1).all("select name from patients")]
    raw = [name.encode("gb18030") for name in names]
    assert any(b"\\" in one for one in raw), "a second byte that looks like the escape character"
    assert any(b"|" in one for one in raw), "a second byte that looks like the field separator"
    assert any("·" in name for name in names)
    assert any("㛃" in name for name in names), "four bytes in GB 18030, none in GBK"


def test_a_person_depends_on_the_generator_only() -> None:
    assert person(Random(3), 12) == person(Random(3), 12)
