"""Every example of the shipped contracts, run as `hisbus test` does and played through the entrance."""

import pytest
from channel_desk import Desk, app_contracts

from engine.base.errors import BusError
from engine.channel.clients import Client
from engine.channel.contracts import load_contracts
from engine.channel.examples import CALLER, run
from engine.settings.problems import Problems

CONTRACTS = app_contracts()
EXAMPLES = [
    pytest.param(contract, example, id=f"{name}: {example.name}")
    for name, contract in CONTRACTS.operations.items()
    for example in contract.text.examples
]


@pytest.fixture
def whole_desk():
    """An entrance whose one application may do everything."""
    desk = Desk(CONTRACTS)
    scopes = tuple({contract.scope for contract in CONTRACTS.operations.values()})
    secrets = desk.entrance.clients["app"].secrets
    desk.entrance.clients = {CALLER.client: Client(CALLER.client, secrets, (CALLER.campus,), scopes)}
    return desk


def test_every_example_is_as_it_says():
    results = list(run("channel/app", CONTRACTS))
    assert len(results) == len(EXAMPLES)
    assert [str(one) for result in results for one in result.differences] == []


@pytest.mark.parametrize(("contract", "example"), EXAMPLES)
async def test_examples_are_what_happens(whole_desk, contract, example):
    whole_desk.serves = BusError(example.error) if example.served is None else example.served
    key = {"idempotency-key": "example-key-1"} if contract.key else {}
    more = {"x-channel": CALLER.channel, **key}
    status, body, _ = await whole_desk.call(
        contract.text.method,
        "/api/v1" + example.path,
        example.body or b"",
        app=CALLER.client,
        secret="secret-of-app-0123456789abcdef01",
        more=more,
    )
    if example.asks is not None:
        assert whole_desk.asked[0].operation == contract.operation
        assert whole_desk.asked[0].document == example.asks
    if example.error is None:
        assert (status, body["code"]) == (200, "OK")
        assert body["data"] == example.data
    else:
        assert (status, body["code"]) == (example.error.kind.http, example.error.name)


def test_every_operation_has_two_examples_and_one_of_its_success():
    for contract in CONTRACTS.operations.values():
        assert len(contract.text.examples) > 1, contract.operation
        assert any(example.error is None for example in contract.text.examples), contract.operation


TEXT = """contracts:
  operations:
    thing.get:
      says: a thing
      method: POST
      path: /things/{id}
      scope: thing.read
      effect: none
      request: {path: {id: {at: id, type: id}}, body: {n: {at: n, type: decimal}}}
      reply: {fields: {id: id, n: {at: n, type: decimal}}}
      examples:
        - {name: one, path: /things/A, body: {n: 1.5}, asks: {id: A, n: "1.5"}, served: {id: A, n: "1.5"}, data: {id: A, n: 1.5}}
        - {name: two, path: /things/A, body: {n: x}, error: VALIDATION_FAILED}
        - {name: three, path: /things/A, asks: {id: A}, error: BACKEND_REJECTED}
"""


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("", "", []),
        (
            'asks: {id: A, n: "1.5"}',
            "asks: {id: B}",
            ["asks.id: expected 'B', got 'A'", "asks.n: expected nothing, got '1.5'"],
        ),
        ("data: {id: A, n: 1.5}", "data: {id: A}", ["data.n: expected nothing, got 1.5"]),
        (
            "data: {id: A, n: 1.5}",
            "error: NOT_FOUND",
            ["error: expected 'NOT_FOUND', got 'no error'", "data: expected None, got {'id': 'A', 'n': 1.5}"],
        ),
        ("body: {n: x}", "body: {n: 1}", ["request: expected 'refused: VALIDATION_FAILED', got 'taken'"]),
        ("error: VALIDATION_FAILED", "error: NOT_FOUND", ["the whole: expected 'NOT_FOUND', got 'VALIDATION_FAILED'"]),
        (
            "error: BACKEND_REJECTED",
            "error: SLOT_LOCKED",
            ["error: expected 'an error of the operation', got 'SLOT_LOCKED'"],
        ),
        ("path: /things/A, body: {n: x}", "path: /thing", ["the whole: expected 'VALIDATION_FAILED', got 'NOT_FOUND'"]),
    ],
)
def test_what_differs_is_said(old, new, says):
    problems = Problems()
    contracts = load_contracts("app", {"app.yaml": TEXT.replace(old, new, 1).encode()}, problems)
    assert not problems, list(problems)
    found = [str(one) for result in run("app", contracts) for one in result.differences]
    assert found == says
