"""Values that the address of a call needs: known when texts are loaded, never missing when a call is made."""

from collections.abc import Collection, Mapping

from engine.base.errors import BusError, Code
from engine.base.where import did_you_mean
from engine.contract import Adapter, Options
from engine.settings.nodes import Node
from engine.settings.problems import Problems

_MOST = 50


def needed(adapter: Adapter, options: Options | None) -> frozenset[str]:
    """Names of the values without which the adapter makes no address for an operation."""
    if adapter.address is None or options is None:
        return frozenset()
    given: dict[str, str] = {}
    for _ in range(_MOST):
        try:
            adapter.address(options, given)
        except KeyError as missing:
            given[str(missing.args[0])] = "x"
        else:
            break
    return frozenset(given)


def check(names: Collection[str], node: Node, problems: Problems) -> None:
    """A value that the address needs and the operation's `address:` does not make is a finding."""
    block = node.get("address") or Node({}, node.key_where or node.where)
    made = [name for name, _ in block.items()]
    for name in sorted(names):
        if name not in made:
            hint = did_you_mean(name, made) or f"write address: {{{name}: its source}}"
            problems.add(block.key_where or block.where, f"the address needs {name!r}, which nothing makes", hint)


def whole(names: Collection[str], fields: Mapping[str, str]) -> Mapping[str, str]:
    """The values of a call's address. Raises BusError(VALIDATION_FAILED) where a needed one has come to nothing."""
    for name in names:
        if name not in fields:
            raise BusError(Code.VALIDATION_FAILED, f"address {name}: missing", spot=name)
    return fields
