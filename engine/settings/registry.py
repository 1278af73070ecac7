"""Settings of what the bus itself keeps (`registry:`): bindings, grants, codes, proofs, hand-off tickets."""

from typing import Literal

from pydantic import Field

from engine.settings.texts import Text
from engine.settings.units import Duration

_MINUTE, _DAY = 60.0, 86400.0


class Binding(Text):
    """Who may bind whom (绑定就诊人)."""

    per_user: int = Field(default=5, ge=1)
    """Patients that one user may have; one more is BIND_LIMIT."""
    per_patient: int = Field(default=5, ge=1)
    """Users that one patient may be bound to: the patient himself, parents, children."""
    proof: bool = True
    """Whether a binding needs the proof of a code that was sent to the patient's mobile number."""
    mobile: Literal["on_file", "any"] = "on_file"
    """Which number that must be: the one that the hospital has for the patient, where it has one; or any that the
    user says is his. Who knows a document's number and a name is not yet the patient."""


class Codes(Text):
    """Codes sent by message (短信验证码)."""

    digits: int = Field(default=6, ge=4, le=8)
    """How long a code is."""
    lasts: Duration = 5 * _MINUTE
    """How long it is good; once it was right it is used up."""
    tries: int = Field(default=5, ge=1, le=10)
    """Wrong codes after which the ticket is void."""
    pause: Duration = _MINUTE
    """How long one number waits for the next code."""
    per_day: int = Field(default=10, ge=1)
    """Codes for one number within 24 hours."""


class Proofs(Text):
    """Tokens that prove that a code was right, or a captcha passed."""

    lasts: Duration = 10 * _MINUTE
    """How long one is good; it is used up by what it was made for."""


class Tickets(Text):
    """Hand-off tickets to partners' applications (第三方跳转)."""

    lasts: Duration = 2 * _MINUTE
    """How long one is good; it is resolved once, by the partner that it was made for."""


class RegistryAt(Text):
    """What differs at one campus: each block stands whole in the place of the site's."""

    binding: Binding | None = None
    """Who may bind whom."""
    codes: Codes | None = None
    """Codes sent by message."""
    proofs: Proofs | None = None
    """Proof tokens."""
    tickets: Tickets | None = None
    """Hand-off tickets."""


class Registry(Text):
    """What only the bus can hold: bindings, grants and consents, codes, proofs, hand-off tickets,
    newest versions.
    """

    binding: Binding = Binding()
    """Who may bind whom."""
    codes: Codes = Codes()
    """Codes sent by message."""
    proofs: Proofs = Proofs()
    """Proof tokens."""
    tickets: Tickets = Tickets()
    """Hand-off tickets."""
    ended: Duration = 3 * 365 * _DAY
    """How long bindings and grants are kept after their end, as evidence."""
    versions: Duration = 365 * _DAY
    """How long the newest version of a report is remembered, so that an older one that comes late is known as such."""
    at: dict[str, RegistryAt] = Field(default_factory=dict)
    """What differs at a campus."""

    def of(self, campus: str) -> "Registry":
        """What holds at a campus."""
        return self.model_copy(update=said(self.at[campus])) if campus in self.at else self


def said(at: Text) -> dict[str, object]:
    """The blocks that a campus has of its own."""
    return {name: value for name in type(at).model_fields if (value := getattr(at, name)) is not None}
