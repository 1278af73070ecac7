"""Scenarios that play a feed: pages of rows, a night that comes, days off, what goes first, and what is said wrongly."""

import pytest
from feeds_desk import write

from engine.app.check import check
from engine.app.scenarios.loading import load
from engine.app.scenarios.player import play
from engine.base.ids import SystemIds
from engine.cli.site import Adapters
from engine.settings.problems import Problems

NIGHT = """\
scenario: a night, page by page
at: 2026-11-20T22:00:00+08:00
schedules: [visits]
events:
  - nothing: clinic
  - advance: 4h
  - feed: clinic.visits_of
    after: 0
    until: "2026-11-21"
    rows: [{no: V1, who: P1, fee: 500}, {no: V2, who: P1}, {no: V3}, {no: V4, who: P1}]
    more: true
  - expect: office.report
    with: {no: V1, who: P1}
    reply: &good {code: "0"}
  - feed: clinic.visits_of
    after: 4
    rows: [{no: V1, who: P1, fee: 500}, {no: V5, who: P2}]
  - expect: office.report
    with: {no: V2}
    reply: *good
  - expect: office.report
    with: {no: V4}
    reply: {code: "1"}
  - expect: office.report
    with: {no: V5}
    reply: *good
  - kept: {visits: 4, refused: 1}
  - advance: 1d
  - feed: clinic.visits_of
    after: 6
    unavailable: true
  - advance: 1m
  - feed: clinic.visits_of
    after: 6
    until: "2026-11-22"
  - expect: office.report
    with: {no: none of 2026-11-21, day: "2026-11-21"}
    reply: *good
"""
EMPTY = ("batch: 4}", "batch: 4, empty: send}")


@pytest.fixture
def site(tmp_path):
    """Checks a site of these changes, and plays a scenario there: findings, or what differs."""

    def played(text, *changes):
        write(tmp_path, "http://127.0.0.1:9", *changes)
        problems = Problems()
        checked = check(tmp_path, "desk", {}, Adapters(), SystemIds(), problems)
        assert checked is not None, list(map(str, problems))
        (tmp_path / "x.yaml").write_text(text, encoding="utf-8")
        scenario = load(tmp_path / "x.yaml", tmp_path, checked, problems)
        if scenario is None:
            return list(map(str, problems))
        return [str(one) for one in play(scenario, tmp_path, checked, Adapters()).differences]

    return played


def test_a_night_is_played_page_by_page(site):
    assert site(NIGHT, EMPTY) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("after: 4", "after: 3", "x.yaml:16:5: after: expected 3, got 4"),
        ('until: "2026-11-21"', 'until: "2026-11-20"', "expected '2026-11-20', got '2026-11-21'"),
        ("{no: V4, who: P1}]", "{no: V4, who: P1}, {no: V5, who: P1}]", "the bus takes 4 rows at once"),
        ("  - nothing: clinic\n", "  - feed: clinic.visits_of\n", "clinic.visits_of is not read"),
        ("  - feed: clinic.visits_of\n    after: 0", "  - nothing: clinic\n  - feed: clinic.visits_of\n    after: 0",
         "clinic.visits_of waits here"),
        ("feed: clinic.visits_of\n    after: 0", "feed: clinic.visit_of\n    after: 0", "did you mean 'visits_of'"),
        ("feed: clinic.visits_of\n    after: 0", "feed: office.report\n    after: 0", "the system with a feed 'office'"),
        ("    unavailable: true", "    unavailable: true\n    more: true", "gives no rows"),
    ],
)  # fmt: skip
def test_what_a_scenario_says_wrongly_of_a_feed_is_told_with_its_place(site, old, new, said):
    assert old in NIGHT
    found = site(NIGHT.replace(old, new, 1), EMPTY)
    assert any(said in one for one in found), found


AFTER = """
  later:
    from: clinic.others
    key: no
    schedule: {cron: "30 1 * * *", after: visits, days: work}
    steps: {report: {to: office.report}}
"""
OTHERS = """
  others:
    gives: visit
    feed: others_of
    read: {no: no, who: who}
"""
CALENDAR = "off: [2026-11-24..2026-11-25]\nwork: [2026-11-22]\n"
FRIDAY = """\
scenario: what goes first, and worked days
at: 2026-11-20T22:00:00+08:00
schedules: [visits, later]
events:
  - advance: 4h
  - feed: clinic.visits_of
    rows: [{no: V1, who: P1}]
  - nothing: clinic
  - advance: 5s
  - nothing: clinic
  - expect: office.report
    reply: {code: "1"}
  - state: {report: parked}
  - advance: 5s
  - nothing: clinic
  - advance: 1d
  - feed: clinic.visits_of
  - advance: 5s
  - feed: clinic.others_of
    until: "2026-11-22"
    rows: [{no: L1, who: P1}]
  - expect: office.report
    with: {no: L1}
    reply: {code: "0"}
"""


SECOND = """\
  others_of:
    effect: none
    sql:
      kind: query
      statement: select no, who from others where no > :cursor order by no limit :limit
      cursor: [no]
      start: [""]
"""


def test_what_goes_first_and_days_off(site, tmp_path):
    """The Saturday is off and the Sunday worked; a parked message holds up nobody."""
    (tmp_path / "days.yaml").write_text(CALENDAR)
    found = site(
        FRIDAY,
        (", refused: park}}\n", ", refused: park}}\n" + AFTER),
        ("incoming:\n", SECOND + "incoming:" + OTHERS),
        ("{campuses: [main, north]}", "{campuses: [main, north], calendar: days.yaml}"),
    )
    assert found == []
