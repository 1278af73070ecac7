"""Check-in: the window with both its ends, the areas with their edges, how far a phone is believed."""

import pytest
from rules_desk import asked, said

from engine.rules.checkin import checkin, checkin_options, outside
from engine.rules.places import Place, metres, to_gcj02, to_wgs84
from engine.settings.conduct import Area

VISIT = {"date": "2026-11-20", "begin": "10:00", "end": "10:30", "state": "BOOKED"}
HALL = {"name": "门诊楼", "lat": 22.5431, "lng": 114.0579, "radius_m": 300}
YARD = {
    "name": "北院",
    "coords": "wgs84",
    "polygon": [{"lat": 22.60, "lng": 114.05}, {"lat": 22.60, "lng": 114.06}, {"lat": 22.61, "lng": 114.055}],
}
RULES = {"checkin": {"before": "1h", "after": "10m", "areas": [HALL, YARD]}}


def tried(at="2026-11-20T10:00:00", rules=RULES, **more):
    place = {"lat": "22.5431", "lng": "114.0579"}
    return said(checkin(asked({**VISIT, **place, **more}, at, **rules)))


@pytest.mark.parametrize(
    ("at", "found"),
    [
        ("2026-11-20T08:59:59", "CHECKIN_OUT_OF_WINDOW"),
        ("2026-11-20T09:00:00", {"allowed": True, "area": "门诊楼"}),
        ("2026-11-20T10:40:00", {"allowed": True, "area": "门诊楼"}),
        ("2026-11-20T10:40:01", "CHECKIN_OUT_OF_WINDOW"),
        ("2026-11-21T10:00:00", "CHECKIN_OUT_OF_WINDOW"),
    ],
)
def test_the_window(at, found):
    assert tried(at) == found


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ("CHECKED_IN", "ALREADY_CHECKED_IN"),
        ("VISITED", "ALREADY_VISITED"),
        ("CANCELLED", "STATE_CONFLICT"),
        ("STOPPED", "SCHEDULE_STOPPED"),
        ("NONE", "NOT_FOUND"),
    ],
)
def test_who_is_not_expected_does_not_check_in(state, code):
    assert tried(state=state) == code
    assert not checkin_options(asked({**VISIT, "state": state}, **RULES))["allowed"]


def north_of_the_hall(metres_away):
    return str(HALL["lat"] + metres_away / 111_195)


@pytest.mark.parametrize(
    ("away", "accuracy", "inside"),
    [
        (299.9, None, True),
        (301, None, False),
        (330, "40", True),  # the circle of accuracy touches the area
        (330, "20", False),
        (390, "5000", True),  # believed for 100 m
        (410, "5000", False),
        (301, "-50", False),
    ],
)
def test_a_phone_is_believed_for_so_far(away, accuracy, inside):
    more = {} if accuracy is None else {"accuracy": accuracy}
    found = tried(lat=north_of_the_hall(away), **more)
    assert (found == {"allowed": True, "area": "门诊楼"}) is inside
    assert inside or found == "CHECKIN_OUT_OF_AREA"


def test_gps_is_converted_and_a_chinese_map_is_not():
    gps = to_wgs84(Place(HALL["lat"], HALL["lng"]))
    written = {"lat": f"{gps.lat:.7f}", "lng": f"{gps.lng:.7f}"}
    assert tried(**written, coord_type="wgs84") == {"allowed": True, "area": "门诊楼"}
    assert tried(**written, coord_type="gcj02") == "CHECKIN_OUT_OF_AREA", "half a kilometre off"
    assert tried(**written) == "CHECKIN_OUT_OF_AREA", "without a word it is a Chinese map"


def test_an_area_may_be_drawn_in_either():
    place = to_gcj02(Place(22.604, 114.055))
    assert outside(place, Area(**YARD)) == 0
    assert tried(lat=f"{place.lat:.7f}", lng=f"{place.lng:.7f}") == {"allowed": True, "area": "北院"}


@pytest.mark.parametrize("place", [{"lat": None}, {"lng": ""}, {"lat": "91"}, {"lng": "181"}])
def test_a_place_that_is_none_is_said_so(place):
    with pytest.raises(Exception, match="lat, lng"):
        tried(**place)


def test_where_no_area_is_drawn_no_place_is_asked_for():
    rules = {"checkin": {"areas": []}}
    assert tried(rules=rules, lat=None, lng=None) == {"allowed": True}


def test_a_night_clinic_ends_on_the_next_day():
    night = {"date": "2026-11-20", "begin": "23:30", "end": "00:30"}
    assert tried("2026-11-21T00:30:00", **night)["allowed"]
    assert tried("2026-11-21T00:41:00", **night) == "CHECKIN_OUT_OF_WINDOW"


def test_the_options_are_drawn_in_gcj02():
    found = checkin_options(asked(VISIT, **RULES))
    assert (found["from"], found["to"]) == ("2026-11-20T09:00:00+08:00", "2026-11-20T10:40:00+08:00")
    assert found["allowed"]
    hall, yard = found["areas"]
    assert (hall["lat"], hall["lng"], hall["radius_m"]) == ("22.543100", "114.057900", 300)
    corner = Place(float(yard["polygon"][0]["lat"]), float(yard["polygon"][0]["lng"]))
    assert metres(corner, to_gcj02(Place(22.60, 114.05))) < 0.2


def test_neither_answer_nor_refusal_tells_the_place():
    near = checkin(asked({**VISIT, "lat": "22.5431", "lng": "114.0579"}, **RULES))
    far = checkin(asked({**VISIT, "lat": "22.9431", "lng": "114.0579"}, **RULES))
    assert not any(number in f"{near}{far}" for number in ("22.5", "22.9", "114.0"))
