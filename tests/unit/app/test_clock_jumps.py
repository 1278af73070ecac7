"""The wall clock of the machine jumps: the bus's own follows, says so, and between two looks never runs backwards."""

import pytest

from engine.base import clock
from engine.base.clock import SECOND, SystemClock

HOUR = 3600 * SECOND


class Machine:
    """Its two clocks, in microseconds."""

    wall = 1_800_000_000 * SECOND
    ticks = 5 * SECOND

    def pass_by(self, micros: int) -> None:
        self.wall += micros
        self.ticks += micros


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine()
    monkeypatch.setattr(clock, "_wall", lambda: machine.wall)
    monkeypatch.setattr(clock, "_mono", lambda: machine.ticks)
    return machine


@pytest.mark.parametrize("jump", [HOUR, -HOUR], ids=["forward", "back"])
def test_a_jump_is_followed_and_told_once(machine: Machine, jump: int) -> None:
    told: list[int] = []
    ours = SystemClock(told.append)
    before = ours.now()
    machine.wall += jump
    assert ours.now() == before
    machine.pass_by(2 * SECOND)
    assert ours.now() == machine.wall
    machine.pass_by(2 * SECOND)
    assert ours.now() == machine.wall
    assert told == [jump]


@pytest.mark.parametrize("jump", [SECOND, -SECOND])
def test_what_a_time_service_corrects_step_by_step_is_no_jump(machine: Machine, jump: int) -> None:
    told: list[int] = []
    ours = SystemClock(told.append)
    before = ours.now()
    machine.wall += jump
    machine.pass_by(2 * SECOND)
    assert ours.now() == before + 2 * SECOND
    assert told == []
