"""The hospital's clock: microseconds inside, Chinese wall time on the wire (no summer time since 1991)."""

from datetime import UTC, datetime, timedelta, timezone

ZONE = timezone(timedelta(hours=8), "CST")
SECOND = 1_000_000


def now() -> int:
    """Microseconds since 1970, UTC."""
    return int(datetime.now(UTC).timestamp() * SECOND)


def local(at: int) -> datetime:
    """An instant as the clock on the ward shows it."""
    return datetime.fromtimestamp(at / SECOND, ZONE)


def instant(moment: datetime) -> int:
    """The reverse of `local`."""
    return int(moment.timestamp() * SECOND)


def hl7(at: int | None, *, zone: bool = False) -> str:
    """`YYYYMMDDHHMMSS`, with `+0800` where a sender writes its zone; empty for None."""
    if at is None:
        return ""
    return local(at).strftime("%Y%m%d%H%M%S") + ("+0800" if zone else "")


def shown(at: int | None) -> str:
    """`yyyy-MM-dd HH:mm:ss`, as Chinese back ends and people write it; empty for None."""
    return local(at).strftime("%Y-%m-%d %H:%M:%S") if at is not None else ""
