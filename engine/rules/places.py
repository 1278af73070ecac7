"""Places on earth: gcj02 and wgs84, distances, areas.

gcj02 (国测局坐标), which Chinese maps and WeChat give, is wgs84 moved by some hundred metres, by a published series
in longitude and latitude on the Krasovsky ellipsoid. Outside China it is wgs84. The way back has no closed form: the
move is taken away again and again until the place fits, which is below a centimetre after a few rounds. bd09 (百度)
is not taken. Coordinates are personal data: nothing here is ever logged.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import asin, cos, hypot, pi, radians, sin, sqrt

_AXIS = 6_378_245.0
_FLATNESS = 0.00669342162296594323
"""Of Krasovsky's ellipsoid: half its long axis in metres, and its squared eccentricity."""
_EARTH = 6_371_008.8
"""Its mean radius in metres, for distances."""
_WEST, _EAST, _SOUTH, _NORTH = 72.004, 137.8347, 0.8293, 55.8271
"""Outside of these nothing is moved."""
_ROUNDS = 6


@dataclass(frozen=True, slots=True, repr=False)
class Place:
    """A place in degrees; it has no words, so that none gets into a log."""

    lat: float
    lng: float


def to_gcj02(place: Place) -> Place:
    """A wgs84 place on a Chinese map."""
    moved = _move(place)
    return Place(place.lat + moved.lat, place.lng + moved.lng)


def to_wgs84(place: Place) -> Place:
    """A gcj02 place as GPS gives it."""
    found = place
    for _ in range(_ROUNDS):
        there = to_gcj02(found)
        found = Place(found.lat + place.lat - there.lat, found.lng + place.lng - there.lng)
    return found


def metres(one: Place, other: Place) -> float:
    """The distance over the ground (haversine)."""
    south, north = radians(one.lat), radians(other.lat)
    half = sin((north - south) / 2) ** 2 + cos(south) * cos(north) * sin(radians(other.lng - one.lng) / 2) ** 2
    return 2 * _EARTH * asin(min(1.0, sqrt(half)))


def outside_circle(place: Place, centre: Place, radius: float) -> float:
    """Metres from a place to a circle; 0 inside and on its edge."""
    return max(0.0, metres(place, centre) - radius)


def outside_polygon(place: Place, corners: Sequence[Place]) -> float:
    """Metres from a place to an area between corners; 0 inside and on its edge. Areas are small: the ground is flat
    around the place.
    """
    flat = [_flat(place, corner) for corner in corners]
    edges = list(zip(flat, [*flat[1:], flat[0]], strict=True))
    if _surrounds(edges):
        return 0.0
    return min(_to_edge(begin, end) for begin, end in edges)


def _flat(origin: Place, place: Place) -> tuple[float, float]:
    """Metres east and north of an origin."""
    east = radians(place.lng - origin.lng) * cos(radians(origin.lat)) * _EARTH
    return east, radians(place.lat - origin.lat) * _EARTH


def _surrounds(edges: Sequence[tuple[tuple[float, float], tuple[float, float]]]) -> bool:
    """Whether the origin lies between the edges: a ray to the east crosses an odd number of them."""
    inside = False
    for (x1, y1), (x2, y2) in edges:
        if (y1 > 0) != (y2 > 0) and x1 + (0 - y1) * (x2 - x1) / (y2 - y1) > 0:
            inside = not inside
    return inside


def _to_edge(begin: tuple[float, float], end: tuple[float, float]) -> float:
    """Metres from the origin to the nearest point of an edge."""
    (x1, y1), (x2, y2) = begin, end
    dx, dy = x2 - x1, y2 - y1
    length = dx * dx + dy * dy
    along = 0.0 if length == 0 else max(0.0, min(1.0, -(x1 * dx + y1 * dy) / length))
    return hypot(x1 + along * dx, y1 + along * dy)


def _move(place: Place) -> Place:
    """How far, in degrees, gcj02 lies from wgs84 there."""
    if not (_WEST <= place.lng <= _EAST and _SOUTH <= place.lat <= _NORTH):
        return Place(0.0, 0.0)
    x, y = place.lng - 105.0, place.lat - 35.0
    north, east = _northward(x, y), _eastward(x, y)
    angle = radians(place.lat)
    bulge = 1 - _FLATNESS * sin(angle) ** 2
    north_radius = _AXIS * (1 - _FLATNESS) / (bulge * sqrt(bulge))
    east_radius = _AXIS / sqrt(bulge) * cos(angle)
    return Place(north * 180.0 / (north_radius * pi), east * 180.0 / (east_radius * pi))


def _northward(x: float, y: float) -> float:
    smooth = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x))
    return (
        smooth
        + _waves(x, (20.0, 6.0), (20.0, 2.0))
        + _waves(y, (20.0, 1.0), (40.0, 1 / 3), (160.0, 1 / 12), (320.0, 1 / 30))
    )


def _eastward(x: float, y: float) -> float:
    smooth = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x))
    return smooth + _waves(x, (20.0, 6.0), (20.0, 2.0), (20.0, 1.0), (40.0, 1 / 3), (150.0, 1 / 12), (300.0, 1 / 30))


def _waves(along: float, *waves: tuple[float, float]) -> float:
    """Waves of (height in metres, half turns a degree), each counted at two thirds."""
    return sum(height * sin(along * turns * pi) for height, turns in waves) * 2.0 / 3.0
