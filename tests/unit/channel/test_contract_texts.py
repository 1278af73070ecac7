"""Findings about contracts: each has its place and says what to do. And the pieces around the entrance."""

import pytest
from channel_desk import compiled

from engine.channel.contracts import load_contracts
from engine.channel.envelope import language_of
from engine.settings.problems import Problems

HEAD = """contracts:
  operations:
"""
GOOD = """    thing.get:
      says: a thing
      method: GET
      path: /things/{id}
      scope: thing.read
      effect: none
      request: {path: {id: {at: id, type: id}}}
      reply: {fields: {id: id}}
"""


def findings(text):
    problems = Problems()
    load_contracts("app", {"app.yaml": text.encode()}, problems)
    return [str(problem) for problem in problems]


def test_a_good_text_has_none():
    assert findings(HEAD + GOOD) == []
    assert list(compiled(HEAD + GOOD).operations) == ["thing.get"]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("method: GET", "method: GETT", "app.yaml:5:7: … did you mean 'GET'?"),
        ("scope:", "scop:", "app.yaml:7:7: … 'scop' … did you mean 'scope'?"),
        ("path: /things/{id}", "path: things", "app.yaml:6:7: 'path'"),
        (
            "/things/{id}",
            "/things/{id}/{other}",
            "app.yaml:6:7: {other} has no place (name it under request: path: other)",
        ),
        ("/things/{id}", "/things", "the path's name 'id' is not known"),
        ("effect: none", "effect: nothing", "app.yaml:8:7: … 'effect' … none, change, money"),
        ("effect: none", "effect: none\n      key: required", "app.yaml:9:7: a read needs no key"),
        ("{at: id, type: id}", "{at: id, type: list}", "a path value cannot be a list"),
        ("{at: id, type: id}", "{at: ID}", "'at'"),
        ("{id: id}}", "{id: {at: id, type: object}}}", "an object needs its fields"),
        ("{id: id}}", "{id: {at: id, type: integer, words: [A]}}}", "a field of type integer has no words"),
        (
            "{id: id}}",
            "{id: {at: id, fields: {a: a}}}}",
            "a field of type text has no fields (say type: list or type: object)",
        ),
        ("{id: id}}", "{id: {at: id, only: {a: [b]}}}}", "a field of type text has no entries to leave out"),
        ("{id: id}}", "{id: {at: id, mask: nmae}}}", "app.yaml:10:37: … 'mask' … did you mean 'name'?"),
        ("request: {", "request: {body: {a: a}, ", "GET carries no body"),
        ("says: a thing", "says: a thing\n      errors: [NOT_FUOND]", "'NOT_FUOND' is no code of the error table"),
        (
            "contracts:",
            "contracts:\n  messages: {BUSSY: {zh: 忙}}",
            "the error 'BUSSY' is not known (did you mean 'BUSY'?)",
        ),
        (
            "request: {",
            "request: {query: {name: name}, needs: [[name], [nam]], ",
            "the field 'nam' is not known (did you mean 'name'?)",
        ),
        ("contracts:", "contractz:", "a channel's profile needs 'contracts'"),
    ],
)
def test_findings(old, new, says):
    text = (HEAD + GOOD).replace(old, new, 1)
    found = findings(text)
    assert any(all(part in one for part in says.split(" … ")) for one in found), found


def test_two_operations_at_one_address():
    found = findings(
        HEAD + GOOD + GOOD.replace("thing.get", "thing.again").replace("{id}", "{no}").replace("{id: {", "{no: {")
    )
    assert found == ["mappings/app.yaml:14:7: GET /things/{no} is 'thing.get' already"]


PART = """operations:
  thing.put:
    says: a thing
    method: PUT
    path: /things/{id}
    scope: thing.write
    effect: change
    request: {path: {id: id}}
    reply: {fields: {id: id}}
"""


def parted(part, parts="[things]"):
    problems = Problems()
    texts = {"app.yaml": f"contracts:\n  parts: {parts}\n{GOOD_BELOW}".encode(), "contracts/things.yaml": part.encode()}
    contracts = load_contracts("app", texts, problems)
    return contracts, [str(problem) for problem in problems]


GOOD_BELOW = "  operations:\n" + GOOD


def test_operations_stand_in_parts_too():
    contracts, found = parted(PART)
    assert found == []
    assert list(contracts.operations) == ["thing.get", "thing.put"]


@pytest.mark.parametrize(
    ("part", "parts", "says"),
    [
        (PART, "[thing]", "mappings/app.yaml:2:11: the part 'thing' is not known (did you mean 'things'?)"),
        (PART.replace("PUT", "PUTT"), "[things]", "mappings/contracts/things.yaml:4:5: 'PUTT' is no value of 'method'"),
        (
            PART.replace("thing.put", "thing.get"),
            "[things]",
            "mappings/contracts/things.yaml:2:3: 'thing.get' stands in another",
        ),
        (
            PART.replace("operations:", "operation:"),
            "[things]",
            "mappings/contracts/things.yaml:1:1: 'operation' is not",
        ),
        ("a: [", "[things]", "mappings/contracts/things.yaml:"),
    ],
)
def test_findings_in_parts_have_their_place_there(part, parts, says):
    _, found = parted(part, parts)
    assert any(one.startswith(says) for one in found), found


def test_no_yaml_is_one_finding():
    assert len(findings("contracts: [")) == 1


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        ("", "zh"),
        ("en", "en"),
        ("en-GB", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en;q=0.1, zh", "zh"),
        ("zh;q=0.2, EN;q=0.3", "en"),
        ("fr, de;q=0.5", "zh"),
        ("fr, en;q=0.5", "en"),
        ("en;q=0", "zh"),
        ("en;q=x", "zh"),
        (";;,,;q=", "zh"),
    ],
)
def test_the_language_of_messages(accept, language):
    assert language_of(accept, "zh") == language
