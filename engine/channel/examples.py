"""The examples of contracts, run: what a request is read as, and what is made of what the system behind gave."""

from collections.abc import Iterator

import orjson

from engine.base.errors import BusError
from engine.base.where import Where
from engine.channel.contracts import Contract, Contracts
from engine.channel.errors import all_errors_of
from engine.channel.texts import ExampleText
from engine.contract import Inbound
from engine.mapping.differ import Difference, differences
from engine.mapping.examples import Result
from engine.model import Caller

CALLER = Caller("example", "main", "wx-mp")
"""Who asks in every example."""


def run(profile: str, contracts: Contracts) -> Iterator[Result]:
    """Runs every example of every operation."""
    for name, contract in contracts.operations.items():
        for index, example in enumerate(contract.text.examples):
            found = tuple(_differences(contracts, contract, example))
            yield Result(profile, name, example.name, _where(contracts, name, index), found)


def _where(contracts: Contracts, name: str, index: int) -> Where:
    return contracts.node.locate(["operations", name, "examples", index])


def _differences(contracts: Contracts, contract: Contract, example: ExampleText) -> Iterator[Difference]:
    try:
        asked = _asked(contracts, contract, example)
    except BusError as error:
        yield from differences(example.error.name if example.error and example.asks is None else None, error.code.name)
        return
    if example.asks is None:
        yield Difference("request", f"refused: {example.error and example.error.name}", "taken")
        return
    yield from differences(example.asks, asked, "asks")
    if example.served is None:
        if example.error not in all_errors_of(contract.text):
            yield Difference("error", "an error of the operation", example.error and example.error.name)
        return
    try:
        made = contract.build(example.served, False)
    except BusError as error:
        yield from differences(example.error.name if example.error else None, error.code.name, "error")
        return
    if example.error is not None:
        yield Difference("error", example.error.name, "no error")
    yield from differences({"data": example.data}, {"data": made.data})


def _asked(contracts: Contracts, contract: Contract, example: ExampleText) -> object:
    """The document that the example's request is read as. Raises BusError where it is refused."""
    path, _, query = example.path.partition("?")
    raw = orjson.dumps(example.body) if example.body is not None else b""
    headers = {"content-type": "application/json"} if raw else {}
    inbound = Inbound("example", raw, "", "", contract.text.method, contracts.base + path, query, headers)
    found, names = contracts.router.find(inbound.method, inbound.path)
    if found is not contract:
        return {"operation": found.operation}
    return contract.read(inbound, names, CALLER)
