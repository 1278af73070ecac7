"""`answer:` of a route, compiled: whose end a caller hears, how long he waits, what becomes of work that is late.

Only an operation of the channel that changes something has a caller who waits. A read answers with its reply, and what
a source sends is acknowledged once it is on our disk.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

from engine.base.where import Where
from engine.delivery.interface import Ending
from engine.model import Effect, Outgoing
from engine.routing.plan import Answering, Step
from engine.settings.problems import Problems
from engine.settings.routes import ACCEPTED
from engine.settings.routes import Route as RouteText

_WITHIN = 10.0
"""Seconds that a caller waits where its route says nothing."""


class Answer:
    """The `answer:` of one route."""

    def __init__(
        self,
        text: RouteText,
        place: Callable[..., Where],
        outgoing: Callable[[str], Outgoing | None],
        problems: Problems,
    ) -> None:
        """`place`: where something stands in the route's text."""
        self._text = text
        self._place = place
        self._outgoing = outgoing
        self._problems = problems

    def of(self, name: str, steps: Sequence[Step]) -> Answering | None:
        """Where the caller of the route is answered; None where nobody waits. Notes what does not fit."""
        if not self._is_call(name, steps):
            if "." not in name or self._text.from_:  # what a read says of its answer is compile_reads' matter
                self._check_unused()
            return None
        text = self._text.answer
        if self._text.key is not None:
            self._problems.add(self._place("key"), "a channel's caller brings a key of its own", "leave it out")
        within = _WITHIN if text.within is None else text.within
        if text.after == ACCEPTED:
            if text.within is not None or text.late == "undo":
                what = "nobody waits for the steps of this route"
                self._problems.add(self._place("answer"), what, "after: accepted stands alone")
            return Answering(None, within)
        last = next((step for step in steps if step.name == text.after), steps[-1])
        if text.late == "undo":
            self._check_undo(steps)
        return Answering(last.index, within, text.late == "undo", _needed(steps, last))

    def waited(self, steps: Sequence[Step], answer: Answering) -> list[Step]:
        """The steps as they are with a caller waiting: unless a step says otherwise it is tried for as long as he
        waits, and what he waits for is said when it is its turn, skipped or not.
        """
        texts = self._text.all_steps()
        made = []
        for step in steps:
            policy, when = step.policy, step.when
            if step.index in answer.waited and texts[step.name].retry is None:
                policy = replace(policy, retry_for=answer.within, then=Ending.FAIL)
            if step.index == answer.step and when is not None:
                when = replace(when, early=False)
            made.append(replace(step, policy=policy, when=when))
        return made

    def _is_call(self, name: str, steps: Sequence[Step]) -> bool:
        asked = "." in name and not self._text.from_ and not self._text.gather
        return asked and any(self._changes(step) for step in steps)

    def _changes(self, step: Step) -> bool:
        operation = self._outgoing(f"{step.system}.{step.operation}")
        return step.makes is not None or (operation is not None and operation.effect is not Effect.NONE)

    def _check_unused(self) -> None:
        text = self._text.answer
        if text.after not in (None, ACCEPTED) or text.within is not None or text.late == "undo":
            hint = "a caller waits for a channel operation that changes something"
            self._problems.add(self._place("answer"), "nobody waits for the steps of this route", hint)

    def _check_undo(self, steps: Sequence[Step]) -> None:
        """What is undone must stand still meanwhile: no step beside the one that came too late, no children."""
        where = self._place("answer", "late")
        if not self._text.on_failure:
            self._problems.add(where, "late: undo, and nothing undoes it", "write on_failure:")
        for before, step in pairwise(steps):
            if before.index not in step.needs:
                what = f"late: undo, and {step.name!r} may run beside {before.name!r}"
                self._problems.add(where, what, "let each step need the one before it")
        for step in steps:
            if step.makes is not None:
                self._problems.add(where, f"late: undo, and the messages that {step.name!r} makes go their own way")


def _needed(steps: Sequence[Step], last: Step) -> frozenset[int]:
    found = {last.index}
    for step in reversed(steps):  # needs point backwards, so one pass finds them all
        if step.index in found:
            found.update(step.needs)
    return frozenset(found)
