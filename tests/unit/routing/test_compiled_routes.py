"""Routes as texts: what they compile to, and what is found wrong in them, each with its place."""

import pytest
from routing_desk import findings, release, texts

from engine.delivery.interface import Ending
from engine.routing.release import digest_of, pack, unpack

FLOW = """
routes:
  filed:
    from: source.form
    key: {by: [patient.id, order_no], other_content: new}
    lane: patient.id
    steps:
      save: {to: office.save, within: 3s}
      tell: {to: office.tell, map: note_of_form, when: save == delivered and kind == a, retry: {for: 2h, then: fail}}
      copy: {to: desk.save, needs: [], when: "kind in (a, b)", refused: park, hold: nothing, lane: none}
    on_failure:
      undo: {to: office.undo, when: save == delivered}
      note: {to: office.tell, map: note_of_form}
"""


def test_steps_follow_each_other_unless_they_say_otherwise():
    route = release(FLOW).routes["filed"]
    assert [(step.name, step.index, step.needs) for step in route.steps + route.on_failure] == [
        ("save", 0, ()), ("tell", 1, (0,)), ("copy", 2, ()), ("undo", 3, ()), ("note", 4, (3,))
    ]  # fmt: skip
    assert route.sources == (("source", "form"),)
    save, tell, copy = route.steps
    assert (save.policy.within, tell.policy.retry_for, tell.policy.then) == (3.0, 7200.0, Ending.FAIL)
    assert (copy.policy.park_refused, copy.policy.hold, copy.lane) == (True, False, None)


def test_a_condition_on_the_message_alone_is_decided_early():
    save, tell, copy = release(FLOW).routes["filed"].steps
    assert save.when is None
    assert not tell.when.early
    assert copy.when.early
    assert copy.when.test({"kind": "a"})
    assert not copy.when.test({})
    assert tell.when.test({"kind": "a", "save": {"outcome": "delivered"}})
    assert not tell.when.test({"kind": "a", "save": {"outcome": "refused"}})


def test_a_step_reads_only_what_stands_before_it():
    route = release(FLOW).routes["filed"]
    assert [step.reads for step in route.steps] == [frozenset(), {"save"}, frozenset()]
    assert route.on_failure[0].reads == {"save", "tell", "copy"}


def test_lanes_and_keys_take_their_values_from_the_message():
    route = release(FLOW).routes["filed"]
    document = {"patient": {"id": "P1"}, "order_no": "O1"}
    assert route.key.of(document) == "P1\x1fO1"
    assert route.key.of({}) is None
    lanes = [step.lane.of(document, "north") for step in route.steps if step.lane]
    assert len(set(lanes)) == 2, "each step has a line of its own"
    assert all("north" in lane and "P1" in lane for lane in lanes)
    assert route.steps[0].lane.of({"patient": {}}, "north") is None


def test_a_named_line_is_shared_by_its_steps():
    named = FLOW.replace("lane: patient.id", "lane: {by: patient.id, name: person}")
    route = release(named).routes["filed"]
    document = {"patient": {"id": "P1"}}
    assert len({step.lane.of(document, "main") for step in route.steps if step.lane}) == 1


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("to: office.save, within", "to: ofice.save, within"),
        ("to: office.save, within", "to: office.safe, within"),
        ("from: source.form", "from: source.from"),
        ("from: source.form", "from: sorce.form"),
        ("map: note_of_form, when: save", "map: note_of_from, when: save"),
        ("kind == a", "kindd == a"),
        ("kind == a", "kind == c"),
        ("lane: patient.id", "lane: patient.idd"),
        ("by: [patient.id, order_no]", "by: [patient.id, order]"),
        ("map: note_of_form, when: save", "when: save"),
    ],
)
def test_a_mistake_has_its_place_and_its_mend(wrong, said):
    found = findings(FLOW.replace(wrong, said, 1))
    assert len(found) == 1, found
    place, _, what = found[0].partition(": ")
    assert place.startswith("routes.yaml:"), found
    assert place.count(":") == 2
    assert "(" in what, "a finding says what to do"


def test_what_two_routes_take_is_a_finding():
    again = FLOW + "\n  twice: {from: source.form, steps: {save: {to: office.save}}}\n"
    assert any("starts route 'filed' already" in one for one in findings(again))


CALL = """
routes:
  form.save:
    lane: patient.id
    steps:
      save: {to: office.save, when: kind == a}
      tell: {to: office.tell, map: note_of_form, when: kind == a}
      copy: {to: desk.save, retry: {for: 2h, then: park}}
    on_failure:
      undo: {to: office.undo, when: save == delivered}
    answer: {after: tell, within: 4s, late: undo}
"""


def test_a_channel_operation_that_changes_something_has_a_caller_who_waits():
    route = release("routes: {form.save: {to: office.save}}").routes["form.save"]
    assert (route.answer.step, route.answer.within, route.answer.undo, route.shape) == (0, 10.0, False, "form")
    assert release("routes: {form.look: {to: office.look}}").routes["form.look"].answer is None
    assert release(FLOW).routes["filed"].answer is None
    later = release("routes: {form.save: {to: office.save, answer: {after: accepted}}}").routes["form.save"]
    assert (later.answer.step, later.answer.waited) == (None, frozenset())
    assert later.steps[0].policy.then is Ending.PARK, "nobody waits for it"


def test_what_a_caller_waits_for_is_tried_while_he_waits_and_said_when_it_is_skipped():
    route = release(CALL).routes["form.save"]
    save, tell, copy = route.steps
    assert (route.answer.step, route.answer.waited, route.answer.undo) == (1, {0, 1}, True)
    assert [(step.policy.retry_for, step.policy.then) for step in route.steps] == [
        (4.0, Ending.FAIL), (4.0, Ending.FAIL), (7200.0, Ending.PARK)
    ]  # fmt: skip
    assert (save.when.early, tell.when.early) == (True, False)
    assert copy.needs == (1,)


@pytest.mark.parametrize(
    ("wrong", "said", "finding"),
    [
        ("    lane: patient.id\n", "    key: order_no\n", "a channel's caller brings a key of its own"),
        ("    on_failure:\n      undo: {to: office.undo, when: save == delivered}\n", "", "nothing undoes it"),
        ("copy: {to: desk.save,", "copy: {to: desk.save, needs: [],", "'copy' may run beside 'tell'"),
        ("after: tell, within: 4s, late: undo", "after: accepted, within: 4s", "nobody waits for the steps"),
        ("form.save:", "saved:\n    from: source.form", "nobody waits for the steps"),
    ],
)
def test_an_answer_that_does_not_fit_is_a_finding(wrong, said, finding):
    assert wrong in CALL
    found = findings(CALL.replace(wrong, said, 1))
    assert [finding in one for one in found] == [True], found


def test_different_documents_cannot_share_a_route():
    assert any(
        "different documents" in one for one in findings(FLOW.replace("source.form", "[source.form, source.other]"))
    )


def test_a_release_is_known_by_its_bytes():
    one, other = texts(FLOW), texts(FLOW + "\n# a comment\n")
    assert digest_of(one) == digest_of(dict(reversed(one.items())))
    assert digest_of(one) != digest_of(other)
    odd = {**one, "mappings/desk/odd.wsdl": bytes(range(256))}
    assert unpack(pack(odd)) == odd
