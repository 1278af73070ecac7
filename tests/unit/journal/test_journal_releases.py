"""The releases that a journal keeps: which are in force where, which were left, and which may be forgotten."""

import asyncio
from datetime import timedelta

import pytest

from engine.base.clock import MovedClock
from engine.journal.history import open_history
from engine.journal.keys import DAY, KeyRing
from engine.journal.retention import Keep, prune
from engine.journal.switches import RIDER, How, Switch, Switches, recall, remember
from tests.unit.journal.made import MASTER, Opened, Opener, message, with_


def log(*told: tuple[str, str, How, str]) -> Switches:
    """Node, release, how, and the release that was left."""
    every = Switches()
    for at, (node, release, how, left) in enumerate(told):
        every = every.then(Switch(at, node, release, how, "w", "r", left))
    return every


START, RELOAD, ROLLBACK = How.START, How.RELOAD, How.ROLLBACK


def test_each_node_has_what_it_put_in_force_last() -> None:
    told = log(("a", "R1", START, ""), ("b", "R1", START, ""), ("a", "R2", RELOAD, ""))
    assert told.in_force() == {"a": "R2", "b": "R1"}
    assert (told.before("a"), told.before("b"), told.before("c")) == ("R1", None, None)
    assert Switches.read(told.write()) == told


@pytest.mark.parametrize(
    ("then", "withdrawn"),
    [
        ((), True),
        ((("b", "R2", START, ""),), True),
        ((("a", "R2", RELOAD, ""),), False),
        ((("a", "R2", RELOAD, ""), ("a", "R1", ROLLBACK, "R2")), True),
    ],
)
def test_what_was_rolled_back_from_is_left_until_somebody_takes_it_again(
    then: tuple[tuple[str, str, How, str], ...], withdrawn: bool
) -> None:
    told = log(("a", "R1", START, ""), ("a", "R2", RELOAD, ""), ("a", "R1", ROLLBACK, "R2"), *then)
    assert (told.withdrawn("R2") is not None) == withdrawn


def test_who_goes_back_twice_does_not_come_to_what_was_left() -> None:
    told = log(("a", "R1", START, ""), ("a", "R2", RELOAD, ""), ("a", "R3", RELOAD, ""), ("a", "R2", ROLLBACK, "R3"))
    assert told.before("a") == "R1"


def test_an_end_is_known_where_the_release_is_in_force_nowhere() -> None:
    told = log(("a", "R1", START, ""), ("b", "R1", START, ""), ("a", "R2", RELOAD, ""), ("b", "R2", RELOAD, ""))
    assert (told.ended("R1"), told.ended("R2"), told.ended("R9")) == (3, None, None)
    assert log(("a", "R1", START, ""), ("b", "R1", START, ""), ("a", "R2", RELOAD, "")).ended("R1") is None


def test_the_log_does_not_grow_and_forgets_no_node() -> None:
    told = log(("old", "R0", START, ""), *(("a", f"R{n}", RELOAD, "") for n in range(2000)))
    assert len(told.every) < 600
    assert told.in_force() == {"old": "R0", "a": "R1999"}


async def test_two_nodes_that_switch_at_once_are_both_remembered(opened: Opened) -> None:
    await asyncio.gather(*(remember(opened.journal, Switch(1, node, "R1", RELOAD)) for node in "abcdef"))
    assert sorted((await recall(opened.journal)).in_force()) == list("abcdef")


async def test_only_releases_that_no_message_can_need_are_forgotten(opener: Opener, clock: MovedClock) -> None:
    opened = await opener.open()
    journal = opened.journal

    async def in_force(release: str) -> None:
        await journal.store_release(release, b"{}")
        await remember(journal, Switch(clock.now(), "bus", release, RELOAD))
        clock.advance(timedelta(days=1))

    for number in range(30):
        await in_force(f"R{number:02d}")
    _, claimed = await opened.taken(with_(message(), release="R29", received=clock.now()))
    history = await open_history(opener.url, KeyRing(MASTER))
    assert [(one.digest, one.open) for one in await history.releases()][:2] == [("R29", 1), ("R28", 0)]
    assert (await history.switches()).in_force() == {"bus": "R29"}
    await history.close()
    pruned = await prune(journal, Keep(history=10 * DAY), clock, lambda *_: None)
    assert pruned.releases == 10
    assert await journal.releases() == [f"R{number:02d}" for number in range(29, 9, -1)]
    await opened.deliver(claimed)


async def test_a_release_stays_while_a_message_that_came_under_it_is_kept(opener: Opener, clock: MovedClock) -> None:
    opened = await opener.open()
    journal = opened.journal
    await journal.store_release("R00", b"{}")
    await remember(journal, Switch(clock.now(), "bus", "R00", RELOAD))
    await opened.taken(with_(message(), release="R00", received=clock.now()))
    for number in range(1, 30):
        clock.advance(timedelta(days=1))
        await journal.store_release(f"R{number:02d}", b"{}")
        await remember(journal, Switch(clock.now(), "bus", f"R{number:02d}", RELOAD))
    assert (await prune(journal, Keep(), clock, lambda *_: None)).releases == 0
    assert "R00" in await journal.releases()
    assert await journal.rider(RIDER)
