"""`amends:` of a route, compiled: which steps a correction gives its content to, and the bus's own step before them."""

from collections.abc import Callable
from dataclasses import replace

from engine.base.where import Where
from engine.delivery.interface import Policy
from engine.routing.plan import AMENDS, Amends, Route, Scope, Step, behind
from engine.settings.problems import Problems
from engine.settings.routes import Route as RouteText


def is_amended(step: Step) -> bool:
    """Whether corrections give such a step their content: what they refuse of it waits for one."""
    return step.policy.park_refused


def amended(route: Route) -> list[Step]:
    """The steps that go with the earlier message once it has a correction's content: those that are amended, and what
    comes after them.
    """
    first = {step.index for step in route.steps if is_amended(step)}
    after = {index for one in first for index in behind(route, one)}
    return [step for step in route.steps if step.index in first | after]


def amending(route: Route, by: Callable[[Scope], str | None], *, send: bool) -> Route:
    """The route with the bus's own step, which those that are amended wait for. It waits for what they wait for: what
    they read of earlier steps is there when an earlier message's delivery takes their content over.
    """
    before = {need for step in route.steps if is_amended(step) for need in step.needs}
    own = Step(len(route.every), AMENDS, AMENDS, "", needs=tuple(sorted(before)), policy=Policy())
    steps = tuple(replace(step, needs=(*step.needs, own.index)) if is_amended(step) else step for step in route.steps)
    return replace(route, steps=steps, amends=Amends(by, own, send))


def check_amends(text: RouteText, route: Route, place: Callable[..., Where], problems: Problems) -> None:
    """Notes what does not fit. `place`: where something stands in the route's text."""
    assert text.amends is not None, "asked of routes that amend"
    where, marks = place("amends"), {step.index for step in route.steps if is_amended(step)}
    if not marks:
        what = "nothing of this route waits for a correction when it is refused"
        problems.add(where, what, "write refused: park at the step that is amended")
    if route.answer is not None:
        problems.add(where, "a caller waits for this route, and hears what became of his own call", "leave it out")
    if text.key is not None and text.key.by == [text.amends.by] and text.key.other_content == "conflict":
        what = "a correction has the key of what it corrects, and would be refused as a conflict"
        problems.add(place("key"), what, "other_content: new, or a version in the key")
    for step in route.steps:
        later = marks.intersection(behind(route, step.index))
        if later and step.index in marks:
            names = [one.name for one in route.steps if one.index in later]
            what = f"{step.name!r} is amended where it stands, and so is {names[0]!r}, which waits for it"
            problems.add(place("steps", names[0]), what, "leave out refused: park at one of them")
        elif later and step.lane is not None:
            what = f"{step.name!r} of a correction would wait in line behind what it corrects"
            problems.add(place("steps", step.name), what, "write lane: none")
    for block in ("steps", "on_failure"):
        if AMENDS in getattr(text, block):
            problems.add(place(block, AMENDS), f"{AMENDS!r} is the bus's own step here", "name the step otherwise")
