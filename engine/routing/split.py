"""The local system `route`: makes messages of another route, one for each item of a list (decision 21).

A page of children and how far the step came are one commit, so that a crash loses none and makes none twice. A
child is a message like any other: its key is the business's, so that the same thing told twice, by whomever, is
done once; its lane and steps are its route's; its campus is its parent's.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

from engine.base import log, metrics
from engine.base.clock import Clock
from engine.base.errors import BusError, Code
from engine.base.ids import Ids
from engine.delivery.gate import Stopped
from engine.delivery.local import Ended
from engine.journal.interface import Journal
from engine.model import Accepted, Claimed, Conflict, NewMessage, Outcome, Shape, State, Then, Verdict
from engine.routing.accept import REFUSED, Deliverer
from engine.routing.drafts import bytes_of, digest_of, finds_of
from engine.routing.messages import Message, Messages, document_meta
from engine.routing.plan import ROUTE, Makes, Route, deliveries
from engine.routing.planner import RoutePlanner, Turn
from engine.routing.release import Release

PAGE = 500
"""Children a commit."""
_AT_ONCE = 50
"""Children mapped before others have their turn on the loop."""

_log = log.get("split")


class Splitter:
    """Carries deliveries of the system `route`: see `engine.delivery.local.Carry`."""

    def __init__(
        self,
        journal: Journal,
        planner: RoutePlanner,
        messages: Messages,
        delivery: Deliverer,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._journal = journal
        self._planner = planner
        self._messages = messages
        self._delivery = delivery
        self._clock = clock
        self._ids = ids

    async def carry(self, delivery: Claimed, stopped: Callable[[], bool]) -> Ended | None:
        """Makes the children that are not made yet. The step's reply is `{count}`: its items."""
        turn = await self._planner.turn(delivery)
        if not turn.run:
            return Ended(None, Then(State.SKIPPED))
        makes = turn.step.makes
        assert makes is not None, "only steps that send to a route are deliveries of this system"
        items = makes.items(turn.scope) if makes.items else (turn.message.document,)
        maker = _Maker(turn, makes, self._clock, self._ids)
        done = await self._journal.taken(delivery)
        while done < len(items):
            if stopped():
                raise Stopped
            page = items[done : done + PAGE]
            made = await self._journal.split(
                delivery, done, done + len(page), await maker.children(page), self._delivery.room
            )
            if made is None:
                return None
            self._hand(maker, made)
            done += len(page)
        return Ended(Outcome(Verdict.DELIVERED, value={"count": len(items)}), Then(State.DELIVERED))

    def _hand(self, maker: "_Maker", made: Sequence[Any]) -> None:
        for child, result in zip(maker.page, made, strict=True):
            if isinstance(result, Accepted):
                metrics.RECEIVED.labels(ROUTE, "refused" if child.route == REFUSED else "accepted").inc()
                if result.claimed:
                    self._messages.keep(result.seq, maker.message(child))
                    self._delivery.hand(result.claimed)
                continue
            metrics.RECEIVED.labels(ROUTE, "duplicate").inc()
            if isinstance(result, Conflict):
                _log.warning("child_known_otherwise", route=child.route, id=result.id)


class _Maker:
    """Makes the children of one step. `page`: those it made last."""

    def __init__(self, turn: Turn, makes: Makes, clock: Clock, ids: Ids) -> None:
        self._turn = turn
        self._clock = clock
        self._ids = ids
        self._release: Release = turn.message.release
        self._route: Route = self._release.routes[makes.route]
        self._documents: dict[str, Shape] = {}
        self.page: list[NewMessage] = []

    async def children(self, items: Sequence[Any]) -> list[NewMessage]:
        """A message for each item. What cannot become one is kept as refused and holds up nobody else."""
        self.page, self._documents = [], {}
        for number, item in enumerate(items, start=1):
            try:
                self.page.append(self._child(item))
            except BusError as error:
                self.page.append(self._refused(item, error))
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)
        return self.page

    def message(self, child: NewMessage) -> Message:
        """The same child, as its steps read it."""
        campus = self._turn.message.campus
        context = self._release.context(child.received, child.id, campus)
        document = self._documents[child.id]
        return Message(self._release, self._route, document, context, campus, len(child.raw), ROUTE)

    def _child(self, item: Any) -> NewMessage:
        document = self._document(item)
        route, campus = self._route, self._turn.message.campus
        if route.shape and (broken := self._release.shape(route.shape).check(document)):
            raise BusError(Code.VALIDATION_FAILED, broken[0], spot=broken[0].split(" ", 1)[0])
        identity, raw = self._ids.message(), bytes_of(document)
        self._documents[identity] = document
        return NewMessage(
            id=identity,
            route=route.name,
            release=self._release.digest,
            received=self._clock.now(),
            sender=f"{ROUTE}\x1f\x1f{campus}",
            key=route.key.of(document) if route.key else None,
            digest=digest_of(raw),
            other_content=route.key.other_content if route.key else "conflict",
            raw=raw,
            deliveries=deliveries(route, document, campus),
            finds=finds_of(self._release, route, document, ROUTE, campus),
            meta=document_meta(ROUTE, route.name, campus),
        )

    def _document(self, item: Any) -> Shape:
        between, message = self._turn.step.between, self._turn.message
        if between is not None:
            scope = {"parent": message.document, **self._turn.scope, **(item if isinstance(item, dict) else {})}
            try:
                document: Shape = between(scope, message.context)
            except BusError:
                raise
            except Exception as error:  # noqa: BLE001 - generated code: its bug is one item's
                _log.error("map_failed", id=self._turn.step.name, error=type(error).__name__)
                raise BusError(Code.INTERNAL, "the map failed") from None
            return document
        if not isinstance(item, dict):
            raise BusError(Code.VALIDATION_FAILED, "an item is no object")
        return item

    def _refused(self, item: Any, error: BusError) -> NewMessage:
        _log.warning("child_refused", route=self._route.name, code=error.code.name, detail=error.detail)
        meta = {"system": ROUTE, "code": error.code.name, "detail": error.detail, "spot": error.spot}
        return NewMessage(
            id=self._ids.message(),
            route=REFUSED,
            release=self._release.digest,
            received=self._clock.now(),
            sender=ROUTE,
            key=None,
            digest=b"",
            other_content="new",
            raw=json.dumps(item, ensure_ascii=False, default=str).encode("utf-8", "replace"),
            deliveries=(),
            meta=meta,
        )
