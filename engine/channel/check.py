"""Contracts against what stands behind them: the shapes that a route's operation takes and gives, and clients' scopes.

A place that no shape has would be an empty field for every patient and an error for nobody, so it is a finding.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from engine.base.where import did_you_mean
from engine.channel.contracts import Contracts
from engine.channel.texts import FieldText, OperationText
from engine.channel.values import LONGEST_ID
from engine.formats.format import PathError
from engine.mapping.shapes import Document, ShapeField
from engine.settings.layers import Loaded
from engine.settings.nodes import Node
from engine.settings.problems import Problems

_TEXTS = frozenset({"text", "code", "decimal", "date", "instant"})
_FITS: Final[Mapping[str, frozenset[str]]] = {
    "text": _TEXTS,
    "id": _TEXTS,
    "phone": _TEXTS,
    "integer": frozenset({"integer"}),
    "decimal": frozenset({"decimal"}),
    "money": frozenset({"money"}),
    "boolean": frozenset({"boolean"}),
    "date": frozenset({"date"}),
    "time": frozenset({"instant"}),
    "list": frozenset({"list"}),
    "object": frozenset({"object"}),
}
"""Type of a contract's field to the kinds of shape fields it can stand for."""


@dataclass(frozen=True, slots=True)
class Ends:
    """The shapes of what serves an operation; None where they are not known."""

    takes: Document | None
    gives: Document | None


def check_contracts(contracts: Contracts, ends: Mapping[str, Ends], problems: Problems) -> None:
    """Notes places and words of contracts that the shapes behind them do not have."""
    for name, contract in contracts.operations.items():
        if name in ends:
            node = contracts.node.get("operations")
            found = node.get(name) if node else None
            assert found is not None, "the contract was compiled from it"
            _Places(contract.text, found, problems).check(ends[name])


def check_scopes(contracts: Contracts, loaded: Loaded, system: str, problems: Problems) -> None:
    """Notes scopes of clients that no operation asks for."""
    asked = {contract.scope for contract in contracts.operations.values()}
    for app, client in loaded.config.systems[system].clients.items():
        for index, scope in enumerate(client.scopes):
            start = scope[:-1] if scope.endswith(".*") else None
            if not (any(one.startswith(start) for one in asked) if start else scope in asked):
                where = loaded.where("systems", system, "clients", app, "scopes", index)
                problems.add(where, f"no operation asks for the scope {scope!r}", did_you_mean(scope, asked))


class _Places:
    """The places that one operation names."""

    def __init__(self, text: OperationText, node: Node, problems: Problems) -> None:
        self._text = text
        self._node = node
        self._problems = problems

    def check(self, ends: Ends) -> None:
        text = self._text
        if ends.takes is not None:
            for part in ("path", "query", "body"):
                fields = getattr(text.request, part)
                self._fields(ends.takes, ["request", part], fields, None)
                self._lengths(ends.takes, ["request", part], fields)
            for what, place in text.request.caller.items():
                self._find(ends.takes, ["request", "caller", what], place, None)
        if ends.gives is not None:
            self._reply(ends.gives)

    def _lengths(self, takes: Document, way: Sequence[str | int], fields: Mapping[str, FieldText]) -> None:
        """What an application may send must find room."""
        for name, field in fields.items():
            room = takes.fields[field.at].length if field.at in takes.fields else None
            longest = min(field.longest, LONGEST_ID) if field.type == "id" else field.longest
            if room is not None and field.type in {"id", "text"} and not field.words and longest > room:
                what = f"{name!r} may have {longest} characters, {field.at!r} has room for {room}"
                self._problems.add(self._node.locate([*way, name]), what, f"write longest: {room}")

    def _reply(self, gives: Document) -> None:
        text = self._text
        inside: Mapping[str, ShapeField] | None = None
        if text.reply.each is not None:
            found = self._find(gives, ["reply", "each"], text.reply.each, None)
            if found is None:
                return
            inside = found.fields
        self._filters(gives, ["reply", "only"], text.reply.only, inside)
        self._fields(gives, ["reply", "fields"], text.reply.fields, inside)
        for index, rule in enumerate(text.refuse):
            found = self._find(gives, ["refuse", index, "at"], rule.at, None)
            if found is not None:
                self._words(["refuse", index], found, [*rule.among, *rule.but])

    def _fields(
        self,
        document: Document,
        way: Sequence[str | int],
        fields: Mapping[str, FieldText],
        inside: Mapping[str, ShapeField] | None,
    ) -> None:
        for name, field in fields.items():
            here = [*way, name]
            if field.at == ".":
                self._fields(document, [*here, "fields"], field.fields, inside)
                continue
            found = self._find(document, here, field.at, inside)
            if found is None:
                continue
            if found.kind not in _FITS[field.type]:
                self._problems.add(self._node.locate(here), f"{field.at!r} is of kind {found.kind}, not {field.type}")
                continue
            self._words(here, found, field.words.values())
            if field.fields:
                self._filters(document, [*here, "only"], field.only, found.fields)
                self._filters(document, [*here, "without"], field.without, found.fields)
                self._fields(document, [*here, "fields"], field.fields, found.fields)

    def _filters(
        self,
        document: Document,
        way: Sequence[str | int],
        filters: Mapping[str, Sequence[str]],
        inside: Mapping[str, ShapeField] | None,
    ) -> None:
        for place, words in filters.items():
            found = self._find(document, [*way, place], place, inside)
            if found is not None:
                self._words([*way, place], found, words)

    def _find(
        self, document: Document, way: Sequence[str | int], place: str, inside: Mapping[str, ShapeField] | None
    ) -> ShapeField | None:
        try:
            return document.at(place, inside)
        except PathError as error:
            self._problems.add(self._node.locate(way), error.what, error.hint)
            return None

    def _words(self, way: Sequence[str | int], found: ShapeField, words: Iterable[str]) -> None:
        for word in words:
            if found.codes and word not in found.codes:
                what = f"{found.name!r} has no code {word!r}"
                self._problems.add(self._node.locate(way), what, did_you_mean(word, found.codes))
