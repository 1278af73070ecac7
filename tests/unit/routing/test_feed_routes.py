"""What routes say of feeds, checked: what a row is known by, empty days, order, days off."""

import pytest
from click.testing import CliRunner
from feeds_desk import write

from engine.app.check import check
from engine.base.ids import SystemIds
from engine.cli.main import main
from engine.cli.site import Adapters
from engine.settings.problems import Problems

SCHEDULE = '{cron: "30 1 * * *", batch: 4}'
CIRCLE = """
  later:
    from: clinic.others
    key: no
    schedule: {cron: "30 1 * * *", after: [visits]}
    to: office.report
"""


def findings(folder, *changes):
    write(folder, "http://127.0.0.1:9", *changes)
    problems = Problems()
    check(folder, "desk", {}, Adapters(), SystemIds(), problems)
    return [str(one) for one in problems]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("    key: no\n", ""), "routes.yaml:4:5: a row of 'clinic.visits' may be read twice"),
        (("batch: 4}", "empty: send}"), None),
        (("    empty: {no: \"'none of ' & $day\", day: $day}\n", ""), None),
        ((SCHEDULE, "{every: 1h, after: visits}"), "'visits' would wait for 'visits' in turn"),
        ((SCHEDULE, "{every: 1h, after: visit}"), "the route with a schedule 'visit' is not known"),
        ((SCHEDULE, "{every: 1h, days: work}"), "routes.yaml:6:27: nothing says which days are off"),
        ((SCHEDULE, "{every: 1h, batch: 0}"), "batch"),
        ((f"    schedule: {SCHEDULE}\n", ""), "nothing says when it is asked for"),
        (("campuses: [main, north]", "campuses: [main, north], calendar: x.yaml"), "there is no file 'x.yaml'"),
    ],
)
def test_what_a_route_lacks_for_its_feed_is_a_finding(tmp_path, change, said):
    found = findings(tmp_path, change)
    assert found == [] if said is None else any(said in one for one in found), found


def test_who_sends_empty_days_has_words_for_them(tmp_path):
    words = ("    empty: {no: \"'none of ' & $day\", day: $day}\n", "")
    found = findings(tmp_path, words, ("batch: 4}", "empty: send}"))
    (one,) = found
    assert one.startswith("routes.yaml:6:36: nothing says what a run sends that finds nothing (write empty: in a kind")


def test_routes_that_wait_for_each_other_are_a_finding(tmp_path):
    again = ("batch: 4}", "batch: 4, after: later}"), (", refused: park}}\n", ", refused: park}}\n" + CIRCLE)
    kind = ("incoming:\n", "incoming:\n  others:\n    gives: visit\n    feed: visits_of\n    read: {no: no}\n")
    found = findings(tmp_path, *again, kind)
    assert any("'later' would wait for 'visits' in turn" in one for one in found), found
    assert any("'visits' would wait for 'later' in turn" in one for one in found), found


def test_a_schedule_is_explained(tmp_path):
    write(tmp_path, "http://127.0.0.1:9", (SCHEDULE, '{cron: "30 1 * * *", after: first, days: off, empty: send}'))
    told = CliRunner().invoke(main, ["explain", "visits", "--site", str(tmp_path), "--env", "desk"])
    assert "at 30 1 * * * on days off; after first; a run that was missed is made up for once" in told.output
