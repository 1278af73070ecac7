"""The schema, once for SQLite and PostgreSQL. What each column promises: docs/delivery.md §2.

Times are microseconds UTC. Columns of bytes are ciphertext or keyed hashes: a journal, its log and
its backups show routes, systems, states, times and short words, and nothing that a patient brought.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    text,
)

metadata = MetaData()

_Big = BigInteger().with_variant(Integer, "sqlite")  # SQLite: only INTEGER is the row's own number, without an index


def _index(name: str, table: Table, columns: list[str], where: str | None = None, *, unique: bool = False) -> None:
    partial: dict[str, Any] = {} if where is None else {"sqlite_where": text(where), "postgresql_where": text(where)}
    Index(name, *(table.c[column] for column in columns), unique=unique, **partial)


facts = Table(
    "facts",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    comment="what the journal knows of itself: the schema's number, a check of the master secret",
)
nodes = Table(
    "nodes",
    metadata,
    Column("node", Text, primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("batch", BigInteger, nullable=False),
    Column("seen", BigInteger, nullable=False),
)
messages = Table(
    "messages",
    metadata,
    Column("seq", _Big, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False, unique=True),
    Column("route", Text, nullable=False),
    Column("release", Text, nullable=False),
    Column("received", BigInteger, nullable=False),
    Column("deadline", BigInteger),
    Column("parent", BigInteger, comment="the step it is a child of: place, as in bodies"),
    Column("open", Integer, nullable=False),
    Column("key", LargeBinary, comment="the key it was accepted under, to free it by"),
    Column("answer", LargeBinary),
)
_index("children", messages, ["parent"], "parent is not null")
keys = Table(
    "keys",
    metadata,
    Column("key", LargeBinary, primary_key=True, comment="keyed hash of route, sender and key"),
    Column("message", BigInteger, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("until", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
deliveries = Table(
    "deliveries",
    metadata,
    Column("message", BigInteger, primary_key=True, autoincrement=False),
    Column("step", SmallInteger, primary_key=True, autoincrement=False),
    Column("system", Text, nullable=False),
    Column("lane", LargeBinary),
    Column("state", Text, nullable=False),
    Column("holds", Boolean, nullable=False, comment="keeps its place in line"),
    Column("head", Boolean, nullable=False, comment="first in its line, or in none"),
    Column("needs", SmallInteger, nullable=False),
    Column("due", BigInteger, nullable=False),
    Column("first_due", BigInteger, nullable=False, comment="policies count from here"),
    Column("attempt", Integer, nullable=False),
    Column("owner", Text, comment="node/epoch"),
    Column("outcome", Text, comment="verdict of the last attempt"),
    Column("code", Text),
    Column("why", Text, comment="for parked and given_up: a short word for people"),
    sqlite_with_rowid=False,
)
_index("one_head", deliveries, ["lane"], "head and lane is not null", unique=True)  # the database refuses two heads
_index("in_lane", deliveries, ["lane", "message", "step"], "holds and lane is not null")
_index("due", deliveries, ["system", "state", "due", "message", "step"], "state = 'ready' or state = 'doubtful'")
_index("owned", deliveries, ["owner"], "owner is not null")
_index("parked", deliveries, ["system"], "state = 'parked'")
splits = Table(
    "splits",
    metadata,
    Column("place", _Big, primary_key=True, autoincrement=False, comment="the step that makes children, as in bodies"),
    Column("taken", Integer, nullable=False, comment="items that are children by now, or need not become any"),
    Column("open", Integer, nullable=False, comment="children with a delivery that is not final"),
    Column("freed", Text, comment="once all are made: steps that wait for the last of them to be final"),
    comment="steps whose children are being made or under way; a row goes with the last of these",
)
attempts = Table(
    "attempts",
    metadata,
    Column("message", BigInteger, primary_key=True, autoincrement=False),
    Column("step", SmallInteger, primary_key=True, autoincrement=False),
    Column("n", Integer, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("sealed", LargeBinary),
    Column("ended", BigInteger),
    Column("outcome", Text),
    Column("code", Text),
    Column("reply", LargeBinary),
)
evidence = Table(
    "evidence",
    metadata,
    Column("id", _Big, primary_key=True, autoincrement=True),
    Column("message", BigInteger, nullable=False),
    Column("step", SmallInteger, nullable=False),
    Column("n", Integer, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("outcome", Text),
    Column("code", Text),
    Column("reply", LargeBinary),
    comment="outcomes that changed nothing (too late), or that a later one replaced",
)
_index("evidence_of", evidence, ["message"])
bodies = Table(
    "bodies",
    metadata,
    Column("place", _Big, primary_key=True, autoincrement=False, comment="message * 4096 + part: see bodies.py"),
    Column("data", LargeBinary, nullable=False),
)
parts = Table(
    "parts",
    metadata,
    Column("id", Text, primary_key=True, comment="the message's id: its parts may come before it"),
    Column("part", Text, primary_key=True),
    Column("n", Integer, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("data", LargeBinary, nullable=False),
)
finds = Table(
    "finds",
    metadata,
    Column("hash", LargeBinary, primary_key=True, comment="keyed hash of kind and value"),
    Column("message", BigInteger, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)
_index("finds_of", finds, ["message"])
amendments = Table(
    "amendments",
    metadata,
    Column("place", _Big, primary_key=True, autoincrement=False, comment="the amended step, as in bodies"),
    Column("newer", BigInteger, nullable=False, comment="the later message whose content it carries"),
    comment="steps whose content a correction has replaced",
)
_index("amending", amendments, ["newer"])
riders = Table(
    "riders",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)
releases = Table(
    "releases",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("content", LargeBinary, nullable=False, comment="texts of a release: no data of patients"),
)
day_keys = Table(
    "day_keys",
    metadata,
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("wrapped", LargeBinary, nullable=False),
    comment="only where no folder is set for them (PostgreSQL)",
)
acts = Table(
    "acts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("message", BigInteger, nullable=False),
    Column("step", SmallInteger, nullable=False),
    Column("verb", Text, nullable=False),
    Column("said", LargeBinary, nullable=False, comment="who and why, under the audit key"),
)
_index("acts_of", acts, ["message"])
records = Table(
    "records",
    metadata,
    Column("key", LargeBinary, primary_key=True, comment="keyed hash of kind and key"),
    Column("kind", Text, nullable=False),
    Column("owner", LargeBinary, comment="keyed hash of kind and owner"),
    Column("version", BigInteger, nullable=False),
    Column(
        "value", LargeBinary, nullable=False, comment="under the key of records, not a day's: they outlive the days"
    ),
    Column("until", BigInteger, comment="when it may be forgotten"),
    sqlite_with_rowid=False,
    comment="what only the bus holds (bindings, grants, tickets): changed within settles only",
)
_index("records_of", records, ["owner"], "owner is not null")
_index("records_until", records, ["until"], "until is not null")
reads = Table(
    "reads",
    metadata,
    Column("id", _Big, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("operation", Text, nullable=False),
    Column("client", Text, nullable=False),
    Column("campus", Text, nullable=False),
    Column("subject", LargeBinary, comment="keyed hash of whom was asked about"),
    Column("code", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("remote", Text, nullable=False),
    Column("effect", Text, nullable=False),
    Column("trace", Text, nullable=False),
    Column("count", Integer, nullable=False, comment="entries that were shown"),
    Column("unmasked", Boolean, nullable=False),
    Column("took", BigInteger, nullable=False),
    Column("node", Text, nullable=False),
    Column("n", BigInteger, comment="its place in the node's chain: see audit.py"),
    Column("prev", LargeBinary),
    Column("mac", LargeBinary),
    comment="what channel applications asked, each row sealed with the one before it",
)
_index("reads_of", reads, ["subject", "at"], "subject is not null")
_index("chained", reads, ["node", "n"], "n is not null", unique=True)
