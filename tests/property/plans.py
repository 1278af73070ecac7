"""Random messages, the plans of their steps, and what outcomes lead to. Steps from 100 on are `on_failure`."""

import hashlib
import random
from dataclasses import dataclass, field, replace

from engine.base.ids import Ids
from engine.model import Added, Claimed, NewDelivery, NewMessage, Outcome, Rider, State, Then, Verdict

AMENDS = 100
BAD = "\ud800"
"""A route that no database can store."""
_SYSTEMS = ("his", "lis", "notify")
_LANES = (None, "P1", "P2", "P3")


@dataclass
class Plan:
    """What each step needs; `failure`: the step that a failure adds, with its lane."""

    needs: dict[int, set[int]] = field(default_factory=dict)
    failure: str | None = None
    fails: bool = False
    lanes: dict[int, str | None] = field(default_factory=dict)
    splits: dict[int, int] = field(default_factory=dict)
    """Steps that make children, and of how many items."""
    item: tuple[str, int, int] | None = None
    """Of a child: its parent's id, the step, and which item it is."""

    def delivered(self, step: int) -> Then:
        freed = tuple(other for other, needs in self.needs.items() if step in needs)
        answer = b"answered" if step == 0 else None
        if step in self.splits:
            return Then(State.DELIVERED, awaited=freed, answer=answer)
        return Then(State.DELIVERED, freed=freed, answer=answer)

    def failed(self, step: int, state: State) -> Then:
        skip, grown = {step}, True
        while grown:
            more = {other for other, needs in self.needs.items() if needs & skip} - skip
            grown = bool(more)
            skip |= more
        add = (Added(AMENDS, "notify", self.failure, 0),) if self.fails and step < AMENDS else ()
        awaited = () if step in self.splits else None
        return Then(state, skip=tuple(sorted(skip - {step})), add=add, awaited=awaited)


def new_child(chance: random.Random, ids: Ids, now: int, item: tuple[str, int, int]) -> tuple[NewMessage, Plan]:
    """A child: a message like others, whose key may be known, and which makes none itself."""
    message, plan = new_message(chance, ids, now, None, splits=False)
    plan.item = item
    return (replace(message, route="conflicting") if message.route == BAD else message), plan


def new_message(
    chance: random.Random, ids: Ids, now: int, line: str | None, *, splits: bool = True
) -> tuple[NewMessage, Plan]:
    """One message, rarely one that no database can store; all its steps stand in `line`, if it is given."""
    count = chance.choice([1, 1, 2, 3])
    key = chance.choice([None, *(f"K{n}" for n in range(6))])
    lane = line or chance.choice(_LANES)
    plan = Plan({0: set()}, chance.choice(_LANES), chance.random() < 0.5)
    for step in range(1, count):
        plan.needs[step] = {n for n in range(step) if chance.random() < 0.6}
    if splits and line is None:
        plan.splits = {step: chance.randrange(6) for step in plan.needs if chance.random() < 0.15}
    waiting = _behind(plan)
    steps = tuple(
        NewDelivery(
            step,
            "route" if step in plan.splits else chance.choice(_SYSTEMS),
            None if step in waiting else lane if line or chance.random() < 0.7 else chance.choice(_LANES),
            len(needs),
            due=now + 5_000_000 if chance.random() < 0.1 else 0,
        )
        for step, needs in plan.needs.items()
    )
    plan.lanes = {step.step: step.lane for step in steps} | {AMENDS: plan.failure}
    raw = chance.choice([b"one", b"two"]) if key else ids.message().encode()
    moves = chance.random() < 0.4
    message = NewMessage(
        id=ids.message(),
        route=BAD if chance.random() < 0.02 else "renewing" if moves else "conflicting",
        release="r1",
        received=now,
        sender="lis",
        key=key,
        digest=hashlib.sha256(raw).digest(),
        other_content="new" if moves else "conflict",
        raw=raw,
        deliveries=steps,
        riders=(Rider("feed", ids.token()),) if chance.random() < 0.2 else (),
    )
    return message, plan


def _behind(plan: Plan) -> set[int]:
    """Steps that wait for children, and what needs them: they stand in no line (decision 21)."""
    found: set[int] = set()
    for step, needs in plan.needs.items():
        if needs & (plan.splits.keys() | found):
            found.add(step)
    return found


def follow(chance: random.Random, plan: Plan, delivery: Claimed, now: int, *, called: bool) -> tuple[Outcome, Then]:
    """An outcome at random, and what the delivery floor would make of it."""
    if delivery.state is State.DOUBTFUL:
        verdict = chance.choice([Verdict.DELIVERED, Verdict.REFUSED, Verdict.UNSENT, Verdict.IN_DOUBT])
    elif called:
        verdict = chance.choice(
            [Verdict.DELIVERED, Verdict.DELIVERED, Verdict.REFUSED, Verdict.UNAVAILABLE, Verdict.IN_DOUBT]
        )
    else:
        verdict = chance.choice([Verdict.DELIVERED, Verdict.REFUSED, Verdict.UNAVAILABLE])
    outcome = Outcome(verdict, "word", reply=b"reply" if chance.random() < 0.5 else b"")
    parked = Then(State.PARKED, holds=chance.random() < 0.5, why="word")
    skipped = replace(plan.delivered(delivery.step), state=State.SKIPPED)  # its own `when` is false
    may: dict[Verdict, list[Then]] = {
        Verdict.DELIVERED: [plan.delivered(delivery.step)],
        Verdict.REFUSED: [plan.failed(delivery.step, State.REFUSED)] * 2 + [parked],
        Verdict.IN_DOUBT: [Then(State.DOUBTFUL, due=now), Then(State.DOUBTFUL, due=now + 1_000_000), parked],
        Verdict.UNAVAILABLE: [
            Then(State.READY, due=now),
            Then(State.READY, due=now + 60_000_000),
            plan.failed(delivery.step, State.GIVEN_UP),
        ],
    }
    may[Verdict.UNSENT] = may[Verdict.UNAVAILABLE]
    if not called and delivery.state is State.CLAIMED:
        may[Verdict.DELIVERED].append(skipped)
    return outcome, chance.choice(may[verdict])
