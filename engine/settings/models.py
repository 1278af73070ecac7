"""The settings of a site (`config/`): where things are here. Every docstring is the reference page.

Defaults stand here and, with the reason for each, in `config/default.yaml`; a test compares them.
"""

from enum import Enum
from typing import Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from engine.contract import Limits as LinkLimits
from engine.settings.conduct import Rules
from engine.settings.registry import Registry
from engine.settings.systems import Breaker, Limits, Login, Retry, SecretRef, System
from engine.settings.texts import Text
from engine.settings.units import Duration, Listen, Network, Size, wrong

YEAR = 365 * 86400.0
HALF_A_YEAR = 180 * 86400.0


class Site(Text):
    """Whose bus this is."""

    name: str = "hisbus"
    """The hospital's name, shown to people."""
    environment: str = "default"
    """`production` turns on the rules for real patients; `$HISBUS_ENV` sets it unless it is written."""
    timezone: str = "Asia/Shanghai"
    """The zone of schedules, closed hours and dates without one. A container's own zone is UTC."""
    campuses: list[str] = Field(default=["main"], min_length=1)
    """The campuses (院区) of this hospital; the first is meant where a caller names none."""
    calendar: str | None = None
    """A file below the site's folder with days off and worked weekends (调休), for schedules that say `days`."""

    @field_validator("timezone")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, OSError, ValueError) as error:  # no such zone, or no name of one
            raise wrong("this time zone is not known", "write it like Asia/Shanghai") from error
        return value

    @property
    def zone(self) -> ZoneInfo:
        """The site's zone."""
        return ZoneInfo(self.timezone)


class Commit(Enum):
    """Where an embedded journal commits."""

    AUTO = "auto"
    LOOP = "loop"
    THREAD = "thread"


class Keep(Text):
    """How long each kind of record is kept."""

    bodies: Duration = 30 * 86400.0
    """Message bodies: after that the day's key is destroyed, and with it the day, in backups too."""
    history: Duration = 2 * YEAR
    """What happened to each message, without its body."""
    keys: Duration = 30 * 86400.0
    """Idempotency keys: a repeat within this time is recognised. No longer than bodies, as answers go with them."""
    audit: Duration = 3 * YEAR
    """Who asked what about whom; the law asks for six months at least."""

    @field_validator("audit")
    @classmethod
    def _long_enough(cls, value: float) -> float:
        if value < HALF_A_YEAR:
            raise wrong("audit records are kept for six months at least", "write 180d or more")
        return value

    @model_validator(mode="after")
    def _answered(self) -> Self:
        """Whoever repeats the key of a call is told its answer; without one he would hear "not known yet" for good."""
        if self.keys > self.bodies:
            raise wrong("keys outlive the answers that they stand for", "keep keys no longer than bodies")
        return self


class JournalSettings(Text):
    """The durable store of messages and deliveries."""

    url: str = "sqlite:///var/journal.db"
    """`sqlite:///file` below the site's folder, or `postgresql://host/database` for a server."""
    login: Login | None = None
    """User and password of a PostgreSQL journal."""
    node: str = Field(default="bus", pattern=r"^[A-Za-z0-9._-]{1,64}$")
    """This bus's name among those that share a PostgreSQL journal; each has its own, and keeps it over restarts."""
    reserve: Size = 512 * 1024**2
    """Free disk space below which nothing new is accepted; what was accepted is finished."""
    commit: Commit = Commit.AUTO
    """Commit on the event loop (fast disks) or in a thread (slow ones); `auto` measures at start."""
    keep: Keep = Keep()
    """How long each kind of record is kept."""
    key: SecretRef = SecretRef(secret="journal_key")  # noqa: S106 - a secret's name, not a secret
    """The key that wraps each day's key; kept and backed up apart from the journal."""
    day_keys: str | None = None
    """The folder of the wrapped day keys; without it a folder beside an embedded journal, a table in PostgreSQL."""

    @field_validator("url")
    @classmethod
    def _carried(cls, value: str) -> str:
        if not value.startswith(("sqlite:///", "postgresql://")):
            raise wrong(
                "the journal is SQLite or PostgreSQL", "write sqlite:///var/journal.db or postgresql://host/name"
            )
        if "@" in value:
            raise wrong("no user or password stands in the address", "write them under login: {user, password}")
        return value


