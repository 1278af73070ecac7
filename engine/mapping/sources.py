"""Values and tests of the grammar as lines of a generated map. A value is left in the variable `v`."""

from decimal import Decimal, InvalidOperation
from typing import Any

from engine.base.where import did_you_mean
from engine.formats.format import NULL, PathError
from engine.mapping import grammar
from engine.mapping.emit import About, Emitter
from engine.mapping.functions import FUNCTIONS, Apply, Setup, Unfit, WordError
from engine.mapping.functions.kind import Function
from engine.mapping.functions.kind import text as as_text
from engine.mapping.scope import Reader, Scope, present
from engine.settings.nodes import Node
from engine.settings.problems import Problems


class Sources:
    """Writes the reading side of one map."""

    def __init__(self, out: Emitter, reader: Reader, setup: Setup, problems: Problems) -> None:
        self._out = out
        self._reader = reader
        self._setup = setup
        self._problems = problems
        self.nothing = "v is None" + ' or v == ""' * reader.blanks + " or v is _NULL" * reader.nulls
        """The test that `v` holds no value."""

    def parse(self, node: Node) -> grammar.Value | None:
        """The value of a node; a mistake is a finding at its column."""
        assert isinstance(node.value, str)
        try:
            return grammar.value(node.value)
        except grammar.GrammarError as error:
            self._problems.add(node.inside(error.offset), error.what, error.hint)
            return None

    def read(self, value: grammar.Value, node: Node, scope: Scope, about: About) -> bool:
        """Writes the lines that leave the value in `v`. False: a finding stands in the way."""
        first, *others = value.sources
        code = self._source(first, node, scope)
        if code is None:
            return False
        self._out.line(f"v = {code}", about)
        for other in others:
            code = self._source(other, node, scope)
            if code is None:
                return False
            # An explicit null is an answer: it is not passed over for the next source.
            self._out.line("if v is None" + (' or v == ""' if self._reader.blanks else "") + ":")
            self._out.line(f"    v = {code}", about)
        return self._calls(value.calls, node, about)

    def test(self, node: Node | None, scope: Scope) -> str:
        """The expression of a `when`; always true where none is written or it cannot be read."""
        if node is None:
            return "True"
        if not isinstance(node.value, str):
            self._problems.add(node.where, "a test is text", "write: path == word")
            return "True"
        try:
            return " and ".join(self._one(test, node, scope) for test in grammar.test(node.value))
        except grammar.GrammarError as error:
            self._problems.add(node.inside(error.offset), error.what, error.hint)
            return "True"

    def text(self, clears: bool) -> str:
        """The name of what makes text of a value, and lets an explicit null through."""
        name = "_text_or_null"
        self._out.names[name] = _text_or_none if clears else _text_or_null
        return name

    def null_proof(self, fit: Apply, clears: bool) -> str:
        """The name of a fit that lets an explicit null through."""
        if not self._reader.nulls:
            return self._out.constant(fit)
        kept = None if clears else NULL
        return self._out.constant(lambda value: kept if value is NULL else fit(value))

    def _source(self, source: grammar.Path | grammar.Fixed | grammar.Joined, node: Node, scope: Scope) -> str | None:
        if isinstance(source, grammar.Fixed):
            return repr(source.text)
        if isinstance(source, grammar.Joined):
            pieces = [self._source(piece, node, scope) for piece in source.pieces]
            self._out.names["_joined"] = _joined
            return None if None in pieces else f"_joined({', '.join(piece for piece in pieces if piece)})"
        try:
            code = self._reader.read(source.text, scope)
        except PathError as error:
            self._problems.add(node.inside(source.offset), error.what, error.hint)
            return None
        self._out.use(code.names)
        return code.code

    def _calls(self, calls: tuple[grammar.Call, ...], node: Node, about: About) -> bool:
        rescue = next((at for at, call in enumerate(calls) if call.name == "otherwise"), None)
        if rescue is None:
            return self._each_call(calls, node, about)
        made = self._prepare(calls[rescue], node)
        if made is None:
            return False
        if rescue == 0:
            hint = "path | decimal | otherwise(word)"
            self._problems.add(node.inside(calls[0].offset), "'otherwise' needs a function before it", hint)
            return False
        self._out.line("try:")
        self._out.depth += 1
        fine = self._each_call(calls[:rescue], node, about)
        self._out.depth -= 1
        self._out.line("except _Unfit:")
        self._out.line(f"    v = {made[1]()!r}")
        return self._calls(calls[rescue + 1 :], node, about) and fine

    def _each_call(self, calls: tuple[grammar.Call, ...], node: Node, about: About) -> bool:
        """All of them are tried, so that every mistake is found."""
        return False not in [self._call(call, node, about) for call in calls]

    def _call(self, call: grammar.Call, node: Node, about: About) -> bool:
        prepared = self._prepare(call, node)
        if prepared is None:
            return False
        function, apply = prepared
        name = self._out.constant(apply)
        arguments = "v, ctx" if function.knows else "v"
        if function.on_nothing:
            self._out.line(f"v = {name}({arguments})", about)
        else:
            self._out.line(f"if not ({self.nothing}): v = {name}({arguments})", about)
        return True

    def _prepare(self, call: grammar.Call, node: Node) -> tuple[Function, Apply] | None:
        where = node.inside(call.offset)
        function = FUNCTIONS.get(call.name)
        if function is None:
            self._problems.add(where, f"there is no function {call.name!r}", did_you_mean(call.name, FUNCTIONS))
            return None
        try:
            return function, function.prepare(call.words, self._setup)
        except WordError as error:
            self._problems.add(where, error.what, error.hint)
            return None

    def _one(self, test: grammar.Test, node: Node, scope: Scope) -> str:
        code = self._source(test.path, node, scope)
        if code is None:
            return "True"
        if test.operator in {"==", "!=", "in", "not in"}:
            self._check_words(test, node, scope)
            words = tuple(meant for word in test.words for meant in meanings(word))
            member = "not in" if test.operator in {"!=", "not in"} else "in"
            return f"({code}) {member} {repr(words) if _literal(words) else self._out.constant(words)}"
        if test.operator in {"exists", "empty"}:
            self._out.names["_present"] = present
            return f"{'not ' if test.operator == 'empty' else ''}_present({code})"
        return f"{self._out.constant(order(test.operator, test.words[0]))}({code})"

    def _check_words(self, test: grammar.Test, node: Node, scope: Scope) -> None:
        for word in test.words:
            try:
                self._reader.check_word(test.path.text, scope, word)
            except PathError as error:
                self._problems.add(node.inside(test.path.offset), error.what, error.hint)


