"""What the journal itself can say no with. Messages hold names, counts and numbers, never data."""


class JournalError(Exception):
    """Base of what follows: the journal cannot be used, or not for this."""


class Locked(JournalError):
    """Another process writes this journal."""


class Newer(JournalError):
    """The journal was written by a newer program than this one."""


class Older(JournalError):
    """The journal was left by a former program: a person brings it forward (`upgrade.py`), after a backup."""


class WrongKey(JournalError):
    """The master secret is not the one this journal was made with."""


class Gone(JournalError):
    """The key of that day was deleted: what was encrypted with it cannot be read any more, by anyone."""


class Moved(JournalError):
    """A record is not any more as it was when a settle was decided upon: nothing of it happened. Decide again."""


class MarkRefused(JournalError):
    """The database refuses one mark (bad bytes, a constraint); the rest of its batch went through."""


class DatabaseFull(JournalError):
    """The disk is full: marks that can wait do, new messages are told "busy"."""


class DatabaseDown(JournalError):
    """The database cannot be reached just now."""


class Damaged(JournalError):
    """The database's file is not sound: nothing in it can be relied on, and a backup is to be put back."""
