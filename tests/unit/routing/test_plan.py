"""What follows from the end of a step, by the plan alone."""

from routing_desk import release
from test_compiled_routes import FLOW

from engine.model import State, Then
from engine.routing.plan import deliveries, follow

ROUTE = release(FLOW).routes["filed"]
DOCUMENT = {"patient": {"id": "P1"}, "order_no": "O1", "kind": "a"}


def then(index, state, failing=False):
    return follow(ROUTE, index, Then(state), DOCUMENT, "main", failing=failing)


def test_every_step_has_its_delivery_from_the_start():
    made = deliveries(ROUTE, DOCUMENT, "main")
    assert [(one.step, one.system, one.needs, one.skipped) for one in made] == [
        (0, "office", 0, False), (1, "office", 1, False), (2, "desk", 0, False)
    ]  # fmt: skip
    assert made[0].lane
    assert made[2].lane is None


def test_a_false_early_condition_is_skipped_and_holds_nothing():
    made = deliveries(ROUTE, {"patient": {"id": "P1"}}, "main")
    assert made[2].skipped
    assert made[2].lane is None
    assert not made[1].skipped, "it waits for an outcome"


def test_success_frees_those_who_wait():
    assert then(0, State.DELIVERED).freed == (1,)
    assert then(0, State.SKIPPED).freed == (1,)
    assert then(2, State.DELIVERED).freed == ()


def test_failure_skips_those_who_wait_and_starts_on_failure_once():
    failed = then(0, State.REFUSED)
    assert failed.skip == (1,)
    assert [(one.step, one.system, one.needs) for one in failed.add] == [(3, "office", 0), (4, "office", 1)]
    assert then(0, State.GIVEN_UP, failing=True).add == ()


def test_a_failing_on_failure_step_skips_its_own_and_starts_nothing():
    failed = then(3, State.REFUSED, failing=True)
    assert failed.skip == (4,)
    assert failed.add == ()


def test_doubt_and_parking_start_nothing():
    for state in (State.DOUBTFUL, State.PARKED, State.READY):
        bare = then(0, state)
        assert (bare.freed, bare.skip, bare.add) == ((), (), ())
