"""The local systems on a real journal and the real delivery floor, with a plan that knows one step a message."""

import asyncio
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from engine.base.clock import from_micros
from engine.base.tasks import Supervisor
from engine.delivery.delivery import Delivery
from engine.delivery.interface import Policy, Work
from engine.mapping.library import load_texts
from engine.model import Context, Verdict
from engine.registry.local import Desk
from engine.registry.systems import PROFILES, local_systems, operations
from engine.settings.models import Config
from engine.settings.problems import Problems
from tests.unit.journal.made import message

ZONE = ZoneInfo("Asia/Shanghai")
SHAPES = Path(__file__).parents[3] / "mappings/shapes"


def library():
    problems = Problems()
    texts = {f"shapes/{file.name}": file.read_bytes() for file in SHAPES.glob("*.yaml")}
    found = load_texts(texts, {}, problems, ZONE)
    assert not problems, list(map(str, problems))
    return found


LIBRARY = library()


def operation(name):
    system, _, called = name.partition(".")
    return PROFILES[system].outgoing[called]


class Plan:
    """What delivery asks of routing: every message is one call to a local system."""

    def __init__(self, clock):
        self.clock = clock
        self.meant = {}
        self.ended = {}

    def context(self, campus):
        when = from_micros(self.clock.now()).astimezone(ZONE)
        return Context(received=when, now=when, values={"campus": campus})

    async def work(self, delivery):
        name, document, campus = self.meant[delivery.id]
        return Work(operation(name), Policy(), True, document, self.context(campus))

    def then(self, _delivery, _outcome, then):
        return then

    def settled(self, delivery, outcome, _then, progress):
        waiting = self.ended.get(delivery.id)
        if waiting is not None and not waiting.done():
            waiting.set_result(outcome if progress is not None else None)


class Node:
    """One process: a journal, delivery, the local systems. Started in a running loop."""

    def __init__(self, opened, *, config=None):
        self.opened, self.clock = opened, opened.clock
        self.plan = Plan(opened.clock)
        self.supervisor = Supervisor()
        self.ids = opened.journal._ids
        self.delivery = Delivery(opened.journal, self.plan, self.clock, self.ids, self.supervisor, poll=0.02)
        desk = Desk(opened.journal, self.plan, self.clock, self.ids, lambda: config or Config(), lambda: LIBRARY)
        self.delivery.start([], local_systems(desk))

    async def do(self, name, /, *, campus="main", **document):
        """The outcome of an operation as a step of a message, once it is committed."""
        return _declared(name, await (await self.begin(name, campus=campus, **document)))

    async def begin(self, name, /, *, campus="main", **document):
        """The same, when its message is durable: a future of the outcome."""
        new = message(system=name.partition(".")[0], received=self.clock.now())
        self.plan.meant[new.id] = (name, document, campus)
        self.plan.ended[new.id] = asyncio.get_running_loop().create_future()
        accepted = await self.opened.journal.accept(new, self.delivery.room)
        self.delivery.hand(accepted.claimed)
        return self.plan.ended[new.id]

    async def ask(self, name, /, *, campus="main", **document):
        """The outcome of a read."""
        system, context = name.partition(".")[0], self.plan.context(campus)
        asking = self.delivery.ask_once(system, operation(name), document, context, 5.0, campus)
        return _declared(name, await asking)

    def later(self, **by):
        self.clock.advance(timedelta(**by))

    async def stop(self):
        await self.delivery.stop(0)
        await self.supervisor.stop(0)


def _declared(name, outcome):
    """The outcome, whose refusal is one of those that the operation says it has."""
    if outcome.verdict is Verdict.REFUSED:
        refuses = {code.name for code in dict(operations())[name].refuses}
        assert outcome.code in {"VALIDATION_FAILED", *refuses}
    return outcome


def fits(name, outcome):
    """The outcome's document is as the operation's shape says."""
    assert LIBRARY.shapes[operation(name).gives].check(outcome.value) == []
    return outcome.value
