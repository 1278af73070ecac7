"""Waits between attempts and closed hours."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.base.clock import SECOND, from_micros, to_micros
from engine.delivery.hours import Hours
from engine.delivery.policy import question_wait, retry_wait

SHANGHAI = ZoneInfo("Asia/Shanghai")


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
@settings(max_examples=100)
def test_retry_waits_grow_to_a_cap_and_half_of_each_is_jitter(attempt, chance):
    whole = min(2 ** min(attempt - 1, 20), 300) * SECOND
    assert whole / 2 <= retry_wait(attempt, chance) <= whole
    assert retry_wait(attempt, chance) <= retry_wait(attempt + 1, chance)


@given(st.integers(0, 10**14), st.floats(0, 1, exclude_max=True))
@settings(max_examples=100)
def test_questions_wait_about_as_long_as_the_doubt_is_old(age, chance):
    wait = question_wait(age, chance)
    assert SECOND <= wait <= 300 * SECOND
    assert wait <= max(age, 2 * SECOND)


def at(text):
    return to_micros(datetime.fromisoformat(text).replace(tzinfo=SHANGHAI))


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        ("2026-11-19 23:59:59", "2026-11-19 23:59:59"),
        ("2026-11-20 00:00:00", "2026-11-20 00:20:00"),
        ("2026-11-20 00:19:59.999999", "2026-11-20 00:20:00"),
        ("2026-11-20 00:20:00", "2026-11-20 00:20:00"),
        ("2026-11-20 12:05:00", "2026-11-20 12:30:00"),  # two spans that touch
        ("2026-11-20 22:00:00", "2026-11-20 22:00:00"),
        ("2026-11-20 23:00:00", "2026-11-20 23:00:00"),
    ],
)
def test_the_next_opening_in_the_site_zone(now, opens):
    hours = Hours([(time(0), time(0, 20)), (time(12), time(12, 10)), (time(12, 10), time(12, 30))], SHANGHAI)
    assert hours.opens(at(now)) == at(opens)


def test_a_span_over_midnight():
    hours = Hours([(time(23, 50), time(0, 10))], SHANGHAI)
    assert hours.opens(at("2026-11-20 23:55")) == at("2026-11-21 00:10")
    assert hours.opens(at("2026-11-21 00:05")) == at("2026-11-21 00:10")
    assert hours.opens(at("2026-11-21 00:10")) == at("2026-11-21 00:10")


def test_never_closed_without_spans():
    now = to_micros(datetime(2026, 1, 1, tzinfo=UTC))
    assert Hours().opens(now) == now


@given(
    st.lists(st.tuples(st.times(), st.times()).filter(lambda span: span[0] != span[1]), min_size=1, max_size=3),
    st.integers(to_micros(datetime(2020, 1, 1, tzinfo=UTC)), to_micros(datetime(2030, 1, 1, tzinfo=UTC))),
)
@settings(max_examples=100)
def test_an_opening_is_never_in_the_past_and_soon(spans, now):
    opens = Hours([(b.replace(tzinfo=None), e.replace(tzinfo=None)) for b, e in spans], SHANGHAI).opens(now)
    assert now <= opens
    assert from_micros(opens) - from_micros(now) <= timedelta(days=4)


def test_asked_again_and_again_it_closes_and_opens_on_the_second():
    hours = Hours([(time(12), time(12, 10))], SHANGHAI)
    for now in ("2026-11-20 11:59:59.5", "2026-11-20 11:59:59.999999", "2026-11-20 11:59:59"):
        assert hours.opens(at(now)) == at(now)
    for now in ("2026-11-20 12:00:00", "2026-11-20 12:00:00.3", "2026-11-20 12:09:59.999999"):
        assert hours.opens(at(now)) == at("2026-11-20 12:10")
    assert hours.opens(at("2026-11-20 12:10")) == at("2026-11-20 12:10")
