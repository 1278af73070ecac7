"""What the grammar of `routes.yaml` has and the engine does not carry yet, as data in one place.

What would be read and then ignored is worse than what is unknown: each is a finding. The change that
builds one deletes its line here.
"""

from collections.abc import Iterator

from engine.settings.nodes import Node
from engine.settings.problems import Problems

BEGINNINGS = {
    "routes.*.to": ("ledger.",),
    "routes.*.steps.*.to": ("ledger.",),
    "routes.*.on_failure.*.to": ("ledger.",),
}
"""Places whose values may not begin so yet: the ledger of decision 22."""


def say_not_carried(root: Node, problems: Problems) -> None:
    """Notes every value of a `routes.yaml` that the engine does not carry yet."""
    for pattern, beginnings in BEGINNINGS.items():
        for _, node in _matching(root, pattern.split(".")):
            for value in node.elements() or (node,):
                word = value.value if isinstance(value.value, str) else ""
                if any(word == start or (start.endswith(".") and word.startswith(start)) for start in beginnings):
                    problems.add(value.where, f"{word.split('.')[0]!r} is not carried yet", "name a system of config/")


def _matching(node: Node, pattern: list[str]) -> Iterator[tuple[str, Node]]:
    for key, inner in node.items():
        if pattern[0] in {"*", key}:
            if len(pattern) == 1:
                yield key, inner
            else:
                yield from _matching(inner, pattern[1:])
