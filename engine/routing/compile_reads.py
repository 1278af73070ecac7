"""From routes to reads: what a channel's operation that only reads may say, with a finding for what it may not."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from engine.base.where import did_you_mean
from engine.mapping.shapes import Document, ShapeField
from engine.model import Effect, Outgoing
from engine.registry.systems import PROFILES as LOCAL
from engine.routing.plan import Route, Step
from engine.routing.reading import Keep, Merge, Reading
from engine.settings.problems import Problems
from engine.settings.routes import Route as RouteText
from engine.settings.routes import RoutesText

WITHIN = 10.0
"""Seconds for a read, and for each of its calls, where the route says nothing."""

_OF_MESSAGES = ("key", "lane", "retry", "on_failure", "amends")
"""Keys of routes that are walked by messages of record."""

Find = Callable[[str], Outgoing | None]
"""The operation that `system.operation` names."""


def compile_reads(
    texts: RoutesText,
    routes: Mapping[str, Route],
    find: Find,
    documents: Mapping[str, Document],
    problems: Problems,
) -> dict[str, Reading]:
    """The reads of a release by name: routes named like an operation, each of whose steps is of `effect: none`."""
    found = {}
    for name, text in texts.routes.items():
        route = routes.get(name)
        if route is None or not route.steps:
            continue
        compiler = _Compiler(texts, name, text, route, problems)
        named = [step for step in route.steps if step.makes is None]
        operations = [one for step in named if (one := find(f"{step.system}.{step.operation}"))]
        if len(operations) < len(named):
            continue  # a finding already
        if "." not in name or text.from_ or len(named) < len(route.steps) or not all(map(_only_reads, operations)):
            compiler.refuse_reading()
        else:
            found[name] = compiler.reading(operations, documents)
    return found


def _only_reads(operation: Outgoing) -> bool:
    return operation.effect is Effect.NONE


class _Compiler:
    """One read."""

    def __init__(self, texts: RoutesText, name: str, text: RouteText, route: Route, problems: Problems) -> None:
        self._texts, self._name, self._text, self._route = texts, name, text, route
        self._problems = problems

    def refuse_reading(self) -> None:
        """Notes what only a read may say, on a route that is none."""
        for key, said in (("cache", self._text.cache), ("gather", self._text.gather)):
            if said:
                self._say(key, what=f"{key!r} is for a channel's read", hint="each of its operations has effect: none")

    def reading(self, operations: Sequence[Outgoing], documents: Mapping[str, Document]) -> Reading:
        text, route = self._text, self._route
        for key in _OF_MESSAGES:
            if getattr(text, key):
                self._say(key, what=f"a read has no {key!r}", hint="it is asked at once, and is no message of record")
        self._check_whens()
        answer = self._answer()
        merge = None
        if text.merge is not None:
            merge = self._merge(operations, documents)
        return Reading(
            name=route.name,
            steps=route.steps,
            waves=_waves(route.steps),
            answer=answer,
            within=text.answer.within or max(WITHIN, *(step.policy.within or 0 for step in route.steps)),
            merge=merge,
            keep=self._keep(),
        )

    def _answer(self) -> Step:
        after = self._text.answer.after
        chosen = [step for step in self._route.steps if step.name == after]
        if after is not None and not chosen:
            self._say("answer", "after", what=f"a read is not answered after {after!r}", hint="name one of its steps")
        step = chosen[0] if chosen else self._route.steps[0 if self._text.gather else -1]
        if step.when is not None and not self._text.gather:
            where = ("steps", step.name, "when")
            self._say(*where, what="the step that is the answer is always asked", hint="put the condition elsewhere")
        return step

    def _check_whens(self) -> None:
        """Parts of a gather know nothing of each other."""
        for step in self._route.steps if self._text.gather else ():
            if step.when is not None and not step.when.early:
                where = ("gather", step.name, "when")
                self._say(*where, what="parts are asked at once: none knows what another came to")

    def _keep(self) -> Keep | None:
        cache = self._text.cache
        if cache is None:
            return None
        if local := sorted({step.system for step in self._route.steps} & LOCAL.keys()):
            self._say("cache", what=f"what {local[0]!r} says holds at this moment only", hint="leave 'cache' out")
        if cache.stale is not None and cache.stale <= cache.for_:
            self._say("cache", "stale", what="'stale' is longer than 'for'", hint="like {for: 10m, stale: 1d}")
        return Keep(cache.for_, max(cache.for_, cache.stale or 0.0))

    # --- merge -----------------------------------------------------------------------------------

    def _merge(self, operations: Sequence[Outgoing], documents: Mapping[str, Document]) -> Merge | None:
        written = self._text.merge
        assert written is not None
        shapes = {operation.gives for operation in operations}
        if len(shapes) > 1:
            names = ", ".join(sorted(str(shape) for shape in shapes))
            self._say("gather", what=f"these parts give different shapes: {names}", hint="all give the same one")
            return None
        document = documents.get(operations[0].gives or "")
        if document is None:
            self._say("gather", what="these parts give no shape", hint="each has gives: in its profile")
            return None
        items = self._items(document, written.into)
        order = None
        if written.order is not None:
            field = self._field(items, written.order.by, "order")
            order = _value(written.order.by, field.kind if field else "text")
        if written.unique is not None:
            self._field(items, written.unique, "unique")
        unique = _value(written.unique, "text") if written.unique is not None else None
        greatest = written.order is not None and written.order.first == "greatest"
        return Merge(written.into, unique, order, greatest, written.missing == "fail")

    def _items(self, document: Document, into: str) -> Mapping[str, ShapeField]:
        field = document.fields.get(into)
        lists = [name for name, one in document.fields.items() if one.kind == "list"]
        if field is None or field.kind != "list":
            what = f"{into!r} is no list of shape {document.name!r}"
            self._say("merge", "into", what=what, hint=did_you_mean(into, lists) or f"one of: {', '.join(lists)}")
            return {}
        return field.fields

    def _field(self, items: Mapping[str, ShapeField], name: str, key: str) -> ShapeField | None:
        if items and name not in items:
            self._say("merge", key, what=f"the items have no field {name!r}", hint=did_you_mean(name, items))
        return items.get(name)

    def _say(self, *path: str | int, what: str, hint: str = "") -> None:
        self._problems.add(self._texts.where("routes", self._name, *path), what, hint)


def _waves(steps: Sequence[Step]) -> tuple[tuple[Step, ...], ...]:
    depth: dict[int, int] = {}
    for step in steps:  # needs point backwards
        depth[step.index] = max((depth[need] + 1 for need in step.needs), default=0)
    return tuple(
        tuple(step for step in steps if depth[step.index] == wave)
        for wave in range(max(depth.values(), default=-1) + 1)
    )


def _value(name: str, kind: str) -> Callable[[Any], Any]:
    """A reader of a field of an item; instants are compared as such, whatever offset they are written with."""
    if kind != "instant":
        return lambda item: item.get(name)

    def instant(item: Mapping[str, Any]) -> datetime | None:
        value = item.get(name)
        return datetime.fromisoformat(value) if value else None

    return instant
