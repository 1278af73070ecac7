"""Prometheus metrics, each defined once. Labels are names of systems, routes and words: never data."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

REGISTRY = CollectorRegistry()
"""The bus's own registry: nothing of a library gets in unasked."""

_FAST = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)

RECEIVED = Counter("hisbus_received", "Messages read by a source", ["system", "result"], registry=REGISTRY)
"""result: accepted, duplicate, refused, busy."""
ATTEMPTS = Counter("hisbus_attempts", "Calls made to systems", ["system", "operation", "verdict"], registry=REGISTRY)
CALL_TIME = Histogram("hisbus_call_seconds", "Time a system took", ["system"], buckets=_FAST, registry=REGISTRY)
COMMIT_TIME = Histogram("hisbus_commit_seconds", "Time of a group commit", buckets=_FAST, registry=REGISTRY)
COMMIT_SIZE = Histogram(
    "hisbus_commit_marks", "Marks in a group commit", buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512), registry=REGISTRY
)
STATES = Gauge("hisbus_deliveries", "Deliveries ready, doubtful or parked", ["system", "state"], registry=REGISTRY)
BREAKER = Gauge("hisbus_breaker_open", "1 while a system's breaker is open", ["system"], registry=REGISTRY)
STUCK = Gauge("hisbus_stuck_threads", "Threads whose call passed its limit", ["system"], registry=REGISTRY)
RESTARTS = Gauge("hisbus_task_restarts", "Restarts of a long-lived task", ["task"], registry=REGISTRY)
ANSWERS = Counter("hisbus_answers", "Answers to channel applications", ["operation", "code"], registry=REGISTRY)
ANSWER_TIME = Histogram(
    "hisbus_answer_seconds", "Time a channel application waited", ["operation"], buckets=_FAST, registry=REGISTRY
)
READS = Counter("hisbus_reads", "Answers to reads of channel applications", ["operation", "how"], registry=REGISTRY)
"""how: asked (a system was called), shared (somebody's call was waited for), kept (from memory), stale (the system is
down)."""
ASKED = Counter("hisbus_asked", "Runs of a schedule", ["route", "result"], registry=REGISTRY)
"""result: good, failed."""
ASKED_AT = Gauge(
    "hisbus_asked_last_good_timestamp_seconds",
    "When the last run began that ended well",
    ["route", "source", "campus"],
    registry=REGISTRY,
)


def page() -> bytes:
    """The text for `/metrics`."""
    return generate_latest(REGISTRY)
