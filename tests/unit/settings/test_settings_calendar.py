"""The calendar of days off and worked weekends: read, checked, and looked into."""

from datetime import date
from pathlib import Path

import pytest

from engine.base.where import Where
from engine.settings.calendar import load_calendar
from engine.settings.problems import Problems

ROOT = Path(__file__).parents[3]
HERE = Where("config/x.yaml", 3, 5)


def read(folder, text):
    problems = Problems()
    (folder / "days.yaml").write_text(text, encoding="utf-8")
    return load_calendar(folder, "days.yaml", HERE, problems), [str(one) for one in problems]


def test_days_off_worked_weekends_and_the_week(tmp_path):
    calendar, found = read(tmp_path, "off: [2026-02-15..2026-02-17, 2026-05-01]\nwork: [2026-02-14]\n")
    assert found == []
    work = {day: calendar.is_work(date(2026, 2, day)) for day in range(13, 24)}
    assert [day for day, works in work.items() if works] == [13, 14, 18, 19, 20, 23]
    assert not calendar.is_work(date(2026, 5, 1))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("off: [2026-13-01]\n", "days.yaml:1:7: this is no day"),
        ("off: [2026-02-17..2026-02-15]\n", "this is no day"),
        ("off: [Monday]\n", "this is no day"),
        ("off: [2026-02-15]\nwork: [2026-02-14, 2026-02-15]\n", "days.yaml:2:20: 2026-02-15 is a day off too"),
        ("work: [2026-02-13]\n", "2026-02-13 is no weekend"),
        ("of: [2026-02-13]\n", "did you mean 'off'"),
    ],
)
def test_what_is_wrong_is_a_finding_with_its_place(tmp_path, text, said):
    _, found = read(tmp_path, text)
    assert any(said in one for one in found), found


def test_a_file_that_is_not_there_is_a_finding_where_it_is_named(tmp_path):
    problems = Problems()
    assert load_calendar(tmp_path, "nowhere.yaml", HERE, problems) is None
    assert "config/x.yaml:3:5: there is no file 'nowhere.yaml'" in str(next(iter(problems)))


def test_the_calendar_that_comes_with_the_bus_holds():
    problems = Problems()
    calendar = load_calendar(ROOT, "config/china.calendar.yaml", HERE, problems)
    assert list(problems) == []
    spring = [date(2026, 2, day) for day in range(13, 25)]
    assert [day.day for day in spring if calendar.is_work(day)] == [13, 14, 24]
