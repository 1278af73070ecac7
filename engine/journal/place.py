"""Where a journal lies: what its url says."""

from pathlib import Path

from engine.journal.errors import JournalError

_SQLITE = "sqlite:///"
_POSTGRES = ("postgresql://", "postgres://")


def is_postgres(url: str) -> bool:
    """Whether the url names a PostgreSQL server. Raises JournalError for any other but SQLite."""
    if url.startswith(_POSTGRES):
        return True
    if not url.startswith(_SQLITE):
        raise JournalError("a journal's url begins with sqlite:/// or postgresql://")
    return False


def sqlite_path(url: str) -> Path:
    """The file of a SQLite url: sqlite:///var/journal.db is below the working folder, sqlite:////var/… is not."""
    return Path(url.removeprefix(_SQLITE))


def key_folder(url: str, keys: str | None) -> Path | None:
    """The folder of day keys: as set, else beside SQLite's file; None: the server's table holds them."""
    if keys is not None:
        return Path(keys)
    if is_postgres(url):
        return None
    path = sqlite_path(url)
    return path.with_name(path.name + ".keys")
