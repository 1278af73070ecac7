"""Scenarios of callers who wait: a system that books and says nothing, books late, or refuses what it did.

Each ends with one booking or none, and a caller who is told so, at once or by his key.
"""

import pytest

from engine.app.check import check
from engine.app.scenarios.loading import load
from engine.app.scenarios.player import play
from engine.base.ids import SystemIds
from engine.cli.site import Adapters
from engine.settings.problems import Problems
from tests.unit.routing.calls_desk import CONFIG, write

ROUTES = """
routes:
  form.save: {to: office.save}
  form.steps:
    steps:
      save: {to: office.save}
      tell: {to: office.tell, map: note_of_form}
    on_failure:
      look: {to: office.look}
      undo: {to: office.undo, when: look.reply.number exists}
    answer: {after: save}
  form.undone:
    steps:
      save: {to: office.save}
      tell: {to: office.tell, map: note_of_form}
    on_failure:
      undo: {to: office.undo, when: save == delivered}
    answer: {after: save, within: 10s, late: undo}
"""
CALLED = """
scenario: "%s"
events:
  - call: &call {operation: form.%s, key: key-0001, campus: main, body: {who: P1, order: O1}}
"""

NEVER_ANSWERED = (
    CALLED % ("they booked and never answered; asked, they say so before the caller leaves", "save")
    + """
  - expect: office.save
    with: {token: $token}
    silence: true
  - state: {call: doubtful}
  - advance: 2s
  - expect: office.find
    address: {token: $token}
    reply: {code: "0", no: N7}
  - heard: {code: OK, data.number: N7}
    status: 200
  - call: *call
    answer: {code: OK, data.number: N7}
  - advance: 1d
  - nothing: office
  - kept: {form.save: 1}
"""
)
BOOKS_LATE = (
    CALLED % ("they book 20 s after the caller gave up, and first say that they have nothing", "save")
    + """
  - expect: office.save
    silence: true
  - advance: 2s
  - expect: office.find
    reply: {code: "4"}
  - state: {call: doubtful}
  - advance: 8s
  - heard: {code: RESULT_UNKNOWN, data.taskId: $task}
    status: 202
  - expect: office.find
    reply: {code: "4"}
  - call: *call
    answer: {code: IN_PROGRESS, data.taskId: $task}
    status: 409
  - advance: 20s
  - expect: office.find
    reply: {code: "0", no: N7}
  - call: *call
    answer: {code: OK, data.number: N7}
  - advance: 1d
  - nothing: office
  - kept: {form.save: 1}
"""
)
NEVER_BOOKED = (
    CALLED % ("they never got it; believed once absent_after is over, and not sent again as nobody waits", "save")
    + """
  - expect: office.save
    silence: true
  - advance: 10s
  - heard: {code: RESULT_UNKNOWN}
  - expect: office.find
    reply: {code: "4"}
  - advance: 60s
  - expect: office.find
    reply: {code: "4"}
  - state: {call: given_up}
  - call: *call
    answer: {code: BACKEND_UNAVAILABLE, data.reason: said_unsent}
    status: 503
  - advance: 1d
  - nothing: office
"""
)
REFUSED_WHAT_IT_DID = (
    CALLED % ("they refuse what they did; a look finds the booking, and it is undone", "steps")
    + """
  - expect: office.save
    reply: {code: "1"}
  - heard: {code: BACKEND_REJECTED, data.reason: full}
    status: 422
  - expect: office.look
    reply: {no: N7}
  - expect: office.undo
    reply: {code: "0"}
  - state: {save: refused, tell: skipped, look: delivered, undo: delivered}
  - call: *call
    answer: {code: BACKEND_REJECTED}
"""
)
REFUSED_RIGHTLY = REFUSED_WHAT_IT_DID.replace("{no: N7}", "{}").replace(
    '  - expect: office.undo\n    reply: {code: "0"}\n', ""
).replace("undo: delivered", "undo: skipped")  # fmt: skip
UNDONE = (
    CALLED % ("it was done after the caller was told that the outcome is not known: it is undone", "undone")
    + """
  - advance: 10s
  - heard: {code: RESULT_UNKNOWN, data.taskId: $task}
  - expect: office.save
    reply: {code: "0", no: N7}
  - expect: office.undo
    with: {number: N7}
    silence: true
  - state: {save: delivered, tell: skipped, undo: parked}
  - call: *call
    answer: {code: BACKEND_TIMEOUT, data.reason: "done after its time: it is undone"}
"""
)
IN_TIME = (
    CALLED % ("the same answered within the caller's time: nothing is undone", "undone")
    + """
  - advance: 9999ms
  - expect: office.save
    reply: {code: "0", no: N7}
  - heard: {code: OK, data.number: N7}
  - expect: office.tell
    reply: {code: "0"}
  - state: {save: delivered, tell: delivered}
"""
)
WITHDRAWN = (
    CALLED % ("they are busy until the caller leaves: nothing was done, and the key is free", "save")
    + """
  - expect: office.save
    reply: {code: "5"}
  - advance: 10s
  - heard: {code: BACKEND_UNAVAILABLE}
    status: 503
  - state: {call: withdrawn}
  - advance: 1d
  - nothing: office
  - call: *call
  - expect: office.save
    reply: {code: "0", no: N7}
  - heard: {code: OK, data.number: N7}
  - kept: {form.save: 2}
"""
)
SCENARIOS = {
    name.lower(): text
    for name, text in globals().copy().items()
    if isinstance(text, str) and text.lstrip().startswith("scenario:") and name != "CALLED"
}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    limits = 'office: {profile: desk/office, limits: {total: 30s}, url: "%s"}'
    write(folder, "http://127.0.0.1:9", ROUTES, CONFIG.replace('office: {profile: desk/office, url: "%s"}', limits))
    office = folder / "mappings/desk/office.yaml"
    text = office.read_text().replace("absent_after: 1s", "absent_after: 60s")
    office.write_text(text)
    channel = folder / "mappings/desk/channel.yaml"
    blocks = channel.read_text().split("\n    form.")
    kept = [block for block in blocks[1:] if block.split(":")[0] in {"save", "steps", "undone"}]
    channel.write_text("\n    form.".join([blocks[0], *kept]))
    problems = Problems()
    checked = check(folder, "desk", {}, Adapters(), SystemIds(), problems)
    assert checked is not None, [str(problem) for problem in problems]
    return folder, checked


