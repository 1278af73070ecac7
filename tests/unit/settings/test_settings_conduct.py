"""The hospital's rules and the registry's limits as a site writes them: findings with places, campuses that exist."""

import pytest

from engine.settings.layers import load_config
from engine.settings.problems import Problems
from engine.settings.rules import check_rules

SITE = "site: {campuses: [main, north]}\n"


def findings(tmp_path, text):
    (tmp_path / "config").mkdir(exist_ok=True)
    (tmp_path / "config/desk.yaml").write_text(SITE + text, encoding="utf-8")
    problems = Problems()
    loaded = load_config(tmp_path, "desk", {}, problems)
    if loaded is not None:
        check_rules(loaded, tmp_path, problems)
    return [str(problem) for problem in problems]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("rules: {at: {nort: {captcha: {}}}}", ("desk.yaml:2:", "the campus", "'north'?")),
        ("registry: {at: {south: {codes: {tries: 3}}}}", ("desk.yaml:2:", "the campus")),
        ("systems: {rules: {profile: a/b}}", ("desk.yaml:2:", "'rules' is the bus itself")),
        ("rules: {complete: {bind: [nam]}}", ("desk.yaml:2:", "'nam'")),
        ("rules: {captcha: {windows: [1850-1930]}}", ("desk.yaml:2:", '"00:00-00:20"')),
        ("rules: {returning: {booking: {by: day_before}}}", ("desk.yaml:2:", "needs 'at'", 'at: "17:00"')),
        ("rules: {returning: {today: {by: end, before: 2h}}}", ("has no 'before'",)),
        ("rules: {returning: {booking: {by: same_day, at: 17}}}", ('"17:00"',)),
        ("rules: {checkin: {areas: [{name: a, lat: 1, lng: 2}]}}", ("a circle or a polygon",)),
        ("rules: {checkin: {areas: [{name: a, coords: bd09, lat: 1, lng: 2, radius_m: 50}]}}", ("'bd09'", "gcj02")),
        ("rules: {checkin: {areas: [{name: a, polygon: [{lat: 1, lng: 2}]}]}}", ("polygon",)),
        ("registry: {codes: {digits: 3}}", ("digits",)),
    ],
)
def test_what_cannot_be_is_said_at_its_place(tmp_path, text, says):
    found = findings(tmp_path, text)
    assert any(all(part in one for part in says) for one in found), found


def test_what_a_site_writes_is_fine(tmp_path):
    text = """
rules:
  returning: {booking: {by: before_begin, before: 2h}, today: null, missed_days: 7}
  checkin: {areas: [{name: a, polygon: [{lat: 1, lng: 2}, {lat: 1, lng: 3}, {lat: 2, lng: 3}]}]}
  at: {north: {captcha: {windows: ["18:50-19:30"]}}}
registry: {binding: {per_user: 3}, at: {north: {tickets: {lasts: 30s}}}}
"""
    assert findings(tmp_path, text) == []
