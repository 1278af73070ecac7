"""From the text of `routes.yaml` to step graphs: names, shapes and conditions checked, all findings at once."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from engine.base.where import Where
from engine.delivery.interface import Ending, Policy
from engine.mapping import grammar
from engine.mapping.compile import compile_test, compile_value
from engine.mapping.functions.kind import Setup
from engine.mapping.library import Library
from engine.mapping.scope import ShapeReader
from engine.model import Incoming, Outgoing, Profile
from engine.registry.systems import PROFILES as LOCAL
from engine.routing.amends import amending, check_amends
from engine.routing.answering import Answer
from engine.routing.children import Children, check_circles, check_lines
from engine.routing.plan import ROUTE, Key, Lane, Route, Scope, Step, When
from engine.routing.replies import replies_read
from engine.routing.timing import Timing, check_fed, check_order, compile_schedule
from engine.settings.calendar import Calendar
from engine.settings.nodes import Node
from engine.settings.problems import Problems
from engine.settings.routes import Route as RouteText
from engine.settings.routes import RoutesText
from engine.settings.routes import Step as StepText
from engine.settings.systems import Retry


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What routes are checked against: profiles by system, and what holds where a step says nothing."""

    library: Library
    systems: Mapping[str, str]
    """System to the name of its profile, from the settings."""
    retry: Retry
    setup: Setup
    calendar: Calendar | None = None

    def profile(self, system: str) -> Profile | None:
        return LOCAL.get(system) or self.library.profiles.get(self.systems.get(system, ""))

    def outgoing(self, target: str) -> Outgoing | None:
        """The operation that `system.operation` names, where there is one."""
        system, _, name = target.partition(".")
        profile = self.profile(system)
        return profile.outgoing.get(name) if profile else None


def compile_routes(texts: RoutesText, around: Surroundings, problems: Problems) -> dict[str, Route]:
    """The routes of a release by name. Findings go to `problems`; routes with findings must not be used."""
    compiled = {
        name: route
        for name, text in texts.routes.items()
        if (route := _Compiler(name, text, texts, around, problems).route()) is not None
    }
    check_circles(texts, problems)
    check_order(texts.routes, texts.where, problems)
    taken: dict[tuple[str, str], str] = {}
    for route in compiled.values():
        for number, source in enumerate(route.sources):
            if source in taken:
                where = texts.where("routes", route.name, "from", number)
                what = f"{'.'.join(source)!r} starts route {taken[source]!r} already"
                problems.add(where, what, "one route takes it; further destinations are further steps")
            taken.setdefault(source, route.name)
    return compiled


