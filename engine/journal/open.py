"""Opening a journal for writing: `sqlite:///path` or `postgresql://…`."""

from pathlib import Path

from engine.base.clock import Clock
from engine.base.ids import Ids
from engine.journal.errors import JournalError
from engine.journal.group import GroupJournal, days_ahead
from engine.journal.keys import DayCiphers, KeyFolder, KeyPlace, KeyRing
from engine.journal.postgres_store import KeyTable, PostgresStore
from engine.journal.settings import Settings
from engine.journal.sqlite_store import SqliteStore
from engine.journal.store import Crash, Store

_SQLITE = "sqlite:///"


async def open_journal(
    url: str,
    keys: KeyRing,
    clock: Clock,
    ids: Ids,
    *,
    node: str = "bus",
    settings: Settings = Settings(),  # noqa: B008 - frozen
    crash: Crash | None = None,
) -> GroupJournal:
    """The journal at `url`, brought to the newest schema and recovered from whatever ended its last life.

    Raises Locked where a bus runs on it, Newer where a newer program wrote it, WrongKey where the
    master secret is another one than it was made with.
    """
    store, place = await _open(url, node, clock, settings, keys.check)
    try:
        days = DayCiphers(keys, place)
        await days_ahead(days, clock)
    except BaseException:
        await store.close()
        raise
    return GroupJournal(store, keys, days, clock, ids, settings, crash)


async def _open(url: str, node: str, clock: Clock, settings: Settings, check: str) -> tuple[Store, KeyPlace]:
    if url.startswith(_SQLITE):
        path = sqlite_path(url)
        folder = Path(settings.keys) if settings.keys else path.with_name(path.name + ".keys")
        return SqliteStore(path, node, clock, settings, check), KeyFolder(folder)
    if url.startswith("postgresql://"):
        shared = PostgresStore(url, node, clock, settings, check)
        await shared.open()
        return shared, KeyFolder(Path(settings.keys)) if settings.keys else KeyTable(shared)
    raise JournalError("a journal's url begins with sqlite:/// or postgresql://")


def sqlite_path(url: str) -> Path:
    """The file of a SQLite url."""
    return Path(url.removeprefix(_SQLITE))
