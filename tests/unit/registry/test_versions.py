"""The newest version of a report: whatever order versions come in, whoever asks at the same moment."""

import asyncio

import pytest
from registry_desk import Node, fits

EARLY, LATER = "2026-11-20T09:25:00+08:00", "2026-11-20T10:05:00+08:00"
EARLY_ELSEWHERE = "2026-11-20T01:25:00+00:00"


@pytest.fixture
async def node(opened):
    found = Node(opened)
    yield found
    await found.stop()


async def newest(node, version, rank=0, of="R1", **more):
    said = fits("registry.newest", await node.do("registry.newest", of=of, version=version, rank=rank, **more))
    return said["newest"]


async def test_what_comes_late_is_known_as_such(node):
    assert await newest(node, LATER)
    assert not await newest(node, EARLY)
    assert await newest(node, LATER)  # the same one again
    assert await newest(node, EARLY, of="R2")


async def test_instants_are_compared_not_texts(node):
    assert await newest(node, EARLY)
    assert await newest(node, EARLY_ELSEWHERE)
    assert await newest(node, LATER)


async def test_two_versions_of_one_instant_go_by_their_rank(node):
    assert await newest(node, EARLY, rank=3)
    assert not await newest(node, EARLY, rank=2)
    assert await newest(node, EARLY, rank=4)


async def seen(node, version, parts, rank=0):
    named = [{"id": part, "name": part.lower()} for part in parts]
    document = {"of": "R1", "version": version, "rank": rank, "parts": named}
    return fits("registry.newest", await node.do("registry.newest", **document))


async def test_what_a_newer_version_lacks_is_named_ever_after(node):
    assert await seen(node, EARLY, "AB") == {"newest": True, "earlier": False, "gone": []}
    later = {"newest": True, "earlier": True, "gone": [{"id": "B", "name": "b"}]}
    assert await seen(node, LATER, "AC") == later
    assert await seen(node, LATER, "AC") == later  # the same one again
    assert await seen(node, EARLY, "AD") == {"newest": False}  # what comes late adds nothing
    withdrawn = await seen(node, LATER, "", rank=4)
    assert [part["id"] for part in withdrawn["gone"]] == ["A", "B", "C"]
    assert (await seen(node, LATER, "B", rank=5))["gone"] == [{"id": "A", "name": "a"}, {"id": "C", "name": "c"}]


async def test_each_campus_has_its_own(node):
    assert await newest(node, LATER)
    assert await newest(node, EARLY, campus="north")


async def test_asked_at_once_only_those_that_rise_are_new(node):
    versions = [f"2026-11-20T09:{minute:02d}:00+08:00" for minute in range(30)]
    said = await asyncio.gather(*(newest(node, version) for version in reversed(versions)))
    assert said.count(True) >= 1
    assert not await newest(node, versions[-2])
    assert await newest(node, versions[-1])
