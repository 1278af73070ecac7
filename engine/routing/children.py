"""Routes that send to routes, checked: what a step makes children of, what those are, and who may wait for them."""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, TypeAlias

from engine.base.where import Where
from engine.formats import dotted
from engine.formats.format import PathError
from engine.mapping.library import Library
from engine.mapping.shapes import Document, ShapeField, entry, misfit
from engine.model import Outgoing
from engine.routing.plan import ROUTE, Makes, Scope, Step
from engine.settings.problems import Problems
from engine.settings.routes import Route as RouteText
from engine.settings.routes import RoutesText
from engine.settings.routes import Step as StepText

_OF_CALLS = ("within", "retry", "refused")

Place: TypeAlias = Callable[..., Where]
"""The place of a step's key in the text."""


def sent_to(text: StepText) -> str | None:
    """The route that a step sends to; None: it calls a system."""
    system, _, name = text.to.partition(".")
    return name if system == ROUTE else None


class Children:
    """What routes make of each other."""

    def __init__(
        self,
        texts: RoutesText,
        library: Library,
        outgoing: Callable[[str], Outgoing | None],
        problems: Problems,
    ) -> None:
        self._texts = texts
        self._library = library
        self._outgoing = outgoing
        self._problems = problems

    def shape(self, route: str) -> str:
        """The documents of a route that begins with children: what the maps before it give, else what its steps
        take; empty where neither says.
        """
        given = {ends[1] for _, step in self._senders(route) if (ends := self._ends(step))}
        return min(given or self._taken(self._texts.routes[route]), default="")

    def check_sent(self, route: str, where: Where) -> None:
        """Notes a route that waits for children which nobody makes, or which are of two kinds."""
        senders = list(self._senders(route))
        if not senders:
            self._problems.add(where, f"no step sends to route {route!r}", f"write to: route.{route} in one")
        given = {ends[1] for _, step in senders if (ends := self._ends(step))}
        if len(given) > 1:
            what = f"the steps that send here give different documents: {', '.join(sorted(given))}"
            self._problems.add(where, what, "a route has one kind of document")

    def makes(
        self, text: StepText, place: Place, every: Sequence[Step], needed: Collection[str], shape: str
    ) -> Makes | None:
        """What a step makes; None where it calls a system."""
        name = sent_to(text)
        if name is None:
            if text.each is not None:
                self._problems.add(place("each"), "'each' makes messages of another route", "write to: route.…")
            return None
        takers = [other for other, route in self._texts.routes.items() if ROUTE in (route.from_ or ())]
        if name not in takers:
            self._problems.unknown(place("to"), "the route that begins with 'from: route':", name, takers)
            return Makes(name)
        for key in _OF_CALLS:
            if key in text.model_fields_set and getattr(text, key) != StepText.model_fields[key].default:
                self._problems.add(place(key), f"{key!r} is about a call, and a route is not called", "leave it out")
        if text.each is None:
            self._check_whole(text, place, name, shape)
            return Makes(name)
        item = self._item(text.each, place("each"), every, needed, shape)
        if item is not None:
            self._check_item(text, item, place, name)
        return Makes(name, _items(text.each) if item is not None else None)

    # --- inside ---

    def _senders(self, route: str) -> Iterator[tuple[str, StepText]]:
        for name, text in self._texts.routes.items():
            for step in (*text.all_steps().values(), *text.on_failure.values()):
                if sent_to(step) == route:
                    yield name, step

    def _ends(self, step: StepText) -> tuple[str | None, str] | None:
        return self._library.between_ends.get(step.map or "")

    def _taken(self, route: RouteText) -> set[str]:
        found: set[str] = set()
        for step in (*route.all_steps().values(), *route.on_failure.values()):
            ends, operation = self._ends(step), self._outgoing(step.to)
            takes = ends[0] if ends else operation.takes if operation and step.map is None else None
            found |= {takes} if takes else set()
        return found

    def _check_whole(self, text: StepText, place: Place, name: str, shape: str) -> None:
        wanted = self.shape(name)
        if text.map is not None:
            self._check_map(text, place, shape)
        elif shape and wanted and shape != wanted:
            what = f"route {name!r} has a {wanted}, here it gets a {shape}"
            self._problems.add(place("to"), what, "put a map of mappings/between/ before it: map: …")

    def _check_map(self, text: StepText, place: Place, shape: str) -> None:
        ends = self._ends(text)
        if ends is None:
            self._problems.unknown(place("map"), "the map", text.map or "", self._library.between_ends)
        elif shape and ends[0] and ends[0] != shape:
            self._problems.add(place("map"), f"map {text.map!r} takes a {ends[0]}, the route has a {shape}")

    def _item(
        self, path: str, where: Where, every: Sequence[Step], needed: Collection[str], shape: str
    ) -> ShapeField | None:
        """An item of the list, as a field; None and a finding where there is no such list."""
        document, rest = self._library.documents.get(shape), path
        first, _, below = path.partition(".")
        step = next((one for one in every if one.name == first), None)
        if step is not None and not (document and first in document.fields):
            document, rest = self._replied(step, below, where, needed), below.partition(".")[2]
        if document is None:
            if step is None:
                self._problems.add(where, f"{path!r}: what this route begins with has no shape", "read a step's reply")
            return None
        try:
            found = document.at(rest)
        except PathError as error:
            self._problems.add(where, error.what, error.hint)
            return None
        if found.kind != "list" or found.of is not None:
            self._problems.add(where, f"{path!r} is no list of objects", "each: names a list whose entries have fields")
            return None
        return entry(found)

    def _replied(self, step: Step, below: str, where: Where, needed: Collection[str]) -> Document | None:
        operation = self._outgoing(f"{step.system}.{step.operation}")
        document = self._library.documents.get(operation.gives or "") if operation else None
        if step.name not in needed:
            self._problems.add(where, f"{step.name!r} need not be done before this step", f"needs: [{step.name}]")
        elif not below.startswith("reply."):
            self._problems.add(where, f"{step.name}.{below} is no list", f"{step.name}.reply.…")
        elif document is None:
            self._problems.add(where, f"the reply of {step.name!r} has no shape", "its operation gives: …")
        else:
            return document
        return None

    def _check_item(self, text: StepText, item: ShapeField, place: Place, name: str) -> None:
        if text.map is not None:
            self._check_map(text, place, "")
            return
        wanted = self._library.documents.get(self.shape(name))
        wrong = misfit(item.fields, wanted.fields) if wanted else ""
        if wanted and wrong:
            what = f"an item of {text.each} is no {wanted.name}: {wrong}"
            self._problems.add(place("each"), what, "put a map of mappings/between/ before it: map: …")


