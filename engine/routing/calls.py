"""Operations of the channel that change something: messages of record whose callers wait (docs/delivery.md).

The waiting belongs to the message, not to the connection: a caller that hangs up takes nothing back, and one that
repeats its key meanwhile hears what the first one hears. At the deadline the message is withdrawn, if nothing of it can
have been read; else the outcome is not known, and the key gets it once it is. Only what is committed is told.
"""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import orjson

from engine.base import log, metrics
from engine.base.clock import SECOND, Clock
from engine.base.errors import Backend, BusError, Code
from engine.base.tasks import Supervisor
from engine.delivery.gate import Shut
from engine.journal.interface import Journal
from engine.model import Accepted, Asked, Claimed, Conflict, Duplicate, NewMessage, Progress, Served
from engine.routing import answers
from engine.routing.accept import Deliverer
from engine.routing.messages import Message, Messages, document_meta
from engine.routing.plan import Answering, deliveries
from engine.routing.release import Releases
from engine.routing.waiting import Waiter, Waiting

_LOOK = 1.0
"""Seconds between two looks for what other nodes have committed."""

_NOT_DONE = "nothing was done in time; the key may be used again"

_log = log.get("calls")


class Carries(Deliverer, Protocol):
    """What calls need of the delivery floor."""

    def spread(self, progress: Progress | None) -> None: ...
    def shut(self, system: str, campus: str | None = None) -> Shut | None: ...


