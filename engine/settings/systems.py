"""The settings of one system around the bus: where it is, who we are there, what it can bear."""

from typing import Any, Literal

from pydantic import Field, model_validator

from engine.contract import Limits as LinkLimits
from engine.settings.texts import Text
from engine.settings.units import Duration, Listen, Network, Origin, Pace, Size, Span, wrong

PLAIN = LinkLimits()


class SecretRef(Text):
    """A secret by its name: `{secret: his_password}`. It is opened when it is used; printing it prints the name."""

    secret: str = Field(min_length=1)
    """The secret's name, looked up in the places of `secrets`."""

    @model_validator(mode="before")
    @classmethod
    def _by_name(cls, value: Any) -> Any:
        if not isinstance(value, dict | SecretRef):
            raise wrong("a secret stands here by its name only", "write {secret: its_name}")
        return value


class Login(Text):
    """Who the bus is at a system."""

    user: str = ""
    """The user's name; empty where the system only knows a key."""
    password: SecretRef
    """The password, by the name of a secret."""


class TlsFiles(Text):
    """Files for TLS, below the site's folder."""

    ca: str | None = None
    """Certificates to trust; without it those of the operating system."""
    cert: str | None = None
    """The certificate to show."""
    key: str | None = None
    """The private key of `cert`."""
    verify: bool = True
    """Whether the other side's certificate is checked; off only in a sandbox."""


class Limits(Text):
    """What one system can bear. What is not written comes from `delivery.limits`."""

    at_once: int = Field(default=PLAIN.at_once, ge=1, le=1000)
    """Calls under way at the same time; for libraries that block also the number of threads."""
    connect: Duration = PLAIN.connect
    """Time to make a connection."""
    total: Duration = PLAIN.total
    """Time for one whole call; a call that takes longer is in doubt."""
    idle: Duration = PLAIN.idle
    """A kept connection is closed after this time without traffic."""
    size: Size = PLAIN.size
    """The largest message taken from, or expected of, this system."""
    connections: int = Field(default=PLAIN.connections, ge=1)
    """Connections a listener keeps open at the same time."""
    pace: Pace | None = None
    """At most so many calls in a time; the rest waits its turn."""

    def said(self) -> dict[str, object]:
        """The limits that were written, without defaults."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class Breaker(Text):
    """When a system that does not answer is left alone."""

    after: int = Field(default=5, ge=1)
    """Calls that failed one after another before the breaker opens."""
    pause: Duration = 10.0
    """How long it stays open before one call tries again."""


class Retry(Text):
    """How long a call that surely was not read is tried again."""

    for_: Duration = Field(default=86400.0, alias="for")
    """From when the delivery first became due; the pauses grow and are jittered."""
    then: Literal["park", "fail"] = "park"
    """When that time is over: `park` for a person, or `fail`, which starts `on_failure`."""


class Client(Text):
    """A caller of the channel: an application with a key of its own."""

    secret: str = Field(min_length=1)
    """The name of the secret that signs its calls."""
    second_secret: str | None = None
    """The name of another secret that counts too, while the application changes from one to the other."""
    campuses: list[str] = Field(default_factory=list)
    """Campuses it may name; none written: all of the site."""
    scopes: list[str] = Field(default_factory=list)
    """What it may do, as the contracts of the operations ask; `report.*` covers all that start so."""
    unmask: bool = False
    """Whether it may see personal data unmasked."""
    pace: Pace = 100.0
    """At most so many calls in a time; what is over it is told to wait."""


class Cors(Text):
    """Pages of other sites whose scripts may call the channel from a browser."""

    origins: list[Origin] = Field(min_length=1)
    """The sites, each by name: `https://app.hospital.example`. There is no `*`, and credentials are never allowed."""
    max_age: Duration = 600.0
    """How long a browser may keep the permission."""


class At(Text):
    """What differs at one campus; what is not written is the same as everywhere."""

    url: str | None = None
    """The address at this campus."""
    listen: Listen | None = None
    """Where the bus listens for this campus's system."""
    login: Login | None = None
    """Who the bus is there."""
    tls: TlsFiles | None = None
    """TLS there."""
    limits: Limits | None = None
    """What the system there can bear."""
    settings: dict[str, str] = Field(default_factory=dict)
    """Values for names that the profile reads as `$name`, where they differ."""


class System(Text):
    """One system around the bus, by the name that `routes.yaml` uses."""

    profile: str
    """How it speaks: a file below `mappings/`, like `his/acme`."""
    url: str | None = None
    """Where it is, for calls from the bus."""
    listen: Listen | None = None
    """Where the bus listens for it."""
    allow: list[Network] = Field(default_factory=list)
    """Networks whose peers are listened to, like `10.1.0.0/16`; none written: all."""
    at: dict[str, At] = Field(default_factory=dict)
    """What differs at one campus."""
    login: Login | None = None
    """Who the bus is there."""
    tls: TlsFiles | None = None
    """Files for TLS; without it none is used, unless the address asks for it."""
    limits: Limits | None = None
    """What it can bear."""
    settings: dict[str, str] = Field(default_factory=dict)
    """Values for the names that its profile reads as `$name`: a hospital's code at this partner."""
    breaker: Breaker | None = None
    """When to leave it alone."""
    closed: list[Span] = Field(default_factory=list)
    """Hours in which it takes no calls (日结): deliveries wait, callers are told."""
    clients: dict[str, Client] = Field(default_factory=dict)
    """The applications that may call, for a system that is the channel."""
    cors: Cors | None = None
    """Which sites' scripts may call the channel from a browser; none unless written."""
    docs: Literal["public", "clients", "off"] = "clients"
    """Who may read the channel's `openapi.json` and `docs` below its base: everybody, or applications that sign."""
    accept_processing_ids: list[Literal["P", "T", "D"]] = Field(default=["P"], min_length=1)
    """HL7 processing ids (MSH-11) that are taken: production, training, debugging."""
    create: bool = False
    """Makes the tables that its profile describes where they are missing."""
