"""Field lists to Python source: one function for a map, with every path already worked out.

The function builds its tree in the order in which the text names places (XML keeps it), leaves out
what has no value, and raises BusError(VALIDATION_FAILED) naming the field, its source and, in a list,
the entry. `mapped(doc, ctx)` is pure; a traced one takes a third argument that is told every value.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from engine.formats.format import NULL, PathError
from engine.mapping import grammar
from engine.mapping.emit import FOREIGN, About, Emitter
from engine.mapping.functions.kind import Setup, Unfit
from engine.mapping.scope import Reader, Scope
from engine.mapping.sources import Sources
from engine.mapping.tree import Tree
from engine.mapping.writers import Goal, Level, Writer, below_group, below_list
from engine.settings.nodes import Node
from engine.settings.problems import Problems


class Coder:
    """Writes the function of one map. Mistakes are findings; what is left is still compiled."""

    def __init__(
        self, name: str, reader: Reader, writer: Writer, setup: Setup, problems: Problems, *, trace: bool = False
    ) -> None:
        self._out = Emitter(name)
        self._reader = reader
        self._writer = writer
        self._problems = problems
        self._trace = trace
        self._sources = Sources(self._out, reader, setup, problems)
        self._lists: tuple[tuple[str, str], ...] = ()

    def code(self, fields: Node) -> tuple[Callable[..., Any], str]:
        """The function for the fields of a map, and its source."""
        out = self._out
        out.names |= {"_Unfit": Unfit, "_FOREIGN": (Unfit, *FOREIGN), "_NULL": NULL}
        out.line("def mapped(doc, ctx, told):" if self._trace else "def mapped(doc, ctx):")
        out.depth = 1
        out.line("try:")
        out.depth = 2
        tree = Tree(out, Level(), ())
        self._fields(fields, Scope(), tree, Level())
        tree.close(self._writer.needs(Level()), fields, self._problems, self._writer.name)
        out.line(f"return {tree.root}")
        out.depth = 1
        out.line("except _FOREIGN as error:")
        out.line("    raise _fault(error) from None")
        return out.finish()

    def _fields(self, fields: Node, scope: Scope, tree: Tree, level: Level) -> None:
        for path, node in fields.items():
            try:
                if node.get("each") is not None:
                    self._each(path, node, scope, tree, level)
                elif (inner := node.get("fields")) is not None:
                    self._group(path, node, inner, scope, tree, level)
                else:
                    self._field(path, node, scope, tree, level)
            except PathError as error:
                self._problems.add(node.key_where or node.where, error.what, error.hint)

    def _group(self, path: str, node: Node, inner: Node, scope: Scope, tree: Tree, level: Level) -> None:
        """Fields that stand or fall together. The group's own dict is made before the test, where the text names it."""
        goal = self._writer.goal(path, level)
        tree.make(goal)
        with self._when(node.get("when"), scope, About(level.shown + path, lists=self._lists)), tree.group():
            self._fields(inner, scope, tree, below_group(level, path, goal))

    def _field(self, path: str, node: Node, scope: Scope, tree: Tree, level: Level) -> None:
        goal = self._writer.goal(path, level)
        about = About(level.shown + path, lists=self._lists)
        parent = tree.parent(goal)
        when = node.get("when")
        place = f"{parent}[{goal.keys[-1]!r}] = v"
        with self._when(when, scope, about):
            self._value(node, scope, goal, place, about)
        if when is not None and goal.always:
            self._out.line(f"{parent}.setdefault({goal.keys[-1]!r}, None)")
        tree.filled(goal, sure=self._sure(node, goal) and when is None)

    def _value(self, node: Node, scope: Scope, goal: Goal, place: str, about: About) -> None:
        text = node.get("from") or node
        if not isinstance(text.value, str):
            self._fixed(text.value, text, goal, place, about)
            return
        value = self._sources.parse(text)
        if value is None:
            return
        if len(value.sources) == 1 and isinstance(value.sources[0], grammar.Fixed) and not value.calls:
            self._fixed(value.sources[0].text, text, goal, place, about)
            return
        about = About(about.target, text.value, about.lists, _spot(value))
        start = len(self._out.lines)
        if not self._sources.read(value, text, scope, about):
            del self._out.lines[start:]
            return
        required = goal.required or _said(node, "required")
        fixed = isinstance(value.sources[-1], grammar.Fixed) and not value.calls and len(value.sources) > 1
        self._write(goal, place, about, required=required, fixed=fixed)

    def _write(self, goal: Goal, place: str, about: About, *, required: bool, fixed: bool) -> None:
        """What happens to `v`: refused, left out, or made fit and put in its place."""
        out, nothing = self._out, self._sources.nothing
        if required and not fixed:
            out.line(f'if {nothing}: raise _Unfit("missing")', about)
        elif not fixed and not goal.always:
            out.line('if v is not None and v != "":' if self._reader.blanks else "if v is not None:")
            out.depth += 1
        elif goal.always:
            out.line(f"if {nothing}: v = None")
        indented = not required and not fixed and not goal.always
        if goal.text:
            out.line(f"if v.__class__ is not str: v = {self._sources.text(self._writer.clears)}(v)", about)
        elif goal.fit is not None:
            out.line(f"v = {self._sources.null_proof(goal.fit, self._writer.clears)}(v)", about)
        out.line(place)
        if indented:
            out.depth -= 1
        self._tell(about)  # outside the condition: that nothing came is told too

    def _fixed(self, value: Any, node: Node, goal: Goal, place: str, about: About) -> None:
        """A value that stands in the text: made fit now, not while messages flow."""
        try:
            fitted = goal.fit(value) if goal.fit is not None else value
            if goal.text and not isinstance(fitted, str):
                raise Unfit("not text, put it in quotes")
        except Unfit as error:
            self._problems.add(node.where, f"{about.target}: {error.why}", "this value stands in the text itself")
            return
        if isinstance(fitted, dict | list):
            self._problems.add(node.where, f"{about.target}: no value of a map", "write from:, each: or fields:")
            return
        self._out.line(f"v = {fitted!r}")
        self._out.line(place)
        self._tell(About(about.target, f"={value}", about.lists))

    def _each(self, path: str, node: Node, scope: Scope, tree: Tree, level: Level) -> None:
        out, each = self._out, node.get("each")
        goal = self._writer.goal(path, level)
        if goal.held is not None and goal.held.kind != "list":
            raise PathError(f"{path!r} is no list in {self._writer.name}", "leave each: out")
        parent = tree.parent(goal)
        variable, entries = out.fresh("i"), out.fresh("l")
        assert each is not None
        assert isinstance(each.value, str)
        try:
            code, inner = self._reader.each(each.value, scope, variable)
        except PathError as error:
            self._problems.add(each.where, error.what, error.hint)
            return
        out.use(code.names)
        about = About(level.shown + path, each.value, self._lists)
        out.line(f"{entries} = []")
        out.line(f"for {variable} in {code.code}:", about)
        self._lists = (*self._lists, (level.shown + path, entries))
        out.depth += 1
        with self._when(node.get("when"), inner, About(about.target, each.value, self._lists)):
            self._entry(node, inner, goal, entries, below_list(level, path, goal))
        out.depth -= 1
        self._lists = self._lists[:-1]
        self._distinct(node, entries, about)
        if goal.required or _said(node, "required"):
            out.line(f'if not {entries}: raise _Unfit("missing")', about)
        out.line(f"{parent}[{goal.keys[-1]!r}] = {entries}")
        tree.filled(goal, sure=True)

    def _distinct(self, node: Node, entries: str, about: About) -> None:
        name, fields = node.get("distinct"), node.get("fields")
        if name is None:
            return
        if fields is None or fields.get(str(name.value)) is None:
            self._problems.add(name.where, f"an entry has no {name.value!r}", "name one of its fields")
            return
        self._out.use({"_distinguish": distinguish})
        self._out.line(f"_distinguish({entries}, {name.value!r})", about)

    def _entry(self, node: Node, scope: Scope, goal: Goal, entries: str, level: Level) -> None:
        fields = node.get("fields")
        if fields is None:
            about = About(level.shown.removesuffix("."), lists=self._lists)
            self._value(node, scope, self._writer.entry(goal), f"{entries}.append(v)", about)
            return
        tree = Tree(self._out, level, self._lists)
        self._fields(fields, scope, tree, level)
        tree.close(self._writer.needs(level), fields, self._problems, self._writer.name)
        self._out.line(f"if {tree.root}: {entries}.append({tree.root})")

    @contextmanager
    def _when(self, node: Node | None, scope: Scope, about: About) -> Iterator[None]:
        if node is None:
            yield
            return
        test = self._sources.test(node, scope)
        self._out.line(f"if {test}:", About(about.target, str(node.value), about.lists))
        self._out.depth += 1
        begun = len(self._out.lines)
        yield
        if len(self._out.lines) == begun:
            self._out.line("pass")
        self._out.depth -= 1

    def _tell(self, about: About) -> None:
        if self._trace:
            self._out.line(f"told({about.target!r}, {about.source!r}, v)")

    def _sure(self, node: Node, goal: Goal) -> bool:
        """Whether a value without a condition is always there."""
        text = (node.get("from") or node).value
        return goal.required or goal.always or _said(node, "required") or not isinstance(text, str) or text[:1] == "="


def distinguish(entries: list[dict[str, Any]], name: str) -> None:
    """Makes the texts of a field differ: the second of a kind gets `.2`, unless another is called so already."""
    taken = {entry[name] for entry in entries if name in entry}
    seen: Counter[str] = Counter()
    for entry in entries:
        if (word := entry.get(name)) is None:
            continue
        seen[word] += 1
        if seen[word] > 1:
            while (fresh := f"{word}.{seen[word]}") in taken:
                seen[word] += 1
            taken.add(fresh)
            entry[name] = fresh


def _spot(value: grammar.Value) -> str:
    return next((source.text for source in value.sources if isinstance(source, grammar.Path)), "")


def _said(node: Node, key: str) -> bool:
    found = node.get(key)
    return found is not None and found.value is True