@dataclass(frozen=True, slots=True)
class _Call:
    """One message with a caller."""

    seq: int
    new: NewMessage
    campus: str
    answer: Answering
    claimed: tuple[Claimed, ...]

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines in which its first steps stand."""
        return tuple(one.lane for one in self.new.deliveries if one.lane is not None and not one.needs)

    @property
    def systems(self) -> frozenset[str]:
        """The systems that its first steps call."""
        return frozenset(one.system for one in self.new.deliveries if not one.needs and not one.skipped)


class Calls:
    """Accepts what callers ask, and waits with them."""

    def __init__(
        self,
        journal: Journal,
        releases: Releases,
        messages: Messages,
        delivery: Carries,
        waiting: Waiting,
        clock: Clock,
        supervisor: Supervisor,
        *,
        busy: Callable[[], bool],
        nodes: Callable[[], int] = lambda: 1,
    ) -> None:
        """`busy`: whether the backlog is over its limit. `nodes`: how many share the journal."""
        self._journal = journal
        self._releases = releases
        self._messages = messages
        self._delivery = delivery
        self._waiting = waiting
        self._clock = clock
        self._supervisor = supervisor
        self._busy = busy
        self._nodes = nodes
        self._under_way: dict[int, asyncio.Task[Served | BusError]] = {}

    async def serve(self, channel: str, asked: Asked) -> Served:
        """The answer to one call, or why there is none (BusError). `channel`: the system whose client asks.

        BACKEND_UNAVAILABLE: surely nothing was done, the key is free. RESULT_UNKNOWN: the key will get the outcome.
        IN_PROGRESS: the key stands for a call whose outcome is not known yet. IDEMPOTENCY_CONFLICT: for another one.
        STATE_CONFLICT, with the id of an older message: it is in doubt and stands in the way; nothing was done.
        """
        if self._busy():
            raise BusError(Code.BUSY, "the backlog is over its limit")
        new, message = self._plan(channel, asked)
        result = await self._journal.accept(new, self._delivery.room)
        answer = message.route.answer
        assert answer is not None, "a route with a caller"
        match result:
            case Conflict():
                metrics.RECEIVED.labels(channel, "refused").inc()
                raise BusError(Code.IDEMPOTENCY_CONFLICT, "the key stands for another call", task=result.id)
            case Duplicate():
                metrics.RECEIVED.labels(channel, "duplicate").inc()
                return await self._repeated(result, answer)
            case Accepted():
                metrics.RECEIVED.labels(channel, "accepted").inc()
                self._messages.keep(result.seq, message)
                return await self._first(_Call(result.seq, new, message.campus, answer, result.claimed))

    def _plan(self, channel: str, asked: Asked) -> tuple[NewMessage, Message]:
        release = self._releases.current
        route = release.routes[asked.operation]
        assert route.answer is not None, "a route with a caller"
        received, campus = self._clock.now(), asked.caller.campus
        if route.shape and (broken := release.shape(route.shape).check(asked.document)):
            raise BusError(Code.VALIDATION_FAILED, broken[0], spot=broken[0].split(" ", 1)[0])
        raw = orjson.dumps(asked.document, option=orjson.OPT_SORT_KEYS)
        new = NewMessage(
            id=asked.trace,
            route=route.name,
            release=release.digest,
            received=received,
            sender=f"{channel}\x1f{asked.caller.client}\x1f{campus}",
            key=asked.key,
            digest=hashlib.sha256(raw).digest(),
            other_content="conflict",
            raw=raw,
            deliveries=deliveries(route, asked.document, campus),
            deadline=received + int(route.answer.within * SECOND),
            finds=release.finds(route.shape, asked.document),
            meta=document_meta(channel, asked.operation, campus, asked.caller.client),
        )
        context = release.context(received, new.id, campus)
        return new, Message(release, route, asked.document, context, campus, len(raw))

    async def _first(self, call: _Call) -> Served:
        if call.answer.step is None:
            self._delivery.hand(call.claimed)
            return _accepted(call.new.id)
        task = self._supervisor.once("call", self._told(call))
        self._under_way[call.seq] = task
        task.add_done_callback(lambda _ended: self._under_way.pop(call.seq, None))
        return await _heard(task)

    async def _repeated(self, known: Duplicate, answer: Answering) -> Served:
        """Whoever repeats a key while its caller waits here, waits with him; later it is asked for, not waited for."""
        if known.answer is not None:
            return answers.read(known.answer, known.id)
        if answer.step is None:
            return _accepted(known.id)
        if (task := self._under_way.get(known.seq)) is not None:
            return await _heard(task)
        stored = await self._journal.answered(known.seq)  # it may have come since
        if stored is None:
            raise BusError(Code.IN_PROGRESS, "the outcome is not known yet", task=known.id)
        return answers.read(stored, known.id)

    # --- waiting -------------------------------------------------------------------------------------

    async def _told(self, call: _Call) -> Served | BusError:
        """What the caller hears. Whatever fails from here on, the message is durable: its outcome is not known."""
        try:
            return await self._wait(call)
        except BusError as error:
            return error
        except Exception as error:  # noqa: BLE001 - the caller is answered whatever failed, and with the truth
            _log.error("waiting_failed", id=call.new.id, error=type(error).__name__)
            return _unknown(call, "the bus cannot say")

    async def _wait(self, call: _Call) -> Served:
        until = self._clock.monotonic() + call.answer.within
        with self._waiting.stand(call.seq, call.lines) as waiter:
            self._delivery.hand(call.claimed)
            if not call.claimed:
                await self._look_ahead(call)
            while (left := until - self._clock.monotonic()) > 0:
                await waiter.woken(min(left, _LOOK) if self._is_shared(call) else left)
                if (stored := await self._journal.answered(call.seq)) is not None:
                    return answers.read(stored, call.new.id)
                await self._look_around(call, waiter)
            if await self._withdrawn(call):
                raise BusError(Code.BACKEND_UNAVAILABLE, _NOT_DONE)
            if (stored := await self._journal.answered(call.seq)) is not None:
                return answers.read(stored, call.new.id)
            raise _unknown(call, "not known in time")

    async def _look_ahead(self, call: _Call) -> None:
        """Nothing has begun: says no at once where it cannot begin in time."""
        if call.lines:
            await self._look_at_line(call)
        for system in call.systems:
            shut = self._delivery.shut(system, call.campus)
            if shut is not None and await self._withdrawn(call):
                raise BusError(Code.BACKEND_UNAVAILABLE, shut.why, backend=Backend(system))

    async def _look_around(self, call: _Call, waiter: Waiter) -> None:
        if waiter.parked:
            raise _unknown(call, "it is a person's turn")
        if call.lines and (waiter.held or self._is_shared(call)):
            waiter.held = False
            await self._look_at_line(call)

    def _is_shared(self, call: _Call) -> bool:
        """Whether another node may carry it: what was claimed on the way, and is one step, this one carries."""
        return self._nodes() > 1 and not (call.claimed and len(call.new.deliveries) == 1)

    async def _look_at_line(self, call: _Call) -> None:
        """A doubt, or a person's work, ends when it ends: who stands behind it is told so at once."""
        before = await self._journal.held_by(call.seq)
        if before is not None and await self._withdrawn(call):
            raise BusError(Code.STATE_CONFLICT, "an older message in this line is in doubt, or parked", task=before)

    async def _withdrawn(self, call: _Call) -> bool:
        """Takes the message back, all of it or nothing. False: something of it may have been read."""
        progress = await self._journal.withdraw(call.seq, self._delivery.room)
        if progress is None:
            return False
        self._delivery.spread(progress)
        self._messages.forget(call.seq)
        _log.info("call_withdrawn", id=call.new.id, operation=call.new.route)
        return True


async def _heard(task: asyncio.Task[Served | BusError]) -> Served:
    """What a message's waiting came to; who hangs up ends only his own."""
    told = await asyncio.shield(task)
    if isinstance(told, BusError):
        raise told
    return told


def _accepted(task: str) -> Served:
    """The answer of a route that answers once the message is on our disk."""
    return Served({"task_id": task}, task=task)


def _unknown(call: _Call, why: str) -> BusError:
    return BusError(Code.RESULT_UNKNOWN, why, task=call.new.id)
