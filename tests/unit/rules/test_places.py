"""Places: published answers, there and back again, edges."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.rules.places import Place, metres, outside_circle, outside_polygon, to_gcj02, to_wgs84

INSIDE = st.builds(Place, st.floats(18.0, 53.5), st.floats(73.6, 134.7))
SQUARE = [Place(22.60, 114.05), Place(22.60, 114.06), Place(22.61, 114.06), Place(22.61, 114.05)]


def test_the_published_answer_for_beijing():
    """The example that libraries of this transform carry: 116.404, 39.915."""
    found = to_gcj02(Place(39.915, 116.404))
    assert found.lat == pytest.approx(39.91640428150164, abs=1e-9)
    assert found.lng == pytest.approx(116.41024449916938, abs=1e-9)


@given(INSIDE)
def test_there_and_back_is_the_same_place(place):
    assert metres(to_wgs84(to_gcj02(place)), place) < 0.01
    assert metres(to_gcj02(to_wgs84(place)), place) < 0.01


@given(INSIDE)
def test_inside_china_the_map_is_off_by_less_than_a_mile(place):
    assert metres(to_gcj02(place), place) < 1500


@pytest.mark.parametrize("place", [Place(51.4778, 0.0), Place(-33.86, 151.21), Place(60.0, 100.0)])
def test_outside_nothing_is_moved(place):
    assert metres(to_gcj02(place), place) == 0
    assert metres(to_wgs84(place), place) == 0


def test_distances_over_the_ground():
    assert metres(Place(0, 0), Place(0, 1)) == pytest.approx(111_195, abs=1)
    assert metres(Place(22.5431, 114.0579), Place(22.5431, 114.0579)) == 0


@given(INSIDE, INSIDE)
def test_a_distance_is_the_same_both_ways(one, other):
    assert metres(one, other) == pytest.approx(metres(other, one))


def test_the_edge_belongs_to_a_circle():
    centre, place = Place(22.5431, 114.0579), Place(22.5441, 114.0579)
    away = metres(place, centre)
    assert outside_circle(place, centre, away) == 0
    assert outside_circle(place, centre, away - 5) == pytest.approx(5)


@pytest.mark.parametrize(
    ("lat", "lng", "away"),
    [
        (22.605, 114.055, 0),
        (22.600, 114.055, 0),  # on an edge
        (22.600, 114.050, 0),  # on a corner
        (22.599, 114.055, 111.2),  # south of an edge
        (22.605, 114.061, 102.7),  # east of one: a degree is shorter there
        (22.599, 114.049, 151.4),  # past a corner
    ],
)
def test_how_far_from_a_polygon(lat, lng, away):
    assert outside_polygon(Place(lat, lng), SQUARE) == pytest.approx(away, abs=0.3)


def test_a_bay_of_a_polygon_is_outside():
    bay = [*SQUARE[:2], Place(22.604, 114.055), *SQUARE[2:]]
    assert outside_polygon(Place(22.605, 114.0595), bay) > 10
    assert outside_polygon(Place(22.605, 114.0505), bay) == 0


@given(st.floats(22.60, 22.61), st.floats(114.05, 114.06))
def test_everywhere_between_the_corners_is_inside_whichever_is_first(lat, lng):
    for turn in range(4):
        corners = SQUARE[turn:] + SQUARE[:turn]
        assert outside_polygon(Place(lat, lng), corners) < 1e-6
        assert outside_polygon(Place(lat, lng), corners[::-1]) < 1e-6


def test_a_place_has_no_words():
    assert "22.6" not in repr(Place(22.6, 114.05))
