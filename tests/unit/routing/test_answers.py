"""The decisive answer: which step's end decides it, and that a late one is told as undone by the commit that undoes it."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from routing_desk import release
from test_compiled_routes import CALL

from engine.base.clock import MovedClock
from engine.base.errors import BusError
from engine.model import Claimed, Outcome, State, Then, Verdict
from engine.routing import answers
from engine.routing.messages import Message
from engine.routing.plan import follow
from engine.routing.planner import RoutePlanner
from engine.routing.waiting import Waiting

RELEASE = release(CALL)
ROUTE = RELEASE.routes["form.save"]
DOCUMENT = {"patient": {"id": "P1"}, "order_no": "O1", "kind": "a"}
SAVE, TELL, COPY, UNDO = range(4)
DONE = Outcome(Verdict.DELIVERED, backend_code="0", value={"number": "N1"})


def ended(index, state, outcome=None, *, late=False, failing=False, why=""):
    """What follows from a step's end, and what the key will hear from then on."""
    full = follow(ROUTE, index, Then(state, why=why), DOCUMENT, "main", failing=failing, late=late)
    stored = answers.decided(ROUTE, index, outcome, full)
    if stored is None:
        return full, None
    try:
        return full, answers.read(stored, "m1").value
    except BusError as error:
        return full, (error.code.name, error.detail)


def test_the_step_that_is_named_answers_and_no_other_does():
    assert ended(SAVE, State.DELIVERED, DONE)[1] is None
    assert ended(TELL, State.DELIVERED, DONE)[1] == {"number": "N1"}
    assert ended(TELL, State.SKIPPED)[1] == {}
    assert ended(COPY, State.REFUSED, Outcome(Verdict.REFUSED, "full"))[1] is None
    assert ended(UNDO, State.DELIVERED, DONE)[1] is None


@pytest.mark.parametrize(
    ("state", "outcome", "why", "told"),
    [
        (State.REFUSED, Outcome(Verdict.REFUSED, "full"), "", ("BACKEND_REJECTED", "full")),
        (State.REFUSED, Outcome(Verdict.REFUSED, "SLOT_SOLD_OUT"), "", ("SLOT_SOLD_OUT", "")),
        (State.GIVEN_UP, Outcome(Verdict.UNAVAILABLE, "refused"), "refused", ("BACKEND_UNAVAILABLE", "refused")),
        (State.GIVEN_UP, Outcome(Verdict.UNSENT, "unsent"), "unsent", ("BACKEND_UNAVAILABLE", "unsent")),
        (State.GIVEN_UP, Outcome(Verdict.UNSENT, "VALIDATION_FAILED"), "", ("VALIDATION_FAILED", "")),
        (State.GIVEN_UP, None, "dropped", ("BACKEND_REJECTED", "dropped")),
        (State.REFUSED, Outcome(Verdict.UNSENT, "absent"), "", ("NOT_FOUND", "absent")),
        (State.GIVEN_UP, Outcome(Verdict.IN_DOUBT, "timeout"), "in_doubt", ("BACKEND_TIMEOUT", "timeout")),
    ],
)
@pytest.mark.parametrize("index", [SAVE, TELL])
def test_a_failure_of_what_is_waited_for_is_the_answer(index, state, outcome, why, told):
    assert ended(index, state, outcome, why=why)[1] == told


def test_doubt_and_parking_answer_nothing():
    for state in (State.DOUBTFUL, State.PARKED, State.READY):
        full, told = ended(TELL, state, Outcome(Verdict.IN_DOUBT))
        assert (full, told) == (Then(state), None)


def test_what_they_said_is_kept_with_the_answer():
    stored = answers.decided(ROUTE, TELL, DONE, Then(State.DELIVERED))
    served = answers.read(stored, "m1")
    assert (served.system, served.backend_code, served.task) == ("office", "0", "m1")


def test_a_code_that_this_program_does_not_know_is_a_refusal():
    said = b'{"error": "OF_TOMORROW", "detail": "", "system": "office", "code": "7", "text": ""}'
    with pytest.raises(BusError, match="BACKEND_REJECTED"):
        answers.read(said, "m1")


# --- late: undo ----------------------------------------------------------------------------------


@pytest.mark.parametrize("index", [SAVE, TELL])
def test_what_is_done_too_late_is_undone(index):
    full, told = ended(index, State.DELIVERED, DONE, late=True)
    assert (full.state, full.freed) == (State.DELIVERED, ())
    assert COPY in full.skip
    assert [added.step for added in full.add] == [UNDO]
    assert told == ("BACKEND_TIMEOUT", "done after its time: it is undone")


def test_what_was_answered_in_time_is_finished_however_late():
    full, told = ended(COPY, State.DELIVERED, DONE, late=True)
    assert (full.skip, full.add, told) == ((), (), None)


def test_what_is_undone_already_is_undone_once():
    full, _ = ended(TELL, State.DELIVERED, DONE, late=True, failing=True)
    assert full.add == ()


@pytest.mark.parametrize(("seconds", "undone"), [(3.999, False), (4, True)])
def test_the_deadline_and_the_outcome_are_decided_in_one_commit(seconds, undone):
    """The plan looks at the clock once and hands one `Then` to the commit: the answer and what is undone go together,
    whatever the caller was told meanwhile.
    """
    clock = MovedClock()
    began = clock.now()
    planner = RoutePlanner(None, None, lambda _system, _campus: {}, Waiting(), clock)
    delivery = Claimed(1, TELL, "m1", "form.save", RELEASE.digest, "office", None, 1, began, began + 4_000_000)
    planner._working[1, TELL] = Message(RELEASE, ROUTE, DOCUMENT, SimpleNamespace(), "main", 1), 1

    clock.advance(timedelta(seconds=seconds))
    then = planner.then(delivery, DONE, Then(State.DELIVERED))
    assert (bool(then.add), b'"error"' in then.answer) == (undone, undone)
