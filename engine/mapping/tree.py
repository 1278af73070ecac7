"""The tree that a generated map builds: which dicts it makes, in which order, and what is left of them.

A dict is made where its first place is named, so that the order of the text is the order on the
wire; dicts and lists in which nothing came to stand are taken away at the end.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from engine.formats.format import PathError
from engine.mapping.emit import About, Emitter
from engine.mapping.shapes import ShapeField
from engine.mapping.writers import Goal, Keys, Level
from engine.settings.nodes import Node
from engine.settings.problems import Problems


class Tree:
    """The dicts of one document, or of one entry of a list."""

    def __init__(self, out: Emitter, level: Level, lists: tuple[tuple[str, str], ...]) -> None:
        self._out = out
        self._level = level
        self._lists = lists
        self.root = out.fresh("t")
        self._dicts: dict[Keys, str] = {(): self.root}
        self._positions: dict[Keys, list[int]] = {}
        """Lists that are filled by position, each with the positions as the text names them."""
        self._sure: dict[Keys, bool] = {}
        self._groups = 0
        self._passing: set[Keys] = set()
        out.line(f"{self.root} = {{}}")

    def parent(self, goal: Goal) -> str:
        """The variable of the dict in which the goal's last key stands; made now if it is not there yet."""
        for length in range(1, len(goal.keys)):
            self._make(goal, length)
        self._place(goal, len(goal.keys) - 1)
        if goal.keys in self._dicts:
            raise PathError(f"{goal.keys[-1]!r} holds others already, it cannot be a value")
        return self._dicts[goal.keys[:-1]]

    def make(self, goal: Goal) -> None:
        """Makes the dict of a group, and those around it."""
        for length in range(1, len(goal.keys) + 1):
            self._make(goal, length)

    def filled(self, goal: Goal, *, sure: bool) -> None:
        """Notes that a place is filled; `sure`: whenever the map gets that far."""
        self._sure[goal.keys] = self._sure.get(goal.keys, False) or (sure and not self._groups)

    @contextmanager
    def group(self) -> Iterator[None]:
        """What is filled inside stands under a condition; dicts made inside are not there outside."""
        before = dict(self._dicts)
        self._groups += 1
        yield
        self._groups -= 1
        inside = {keys: variable for keys, variable in self._dicts.items() if keys not in before}
        self._clean(inside)
        self._dicts = before
        self._passing |= inside.keys()

    def close(self, needs: Mapping[str, ShapeField], node: Node, problems: Problems, what: str) -> None:
        """Takes away what stayed empty, makes lists of positions, and asks for what the shape needs."""
        self._clean(self._dicts)
        self._demand(needs, (), True, node, problems, what)

    def _make(self, goal: Goal, length: int) -> None:
        keys = goal.keys[:length]
        if keys in self._sure:
            raise PathError(f"{keys[-1]!r} is filled as a value already, it cannot hold others")
        if keys not in self._dicts:
            name = self._out.fresh("t")
            holder = self._dicts[keys[:-1]]
            # Where a group made it, under its condition, it may be there or not.
            again = keys in self._passing
            made = f"{holder}.setdefault({keys[-1]!r}, {{}})" if again else f"{holder}[{keys[-1]!r}] = {{}}"
            self._out.line(f"{name} = {made}")
            self._dicts[keys] = name
        self._place(goal, length - 1)

    def _place(self, goal: Goal, length: int) -> None:
        """Notes the position that a goal's key at `length` is."""
        position = goal.keys[length] if goal.lists and length else None
        if isinstance(position, int):
            self._positions.setdefault(goal.keys[:length], []).append(position)

    def _clean(self, dicts: dict[Keys, str]) -> None:
        for keys, variable in reversed(dicts.items()):
            if keys and not self._holds_something(keys):
                self._out.line(f"if not {variable}: del {self._dicts[keys[:-1]]}[{keys[-1]!r}]")
            if positions := self._positions.get(keys):
                # A dict keeps the order in which its keys were set: most texts name positions from the first on.
                in_order = positions == sorted(positions)
                listed = f"list({variable}.values())" if in_order else f"[{variable}[k] for k in sorted({variable})]"
                self._out.line(f"if {variable}: {self._dicts[keys[:-1]]}[{keys[-1]!r}] = {listed}")

    def _holds_something(self, keys: Keys) -> bool:
        return any(sure and filled[: len(keys)] == keys for filled, sure in self._sure.items())

    def _demand(
        self, needs: Mapping[str, ShapeField], above: Keys, must: bool, node: Node, problems: Problems, what: str
    ) -> None:
        for name, field in needs.items():
            keys = (*above, name)
            below = keys in self._dicts
            if below and field.kind == "object":
                self._demand(field.fields, keys, must and field.required, node, problems, what)
            elif not field.required:
                continue
            elif keys not in self._sure and not below:
                path = ".".join(str(key) for key in keys)
                if must or above in self._dicts:
                    hint = "write its source, or make it optional in the shape"
                    problems.add(node.key_where or node.where, f"{what} needs {path!r}, which is not filled", hint)
            elif not self._sure.get(keys, False):
                self._ask(keys, name, must)

    def _ask(self, keys: Keys, name: str, must: bool) -> None:
        holder = self._dicts[keys[:-1]]
        guard = "" if must else f"{holder} and "
        path = self._level.shown + ".".join(str(key) for key in keys)
        about = About(path, lists=self._lists)
        self._out.line(f'if {guard}{holder}.get({name!r}) is None: raise _Unfit("missing")', about)
