"""A test stand: the real SQLite journal, the delivery floor, a plan of few words, and peers that keep ledgers."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from engine.base.clock import Clock, MovedClock, from_micros
from engine.base.errors import BusError, Code
from engine.base.ids import CountedIds
from engine.base.tasks import Supervisor
from engine.contract import Call, Limits, Reply
from engine.delivery.delivery import Delivery
from engine.delivery.interface import Policy, Work
from engine.delivery.stored import decode
from engine.delivery.wire import SystemRuntime
from engine.journal.keys import KeyRing
from engine.journal.open import open_journal
from engine.journal.settings import Settings
from engine.model import (
    FINAL,
    Accepted,
    Ask,
    Built,
    Claimed,
    Context,
    Effect,
    NewDelivery,
    NewMessage,
    Outcome,
    Outgoing,
    Profile,
    State,
    Then,
    Verdict,
)

MASTER = b"an invented master secret, 32 bytes and more"
VERDICTS = {
    b"ok": Outcome(Verdict.DELIVERED, value={"no": "R7"}),
    b"no": Outcome(Verdict.REFUSED, "slot_taken", "1001"),
    b"busy": Outcome(Verdict.UNAVAILABLE, "closed_now"),
    b"none": Outcome(Verdict.UNSENT),
}


def understand(reply: Reply) -> Outcome:
    """What the peers of this stand mean; anything else is in doubt."""
    return VERDICTS.get(reply.body, Outcome(Verdict.IN_DOUBT, "not_understood"))


def operation(name="save", *, effect=Effect.CHANGE, repeatable=False, ask=None, **more) -> Outgoing:
    made: dict[str, Any] = {
        "name": name,
        "takes": None,
        "gives": None,
        "effect": effect,
        "repeatable": repeatable,
        "ask": ask,
        "options": None,
        "build": lambda scope, _context: Built(str(scope["doc"]).encode()),
        "understand": understand,
    }
    return Outgoing(**{**made, **more})


FIND = operation("find", effect=Effect.NONE)
ASKED = operation(ask=Ask("find"))


@dataclass
class Peer:
    """A system that keeps a ledger. `script` decides each call: a reply's bytes, or an exception to raise."""

    script: Callable[[Call, int], Any] = lambda _call, _nth: b"ok"
    delay: float = 0.0
    ledger: list[tuple[str, str, bytes]] = field(default_factory=list)
    """(operation, token, body) in the order of reading."""
    under_way: int = 0
    most: int = 0
    closed: bool = False
    before: Callable[[Call], Any] | None = None

    async def send(self, call: Call) -> Reply:
        self.ledger.append((call.operation, call.token, call.body))
        nth = sum(1 for op, token, _ in self.ledger if (op, token) == (call.operation, call.token))
        if self.before is not None:
            self.before(call)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            if self.delay:
                await asyncio.sleep(self.delay)
            said = self.script(call, nth)
            if asyncio.isfuture(said) or asyncio.iscoroutine(said):
                said = await said
        finally:
            self.under_way -= 1
        if isinstance(said, Exception):
            raise said
        return said if isinstance(said, Reply) else Reply(said)

    async def probe(self, timeout: float) -> None: ...

    async def close(self) -> None:
        self.closed = True

    def calls(self, operation: str = "save") -> list[str]:
        """Tokens of the calls of one operation, in order."""
        return [token for op, token, _ in self.ledger if op == operation]

    def bodies(self, operation: str = "save") -> list[bytes]:
        return [body for op, _, body in self.ledger if op == operation]


@dataclass
class Step:
    """One step of a test's plan."""

    system: str = "his"
    operation: Outgoing = ASKED
    policy: Policy = field(default_factory=Policy)
    needs: tuple[int, ...] = ()
    run: bool = True
    campus: str | None = None


class Plan:
    """A planner of few words: routes are lists of steps, documents are the raw text."""

    def __init__(self, clock: Clock) -> None:
        self.routes: dict[str, list[Step]] = {}
        self.ended: dict[tuple[int, int], Then] = {}
        self.heard: list[tuple[Claimed, Outcome | None, Then, Any]] = []
        self.fault: Exception | None = None
        self.working: set[tuple[int, int]] = set()
        """What `work` was asked about and `settled` has not ended: the plan knows of nothing else."""
        self._clock = clock
        self.journal: Any = None

    async def work(self, delivery: Claimed) -> Work:
        if self.fault is not None:
            raise self.fault
        self.working.add((delivery.seq, delivery.step))
        step = self.routes[delivery.route][delivery.step]
        raw, _ = await self.journal.raw(delivery.seq)
        stored = await self.journal.body(delivery.seq, delivery.step) if delivery.attempt else None
        received = from_micros(delivery.received)
        return Work(
            operation=step.operation,
            policy=step.policy,
            run=step.run,
            scope={"doc": raw.decode()},
            context=Context(received, received),
            stored=decode(stored) if stored is not None else None,
            campus=step.campus,
        )

    def then(self, delivery: Claimed, outcome: Outcome | None, then: Then) -> Then:
        if (delivery.seq, delivery.step) not in self.working:
            raise KeyError("forgotten")
        needing = [n for n, step in enumerate(self.routes[delivery.route]) if delivery.step in step.needs]
        if then.state in (State.DELIVERED, State.SKIPPED):
            return replace(then, freed=tuple(needing))
        return replace(then, skip=tuple(needing))

    def settled(self, delivery: Claimed, outcome: Outcome | None, then: Then, progress: Any) -> None:
        self.heard.append((delivery, outcome, then, progress))
        self.working.discard((delivery.seq, delivery.step))
        if progress is not None and then.state in FINAL | {State.PARKED}:
            self.ended[delivery.seq, delivery.step] = then


