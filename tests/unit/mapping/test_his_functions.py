"""What HIS interfaces need beside the common functions: ids in URLs and Caché's dates, by property."""

import re
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mapping_desk import ZONE

from engine.mapping.functions import FUNCTIONS, Setup, Unfit

SETUP = Setup(ZONE)
url_safe, from_url_safe, horolog, to_horolog, horolog_time, yuan_to_fen = (
    FUNCTIONS[name].prepare((), SETUP)
    for name in ("url_safe", "from_url_safe", "horolog", "to_horolog", "horolog_time", "yuan_to_fen")
)
UNTIL = date(9998, 12, 30)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_an_id_comes_back_from_a_url_as_it_was(whole):
    safe = url_safe(whole)
    assert re.fullmatch(r"[A-Za-z0-9_-]*", safe)
    assert from_url_safe(safe) == whole


@given(st.text(st.sampled_from("aZ09-_7CEF5|.%"), max_size=12))
def test_an_id_has_one_spelling(written):
    try:
        whole = from_url_safe(written)
    except Unfit:
        return
    assert url_safe(whole) == written


@given(st.dates(min_value=date(1841, 1, 1), max_value=UNTIL))
def test_days_of_horolog_come_back(day):
    assert horolog(to_horolog(day.isoformat())) == day.isoformat()


@given(st.datetimes(min_value=datetime.fromisoformat("1992-01-01"), timezones=st.just(ZONE)))  # no summer time since
def test_instants_of_horolog_come_back_in_the_sites_clock(moment):
    written = moment.replace(microsecond=0).isoformat()
    assert horolog(to_horolog(written)) == written


def test_a_clock_elsewhere_is_another_second():
    utc = FUNCTIONS["to_horolog"].prepare((), Setup(ZoneInfo("UTC")))
    assert utc("2016-10-25T15:32:00+08:00") == "64216,27120"


@pytest.mark.parametrize("word", ["-1", "", "6421.5", "99999999", "٦", "64216,", "64216,86400", "64216,1,1", "1e3"])
def test_what_horolog_cannot_be(word):
    with pytest.raises(Unfit):
        horolog(word)


@given(st.integers(0, 86399))
def test_a_time_of_day_has_two_digits_each(seconds):
    hour, minute, second = map(int, horolog_time(seconds).split(":"))
    assert (hour * 60 + minute) * 60 + second == seconds


@given(st.integers(0, 10**12))
def test_a_fee_with_its_unit_is_the_same_fee(fen):
    named = FUNCTIONS["yuan_to_fen"].prepare(("元",), SETUP)
    whole = f"{fen // 100}.{fen % 100:02d}"
    assert named(f"  {whole}元 ") == named(whole) == yuan_to_fen(whole) == fen
