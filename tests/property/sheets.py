"""Records that settles write: each delivery that is delivered leaves its line in its sheet, once, whatever dies."""

from dataclasses import replace

from engine.journal.errors import Moved
from engine.model import Claimed, Outcome, Progress, State, Then
from engine.records import Write
from tests.property.memory import Rows
from tests.property.node import Node

_SHEETS = 3
_KIND = "sheet"


def sheet_of(id_: str, step: int) -> str | None:
    """The sheet of a delivery; a third of them write none."""
    number = (int(id_[1:]) + step) % _SHEETS
    return str(number) if number else None


async def settle(node: Node, delivery: Claimed, outcome: Outcome, then: Then) -> Progress | None:
    """Settles with the delivery's line, and decides again while others are quicker."""
    sheet = sheet_of(delivery.id, delivery.step) if then.state is State.DELIVERED else None
    while True:
        if sheet is not None:
            then = replace(then, writes=(await _line(node, sheet, delivery),))
        try:
            return await node.journal.settle(delivery, outcome, then, node)
        except Moved:
            then = replace(then, corrects=None)


async def _line(node: Node, sheet: str, delivery: Claimed) -> Write:
    record = await node.journal.record(_KIND, sheet)
    line = b"%d/%d" % (delivery.seq, delivery.step)
    lines = [*record.value.split(), line] if record else [line]
    return Write(_KIND, sheet, record.version if record else 0, b" ".join(lines))


async def check(node: Node, rows: Rows, ids: dict[int, str], where: str) -> None:
    """Every line of who was delivered, and no other: none lost to another's, none twice, none of a stale settle."""
    for number in range(1, _SHEETS):
        record = await node.journal.record(_KIND, str(number))
        lines = sorted(record.value.decode().split()) if record else []
        meant = sorted(
            f"{seq}/{step}"
            for (seq, step), row in rows.items()
            if row.state == "delivered" and sheet_of(ids[seq], step) == str(number)
        )
        assert lines == meant, f"{where}: sheet {number} has {set(lines) ^ set(meant) or 'a line twice'}"
