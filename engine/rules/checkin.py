"""Check-in (自助报到): when and where. Catalog: checkin.options, checkin.submit.

Time: from `before` the period's begin until `after` its end, both ends included. Place: in one of the campus's areas,
edges included. A phone says how far off it may be (`accuracy`): the place counts where that circle touches an area,
so that nobody in the waiting hall is turned away by his phone; more than `accuracy_most` of it is not believed, so
that nobody checks in from home by a bad fix. Without areas no place is asked for.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from engine.base.errors import BusError, Code
from engine.model import Effect, Shape
from engine.registry.operation import Asked, Operation, Refusal, pure
from engine.rules.period import Period
from engine.rules.places import Place, outside_circle, outside_polygon, to_gcj02
from engine.settings.conduct import Area

_REFUSED = {
    "CHECKED_IN": Code.ALREADY_CHECKED_IN,
    "VISITED": Code.ALREADY_VISITED,
    "CANCELLED": Code.STATE_CONFLICT,
    "LOCKED": Code.STATE_CONFLICT,
    "STOPPED": Code.SCHEDULE_STOPPED,
    "NONE": Code.NOT_FOUND,
}
_WGS84 = "wgs84"


def checkin_options(asked: Asked) -> Shape:
    """The window and the areas, in gcj02."""
    begin, end = _window(asked)
    state = asked.document.get("state")
    return {
        "from": begin.isoformat(timespec="seconds"),
        "to": end.isoformat(timespec="seconds"),
        "allowed": begin <= asked.at <= end and state not in _REFUSED,
        "areas": list(_drawn(asked)),
    }


def checkin(asked: Asked) -> Shape | Refusal:
    """Whether somebody may check in from where he is. The answer does not say where that is."""
    if (code := _REFUSED.get(asked.document.get("state") or "")) is not None:
        return Refusal(code, "state")
    begin, end = _window(asked)
    if not begin <= asked.at <= end:
        return Refusal(Code.CHECKIN_OUT_OF_WINDOW, "early" if asked.at < begin else "late")
    return _near(asked) if asked.rules.checkin.areas else {"allowed": True}


def _near(asked: Asked) -> Shape | Refusal:
    """Whether the place lies in one of the areas, or touches one as far as its accuracy is believed."""
    rules, place = asked.rules.checkin, _place(asked)
    believed = max(0.0, min(float(asked.text("accuracy") or 0), rules.accuracy_most))
    nearest = min(rules.areas, key=lambda area: outside(place, area))
    if outside(place, nearest) > believed:
        return Refusal(Code.CHECKIN_OUT_OF_AREA, "place")
    return {"allowed": True, "area": nearest.name}


def _place(asked: Asked) -> Place:
    """Where the person is, in gcj02. Raises BusError(VALIDATION_FAILED) where that is nowhere on earth."""
    lat, lng = asked.text("lat"), asked.text("lng")
    if lat is None or lng is None or abs(float(lat)) > 90 or abs(float(lng)) > 180:
        raise BusError(Code.VALIDATION_FAILED, "lat, lng: no place", spot="lat")
    given = Place(float(lat), float(lng))
    return to_gcj02(given) if asked.text("coord_type") == _WGS84 else given


def outside(place: Place, area: Area) -> float:
    """Metres from a gcj02 place to an area; 0 inside and on its edge."""
    if area.polygon is not None:
        return outside_polygon(place, [_gcj02(area, corner.lat, corner.lng) for corner in area.polygon])
    assert area.lat is not None, "an area is a circle or a polygon"
    assert area.lng is not None, "the same"
    assert area.radius_m is not None, "the same"
    return outside_circle(place, _gcj02(area, area.lat, area.lng), area.radius_m)


def _window(asked: Asked) -> tuple[datetime, datetime]:
    period, rules = Period.of(asked), asked.rules.checkin
    return period.begin - timedelta(seconds=rules.before), period.end + timedelta(seconds=rules.after)


def _drawn(asked: Asked) -> Iterator[dict[str, Any]]:
    for area in asked.rules.checkin.areas:
        if area.polygon is not None:
            yield {"name": area.name, "polygon": [_written(_gcj02(area, p.lat, p.lng)) for p in area.polygon]}
        elif area.lat is not None and area.lng is not None:
            centre = _written(_gcj02(area, area.lat, area.lng))
            yield {"name": area.name, **centre, "radius_m": area.radius_m}


def _gcj02(area: Area, lat: float, lng: float) -> Place:
    place = Place(lat, lng)
    return to_gcj02(place) if area.coords == _WGS84 else place


def _written(place: Place) -> dict[str, str]:
    return {"lat": f"{place.lat:.6f}", "lng": f"{place.lng:.6f}"}


OPERATIONS = (
    Operation(
        "checkin_options",
        "When and where one may check in.",
        "checkin_query",
        "checkin_options",
        Effect.NONE,
        pure(checkin_options),
    ),
    Operation(
        "checkin",
        "Lets a check-in pass.",
        "checkin_try",
        "checkin_place",
        Effect.NONE,
        pure(checkin),
        (
            Code.CHECKIN_OUT_OF_WINDOW,
            Code.CHECKIN_OUT_OF_AREA,
            Code.ALREADY_CHECKED_IN,
            Code.ALREADY_VISITED,
            Code.SCHEDULE_STOPPED,
            Code.STATE_CONFLICT,
            Code.NOT_FOUND,
        ),
    ),
)