class _Compiler:
    """One route."""

    def __init__(self, name: str, text: RouteText, texts: RoutesText, around: Surroundings, problems: Problems) -> None:
        self._name, self._text, self._texts = name, text, texts
        self._around, self._problems = around, problems
        self._children = Children(texts, around.library, around.outgoing, problems)

    def route(self) -> Route | None:
        sources = [found for number in range(len(self._text.from_ or ())) if (found := self._source(number))]
        shape = self._shape([incoming for _, incoming in sources]) or self._children.shape(self._name) or self._asked()
        reader = ShapeReader(self._around.library.documents.get(shape))
        lane = self._lane(reader)
        main = self._steps(self._text.all_steps(), "gather" if self._text.gather else "steps", [], lane, shape)
        failing = self._steps(self._text.on_failure, "on_failure", main, lane, shape)
        check_lines([*main, *failing], self._place_of, self._problems)
        answering = Answer(self._text, self._where, self._around.outgoing, self._problems)
        answer = answering.of(self._name, main)
        route = Route(
            name=self._name,
            sources=tuple(source for source, _ in sources),
            steps=tuple(main if answer is None else answering.waited(main, answer)),
            key=self._key(reader),
            answer=answer,
            on_failure=tuple(failing),
            shape=shape,
            schedule=self._schedule(sources),
        )
        if self._text.amends is None:
            return route
        check_amends(self._text, route, self._where, self._problems)
        by = self._value(self._text.amends.by, reader, "amends")
        return amending(route, by, send=self._text.amends.accepted == "send")

    # --- where it begins -------------------------------------------------------------------------

    def _source(self, number: int) -> tuple[tuple[str, str], Incoming] | None:
        word = (self._text.from_ or [])[number]
        where = self._where("from", number)
        if word == ROUTE:
            self._children.check_sent(self._name, where)
            return None
        system, _, kind = word.partition(".")
        profile = self._profile(system, where)
        if profile is None:
            return None
        incoming = profile.incoming.get(kind)
        if incoming is None:
            self._problems.unknown(where, f"what {system!r} sends:", kind, profile.incoming)
            return None
        return (system, kind), incoming

    def _schedule(self, sources: list[tuple[tuple[str, str], Incoming]]) -> Timing | None:
        asked = [".".join(source) for source, incoming in sources if incoming.asked]
        check_fed(self._text, {".".join(source): kind for source, kind in sources}, self._where, self._problems)
        zone, calendar = self._around.setup.zone, self._around.calendar
        return compile_schedule(self._text.schedule, asked, zone, calendar, self._where, self._problems)

    def _shape(self, incoming: list[Incoming]) -> str:
        shapes = {one.gives for one in incoming}
        if len(shapes) > 1:
            what = f"these give different documents: {', '.join(sorted(shapes))}"
            self._problems.add(self._where("from"), what, "a route has one kind of document")
        return min(shapes, default="")

    def _asked(self) -> str:
        """The shape of what a channel operation is asked with: what its first step takes, or the map before it."""
        first = next(iter(self._text.all_steps().values()), None)
        if "." not in self._name or self._text.from_ or first is None:
            return ""
        if first.map is not None:
            ends = self._around.library.between_ends.get(first.map)
            return (ends[0] if ends else None) or ""
        system, _, route = first.to.partition(".")
        operation = self._around.outgoing(first.to)
        return self._children.shape(route) if system == ROUTE else (operation.takes if operation else None) or ""

    def _key(self, reader: ShapeReader) -> Key | None:
        if self._text.key is None:
            return None
        by = tuple(self._value(path, reader, "key") for path in self._text.key.by)
        return Key(by, self._text.key.other_content)

    def _lane(self, reader: ShapeReader) -> Lane | None:
        lane = self._text.lane
        return Lane(lane.name or "", self._value(lane.by, reader, "lane")) if lane is not None else None

    # --- steps -----------------------------------------------------------------------------------

    def _steps(
        self, texts: Mapping[str, StepText], block: str, before: list[Step], lane: Lane | None, shape: str
    ) -> list[Step]:
        made: list[Step] = []
        for name, text in texts.items():
            place = self._where() if self._text.to is not None else self._where(block, name, "to")
            every = [*before, *made]
            needs = self._needs(text, every, made)
            needed = _behind(every, needs) if block != "on_failure" else frozenset(step.name for step in every)
            makes = self._children.makes(text, lambda *path: self._place_of(name, *path), every, needed, shape)  # noqa: B023 - called at once
            operation = self._operation(text, place) if makes is None else None
            if operation is not None:
                self._check_shapes(text, operation, shape, place)
            system, _, called = text.to.partition(".")
            made.append(
                Step(
                    index=len(every),
                    name=name,
                    system=system,
                    operation=called,
                    needs=needs,
                    policy=self._policy(text),
                    lane=_own_lane(lane, self._name, name) if lane and text.lane == "route" else None,
                    when=self._when(text, block, name, every, shape),
                    between=self._around.library.between.get(text.map or ""),
                    reads=needed,
                    replies=self._replies(text, operation, needed),
                    makes=makes,
                )
            )
        return made

    def _needs(self, text: StepText, every: list[Step], made: list[Step]) -> tuple[int, ...]:
        if text.needs is None:
            return (made[-1].index,) if made else ()
        return tuple(step.index for step in every if step.name in text.needs)

    def _replies(self, text: StepText, operation: Outgoing | None, needed: frozenset[str]) -> frozenset[str]:
        profile = self._around.systems.get(text.to.partition(".")[0], "")
        return replies_read(text, profile, operation, self._around.library.maps, needed)

    def _operation(self, text: StepText, where: Where) -> Outgoing | None:
        system, _, name = text.to.partition(".")
        profile = self._profile(system, where)
        if profile is None:
            return None
        operation = profile.outgoing.get(name)
        if operation is None:
            self._problems.unknown(where, f"the operation of {system!r}:", name, profile.outgoing)
        elif system in LOCAL:
            for shape in {operation.takes, operation.gives} - {None, *self._around.library.documents}:
                what = f"{text.to} speaks of a {shape}, and there is no such shape"
                self._problems.add(where, what, f"take over mappings/shapes/{shape}.yaml as the bus brings it")
        return operation

    def _check_shapes(self, text: StepText, operation: Outgoing, shape: str, where: Where) -> None:
        given = shape
        if text.map is not None:
            ends = self._around.library.between_ends
            if text.map not in ends:
                self._problems.unknown(where, "the map", text.map, ends)
                return
            takes, given = ends[text.map]
            if shape and takes and takes != shape:
                self._problems.add(where, f"map {text.map!r} takes a {takes}, the route has a {shape}")
        if given and operation.takes and operation.takes != given:
            what = f"{text.to} takes a {operation.takes}, here it gets a {given}"
            self._problems.add(where, what, "put a map of mappings/between/ before it: map: …")

    def _policy(self, text: StepText) -> Policy:
        retry = text.retry or self._around.retry
        return Policy(
            within=text.within,
            retry_for=retry.for_,
            then=Ending(retry.then),
            park_refused=text.refused == "park",
            hold=text.hold == "line",
        )

    def _when(self, text: StepText, block: str, name: str, every: list[Step], shape: str) -> When | None:
        if text.when is None:
            return None
        where = self._where(block, name, "when")
        names = [step.name for step in every]
        reader = ShapeReader(self._around.library.documents.get(shape), steps=names)
        words = _outcomes_named(text.when, names)
        test = compile_test(Node(words, where), reader, self._problems)
        return When(lambda scope: test(scope, None), early=not _reads_steps(words, names))  # type: ignore[arg-type]  # no `$name` in a when

    # --- common ----------------------------------------------------------------------------------

    def _profile(self, system: str, where: Where) -> Profile | None:
        if system not in self._around.systems and system not in LOCAL:
            self._problems.unknown(where, "the system", system, [*self._around.systems, *LOCAL])
            return None
        return self._around.profile(system)  # a profile that is missing is said at the system's own place

    def _value(self, path: str, reader: ShapeReader, *place: str) -> Callable[[Scope], str | None]:
        value = compile_value(Node(path, self._where(*place)), reader, self._around.setup, self._problems)

        def text(document: Scope) -> str | None:
            found = value(document, None)  # type: ignore[arg-type]  # keys and lanes read the message only
            return None if found is None or found == "" else str(found)

        return text

    def _place_of(self, step: str, *path: str | int) -> Where:
        if self._text.to is not None:
            return self._where(*path)
        blocks = ("steps", "gather", "on_failure")
        return self._where(next(block for block in blocks if step in getattr(self._text, block)), step, *path)

    def _where(self, *path: str | int) -> Where:
        return self._texts.where("routes", self._name, *path)


def _own_lane(lane: Lane, route: str, step: str) -> Lane:
    """A lane without a name is this route's own, one line for each of its steps (delivery.md §6)."""
    return lane if lane.name else Lane(f"{route}/{step}", lane.by)


def _behind(every: list[Step], needs: tuple[int, ...]) -> frozenset[str]:
    found = set(needs)
    for step in reversed(every):
        if step.index in found:
            found.update(step.needs)
    return frozenset(step.name for step in every if step.index in found)


def _outcomes_named(words: str, steps: list[str]) -> str:
    """`store == delivered` as `store.outcome == delivered`: a step's bare name means its outcome."""
    for name in steps:
        words = re.sub(
            rf"(?<![\w.'\"(,]){re.escape(name)}(?=\s*(==|!=|in\b|not\b|exists|empty))", f"{name}.outcome", words
        )
    return words


def _reads_steps(words: str, steps: list[str]) -> bool:
    return any(path.split(".")[0] in steps for path in _paths(words))


def _paths(words: str) -> Iterator[str]:
    try:
        for test in grammar.test(words):
            yield test.path.text
    except grammar.GrammarError:
        return  # said by compile_test
