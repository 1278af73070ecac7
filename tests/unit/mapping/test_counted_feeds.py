"""What may stand in `count:` beside a feed: an operation that takes a day and gives how many there should be."""

import pytest
from mapping_desk import library, said

from engine.settings.problems import Problems

SHAPES = {
    "shapes/visit.yaml": "shape: visit\nfields: {no: {required: true}}\n",
    "shapes/day.yaml": "shape: day\nfields: {day: date}\n",
    "shapes/day_count.yaml": "shape: day_count\nfields: {count: integer}\n",
}
PROFILE = """
profile: clinic/db
adapter: sql
format: row
outgoing:
  visits:
    effect: none
    sql:
      kind: query
      cursor: [no]
      start: [""]
      statement: select no from visits where no > :cursor order by no limit :limit
  how_many:
    takes: day
    gives: day_count
    effect: none
    sql: {kind: query, statement: select count(*) as n from visits where day = :day}
    request: {day: day}
    reply: {count: rows(0).n}
incoming:
  visit:
    gives: visit
    feed: visits
    count: how_many
    read: {no: no}
    examples: [{name: a row, message: {no: V1}, gives: {no: V1}}]
"""
WRONG = [
    ("count: how_many", "count: how_much", "how_many"),
    ("    takes: day\n", "", "'how_many' takes no day"),
    ("takes: day\n", "takes: visit\n", "'how_many' takes no day"),
    ("gives: day_count\n", "gives: visit\n", "'how_many' gives no count"),
    ("effect: none\n    sql: {kind", "effect: change\n    sql: {kind", "'how_many' changes something"),
    ("    feed: visits\n", "", "only what is read on from a cursor is counted"),
]


def findings(text):
    problems = Problems()
    library({**SHAPES, "clinic/db.yaml": text}, problems)
    return "\n".join(said(problems))


def test_an_operation_that_says_how_many_there_should_be_is_taken():
    assert findings(PROFILE) == ""


@pytest.mark.parametrize(("old", "new", "what"), WRONG)
def test_what_cannot_say_it_is_a_finding(old, new, what):
    assert old in PROFILE
    assert what in findings(PROFILE.replace(old, new))
