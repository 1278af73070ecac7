"""What a node keeps of answers: bounded in number and in bytes, the unused go first."""

from collections import OrderedDict
from datetime import timedelta

import orjson
from hypothesis import given
from hypothesis import strategies as st

from engine.base.clock import MovedClock
from engine.model import Served
from engine.routing.cache import Cache

ENTRIES, SIZE = 4, 60
KEYS = st.sampled_from("abcdefgh")
STEPS = st.lists(st.one_of(st.tuples(KEYS), st.tuples(KEYS, st.text("x", max_size=80))))


def size_of(served):
    return len(orjson.dumps(served.value))


@given(STEPS)
def test_it_never_holds_more_than_it_may_and_forgets_what_was_unused_for_longest(steps):
    cache, model = Cache(MovedClock(), ENTRIES, SIZE), OrderedDict()
    for key, *put in steps:
        if put:
            served = Served({"v": put[0]})
            cache.put(key, served)
            model.pop(key, None)
            if size_of(served) <= SIZE:
                model[key] = served
            while len(model) > ENTRIES or sum(map(size_of, model.values())) > SIZE:
                model.popitem(last=False)
        else:
            kept = cache.get(key)
            assert (kept and kept.served) == model.get(key)
            if key in model:
                model.move_to_end(key)
        assert len(cache) == len(model) <= ENTRIES
        assert cache.bytes == sum(map(size_of, model.values())) <= SIZE


def test_an_answer_knows_its_age():
    clock = MovedClock()
    cache = Cache(clock)
    cache.put("a", Served({}))
    clock.advance(timedelta(minutes=3))
    kept = cache.get("a")
    assert cache.age(kept) == 180
    assert clock.now() - kept.at == 180_000_000
