"""What is true of every operation of the local systems."""

import pytest
from registry_desk import LIBRARY

from engine.model import Effect
from engine.registry.systems import PROFILES, operations
from engine.rules import checkin, returning

ALL = dict(operations())


@pytest.mark.parametrize("name", ALL)
def test_its_documents_are_shapes_of_ours(name):
    assert {ALL[name].takes, ALL[name].gives} <= LIBRARY.documents.keys()


@pytest.mark.parametrize("name", ALL)
def test_routes_see_it_as_it_is(name):
    system, _, called = name.partition(".")
    seen = PROFILES[system].outgoing[called]
    assert (seen.takes, seen.gives, seen.effect) == (ALL[name].takes, ALL[name].gives, ALL[name].effect)


@pytest.mark.parametrize("name", [name for name in ALL if ".require_" in name])
def test_what_only_requires_changes_nothing_and_says_no(name):
    assert ALL[name].effect is Effect.NONE
    assert ALL[name].refuses


@pytest.mark.parametrize(
    ("name", "table"), [("rules.require_refundable", returning._OVER), ("rules.checkin", checkin._REFUSED)]
)
def test_every_refusal_of_a_table_is_declared(name, table):
    assert set(table.values()) <= set(ALL[name].refuses)
