"""Written units: read, written back, and a mistake says what to write."""

from datetime import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from engine.settings import units


@pytest.mark.parametrize(
    ("text", "seconds"), [("500ms", 0.5), ("8s", 8), ("1.5s", 1.5), ("10m", 600), ("24h", 86400), ("2y", 63072000)]
)
def test_durations_are_seconds(text, seconds):
    assert units.parse_duration(text) == seconds


@pytest.mark.parametrize(("text", "size"), [("512B", 512), ("64kB", 65536), ("64KB", 65536), ("20MB", 20 * 1024**2)])
def test_sizes_are_bytes(text, size):
    assert units.parse_size(text) == size


@pytest.mark.parametrize(
    ("read", "value", "hint"),
    [
        (units.parse_duration, 8, "write 8s, 8m or 8h"),
        (units.parse_duration, "8", "write 8s, 8m or 8h"),
        (units.parse_duration, "8 sec", "500ms"),
        (units.parse_duration, True, "500ms"),
        (units.parse_duration, "-8s", "500ms"),
        (units.parse_size, 512, "write 512MB"),
        (units.parse_size, "5 bananas", "64kB"),
        (units.parse_pace, "20", "20/s"),
        (units.parse_pace, "0/s", "20/s"),
        (units.parse_listen, 2575, "127.0.0.1:2575"),
        (units.parse_listen, "127.0.0.1:99999", "host:port"),
        (units.parse_listen, "http://x:80", "host:port"),
        (units.parse_span, "25:00-26:00", '"00:00-00:20"'),
        (units.parse_span, "08:00-08:00", '"00:00-00:20"'),
    ],
)
def test_what_has_no_meaning_says_what_to_write(read, value, hint):
    with pytest.raises(PydanticCustomError) as caught:
        read(value)
    assert hint in caught.value.context["hint"]


def test_addresses_and_spans():
    assert units.parse_listen("[::1]:8443") == ("::1", 8443)
    assert units.say_listen(("::1", 8443)) == "[::1]:8443"
    assert units.parse_span("23:50-00:10") == (time(23, 50), time(0, 10))
    assert units.parse_pace("300/m") == 5.0


@settings(max_examples=60)
@given(st.integers(1, 10**8))
def test_what_is_written_reads_back(number):
    assert round(units.parse_duration(units.say_duration(number / 1000)) * 1000) == number
    assert units.parse_size(units.say_size(number)) == number
    assert units.parse_pace(units.say_pace(float(number))) == pytest.approx(number)
