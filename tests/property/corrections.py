"""Settles that amend an earlier delivery on the way: it goes again in its old place, or nothing at all happens."""

import random
from dataclasses import replace

from engine.model import Claimed, State, Then
from engine.records import Amended, Correction
from tests.property.memory import Rows

_OPEN = {"waiting", "ready", "parked"}


def amending(chance: random.Random, then: Then, delivery: Claimed, before: Rows) -> Then:
    """Now and then the same with a correction of what stood parked, or had not begun, when it was looked at."""
    if then.state is not State.DELIVERED or chance.random() > 0.3:
        return then
    open_ = [
        (place, row)
        for place, row in before.items()
        if place[0] < delivery.seq and row.state in _OPEN and row.outcome != "in_doubt"
    ]
    if not open_:
        return then
    (seq, step), row = chance.choice(open_)
    again = row.state == "parked" and chance.random() < 0.7
    one = Amended(seq, step, row.state, row.attempt, again, ((step, delivery.step),))
    return replace(then, corrects=Correction((one,)))
