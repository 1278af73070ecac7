"""A hospital in small: nodes of one journal, systems that answer or not, people, crashes and moved clocks.

A seeded world plays rounds of random verbs, several at once and on every node, and after each round looks at
the whole journal: the invariants of delivery.md §8 as statements (engine/journal/invariants.py), and what
only a memory of the past can know (`Memory`). A failure names the seed and the round.
"""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Coroutine
from dataclasses import replace
from datetime import timedelta
from typing import Any

from engine.base.clock import MovedClock
from engine.base.errors import BusError, Code
from engine.base.ids import CountedIds
from engine.journal.interface import Act
from engine.journal.invariants import INVARIANTS
from engine.journal.keys import KeyRing
from engine.journal.open import open_journal
from engine.journal.settings import Settings
from engine.model import Accepted, Claimed, Conflict, Duplicate, NewMessage, Outcome, State, Verdict
from tests.property import sheets
from tests.property.corrections import amending
from tests.property.memory import FINAL, Memory, Place, Rows, snapshot
from tests.property.node import SYSTEMS, Node
from tests.property.plans import BAD, Plan, follow, new_child, new_message

HOUR = 3_600_000_000
RING = KeyRing(b"the property test's master secret, long enough")


class World:
    """Everything of one run. `names`: the nodes; SQLite bears one."""

    def __init__(self, url: str, seed: int, names: tuple[str, ...]) -> None:
        self.url = url
        self.names = names
        self.chance = random.Random(seed)
        self.clock = MovedClock()
        self.ids = CountedIds()
        self.nodes: dict[str, Node] = {}
        self.memory = Memory()
        self.plans: dict[str, Plan] = {}
        """By id, from before the message is accepted: a node may die before it hears of it."""
        self.known: dict[int, str] = {}
        """Numbers to ids, as the journal has them."""
        self.where = f"seed {seed}"

    # --- the run ---

    async def run(self, rounds: int) -> None:
        """Plays `rounds` rounds, then lets all faults end, and looks whether everything ends too."""
        try:
            for name in self.names:
                await self.start(name)
            for number in range(rounds):
                self.where = f"{self.where.split(',')[0]}, round {number}"
                await self.round()
            await self.calm_down()
        finally:
            for node in list(self.nodes.values()):
                await self.abandon(node)

    async def round(self) -> None:
        if self.chance.random() < 0.08:
            await self.happening()
        before = await self.look()
        node = self.node()
        if self.chance.random() < 0.06:
            node.dies_at = self.chance.choice(
                ["before", "after-accept", "after-settle", "after-sending", "after-split", "after"]
            )
        kind = self.chance.random()
        if kind < 0.2 and node.old:
            works = [(node, self.stale(node, self.chance.choice(self.worst(node, before)), before))]
        elif kind < 0.3:
            works = self.duel(before)
        elif kind < 0.4:
            works = self.handing_over(before)
        else:
            busy: set[Place] = set()
            works = [self.work(self.node(), before, busy) for _ in range(self.chance.randrange(1, 9))]
        await self.at_once(works)
        if node.dies_at is not None:
            await self.abandon(node)
            await self.restart(node.name)
        await self.check()

    def worst(self, node: Node, before: Rows) -> list[Claimed]:
        """Of a node's stale marks those whose delivery is in another's hands now, or again in its own, if there are any."""
        held = [(before[d.seq, d.step].owner, d) for d in [*node.old, *node.hands]]
        others = [d for owner, d in held if owner not in {None, node.owner}]
        return others or [d for owner, d in held if owner is not None and d in node.old] or node.old

    def duel(self, before: Rows) -> list[tuple[Node, Coroutine[Any, Any, None]]]:
        """Every node at one lane: new messages for it, while its only holder may be let go."""
        alone = Counter(row.lane for row in before.values() if row.holds)
        for node in self.nodes.values():
            for delivery in node.hands:
                if delivery.lane is not None and alone[delivery.lane] == 1 and self.chance.random() < 0.8:
                    lane = self.plans[delivery.id].lanes[delivery.step]
                    others = [(other, self.accept(other, lane)) for other in self.nodes.values()]
                    return [(node, self.advance(node, delivery, before)), *others]
        lane = f"new {self.where}"
        return [(node, self.accept(node, lane)) for node in [*self.nodes.values(), *self.nodes.values()]]

    def handing_over(self, before: Rows) -> list[tuple[Node, Coroutine[Any, Any, None]]]:
        """A person parks what one node has claimed and retries it on another: the first does not know."""
        for node in self.nodes.values():
            for d in node.hands:
                row = before[d.seq, d.step]
                if (row.state, row.owner) == ("claimed", node.owner):
                    other = self.node()
                    return [(other, self.park_and_retry(other, (d.seq, d.step)))]
        return []

    async def park_and_retry(self, node: Node, place: Place) -> None:
        await node.journal.act(Act("park", *place, "li", "because"), None, node)
        node.hold((await node.journal.act(Act("retry", *place, "li", "because", anyway=True), None, node)).claimed)

    async def at_once(self, works: list[tuple[Node, Coroutine[Any, Any, None]]]) -> None:
        """Runs all together. What a dead node was asked stays unanswered, as in life."""
        tasks = [(node, asyncio.ensure_future(work)) for node, work in works]
        for _ in range(4000):
            waiting = [task for node, task in tasks if not task.done() and not node.dead]
            if not waiting:
                break
            await asyncio.wait(waiting, timeout=0.005)
        for node, task in tasks:
            if task.done():
                task.result()
            else:
                assert node.dead, f"{self.where}: a verb never came back"
                task.cancel()
        await asyncio.gather(*(task for _, task in tasks), return_exceptions=True)

    def node(self) -> Node:
        return self.chance.choice(list(self.nodes.values()))

    # --- what may happen to the whole ---

    async def happening(self) -> None:
        """A clock moves, a node dies, or is taken for dead although it lives."""
        kind = self.chance.choice(["clock", "clock", "back", "kill", "frozen"])
        if kind == "clock":
            self.clock.advance(timedelta(seconds=self.chance.choice([1, 30, 90, 600])))
        elif kind == "back":
            self.clock.advance(timedelta(seconds=-self.chance.choice([1, 20])))
        elif kind == "kill":
            node = self.node()
            await self.abandon(node)
            await self.restart(node.name)
        elif len(self.nodes) > 1:
            await self.take_over(self.node().name)

    async def take_over(self, name: str) -> None:
        """Another node finds `name` dead. It may live on: then it must notice."""
        other = next(node for node in self.nodes.values() if node.name != name)
        await other.journal.store._write.execute("update nodes set seen = 1 where node = $1", name)  # type: ignore[attr-defined]
        await other.journal.store.beat()  # type: ignore[attr-defined]

    async def start(self, name: str) -> None:
        settings = Settings(commit="loop", reserve=0, dead_after=HOUR)
        holder: list[Node] = []
        journal = await open_journal(
            self.url,
            RING,
            self.clock,
            self.ids,
            node=name,
            settings=settings,
            crash=lambda at: holder[0].crash(at),  # noqa: PLW0108 - there is no holder yet
        )
        holder.append(Node(name, journal))
        self.nodes[name] = holder[0]

    async def restart(self, name: str) -> None:
        """Starts the node again; where there are others, they may have taken it over before."""
        if len(self.names) > 1 and self.chance.random() < 0.5:
            await self.take_over(name)
        await self.start(name)

    async def abandon(self, node: Node) -> None:
        self.nodes.pop(node.name, None)
        await node.killed()

    # --- single works ---

    def work(self, node: Node, before: Rows, busy: set[Place]) -> tuple[Node, Coroutine[Any, Any, None]]:
        """One verb for one node; no two of a round mean the same delivery, but for those of withdraw."""
        kind = self.chance.choices(["accept", "claim", "step", "withdraw", "act"], [25, 10, 50, 5, 10])[0]
        free = [d for d in node.hands if (d.seq, d.step) not in busy]
        idle = [place for place in before if place not in busy]
        if kind == "claim":
            return node, self.claim(node, self.chance.choice(SYSTEMS))
        if kind == "step" and free:
            delivery = self.chance.choice(free)
            busy.add((delivery.seq, delivery.step))
            return node, self.advance(node, delivery, before)
        if kind == "withdraw" and self.known:
            return node, self.withdraw(node, self.chance.choice(list(self.known)))
        if kind == "act" and idle:
            place = self.chance.choice(idle)
            busy.add(place)
            return node, self.act(node, place)
        return node, self.accept(node)

    async def accept(self, node: Node, lane: str | None = None) -> None:
        message, plan = new_message(self.chance, self.ids, self.clock.now(), lane)
        self.plans[message.id] = plan
        try:
            result = await node.journal.accept(message, node)
        except BusError as error:
            if message.route != BAD:
                raise AssertionError(f"{self.where}: a good message was refused") from error
            return
        self.memory.accepted(message, result, self.where)
        if isinstance(result, Accepted):
            node.hold(result.claimed)

    async def claim(self, node: Node, system: str) -> None:
        room = 0
        while room < 3 and node.take(system):
            room += 1
        claimed = list(await node.journal.claim(system, room)) if room else []
        for _ in range(room - sum(d.state is State.CLAIMED for d in claimed)):
            node.give(system)
        node.hold(claimed)

    async def advance(self, node: Node, delivery: Claimed, before: Rows) -> None:
        """The next thing its runner does: the attempt, the end of one under way, or a question's answer."""
        stands = before.get((delivery.seq, delivery.step))
        turn = delivery.state is State.CLAIMED and stands and stands.state == "claimed"
        if turn and delivery.system == "route" and self.chance.random() > 0.07:
            await self.split(node, delivery, before)
        elif turn and delivery.system != "route" and self.chance.random() > 0.07:
            await self.sending(node, delivery, before)
        else:
            await self.settle(node, delivery, before)

    async def split(self, node: Node, delivery: Claimed, before: Rows) -> None:
        """The next page of a step's children, or its end."""
        plan, owner = self.plans[delivery.id], node.owner
        done = await node.journal.taken(delivery)
        if done >= plan.splits[delivery.step]:
            await self.settle(node, delivery, before, Verdict.DELIVERED)
            return
        end = self.chance.randrange(done, plan.splits[delivery.step]) + 1
        again = 2 if self.chance.random() < 0.3 else 1  # a page is told twice when nobody heard of the first
        pages = [self.page(node, delivery, done, end) for _ in range(again)]
        made = [page for page in await asyncio.gather(*pages) if page is not None]
        assert len(made) < 2, f"{self.where}: one page of {(delivery.seq, delivery.step)} was stored twice"
        if not made and delivery in node.hands:
            node.drop(delivery)
        for page in made:
            self.memory.paged(delivery, owner, before, self.where)
            for child, result in page:
                self.memory.accepted(child, result, self.where)
                if isinstance(result, Accepted):
                    node.hold(result.claimed)

    async def page(
        self, node: Node, delivery: Claimed, first: int, end: int
    ) -> list[tuple[NewMessage, Accepted | Duplicate | Conflict]] | None:
        """One page of children, as the journal took it."""
        now = self.clock.now()
        page = [new_child(self.chance, self.ids, now, (delivery.id, delivery.step, item)) for item in range(first, end)]
        self.plans.update((child.id, plan) for child, plan in page)
        children = [child for child, _ in page]
        made = await node.journal.split(delivery, first, end, children, node)
        return None if made is None else list(zip(children, made, strict=True))

    async def sending(self, node: Node, delivery: Claimed, before: Rows) -> None:
        owner = node.owner
        attempt = await node.journal.sending(delivery, b"body", b"sealed")
        if attempt:
            self.memory.called(delivery, attempt, owner, before, self.plans[delivery.id], self.where)
            sent = replace(delivery, attempt=attempt)
            node.old.append(delivery)
            if delivery in node.hands:
                node.hands[node.hands.index(delivery)] = sent
            else:
                node.hold([sent])
                node.left[sent.system] -= 1
        elif delivery in node.hands:
            node.drop(delivery)

    async def settle(self, node: Node, delivery: Claimed, before: Rows, verdict: Verdict | None = None) -> None:
        stands, owner = before.get((delivery.seq, delivery.step)), node.owner
        called = stands is not None and stands.state == "sending"
        outcome, then = follow(self.chance, self.plans[delivery.id], delivery, self.clock.now(), called=called)
        if verdict is not None:
            outcome, then = Outcome(verdict), self.plans[delivery.id].delivered(delivery.step)
        if then.state is State.PARKED and not then.holds:
            self.memory.aside.add((delivery.seq, delivery.step))
        progress = await sheets.settle(node, delivery, outcome, amending(self.chance, then, delivery, before))
        if delivery in node.hands:
            node.drop(delivery)
        if progress is not None:
            self.memory.settled(delivery, owner, before, self.where)
            node.hold(progress.claimed)

    async def withdraw(self, node: Node, seq: int) -> None:
        progress = await node.journal.withdraw(seq, node)
        if progress is not None:
            node.hold(progress.claimed)

    async def act(self, node: Node, place: Place) -> None:
        verb = self.chance.choice(["retry", "retry", "park", "park", "drop", "settle"])
        plan, outcome, then = self.plans[self.known[place[0]]], None, None
        if verb == "settle":  # by a person: it writes no record
            is_done = sheets.sheet_of(self.known[place[0]], place[1]) is None
            outcome = Outcome(Verdict.DELIVERED if is_done else Verdict.REFUSED, value={"seen": True})
            then = plan.delivered(place[1]) if is_done else plan.failed(place[1], State.REFUSED)
        elif verb == "drop":
            then = plan.failed(place[1], State.GIVEN_UP)
        act = Act(verb, *place, "li", "because", anyway=self.chance.random() < 0.7, outcome=outcome)
        try:
            progress = await node.journal.act(act, then, node)
        except BusError as refused:
            if refused.code is not Code.STATE_CONFLICT:
                raise AssertionError(f"{self.where}: an act failed") from refused
            return
        if verb == "park":
            self.memory.aside.discard(place)
        node.hold(progress.claimed)

    async def stale(self, node: Node, delivery: Claimed, before: Rows) -> None:
        """A mark of something this node once held."""
        if self.chance.random() < 0.5 and delivery.system == "route":
            await self.split(node, delivery, before)
        elif self.chance.random() < 0.5 and delivery.system != "route" and delivery.state is State.CLAIMED:
            await self.sending(node, delivery, before)
        else:
            await self.settle(node, delivery, before)

    # --- looking ---

    async def look(self) -> Rows:
        """Every delivery as it stands, by (message, step)."""
        store = next(iter(self.nodes.values())).journal.store
        rows = await store.fetch("select seq, id, parent from messages")
        self.known = {seq: id_ for seq, id_, _ in rows}
        self.memory.made_by = {seq: (parent // 4096, parent % 4096 - 1) for seq, _, parent in rows if parent}
        return await snapshot(store)

    async def check(self) -> None:
        store = next(iter(self.nodes.values())).journal.store
        for words, statement in INVARIANTS.items():
            rows = await store.fetch(statement)
            assert not rows, f"{self.where}: {words}: message {rows[0][0]}"
        await self.memory.check(store, self.where)
        await sheets.check(next(iter(self.nodes.values())), await self.look(), self.known, self.where)
        items = Counter(self.plans[row[0]].item for row in await store.fetch("select id from messages"))
        twice = [item for item, times in items.items() if item is not None and times > 1]
        assert not twice, f"{self.where}: items {twice} became two children"

    # --- the end ---

    async def calm_down(self) -> None:
        """No more faults, every system answers, people retry what is parked: then all must end."""
        for _ in range(400):
            self.clock.advance(timedelta(minutes=11))
            for node in self.nodes.values():
                for system in SYSTEMS:
                    await self.claim(node, system)
                before = await self.look()
                for delivery in list(node.hands):
                    await self.finish(node, delivery, before)
            left = {place: row for place, row in (await self.look()).items() if row.state not in FINAL}
            if not left:
                break
            for place in [place for place, row in left.items() if row.state == "parked"]:
                node = self.node()
                node.hold(
                    (await node.journal.act(Act("retry", *place, "li", "all is well", anyway=True), None, node)).claimed
                )
        assert not left, f"{self.where}: {len(left)} sleep for ever, such as {list(left.items())[:3]}"
        await self.check()
        await self.memory.check_bytes(next(iter(self.nodes.values())).journal, self.where)

    async def finish(self, node: Node, delivery: Claimed, before: Rows) -> None:
        stands = before.get((delivery.seq, delivery.step))
        if delivery.system == "route":
            await self.split(node, delivery, before)
            return
        if delivery.state is State.CLAIMED and stands is not None and stands.state == "claimed":
            await self.sending(node, delivery, before)
            with contextlib.suppress(StopIteration):
                delivery = next(d for d in node.hands if (d.seq, d.step) == (delivery.seq, delivery.step))
        if delivery in node.hands:
            then = self.plans[delivery.id].delivered(delivery.step)
            progress = await sheets.settle(node, delivery, Outcome(Verdict.DELIVERED), then)
            node.drop(delivery)
            if progress is not None:
                node.hold(progress.claimed)