def meanings(word: str) -> tuple[Any, ...]:
    """The values that a word of a test equals: its text, and the number or truth value that it writes."""
    if word in {"true", "false"}:
        return word, word == "true"
    try:
        found = Decimal(word)
    except InvalidOperation:
        return (word,)
    if not found.is_finite():
        return (word,)
    return word, int(found) if found == found.to_integral_value() and abs(found.adjusted()) < 30 else found


def order(operator: str, word: str) -> Apply:
    """A comparison with a word: as numbers where both are, else as text (dates in ISO form); nothing is never less."""
    number = next((meant for meant in meanings(word) if not isinstance(meant, str | bool)), None)
    wanted = {"<": {-1}, "<=": {-1, 0}, ">": {1}, ">=": {0, 1}}[operator]

    def compare(value: Any) -> bool:
        if not present(value):
            return False
        try:
            left: Any = Decimal(str(value)) if number is not None else as_text(value)
            right: Any = word if number is None else number
            return ((left > right) - (left < right)) in wanted
        except (InvalidOperation, Unfit):
            return False

    return compare


def _literal(words: tuple[Any, ...]) -> bool:
    return all(isinstance(word, str | int) for word in words)


def _joined(*pieces: Any) -> str | None:
    if None in pieces or "" in pieces:
        return None
    try:
        return "".join(pieces)  # most are texts
    except TypeError:
        return "".join(map(as_text, pieces)) if all(present(piece) for piece in pieces) else None


def _text_or_none(value: Any) -> str | None:
    return None if value is NULL else as_text(value)


def _text_or_null(value: Any) -> Any:
    return NULL if value is NULL else as_text(value)