class SecretSource(Text):
    """One place where secrets are looked up; the first place that has one wins."""

    files: str | None = None
    """A folder with one file per secret, named like it."""
    env: str | None = None
    """A prefix of environment variables: `HISBUS_SECRET_` finds `his_password` as `HISBUS_SECRET_HIS_PASSWORD`."""

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if (self.files is None) == (self.env is None):
            raise wrong(
                "a place for secrets is a folder or a prefix", "write {files: /run/secrets} or {env: HISBUS_SECRET_}"
            )
        return self


class Log(Text):
    """What the bus says about itself, as JSON lines on standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least important kind of line that is written."""


class Ops(Text):
    """`/metrics`, `/healthz` and `/readyz`."""

    listen: Listen | None = None
    """An address of their own; without one they stand on the channel's listener."""
    allow: list[Network] = Field(default=["127.0.0.1", "::1"])
    """Networks that may read them, like `10.1.0.0/16`; a request that a proxy passed on counts as not from here."""


class Control(Text):
    """How commands reach the running bus."""

    path: str = "var/control.sock"
    """The socket's file below the site's folder, open to the bus's own user only."""


class Stop(Text):
    """How the bus ends."""

    grace: Duration = 20.0
    """How long calls under way may take to end; what has not ended then is recorded as in doubt."""


class DeliveryDefaults(Text):
    """What holds for every system and step that says nothing else."""

    limits: Limits = Limits()
    """What a system can bear."""
    breaker: Breaker = Breaker()
    """When to leave a system alone."""
    retry: Retry = Retry()
    """How long steps are retried where no caller waits."""


class Config(Text):
    """All settings of a site: `default.yaml`, then `$HISBUS_ENV.yaml`, then `HISBUS__A__B` variables."""

    site: Site = Site()
    """Whose bus this is."""
    systems: dict[str, System] = Field(default_factory=dict)
    """The systems around the bus by the names that `routes.yaml` uses."""
    journal: JournalSettings = JournalSettings()
    """The durable store of messages and deliveries."""
    secrets: list[SecretSource] = Field(
        default=[SecretSource(files="/run/secrets"), SecretSource(env="HISBUS_SECRET_")], min_length=1
    )
    """Where secrets are looked up, in this order."""
    delivery: DeliveryDefaults = DeliveryDefaults()
    """What holds for every system and step that says nothing else."""
    registry: Registry = Registry()
    """What the bus itself keeps: bindings, grants, codes, proofs, hand-off tickets."""
    rules: Rules = Rules()
    """The hospital's rules: what must be filled in, who may book, return and check in, when, where."""
    log: Log = Log()
    """What the bus says about itself."""
    ops: Ops = Ops()
    """Metrics and health."""
    control: Control = Control()
    """How commands reach the running bus."""
    stop: Stop = Stop()
    """How the bus ends."""

    def limits(self, system: str, campus: str | None = None) -> LinkLimits:
        """The limits of a system at a campus: the campus's over the system's over `delivery.limits`."""
        merged = self.delivery.limits
        one = self.systems[system]
        for layer in (one.limits, one.at[campus].limits if campus in one.at else None):
            merged = merged.model_copy(update=layer.said()) if layer is not None else merged
        return LinkLimits(merged.at_once, merged.connect, merged.total, merged.idle, merged.size, merged.connections)

    def pace(self, system: str) -> float | None:
        """Calls a second that a system bears; None: as many as come."""
        own = self.systems[system].limits
        return own.pace if own is not None and "pace" in own.model_fields_set else self.delivery.limits.pace

    def breaker(self, system: str) -> Breaker:
        """When to leave a system alone: its own breaker, or that of `delivery`."""
        return self.systems[system].breaker or self.delivery.breaker
