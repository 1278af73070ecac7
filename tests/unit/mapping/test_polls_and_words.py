"""Incoming kinds that word what their system hears, and those that a system is asked for."""

from types import SimpleNamespace

import pytest
from mapping_desk import CONTEXT, ZONE, library, said

from engine.base.errors import BusError, Code
from engine.mapping import refusals
from engine.mapping.examples import run
from engine.settings.problems import Problems

TEXTS = {
    "shapes/window.yaml": "shape: window\nfields: {from: instant, to: instant, campus: text}\n",
    "shapes/stop.yaml": "shape: stop\nfields: {schedule: {required: true}, begin: text}\n",
    "shapes/stops.yaml": "shape: stops\nfields:\n  codes: {type: list, of: text}\n  stops: {type: list, fields: {schedule: text, begin: text}}\n",
}
PROFILE = """
profile: his/x
adapter: soap
format: xml
soap: {namespace: "http://x", argument: XMLRequest, serve: {operations: {Stop: {argument: input}}}}
outgoing:
  query:
    takes: window
    gives: stops
    effect: none
    soap: {operation: Query}
    request: {Request/From: from}
    reply: {stops: {each: R/S, fields: {schedule: Code, begin: Begin}}}
    meaning: {otherwise: delivered}
  change: {takes: window, effect: change, soap: {operation: Do}, request: {Request/From: from}, meaning: {otherwise: delivered}}
incoming:
  stopped:
    operation: Stop
    gives: stop
    read: {schedule: {from: Request/Code, required: true}}
    say: {Response/Code: =0, Response/No: schedule}
    refuse: {Response/Code: code, Response/Text: text & '|' & english & '|' & detail & '|' & spot}
    examples:
      - {name: one, message: <Request><Code>S1</Code></Request>, gives: {schedule: S1}, says: <Response><Code>0</Code><No>S1</No></Response>}
      - {name: none, message: <Request/>, refused: schedule, says: <Response><Code>VALIDATION_FAILED</Code></Response>}
  stops:
    gives: stop
    poll: {by: query, each: stops, back: 1h, ahead: 7d}
"""


def findings(**changes):
    """The findings of the profile with some of its text replaced."""
    text = PROFILE
    for old, new in changes.values():
        assert old in text
        text = text.replace(old, new)
    problems = Problems()
    library({**TEXTS, "his/x.yaml": text}, problems)
    return "\n".join(said(problems))


def profile():
    return library({**TEXTS, "his/x.yaml": PROFILE}).profiles["his/x"]


def test_an_answer_is_worded_from_the_document_and_a_refusal_from_why():
    kind = profile().incoming["stopped"]
    assert kind.operation == "Stop"
    assert kind.say({"schedule": "S1"}, CONTEXT) == b"<Response><Code>0</Code><No>S1</No></Response>"
    error = BusError(Code.VALIDATION_FAILED, "schedule: missing", spot="Request/Code")
    told = "提交的内容有误，请检查后重试|The content is not valid.|schedule: missing|Request/Code"
    assert kind.refuse(refusals.of(error), CONTEXT).decode() == (
        f"<Response><Code>VALIDATION_FAILED</Code><Text>{told}</Text></Response>"
    )


def test_examples_show_what_is_said():
    first, second = run(profile(), ZONE)
    assert first.fine
    assert "says.Response.Text" in [one.path for one in second.differences]


def test_what_is_asked_for_says_how():
    poll = profile().incoming["stops"].poll
    assert (poll.by, poll.back, poll.ahead) == ("query", 3600.0, 7 * 86400.0)
    assert poll.items({"stops": [{"schedule": "S1"}]}) == [{"schedule": "S1"}]
    assert list(poll.items({})) == []
    assert not profile().incoming["stops"].matches(SimpleNamespace())


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (("by: query", "by: qeury"), "qeury"),
        (("by: query", "by: change"), "'change' changes something"),
        (("each: stops", "each: stopps"), "no field 'stopps'"),
        (("each: stops", "each: codes"), "no list of objects"),
        (("fields: {schedule: Code, begin: Begin}", "fields: {begin: Begin}"), ""),
        (("gives: stop\n    poll", "gives: window\n    poll"), "an entry of stops is no window"),
        (("    poll: {", "    match: R/A exists\n    poll: {"), "is not called and not answered"),
        (("    poll: {", "    read: {schedule: R/A}\n    poll: {"), "either read or asked for"),
        (("    poll: {by: query, each: stops, back: 1h, ahead: 7d}\n", ""), "either read or asked for"),
        (("takes: window\n    gives: stops", "takes: stop\n    gives: stops"), "is asked with from, to and campus"),
        (("operation: Stop\n", "operation: Stopp\n"), "'Stopp' is not known"),
        (("Response/Code: code,", "Response/Code: cod,"), "'cod'"),
        (("Response/No: schedule", "Response/No: shedule"), "'shedule'"),
        (("Response/No: schedule", "Other/No: schedule"), "XML has one root"),
    ],
)
def test_what_does_not_fit_is_a_finding(change, finding):
    found = findings(change=change)
    assert (finding in found) if finding else not found
