"""Bindings in any order: both sides agree, the limits hold, whoever has patients has one default, evidence stays."""

import asyncio
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from engine.base.ids import CountedIds
from engine.records import Record
from engine.registry import bindings
from engine.registry.look import Look
from engine.registry.operation import Asked, Refusal
from engine.settings.conduct import Rules
from engine.settings.registry import Binding, Registry

USERS, PATIENTS = ("u1", "u2", "u3"), ("P1", "P2", "P3", "P4")
SETTINGS = Registry(binding=Binding(proof=False, per_user=3, per_patient=2))
STEP = st.tuples(st.sampled_from(["bind", "unbind"]), st.sampled_from(USERS), st.sampled_from(PATIENTS), st.booleans())


class Held:
    """Records as the journal holds them, in memory."""

    def __init__(self):
        self.rows = {}
        self.ids = CountedIds()

    async def record(self, kind, key):
        return self.rows.get((kind, key), (None, None))[0]

    async def records(self, kind, owner):
        return [record for (one, _), (record, of) in self.rows.items() if one == kind and of == owner]

    def do(self, name, **document):
        now = datetime(2026, 11, 20, tzinfo=UTC)
        asked = Asked(document, "main", now, 1_000_000, SETTINGS, Rules(), self.ids)
        look = Look(self, 1_000_000)
        found = asyncio.run(getattr(bindings, name)(asked, look))
        for write in look.writes:
            held = self.rows.get((write.kind, write.key))
            assert write.version == (held[0].version if held else 0), "a write is bound to what was seen"
            if write.value is None:
                del self.rows[write.kind, write.key]
            else:
                record = Record(write.value, write.version + 1, write.until)
                self.rows[write.kind, write.key] = record, write.owner
        return found


@given(st.lists(STEP, max_size=25))
def test_bindings_in_any_order(steps):
    held, meant = Held(), set()
    for verb, user, patient, default in steps:
        pair = (user, patient)
        full = [pair for pair in meant if pair[0] == user], [pair for pair in meant if pair[1] == patient]
        found = held.do(verb, user_id=user, patient_id=patient, is_default=default)
        if verb == "unbind":
            assert isinstance(found, Refusal) is (pair not in meant)
            meant.discard(pair)
            continue
        refused = pair not in meant and (len(full[0]) >= 3 or len(full[1]) >= 2)
        assert isinstance(found, Refusal) is refused
        meant |= set() if refused else {pair}
    for user in USERS:
        items = held.do("bindings", user_id=user)["items"]
        assert {(user, item["patient_id"]) for item in items} == {pair for pair in meant if pair[0] == user}
        assert [item["is_default"] for item in items] == [True, *[False] * (len(items) - 1)][: len(items)]
    kept = [record for (kind, _), (record, _) in held.rows.items() if kind == "binding"]
    assert sum(record.until is None for record in kept) == len(meant), "who is bound is never forgotten"
    assert len([kind for kind, _ in held.rows if kind == "users_of_patient"]) == len({pair[1] for pair in meant})
