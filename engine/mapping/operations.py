"""Operations of a profile, compiled: what is built, what replies mean, what is read."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from engine.asking import Feed
from engine.base.where import did_you_mean
from engine.contract import Adapter, Options
from engine.formats.format import Format
from engine.mapping import address, feeds, meaning, polls, refusals, validation
from engine.mapping.compile import NO_CONTEXT, Map, compile_map, compile_test
from engine.mapping.examples import Case, cases
from engine.mapping.functions.kind import Setup
from engine.mapping.scope import Reader, ShapeReader, WireReader
from engine.mapping.shapes import Document
from engine.mapping.shelf import Seal, Shelf, place, without
from engine.mapping.tables import Table
from engine.mapping.texts import IncomingText, OutgoingText, PollText, ProfileText
from engine.mapping.writers import AddressWriter, ShapeWriter, WireWriter, Writer
from engine.model import Ask, Built, Context, Effect, Incoming, Outgoing, Shape
from engine.settings.nodes import Node
from engine.settings.texts import validate


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes the operations of one profile."""

    shelf: Shelf
    text: ProfileText
    node: Node
    adapter: Adapter
    format: Format
    tables: Mapping[str, Table]

    def outgoing(self, name: str) -> Outgoing:
        """Bus to system. Only to be used where there were no findings."""
        text, node = self.text.outgoing[name], self._node("outgoing", name)
        wire = self._format(text.format, node, "format") or self.format
        replies = self._format(text.reply_format, node, "reply_format") or wire
        options = self._options(node)
        takes = self.shelf.document(text.takes, place(node, "takes"))
        self._check_ask(name, text, node)
        effect = Effect(text.effect)
        reply_map = self._reply(name, text, node, replies)
        reader = WireReader(replies, bus=False)
        rules = meaning.rules(text.meaning, node.get("meaning"), reader, self._setup(ours=True), self.shelf.problems)
        check = validation.check(text, wire, node, self.shelf.problems)
        build = self._build(name, node, wire, takes, address.needed(self.adapter, options))
        ask = Ask(text.ask.by, text.ask.absent_after, tuple(text.ask.same)) if text.ask is not None else None
        understand = meaning.understanding(rules, replies, effect, reply_map)
        seal = self._seal(node)
        return Outgoing(
            name, text.takes, text.gives, effect, text.repeatable, ask, options, build, understand, seal,
            check, cases(text.examples, node), (wire, replies),
        )  # fmt: skip

    def incoming(self, name: str) -> Incoming | None:
        """System to bus. None: findings stand in the way."""
        text, node = self.text.incoming[name], self._node("incoming", name)
        gives = self.shelf.document(text.gives, place(node, "gives"))
        if text.poll is not None:
            return self._polled(name, text.poll, node, gives)
        test = compile_test(node.get("match"), WireReader(self.format, bus=False), self.shelf.problems)
        answer = self.shelf.document(text.takes, place(node, "takes")) if text.takes else gives
        say = self._words(name, "say", node, answer)
        refuse = self._words(name, "refuse", node, refusals.DOCUMENT)
        fields = node.get("read")
        if gives is None or fields is None:
            return None
        reader = WireReader(self.format, self.text.settings)
        read = self._map(f"incoming.{name}.read", fields, reader, ShapeWriter(gives, self.shelf.zone), ours=True)
        examples = cases(text.examples, node)
        if text.feed is not None:
            return self._fed(name, text, node, gives, read, examples)
        matches = partial(_matches, test)
        return Incoming(name, matches, text.gives, read.run, examples, say, refuse, text.operation or "")

    def _polled(self, name: str, text: PollText, node: Node, gives: Document | None) -> Incoming | None:
        block = node.get("poll")
        assert block is not None, "the model was validated from this node"
        poll = polls.compiled(text, block, gives, self.text.outgoing, self.shelf)
        if poll is None or gives is None:
            return None
        return Incoming(name, _never, gives.name, _as_it_is, poll=poll)

    def _fed(
        self, name: str, text: IncomingText, node: Node, gives: Document, read: Map, examples: tuple[Case, ...]
    ) -> Incoming:
        fields, empty = node.get("empty"), None
        if fields is not None:
            writer = ShapeWriter(gives, self.shelf.zone)
            empty = self._map(f"incoming.{name}.empty", fields, feeds.reader(self.text.settings), writer, ours=True)
        feed = Feed(text.feed or "", feeds.maker(empty) if empty is not None else None, text.count or "")
        return Incoming(name, _never, gives.name, read.run, examples, feed=feed)

    def _build(
        self,
        name: str,
        node: Node,
        wire: Format,
        takes: Document | None,
        needed: frozenset[str],
    ) -> Callable[[Mapping[str, Any], Context], Built]:
        reader = ShapeReader(takes, self.text.settings)
        fields, values = node.get("request"), node.get("address")
        request = self._map(f"outgoing.{name}.request", fields, reader, WireWriter(wire)) if fields else None
        places = self._map(f"outgoing.{name}.address", values, reader, AddressWriter()) if values else None
        address.check(needed, node, self.shelf.problems)
        if fields is not None and wire.name == "xml":
            self._check_root(fields)
        nothing: Any = {} if wire.name == "row" else b""

        def build(document: Mapping[str, Any], context: Context) -> Built:
            body = nothing if request is None else wire.render(request.run(document, context))
            return Built(body, address.whole(needed, places.run(document, context)) if places is not None else {})

        return build

    def _check_root(self, fields: Node) -> None:
        """XML has one root: another one is a slip of the pen."""
        roots = [(path.split("/", 1)[0], node) for path, node in fields.items()]
        for root, node in roots:
            if root != roots[0][0]:
                where = node.key_where or node.where
                self.shelf.problems.add(where, f"XML has one root, {roots[0][0]!r}, not {root!r}")

    def _reply(self, name: str, text: OutgoingText, node: Node, wire: Format) -> Map | None:
        gives, fields = self.shelf.document(text.gives, place(node, "gives")), node.get("reply")
        if gives is not None and fields is None:
            hint = "write reply: {our field: their field}"
            self.shelf.problems.add(place(node, "gives"), f"nothing makes shape {text.gives!r}", hint)
        if fields is not None and text.gives is None:
            self.shelf.problems.add(place(node, "reply"), "which shape does this make?", "write gives: shape")
        if gives is None or fields is None:
            return None
        writer = ShapeWriter(gives, self.shelf.zone)
        return self._map(f"outgoing.{name}.reply", fields, WireReader(wire, bus=False), writer, ours=True)

    def _words(self, name: str, key: str, node: Node, takes: Document | None) -> Callable[[Shape, Context], Any] | None:
        """`say` or `refuse`: what the system is answered, from a document of ours."""
        fields = node.get(key)
        if fields is None:
            return None
        if self.format.name == "xml":
            self._check_root(fields)
        reader = ShapeReader(takes, self.text.settings)
        words = self._map(f"incoming.{name}.{key}", fields, reader, WireWriter(self.format))
        return lambda document, context: self.format.render(words.run(document, context))

    def _map(self, name: str, fields: Node, reader: Reader, writer: Writer, *, ours: bool = False) -> Map:
        full = f"{self.text.profile} {name}"
        made = compile_map(full, fields, reader, writer, self._setup(ours=ours), self.shelf.problems)
        self.shelf.maps[full] = made
        return made

    def _setup(self, *, ours: bool) -> Setup:
        return Setup(self.shelf.zone, self.tables, ours)

    def _node(self, side: str, name: str) -> Node:
        found = self.node.get(side)
        inner = found.get(name) if found is not None else None
        assert inner is not None, "the model was validated from this node"
        return inner

    def _options(self, node: Node) -> Options | None:
        block = node.get(self.adapter.name) or Node({}, node.key_where or node.where)
        return validate(self.adapter.operation_options, block, self.shelf.problems)

    def _format(self, name: str | None, node: Node, key: str) -> Format | None:
        if name is None:
            return None
        return self.shelf.format(name, self.node.get(name), place(node, key))

    def _seal(self, node: Node) -> Seal | None:
        block = node.get("seal")
        if block is None or self.shelf.seal_factory is None:
            return None
        return self.shelf.seal_factory(block, self.shelf.problems)

    def _check_ask(self, name: str, text: OutgoingText, node: Node) -> None:
        if text.ask is None:
            return
        where = place(node, "ask", "by")
        asked = self.text.outgoing.get(text.ask.by)
        if asked is None:
            self.shelf.problems.unknown(where, "operation", text.ask.by, self.text.outgoing)
        elif asked.effect != "none":
            self.shelf.problems.add(
                where, f"{text.ask.by!r} changes something: it cannot ask", "ask by one of effect: none"
            )
        if text.effect == "none":
            self.shelf.problems.add(where, f"{name!r} changes nothing: there is nothing to ask about", "leave ask out")
        fields = [self._fields(text.takes), self._fields(asked.gives if asked is not None else None)]
        for at, field in enumerate(text.ask.same):
            if not all(field in known for known in fields):
                what = f"{field!r} is no field of what both operations name as their shapes"
                self.shelf.problems.add(place(node, "ask", "same", at), what, did_you_mean(field, fields[0]))

    def _fields(self, shape: str | None) -> Collection[str]:
        return self.shelf.documents[shape].fields if shape in self.shelf.documents else ()


def bare(node: Node, adapter: str, formats: set[str]) -> Node:
    """A profile's text without the blocks that adapter and formats check themselves."""
    entries = dict(without(node, adapter, *formats).items())
    outgoing = node.get("outgoing")
    if outgoing is not None and isinstance(outgoing.value, dict):
        inner = {
            name: without(each, adapter) if isinstance(each.value, dict) else each for name, each in outgoing.items()
        }
        entries["outgoing"] = Node(inner, outgoing.where, outgoing.key_where)
    return Node(entries, node.where, node.key_where)


def _never(_document: Any) -> bool:
    """What is asked for does not come by itself."""
    return False


def _as_it_is(document: Any, _context: Context) -> Shape:
    """What was asked for is our shape already."""
    found: Shape = document
    return found


def _matches(test: Callable[[Any, Context], bool], document: Any) -> bool:
    return test(document, NO_CONTEXT)
