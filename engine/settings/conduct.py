"""Settings of the hospital's rules (`rules:`): what must be filled in, who may book, return and check in, when, where.

The rule table that hospitals bring: his-webservice §6.1.
"""

from typing import Literal, Self

from pydantic import Field, model_validator

from engine.settings.registry import said
from engine.settings.texts import Text
from engine.settings.units import ClockTime, Duration, Span, wrong

PatientField = Literal[
    "name", "id_type", "id_no", "sex", "birth_date", "mobile", "nationality", "ethnicity", "occupation",
    "current_address", "detail_address", "guardian.name", "guardian.id_no", "guardian.mobile", "guardian.relation",
]  # fmt: skip
"""What a patient's data may be asked for."""


class Complete(Text):
    """Which data of a patient must be filled in (资料完善)."""

    bind: list[PatientField] = Field(default=["name", "id_type", "id_no", "mobile"])
    """Before a patient is bound."""
    appointment: list[PatientField] = Field(default=["name", "id_type", "id_no", "sex", "birth_date", "mobile"])
    """Before a slot is locked."""
    guardian_below: int = Field(default=14, ge=0, le=18)
    """Fields of the guardian are asked for below this age only, in years."""


class BookingLimits(Text):
    """How many bookings a patient may have; null: as many as there are."""

    per_doctor_day: int | None = Field(default=1, ge=1)
    """With one doctor on one day."""
    per_day: int | None = Field(default=4, ge=1)
    """On one day."""
    per_week: int | None = Field(default=None, ge=1)
    """In one week, Monday to Sunday."""
    per_month: int | None = Field(default=None, ge=1)
    """In one month."""
    cancels_per_day: int | None = Field(default=3, ge=1)
    """Cancelled today: with so many, nothing is booked any more today."""
    cancels_per_month: int | None = Field(default=None, ge=1)
    """Cancelled this month."""


class Captcha(Text):
    """When a captcha has to be passed before a slot is locked (抢号高峰)."""

    windows: list[Span] = Field(default_factory=list)
    """Hours of the day in which it is asked for; none: never."""
    provider: str = ""
    """Whose it is, for the application."""
    app_id: str = ""
    """The hospital's number there, for the application."""


class Cutoff(Text):
    """Until when a booking can be cancelled or returned."""

    by: Literal["day_before", "same_day", "before_begin", "begin", "end", "before_end", "unlimited"]
    """`day_before` and `same_day` at a time of the day, `before_begin` and `before_end` by a duration, the period's
    `begin` or `end`, or no limit.
    """
    at: ClockTime | None = None
    """The time of day, for `day_before` and `same_day`."""
    before: Duration | None = None
    """How long before, for `before_begin` and `before_end`."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        for key, kinds, example in (
            ("at", ("day_before", "same_day"), 'at: "17:00"'),
            ("before", ("before_begin", "before_end"), "before: 2h"),
        ):
            given = getattr(self, key) is not None
            if given != (self.by in kinds):
                hint = f"leave '{key}' out" if given else f"write {example}"
                raise wrong(f"{self.by!r} {'has no' if given else 'needs'} {key!r}", hint)
        return self

    def words(self) -> str:
        """The rule in a few words, like `before_begin 2h`."""
        shown = self.model_dump(mode="json", exclude_none=True)
        return " ".join(str(shown[key]) for key in ("by", "at", "before") if key in shown)


class Returning(Text):
    """Cancelling and returning (取消、退号)."""

    booking: Cutoff | None = Cutoff(by="begin")
    """Of bookings made ahead (预约); null: not here, only at the counter."""
    today: Cutoff | None = Cutoff(by="begin")
    """Of what was registered for the same day (当班); null: not here."""
    missed_days: int = Field(default=0, ge=0, le=90)
    """A visit that was missed when it was called (过号) can be returned until so many days after its date; 0: never."""


class Point(Text):
    """A corner of an area, in degrees."""

    lat: float = Field(ge=-90, le=90)
    """North."""
    lng: float = Field(ge=-180, le=180)
    """East."""


class Area(Text):
    """Where one may check in: a circle (`lat`, `lng`, `radius_m`) or a `polygon`."""

    name: str = Field(min_length=1)
    """For people."""
    coords: Literal["gcj02", "wgs84"] = "gcj02"
    """What the numbers are: of a Chinese map (高德、腾讯), or of GPS."""
    lat: float | None = Field(default=None, ge=-90, le=90)
    """Of the circle's centre, degrees north."""
    lng: float | None = Field(default=None, ge=-180, le=180)
    """Of the circle's centre, degrees east."""
    radius_m: int | None = Field(default=None, ge=10, le=20_000)
    """Of the circle, in metres."""
    polygon: list[Point] | None = Field(default=None, min_length=3)
    """The corners in order; the last is joined to the first."""

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        circle = [self.lat is not None, self.lng is not None, self.radius_m is not None]
        if any(circle) == (self.polygon is not None) or not (all(circle) or self.polygon):
            raise wrong("an area is a circle or a polygon", "write lat, lng and radius_m, or polygon")
        return self


class Checkin(Text):
    """When and where one may check in (自助报到)."""

    before: Duration = 3600.0
    """From how long before the period begins."""
    after: Duration = 0.0
    """Until how long after it ends."""
    areas: list[Area] = Field(default_factory=list)
    """Where; none: anywhere, nobody is asked for a place."""
    accuracy_most: int = Field(default=100, ge=0, le=1000)
    """Metres. A place counts where its circle of accuracy touches an area, but no more of it than this."""


class RulesAt(Text):
    """What differs at one campus: each block stands whole in the place of the site's."""

    complete: Complete | None = None
    """Which data must be filled in."""
    limits: BookingLimits | None = None
    """How many bookings a patient may have."""
    captcha: Captcha | None = None
    """When a captcha has to be passed."""
    returning: Returning | None = None
    """Until when what can be returned."""
    checkin: Checkin | None = None
    """When and where one may check in."""


class Rules(Text):
    """The hospital's rules, as the operations of `rules.…` apply them."""

    complete: Complete = Complete()
    """Which data must be filled in."""
    limits: BookingLimits = BookingLimits()
    """How many bookings a patient may have."""
    captcha: Captcha = Captcha()
    """When a captcha has to be passed."""
    returning: Returning = Returning()
    """Until when what can be returned."""
    checkin: Checkin = Checkin()
    """When and where one may check in."""
    at: dict[str, RulesAt] = Field(default_factory=dict)
    """What differs at a campus."""

    def of(self, campus: str) -> "Rules":
        """What holds at a campus."""
        return self.model_copy(update=said(self.at[campus])) if campus in self.at else self
