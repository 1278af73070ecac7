"""`amends:` as text, and what a correction is decided to do from how the earlier messages stand."""

import pytest
from amends_desk import ROUTE, TEXTS, TWICE
from routing_desk import site

from engine.journal.interface import Earlier
from engine.model import Claimed, State
from engine.records import Amended, Correction
from engine.routing.amending import Found, decide
from engine.routing.plan import AMENDS, deliveries
from engine.routing.release import build
from engine.settings.problems import Problems

UPLOAD, LOG, MIRROR, OWN = range(4)
AHEAD = "      first: {to: office.log}\n      upload: {to: office.upload, refused: park}\n"


def compiled(routes):
    problems = Problems()
    texts = {name: text.encode() for name, text in {**TEXTS, "routes.yaml": routes}.items()}
    return build(texts, site(), problems), [str(problem) for problem in problems]


def route_of(routes):
    release, found = compiled(routes)
    assert release is not None, found
    return release.routes["kept"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ((", refused: park", ""), "routes.yaml:7:5: nothing of this route waits for a correction"),
        (("[record_id, value]", "record_id"), "routes.yaml:5:5: a correction has the key of what it corrects"),
        (("amends: record_id", "amends: record_nr"), "did you mean 'record_id'?"),
        (("log: {to", "amends: {to"), "'amends' is the bus's own step here"),
        (("{to: office.log}", "{to: office.mirror, refused: park}"), "and so is 'log', which waits for it"),
        (("      upload: {to: office.upload, refused: park}\n", AHEAD), "'first' of a correction would wait in line"),
        (("amends: record_id", "amends: {by: record_id, accepted: keep}"), "accepted"),
    ],
)
def test_what_does_not_fit_is_said_where_it_stands(change, said):
    release, found = compiled(ROUTE.replace(*change))
    assert release is None
    assert any(said in line for line in found), found


def test_the_bus_s_own_step_stands_before_what_is_amended_in_no_line():
    route = route_of(TWICE)
    assert [(step.name, step.needs) for step in route.every] == [
        ("upload", (OWN,)), ("log", (UPLOAD,)), ("mirror", (OWN,)), (AMENDS, ())
    ]  # fmt: skip
    made = deliveries(route, {"record_id": "R1", "patient": "P1"}, "main")
    assert [(one.step, one.system, one.needs, one.lane is None) for one in made] == [
        (UPLOAD, "office", 1, False), (LOG, "office", 1, False), (MIRROR, "office", 1, False), (OWN, AMENDS, 0, True)
    ]  # fmt: skip


def test_records_meet_within_their_route_system_and_campus_only():
    route = route_of(ROUTE)
    record = {"record_id": "R1"}
    found = {route.amending(record, system, campus).value for system in ("a", "b") for campus in ("main", "north")}
    assert len(found) == 4
    assert route.amending({}, "a", "main") is None


# --- what is decided -----------------------------------------------------------------------------------


def stands(seq, step, state, *, why="", doubt=False, newer=0, attempt=1):
    """A delivery of message `seq`, as it stands."""
    route = route_of(TWICE)
    claimed = Claimed(seq, step, f"m{seq}", "kept", "r", "office", None, attempt, 0, state=state)
    return Found(Earlier(claimed, why, doubt, newer), route.steps[step], route)


def decided(*found, own=(UPLOAD,), send=False):
    route = route_of(TWICE.replace("amends: record_id", "amends: {by: record_id, accepted: send}") if send else TWICE)
    return decide(9, route, [route.steps[index] for index in own], found)


FREE = Correction()
MINE = ((UPLOAD, UPLOAD), (LOG, LOG))


def amended(seq, state, word, *, again):
    ended = ((UPLOAD, word), (LOG, word))
    return Correction((Amended(seq, UPLOAD, state.value, 1, again, MINE),), ended)


@pytest.mark.parametrize("state", [State.GIVEN_UP, State.REFUSED, State.SKIPPED, State.WITHDRAWN])
def test_what_ended_without_being_accepted_is_in_nobodys_way(state):
    assert decided(stands(3, UPLOAD, state)) == FREE
    assert decided() == FREE


def test_what_is_parked_goes_again_and_what_has_not_begun_stays():
    parked = stands(3, UPLOAD, State.PARKED, why="refused")
    assert decided(parked) == amended(3, State.PARKED, "amends m3", again=True)
    held = stands(3, UPLOAD, State.PARKED, why="person")
    assert decided(held) == amended(3, State.PARKED, "amends m3", again=False)
    for state in (State.WAITING, State.READY):
        assert decided(stands(3, UPLOAD, state)) == amended(3, state, "amends m3", again=False)


@pytest.mark.parametrize("state", [State.CLAIMED, State.SENDING, State.DOUBTFUL])
def test_what_is_under_way_is_waited_for(state):
    assert decided(stands(3, UPLOAD, state)) is None
    assert decided(stands(3, UPLOAD, State.PARKED, doubt=True)) is None


def test_the_newest_that_stands_is_amended():
    corrections = [stands(5, UPLOAD, State.SKIPPED), stands(3, UPLOAD, State.PARKED), stands(2, UPLOAD, State.GIVEN_UP)]
    assert decided(*corrections).amended[0].seq == 3
    waiting = [stands(5, UPLOAD, State.WAITING), stands(3, UPLOAD, State.DOUBTFUL, doubt=True)]
    assert decided(*waiting).amended[0].seq == 5


def test_of_what_was_accepted_a_person_decides_or_the_route():
    accepted = stands(3, UPLOAD, State.DELIVERED)
    assert decided(accepted) == Correction(parked=((UPLOAD, True, "accepted"),))
    assert decided(stands(5, UPLOAD, State.PARKED, why="accepted"), accepted).amended == ()
    assert decided(accepted, send=True) == FREE
    assert decided(stands(5, UPLOAD, State.PARKED), accepted, send=True).amended[0].seq == 5


def test_a_later_version_that_was_quicker_is_not_overwritten():
    ended = Correction(ended=((UPLOAD, "superseded"), (LOG, "superseded")))
    for state in (State.PARKED, State.SENDING, State.DELIVERED):
        assert decided(stands(3, UPLOAD, state, newer=12)) == ended


def test_each_step_is_decided_for_itself_and_all_at_once():
    found = [stands(3, UPLOAD, State.PARKED), stands(3, MIRROR, State.DELIVERED)]
    both = decided(*found, own=(UPLOAD, MIRROR))
    assert ([one.step for one in both.amended], both.parked) == ([UPLOAD], ((MIRROR, True, "accepted"),))
    assert decided(found[0], stands(3, MIRROR, State.SENDING), own=(UPLOAD, MIRROR)) is None
