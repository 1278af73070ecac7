"""Logging: structlog to JSON lines, and only keys that are on the list.

The list is the guard: a key that is not on it is dropped and counted, so that no line can carry a
body, a name or a number by accident. Values are short words, numbers and our own identifiers.
"""

import logging
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, TextIO

import structlog

ALLOWED = frozenset({
    "event", "level", "timestamp", "logger", "version",
    "id", "message", "step", "attempt", "route", "system", "operation", "release", "campus", "profile",
    "outcome", "state", "code", "why", "error", "detail", "exit",
    "count", "bytes", "took_ms", "wait_ms", "due_in_s", "open", "backlog", "size", "limit", "drift_us",
    "host", "port", "path", "file", "line", "column", "task", "restarts", "node", "epoch", "batch",
    "adapter", "listener", "connection", "status", "method", "client", "channel", "signal", "reason",
})  # fmt: skip
"""Keys that a log line may carry. `path` is a file's or a contract's template, never a filled-in URL."""

_LIMIT = 300


def _only_allowed(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if "module" in event:
        event["logger"] = event.pop("module")
    dropped = [key for key in event if key not in ALLOWED]
    for key in dropped:
        del event[key]
    if dropped:
        event["count"] = event.get("count", len(dropped))
        event["why"] = event.get("why", "keys dropped that are not on the list")
    for key, value in event.items():
        if isinstance(value, str) and len(value) > _LIMIT:
            event[key] = value[:_LIMIT] + "…"
        elif not isinstance(value, str | int | float | bool | type(None)):
            event[key] = type(value).__name__
    return event


def set_up(level: str = "info", stream: TextIO | None = None) -> None:
    """Sends every line, ours and the libraries', as JSON to `stream` (standard error)."""
    threshold = getattr(logging, level.upper())
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            _only_allowed,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.WriteLoggerFactory(file=stream or sys.stderr),
        cache_logger_on_first_use=False,
    )
    # Libraries may put a URL or a value into a message: only their name and level are kept.
    logging.basicConfig(handlers=[_Muted()], level=logging.WARNING, force=True)


@contextmanager
def only(level: str) -> Iterator[None]:
    """Inside, only lines of this level and above are written: for verbs whose output is their own."""
    before = structlog.get_config()
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )
    try:
        yield
    finally:
        structlog.configure(**before)


class _Muted(logging.Handler):
    """Says that a library logged, where and how bad; never what it said."""

    def emit(self, record: logging.LogRecord) -> None:
        get("library").log(record.levelno, "library_warning", detail=record.name, line=record.lineno)


def get(name: str) -> Any:
    """A logger for one module: `log.get("journal").info("opened", path=…)`."""
    return structlog.get_logger(module=name)  # "logger" is an argument of structlog's own, see _only_allowed
