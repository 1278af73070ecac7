"""When schedules are due: cron lines, distances, failed runs, missed runs."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from engine.base.clock import SECOND, from_micros, to_micros
from engine.routing.timing import Run, timing
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


def test_a_run_is_kept_as_text():
    for run in (Run(NOW, NOW), Run(NOW, 5, heard=True, tries=3), Run(NOW, 5).ended()):
        assert Run.read(run.write()) == run
