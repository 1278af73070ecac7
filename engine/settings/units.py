"""Values with written units: `8s`, `512MB`, `20/s`, `127.0.0.1:2575`, `00:00-00:20`.

Each type reads text and gives plain numbers (seconds, bytes, calls a second), and is written back
with its unit when settings are shown. A missing unit is a finding that says what to write.
"""

import re
from collections.abc import Callable
from datetime import time
from ipaddress import ip_network
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "y": 365 * 86400.0}
_BYTES = {"B": 1, "kB": 1024, "MB": 1024**2, "GB": 1024**3}
_PER = {"s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|y)\Z")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(B|[kK]B|MB|GB)\Z")
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:\d{1,5})?\Z")
_PACE = re.compile(r"(\d+(?:\.\d+)?)/(s|m|h)\Z")
_LISTEN = re.compile(r"(\[[0-9a-fA-F:]+\]|[^\s:/]+):(\d{1,5})\Z")
_CLOCK = re.compile(r"(\d\d):(\d\d)\Z")
_SPAN = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)\Z")


def wrong(what: str, hint: str = "") -> PydanticCustomError:
    """A finding raised inside a model: `what` is wrong and, as the hint, what to write."""
    return PydanticCustomError("finding", "{what}", {"what": what, "hint": hint})


def parse_duration(value: Any) -> float:
    """Seconds of `500ms`, `8s`, `10m`, `24h`, `30d`, `2y` (a year has 365 days)."""
    if _is_number(value) or (isinstance(value, str) and _is_digits(value)):
        raise wrong(f"a duration needs its unit, {value} could be anything", f"write {value}s, {value}m or {value}h")
    found = _DURATION.match(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise wrong("this is not a duration", "write it like 500ms, 8s, 10m, 24h, 30d or 2y")
    return float(found[1]) * _SECONDS[found[2]]


def say_duration(seconds: float) -> str:
    """The shortest written form: `8s`, `24h` is `1d`."""
    for unit in ("y", "d", "h", "m", "s"):
        if seconds >= _SECONDS[unit] and seconds % _SECONDS[unit] == 0:
            return f"{seconds / _SECONDS[unit]:.0f}{unit}"
    return f"{round(seconds * 1000)}ms" if seconds else "0s"


def parse_size(value: Any) -> int:
    """Bytes of `512B`, `64kB`, `20MB`, `2GB`; a kB is 1024 bytes."""
    if _is_number(value) or (isinstance(value, str) and _is_digits(value)):
        raise wrong(f"a size needs its unit, {value} could be anything", f"write {value}MB, {value}kB or {value}B")
    found = _SIZE.match(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise wrong("this is not a size", "write it like 512B, 64kB, 20MB or 2GB")
    return int(float(found[1]) * _BYTES[found[2].replace("K", "k")])


def say_size(size: int) -> str:
    """The shortest written form of a number of bytes."""
    for unit in ("GB", "MB", "kB"):
        if size >= _BYTES[unit] and size % _BYTES[unit] == 0:
            return f"{size // _BYTES[unit]}{unit}"
    return f"{size}B"


def parse_pace(value: Any) -> float:
    """Calls a second of `20/s`, `300/m`, `1000/h`."""
    found = _PACE.match(value.strip()) if isinstance(value, str) else None
    if found is None or not float(found[1]):
        raise wrong("this is not a pace", "write how many calls in which time: 20/s, 300/m or 1000/h")
    return float(found[1]) / _PER[found[2]]


def say_pace(rate: float) -> str:
    """The written form of a pace given in calls a second."""
    unit = next((unit for unit, seconds in _PER.items() if rate * seconds >= 1), "h")
    count = f"{rate * _PER[unit]:.6f}".rstrip("0").rstrip(".")
    return f"{count}/{unit}"


def parse_listen(value: Any) -> tuple[str, int]:
    """Host and port of `127.0.0.1:2575`, `0.0.0.0:8080`, `[::]:8443`; port 0 takes a free one."""
    if isinstance(value, int):
        raise wrong("an address to listen on needs its host", f"write 127.0.0.1:{value}, or 0.0.0.0:{value} for all")
    found = _LISTEN.match(value.strip()) if isinstance(value, str) else None
    if found is None or int(found[2]) > 65535:
        raise wrong("this is not an address to listen on", "write host:port like 127.0.0.1:2575")
    return found[1].strip("[]"), int(found[2])


def say_listen(address: tuple[str, int]) -> str:
    """The written form of a host and a port."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def parse_span(value: Any) -> tuple[time, time]:
    """Begin and end of `00:00-00:20` in the site's zone; `23:50-00:10` passes midnight."""
    found = _SPAN.match(value.strip()) if isinstance(value, str) else None
    try:
        if found is not None and found[0][:5] != found[0][6:]:
            return time(int(found[1]), int(found[2])), time(int(found[3]), int(found[4]))
    except ValueError:
        pass
    raise wrong("this is not a time of day from-to", 'write it in quotes like "00:00-00:20"')


def say_span(span: tuple[time, time]) -> str:
    """The written form of a time of day from-to."""
    return f"{span[0]:%H:%M}-{span[1]:%H:%M}"


def parse_clock(value: Any) -> time:
    """A time of day, `17:00`, in the site's zone."""
    found = _CLOCK.match(value.strip()) if isinstance(value, str) else None
    try:
        if found is not None:
            return time(int(found[1]), int(found[2]))
    except ValueError:
        pass
    raise wrong("this is not a time of day", 'write it in quotes like "17:00"')


def say_clock(value: time) -> str:
    """The written form of a time of day."""
    return f"{value:%H:%M}"


def check_network(value: str) -> str:
    """A network or one address, like `10.1.0.0/16` or `10.1.2.3`, as it was written."""
    try:
        ip_network(value)
    except ValueError as error:
        raise wrong(f"{value!r} is not a network", "write it like 10.1.0.0/16 or 10.1.2.3") from error
    return value


def check_origin(value: str) -> str:
    """A web site as browsers name it in `Origin`: `https://app.hospital.example`, with a port where it has one."""
    if not _ORIGIN.match(value):
        raise wrong(f"{value!r} is not the origin of a web site", "write it like https://app.hospital.example")
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_digits(value: str) -> bool:
    return value.strip().replace(".", "", 1).isdigit()


def _written(pattern: re.Pattern[str], *examples: str) -> WithJsonSchema:
    plain = pattern.pattern.removesuffix(r"\Z")
    return WithJsonSchema({"type": "string", "pattern": f"^{plain}$", "examples": list(examples)})


def _shown(say: Callable[[Any], str]) -> PlainSerializer:
    return PlainSerializer(say, return_type=str)


Duration: TypeAlias = Annotated[
    float, BeforeValidator(parse_duration), _shown(say_duration), _written(_DURATION, "8s", "24h")
]
"""Seconds, written `500ms`, `8s`, `10m`, `24h`, `30d`, `2y`."""

Size: TypeAlias = Annotated[int, BeforeValidator(parse_size), _shown(say_size), _written(_SIZE, "20MB")]
"""Bytes, written `512B`, `64kB`, `20MB`, `2GB`."""

Pace: TypeAlias = Annotated[float, BeforeValidator(parse_pace), _shown(say_pace), _written(_PACE, "20/s")]
"""Calls a second, written `20/s`, `300/m`, `1000/h`."""

Listen: TypeAlias = Annotated[
    tuple[str, int], BeforeValidator(parse_listen), _shown(say_listen), _written(_LISTEN, "127.0.0.1:2575")
]
"""A host and a port to listen on, written `127.0.0.1:2575`."""

Span: TypeAlias = Annotated[
    tuple[time, time], BeforeValidator(parse_span), _shown(say_span), _written(_SPAN, "00:00-00:20")
]
"""A time of day from-to in the site's zone, written `00:00-00:20`."""

ClockTime: TypeAlias = Annotated[time, BeforeValidator(parse_clock), _shown(say_clock), _written(_CLOCK, "17:00")]
"""A time of day in the site's zone, written `17:00`."""

Network: TypeAlias = Annotated[str, AfterValidator(check_network)]
"""A network, written `10.1.0.0/16`, or one address."""

Origin: TypeAlias = Annotated[str, AfterValidator(check_origin)]
"""A web site, written `https://app.hospital.example`."""
