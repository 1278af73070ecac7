"""Databases through SQLAlchemy: statements that change, queries, procedures, and feeds of rows.

The library blocks: the engine lends threads. What each database needs stands in `dialects.py`.
"""

from adapters.sql.destination import SqlDestination
from adapters.sql.feed import SqlFeed
from adapters.sql.options import OperationOptions, ProfileOptions
from engine.contract import Adapter, Failure, InDoubt, Refused, Unavailable

ADAPTER = Adapter(
    name="sql",
    says="Databases: statements in one transaction, queries, procedures, and rows read on from a cursor",
    profile_options=ProfileOptions,
    operation_options=OperationOptions,
    destination=SqlDestination,
    feed=SqlFeed,
    feeds=lambda options: bool(options.cursor),
    blocking=True,
    failures=(
        Failure(
            Unavailable,
            "connect_failed",
            "no connection: nothing listens there, or the login is refused",
            (
                "refused",
                "black hole",
                "DNS gone",
                "certificate expired",
                "silence in the handshake",
                "an error for an hour",
            ),
        ),
        Failure(
            Unavailable,
            "timeout",
            "no end within `limits.total`, and no commit sent; `kind: call`: in doubt",
            ("silence", "slow drip"),
        ),
        Failure(
            Unavailable,
            "broken_off",
            "the connection broke before the commit was sent; `kind: call`: in doubt",
            ("reset after effect", "half a reply", "garbage"),
        ),
        Failure(Unavailable, "busy", "the database says that somebody else holds it: a lock, a deadlock, too many"),
        Failure(Unavailable, "database_error", "the database says that it cannot now"),
        Failure(Unavailable, "schema_failed", "the tables that the profile describes could not be made"),
        Failure(
            InDoubt,
            "timeout",
            "no answer to the commit within `limits.total`",
            ("silence at the commit", "slow drip at the commit"),
        ),
        Failure(
            InDoubt,
            "commit_lost",
            "the connection broke on the commit",
            ("reset after effect at the commit", "half a reply at the commit", "garbage at the commit"),
        ),
        Failure(InDoubt, "broken_off", "`kind: call` only: the connection broke"),
        Failure(Refused, "no value for *", "a parameter of the statement that was not mapped"),
        Failure(Refused, "constraint", "a constraint of the database"),
        Failure(Refused, "value", "a value that its column cannot have"),
        Failure(Refused, "statement", "the database does not take the statement: a missing table or right"),
        Failure(Refused, "parameters", "the driver does not take the values"),
        Failure(Refused, "too_many_rows", "more rows than a reply may have"),
    ),
    formats=("row",),
)