def check_circles(texts: RoutesText, problems: Problems) -> None:
    """Notes routes whose children would lead back to the route itself."""
    sends = {
        name: {to for step in (*text.all_steps().values(), *text.on_failure.values()) if (to := sent_to(step))}
        & texts.routes.keys()
        for name, text in texts.routes.items()
    }
    for name, first in sends.items():
        reached: set[str] = set()
        ahead = first
        while ahead:
            reached |= ahead
            ahead = {further for route in ahead for further in sends[route]} - reached
        if name in reached:
            problems.add(texts.where("routes", name), f"route {name!r} leads back to itself", "it would never end")


def check_lines(steps: Sequence[Step], place: Place, problems: Problems) -> None:
    """Notes steps that wait for children and stand in a line: they would hold up what they wait for (decision 21)."""
    waiting: set[int] = set()
    makers = {step.index: step.name for step in steps if step.makes is not None}
    for step in steps:
        of = [makers[need] for need in step.needs if need in makers]
        if not of and waiting.isdisjoint(step.needs):
            continue
        waiting.add(step.index)
        if step.lane is not None:
            for_ = f"for the messages that {of[0]!r} makes" if of else "for a step that waits for other messages"
            what = f"{step.name!r} waits {for_}, and would hold up its line meanwhile"
            problems.add(place(step.name), what, "write lane: none")


def _items(path: str) -> Callable[[Scope], Sequence[Any]]:
    code = dotted.each(path)
    items: Callable[[Scope], Sequence[Any]] = eval(  # noqa: S307 - our own compiled path
        "lambda d: " + code.code.replace("{d}", "d"), dict(code.names)
    )
    return items
