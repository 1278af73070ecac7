"""When schedules are due: cron lines, distances, failed runs, missed runs."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from engine.base.clock import SECOND, from_micros, to_micros
from engine.routing.timing import Run, timing
from engine.settings.calendar import Calendar
from engine.settings.routes import Schedule

ZONE = ZoneInfo("Asia/Shanghai")
NOW = to_micros(datetime(2026, 11, 20, 9, 0, tzinfo=ZONE))  # a Friday
MINUTE = 60 * SECOND


def shown(instant):
    return from_micros(instant).astimezone(ZONE).strftime("%m-%d %H:%M")


@pytest.mark.parametrize(
    ("line", "after"),
    [
        ("30 1 * * *", "11-21 01:30"),
        ("0 9 * * *", "11-21 09:00"),
        ("*/15 8-18 * * *", "11-20 09:15"),
        ("0 3 1 * *", "12-01 03:00"),
        ("0 3 * * 0", "11-22 03:00"),
        ("0 3 * * 7", "11-22 03:00"),
        ("0 3 * * 1-5", "11-23 03:00"),
        ("0 10 * * 5", "11-20 10:00"),
        ("0 3 * * mon,wed", "11-23 03:00"),
    ],
)
def test_a_cron_line_means_what_cron_means_in_the_sites_zone(line, after):
    assert shown(timing(Schedule(cron=line), ZONE).after(NOW)) == after


@pytest.mark.parametrize("line", ["61 * * * *", "0 3 * *", "", "0 0 30 2 *", "a b c d e"])
def test_no_cron_line_is_refused(line):
    with pytest.raises(ValueError):
        timing(Schedule(cron=line), ZONE)


def test_the_first_run_of_a_distance_is_at_once_and_of_a_line_at_its_time():
    assert timing(Schedule(every="3m"), ZONE).due(None, NOW) == NOW
    assert shown(timing(Schedule(cron="30 1 * * *"), ZONE).due(None, NOW)) == "11-21 01:30"


def test_a_run_that_did_not_end_well_is_tried_again_before_its_next_time_and_ever_more_slowly():
    daily = timing(Schedule(cron="30 1 * * *"), ZONE)
    run, pauses = Run(NOW, NOW), []
    for _ in range(6):
        due = daily.due(run, run.begun)
        pauses.append((due - run.begun) // MINUTE)
        run = run.next(due)
    assert pauses == [1, 2, 5, 15, 15, 15]
    assert run.since == NOW
    assert daily.due(Run(to_micros(datetime(2026, 11, 21, 1, 29, 30, tzinfo=ZONE)), NOW, tries=9), NOW) == to_micros(
        datetime(2026, 11, 21, 1, 30, tzinfo=ZONE)
    )
    assert shown(daily.due(run.ended(), NOW)) == "11-21 01:30"
    assert timing(Schedule(every="10s"), ZONE).due(Run(NOW, NOW, tries=9), NOW) == NOW + 10 * SECOND


def test_a_missed_run_is_made_up_for_once_or_left_out():
    night = Run(NOW - 40 * 60 * MINUTE, NOW - 40 * 60 * MINUTE, heard=True, tries=0)
    once, skip = (timing(Schedule(cron="30 1 * * *", missed=missed), ZONE) for missed in ("run_once", "skip"))
    assert once.first(night, NOW) < NOW
    assert shown(once.due(night.next(NOW).ended(), NOW)) == "11-21 01:30"
    assert shown(skip.first(night, NOW)) == "11-21 01:30"
    assert timing(Schedule(every="3m", missed="skip"), ZONE).first(night, NOW) == NOW + 3 * MINUTE


CALENDAR = Calendar(
    frozenset({date(2026, 11, 23), date(2026, 11, 24)}),  # Monday and Tuesday off
    frozenset({date(2026, 11, 21)}),  # for which the Saturday before is worked
)


@pytest.mark.parametrize(
    ("schedule", "runs"),
    [
        ({"cron": "30 1 * * *", "days": "work"}, ["11-21 01:30", "11-25 01:30", "11-26 01:30"]),
        ({"cron": "30 1 * * *", "days": "off"}, ["11-22 01:30", "11-23 01:30", "11-24 01:30", "11-28 01:30"]),
        ({"every": "8h", "days": "work"}, ["11-20 17:00", "11-21 01:00", "11-21 09:00", "11-21 17:00", "11-25 00:00"]),
        ({"every": "8h", "days": "off"}, ["11-22 00:00", "11-22 08:00", "11-22 16:00", "11-23 00:00"]),
    ],
)
def test_days_off_and_worked_weekends_are_those_of_the_calendar(schedule, runs):
    when, instant, found = timing(Schedule(**schedule), ZONE, CALENDAR), NOW, []
    for _ in runs:
        instant = when.after(instant)
        found.append(shown(instant))
    assert found == runs


def test_a_distance_that_never_ran_begins_on_a_day_that_fits():
    assert timing(Schedule(every="8h", days="work"), ZONE, CALENDAR).due(None, NOW) == NOW
    assert shown(timing(Schedule(every="8h", days="off"), ZONE, CALENDAR).due(None, NOW)) == "11-22 00:00"


def test_a_run_of_another_node_is_left_alone_while_it_says_that_it_lives():
    daily = timing(Schedule(cron="30 1 * * *"), ZONE)
    run = Run(NOW, NOW, alive=NOW + 90 * MINUTE)
    assert daily.due(run, NOW) == NOW + 91 * MINUTE
    assert run.under_way(NOW + 90 * MINUTE)
    assert not run.under_way(NOW + 91 * MINUTE)
    assert not run.alive_at(0).under_way(NOW)
    assert daily.due(run.alive_at(0), NOW) == NOW + MINUTE
    night_later = Run(NOW, NOW, alive=to_micros(datetime(2026, 11, 21, 1, 29, 50, tzinfo=ZONE)))
    assert daily.due(night_later, NOW) > to_micros(datetime(2026, 11, 21, 1, 30, tzinfo=ZONE)), "it is still at it"


def test_who_goes_first_owes_its_run_until_it_has_ended_well():
    nightly = timing(Schedule(cron="30 1 * * *"), ZONE)
    at = to_micros(datetime(2026, 11, 21, 2, 0, tzinfo=ZONE))
    good = Run(at - 25 * 60 * MINUTE, 0).ended()
    tonight = Run(at - 30 * MINUTE, 0)
    assert nightly.owes(None, at)
    assert nightly.owes(good, at)
    assert nightly.owes(tonight, at)
    assert not nightly.owes(tonight.ended(), at)
    assert not timing(Schedule(cron="0 4 1 1 *"), ZONE).owes(None, at), "it has not been its turn"
    assert timing(Schedule(every="1h"), ZONE).owes(None, at)


def test_a_run_is_kept_as_text():
    for run in (Run(NOW, NOW), Run(NOW, 5, alive=7), Run(NOW, 5, heard=True, tries=3), Run(NOW, 5).ended()):
        assert Run.read(run.write()) == run