class Stand:
    """Everything a delivery needs, on one SQLite file. `restart` is what a new process would find."""

    def __init__(self, path, clock: Clock | None = None, *, node: str = "bus", **options: Any) -> None:
        self.url = path if isinstance(path, str) else f"sqlite:///{path}"
        self.node = node
        self.clock = clock or MovedClock()
        self.ids = CountedIds()
        self.plan = Plan(self.clock)
        self.options = {"poll": 3600.0, **options}
        self.settings: dict[str, Any] = {}
        self.systems: dict[str, SystemRuntime] = {}

    def system(self, peer: Any, name: str = "his", **more: Any) -> Any:
        """Adds a system, spoken to as its runtime says."""
        at_once = more.pop("at_once", 4)
        limits = more.pop("limits", Limits(at_once=at_once, total=more.pop("total", 5.0)))
        profile = Profile(name, "test", None, None, {}, {"find": FIND})
        places = peer if isinstance(peer, dict) else {None: peer}
        self.systems[name] = SystemRuntime(name, profile, places, limits, **more)
        return peer

    async def start(self) -> "Stand":
        self.supervisor = Supervisor()
        settings = Settings(**{"commit": "loop", "reserve": 0, **self.settings})
        self.journal = await open_journal(
            self.url, KeyRing(MASTER), self.clock, self.ids, node=self.node, settings=settings
        )
        self.plan.journal = self.journal
        self.delivery = Delivery(self.journal, self.plan, self.clock, self.ids, self.supervisor, **self.options)
        self.delivery.start(self.systems.values())
        return self

    async def stop(self, grace: float = 1.0) -> None:
        await self.delivery.stop(grace)
        await self.supervisor.stop(0.1)
        await self.journal.close()

    async def crash(self) -> None:
        """Ends everything as a killed process would: nothing more is written."""
        for task in [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]:
            if task.get_name().startswith(("deliver:", "claims:", "late:", "read:")):
                task.cancel()
        await asyncio.sleep(0)
        await self.supervisor.stop(0.0)
        await self.journal.close()

    async def accept(self, doc: str, route: str = "r", lane: str | None = None, key: str | None = None) -> int:
        """Accepts one message and hands over what was claimed on the way; its number, known before or new."""
        raw = doc.encode()
        steps = tuple(
            NewDelivery(n, step.system, None if lane is None else f"{lane}/{n}", len(step.needs))
            for n, step in enumerate(self.plan.routes[route])
        )
        message = NewMessage(
            id=self.ids.message(),
            route=route,
            release="r1",
            received=self.clock.now(),
            sender="lis/main",
            key=key,
            digest=hashlib.sha256(raw).digest(),
            other_content="new",
            raw=raw,
            deliveries=steps,
        )
        accepted = await self.journal.accept(message, self.delivery.room)
        if isinstance(accepted, Accepted):
            self.delivery.hand(accepted.claimed)
        return accepted.seq

    def advance(self, seconds: float) -> None:
        """Moves the clock and lets everybody look at it."""
        assert isinstance(self.clock, MovedClock)
        self.clock.advance(timedelta(seconds=seconds))
        self.delivery.wake()

    async def until(self, true: Callable[[], bool], limit: float = 5.0) -> None:
        """Waits until something holds; fails after `limit` seconds of real time."""
        async with asyncio.timeout(limit):
            while not true():  # noqa: ASYNC110 - what is waited for knows no events
                await asyncio.sleep(0.002)

    async def ended(self, *keys: tuple[int, int], limit: float = 5.0) -> list[State]:
        """States in which deliveries came to their end (or to a person)."""
        await self.until(lambda: all(key in self.plan.ended for key in keys), limit)
        return [self.plan.ended[key].state for key in keys]

    async def states(self, seq: int) -> list[State]:
        return [state for _, (state, _) in sorted((await self.journal.outcomes(seq)).items())]

    async def attempts(self, seq: int | None = None) -> list[tuple[Any, ...]]:
        """(message, step, n, outcome) of every recorded attempt."""
        rows = await self.journal.store.fetch("select message, step, n, outcome from attempts order by 1, 2, 3")
        return [tuple(row) for row in rows if seq in (None, row[0])]

    async def quiet(self, seconds: float = 0.05) -> None:
        """Lets everything that could happen now happen."""
        await asyncio.sleep(seconds)


def counted(tokens: list[str]) -> Counter[str]:
    return Counter(tokens)


def refuse(code: Code = Code.VALIDATION_FAILED) -> Callable[..., Built]:
    """A map that cannot map."""

    def build(_scope: Any, _context: Any) -> Built:
        raise BusError(code, "sex")

    return build
