"""The forms that a route can take, and the names inside one: checked on the text, so that they are
found together with every other mistake.
"""

import re

from engine.base.where import Where
from engine.settings.nodes import Node
from engine.settings.problems import Problems

_FORMS = ("to", "steps", "gather")
_ONE_LINE = ("map", "within", "retry", "refused")
_NAME = re.compile(r"[A-Za-z]\w*\Z")


def check_forms(root: Node, problems: Problems) -> None:
    """Notes routes of no form or of two, keys of another form, and steps that are not there."""
    routes = root.get("routes")
    for name, route in routes.items() if routes is not None else ():
        if isinstance(route.value, dict):
            _check_form(name, route, problems)
            _check_schedule(route, problems)
            _check_steps(route, problems)


def _check_form(name: str, route: Node, problems: Problems) -> None:
    where = route.key_where or route.where
    used = [form for form in _FORMS if route.get(form) is not None]
    if not used:
        problems.add(where, f"route {name!r} leads nowhere", "write to: system.operation, or steps:")
    for form in used[1:]:
        problems.add(_place(route, form), f"a route has {used[0]!r} or {form!r}, not both", "make it one more step")
    if "." not in name and route.get("from") is None:
        problems.add(where, f"nothing starts route {name!r}", "write from: system.kind, like lis.result")
    if used and "to" not in used:
        for key in _ONE_LINE:
            if route.get(key) is not None:
                problems.add(_place(route, key), f"{key!r} belongs to the one-line form", "write it in a step")
    if "steps" not in used and route.get("on_failure") is not None:
        problems.add(_place(route, "on_failure"), "'on_failure' belongs to a route with steps")
    if ("gather" in used) != (route.get("merge") is not None):
        problems.add(where, "'gather' and 'merge' belong together", "merge: {into: …, missing: say}")


def _check_schedule(route: Node, problems: Problems) -> None:
    schedule = route.get("schedule")
    if schedule is None:
        return
    if (schedule.get("cron") is None) == (schedule.get("every") is None):
        problems.add(schedule.where, "a schedule has either 'cron' or 'every'", 'like {cron: "30 1 * * *"}')
    if route.get("from") is None:
        problems.add(schedule.where, "a schedule asks somebody", "write from: system.feed")


def _check_steps(route: Node, problems: Problems) -> None:
    earlier: list[str] = []
    ended: list[str] = []
    for block in ("steps", "gather", "on_failure"):
        found, ended = route.get(block), earlier.copy()
        if found is not None and isinstance(found.value, dict) and not found.value:
            problems.add(found.where, f"{block!r} is empty")
        for name, step in found.items() if found is not None else ():
            if not _NAME.match(name) or name == "accepted" or name in earlier:
                problems.add(step.key_where or step.where, f"{name!r} cannot name this step", "use a word of its own")
            _check_needs(step, earlier, ended, problems)
            earlier.append(name)
    steps = route.get("steps")
    answer = route.get("answer")
    after = answer.get("after") if answer is not None else None
    if after is not None and isinstance(after.value, str):
        known = ["accepted", *(name for name, _ in (steps.items() if steps is not None else ()))]
        if route.get("to") is not None:
            known.append("call")
        if after.value not in known:
            problems.unknown(after.where, "the step", after.value, known)


def _check_needs(step: Node, earlier: list[str], ended: list[str], problems: Problems) -> None:
    """`ended`: steps of the route proper, for one of `on_failure`. It would wait for ever for what will never run."""
    needs = step.get("needs")
    for need in needs.elements() if needs is not None else ():
        if need.value in ended:
            what = f"{need.value!r} has ended, or never will, when on_failure runs"
            problems.add(need.where, what, f"write when: {need.value} == delivered")
        elif need.value not in earlier:
            problems.unknown(need.where, "the earlier step", str(need.value), earlier)


def _place(route: Node, key: str) -> Where:
    node = route.get(key)
    assert node is not None
    return node.key_where or node.where