@pytest.fixture
def played(site, tmp_path):
    folder, checked = site

    def differing(text):
        file = tmp_path / "x.yaml"
        file.write_text(text, encoding="utf-8")
        problems = Problems()
        scenario = load(file, tmp_path, checked, problems)
        if scenario is None:
            return [str(problem) for problem in problems]
        return [str(one) for one in play(scenario, folder, checked, Adapters()).differences]

    return differing


@pytest.mark.parametrize("name", SCENARIOS)
def test_it_ends_with_one_or_none_and_the_caller_is_told(played, name):
    assert played(SCENARIOS[name]) == []


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("data.number: N7}\n    status", "data.number: N8}\n    status", "data.number: expected 'N8', got 'N7'"),
        ("status: 200", "status: 201", "status: expected 201, got 200"),
        ("form.save, key", "form.sve, key", "the operation"),
        ("campus: main,", "campus: main, client: nobody,", "the client"),
        ("campus: main,", "campus: main, values: {id: a},", "the parameter"),
        ("  - advance: 2s\n", "  - heard: {code: OK}\n  - advance: 2s\n", "has not been answered"),
        ("  - heard: {code: OK, data.number: N7}\n    status: 200\n", "  - heard: {code: OK}\n  - heard: {code: OK}\n",
         "0 have called"),
        ("  - expect: office.save\n    with: {token: $token}\n    silence: true\n",
         "    answer: {code: OK}\n  - expect: office.save\n    with: {token: $token}\n    silence: true\n", "has not answered"),
    ],
)  # fmt: skip
def test_what_differs_has_its_place(played, old, new, says):
    assert old in NEVER_ANSWERED
    found = played(NEVER_ANSWERED.replace(old, new, 1))
    assert any(says in one for one in found), found


def test_who_is_never_heard_is_said(played):
    text = CALLED % ("nobody hears it", "save") + "  - expect: office.save\n    silence: true\n"
    assert any("still waits for its answer" in one for one in played(text))


def test_a_call_says_what_an_earlier_event_met(played):
    text = (
        (CALLED % ("they give a number, and it is asked with", "save"))
        + """
  - expect: office.save
    reply: {code: "0", no: N7}
  - heard: {data.number: $number}
  - call: {operation: form.save, key: key-0002, campus: main, body: {who: P1, order: $number}}
  - expect: office.save
    with: {order: N7}
    reply: {code: "0", no: N8}
  - heard: {code: OK}
"""
    )
    assert played(text) == []
    assert any("nothing was met as $numbr" in one for one in played(text.replace("order: $number", "order: $numbr")))
