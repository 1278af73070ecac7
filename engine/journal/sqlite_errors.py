"""SQLite's errors in the journal's own words: the database's may quote values."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from engine.journal.errors import Damaged, DatabaseDown, DatabaseFull, MarkRefused

_REFUSED = (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.InterfaceError, sqlite3.ProgrammingError)
_BAD_VALUE = (UnicodeError, OverflowError, TypeError, ValueError)  # said by the driver before SQLite sees the value
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_PRIMARY = 0xFF
"""The part of a code that says the kind; the rest tells its cases apart."""


def understood(error: BaseException) -> BaseException:
    """What the journal says instead; an error of another kind as it is."""
    if isinstance(error, (*_REFUSED, *_BAD_VALUE)):
        return MarkRefused(type(error).__name__)
    if not isinstance(error, sqlite3.DatabaseError):
        return error
    code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    if code in _DAMAGED:
        return Damaged(f"the journal's file is damaged ({name}): keep a copy of it, and restore a backup")
    if code == sqlite3.SQLITE_FULL:
        return DatabaseFull(name)
    if isinstance(error, sqlite3.OperationalError):
        return DatabaseDown(f"the journal's file takes nothing ({name})")
    return error


@contextmanager
def in_our_words() -> Iterator[None]:
    """Raises what `understood` makes of an error of the database."""
    try:
        yield
    except sqlite3.Error as error:
        raise understood(error) from error
