"""Kinds of messages that are read on from a cursor: what their texts may say, and what is said of those that may not."""

import pytest
from mapping_desk import CONTEXT, ZONE, library, said

from engine.base.errors import BusError
from engine.mapping.examples import run
from engine.model import Context
from engine.settings.problems import Problems

SHAPE = "shape: visit\nfields: {no: {required: true}, who: text, day: date}\n"
PROFILE = """
profile: his/x
adapter: sql
settings: {org: the hospital's number}
outgoing:
  visits_of:
    effect: none
    sql: {kind: query, statement: "select no, who from v where no > :cursor limit :limit", cursor: [no], start: [0]}
  find: {effect: none, sql: {kind: query, statement: "select 1"}}
  save: {effect: change, sql: {statement: "delete from v"}}
incoming:
  visits:
    gives: visit
    feed: visits_of
    read: {no: {from: no, required: true}, who: who}
    empty: {no: $org, day: $day}
    examples:
      - {name: one, message: {no: V1, who: P1}, gives: {no: V1, who: P1}}
      - {name: none, message: {who: P1}, refused: no}
"""


def findings(old="", new=""):
    """The findings of the profile with a piece of its text replaced."""
    assert old in PROFILE
    problems = Problems()
    library({"shapes/visit.yaml": SHAPE, "his/x.yaml": PROFILE.replace(old, new, 1)}, problems)
    return said(problems)


def profile():
    return library({"shapes/visit.yaml": SHAPE, "his/x.yaml": PROFILE}).profiles["his/x"]


def test_a_row_is_read_and_a_day_without_one_is_worded():
    kind = profile().incoming["visits"]
    assert (kind.feed.by, kind.asked, kind.poll) == ("visits_of", True, None)
    assert kind.read({"no": "V1", "who": "P1", "more": 5}, CONTEXT) == {"no": "V1", "who": "P1"}
    with pytest.raises(BusError, match="no: missing"):
        kind.read({"who": "P1"}, CONTEXT)
    named = Context(CONTEXT.received, CONTEXT.now, {"org": "H1", "day": "2026-11-20"})
    assert kind.feed.empty(named) == {"no": "H1", "day": "2026-11-20"}
    assert not kind.matches({"no": "V1"}), "nobody sends it"
    assert [one.differences for one in run(profile(), ZONE)] == [(), ()]


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ("feed: visits_of", "feed: visit_of", "his/x.yaml:14:5: operation 'visit_of' is not known"),
        ("feed: visits_of", "feed: find", "his/x.yaml:14:5: 'find' says no cursor to go on from"),
        ("feed: visits_of", "feed: save", "his/x.yaml:14:5: 'save' changes something"),
        ("feed: visits_of", "feed: visits_of\n    match: no exists", "is not called and not answered"),
        ("    feed: visits_of\n", "", "only a run of a feed can be empty"),
        ("    read: {no: {from: no, required: true}, who: who}\n", "", "either read or asked for"),
        ("day: $day", "day: $dai", "$dai is not known to the bus"),
        ("day: $day", "day: who", "has no field 'who'"),
        ("day: $day", "dai: $day", "has no field 'dai'"),
        (", who: who}", ", who: $day}", "$day is not known to the bus"),
        ("limit :limit", "", ": the query of a feed names :limit"),
        (
            "limit :limit",
            "limit :limit offset :untill",
            "the query of a feed has no :untill, only :cursor, :limit, :until",
        ),
    ],
)
def test_what_does_not_fit_is_a_finding(old, new, finding):
    found = findings(old, new)
    assert any(finding in one for one in found), found


def test_who_cannot_be_read_on_is_told():
    text = PROFILE.replace("adapter: sql", "adapter: http").replace("    sql: {", "    http: {path: /x} #")
    text = text.replace('sql: {kind: query, statement: "select 1"}', "http: {path: /x}")
    text = text.replace('sql: {statement: "delete from v"}', "http: {path: /x}")
    problems = Problems()
    library({"shapes/visit.yaml": SHAPE, "his/x.yaml": text}, problems)
    assert any("http cannot be read on from a cursor" in one for one in said(problems)), said(problems)
