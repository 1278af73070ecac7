"""Which messages correct a record that was accepted already: reports of a day count the record once."""

from collections.abc import Mapping
from typing import Any, Protocol

from engine.app.control import Handler
from engine.journal.group import GroupJournal
from engine.model import Claimed, State
from engine.routing.amends import is_amended
from engine.routing.messages import Messages
from engine.routing.release import Releases


class Running(Protocol):
    """What is needed of the bus."""

    journal: GroupJournal
    messages: Messages
    releases: Releases


def correcting(bus: Running) -> Handler:
    """The command: gets `ids` of messages, gives those whose record an earlier message has brought to acceptance."""

    async def corrections(asked: Mapping[str, Any]) -> Any:
        found = []
        for id_ in asked.get("ids", ()):
            deliveries = await bus.journal.steps(str(id_))
            if deliveries and await _of_accepted(bus, deliveries[0]):
                found.append(id_)
        return found

    return corrections


async def _of_accepted(bus: Running, delivery: Claimed) -> bool:
    message = await bus.messages.get(delivery)
    find = message.route.amending(message.document, message.system, message.campus)
    for one in await bus.journal.earlier(find, delivery.seq) if find is not None else ():
        route = (await bus.releases.get(one.delivery.release)).routes[one.delivery.route]
        step = route.step(one.delivery.step)
        if one.delivery.state is State.DELIVERED and step is not None and is_amended(step):
            return True
    return False
