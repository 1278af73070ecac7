"""Opening a journal for writing: `sqlite:///path` or `postgresql://…`."""

from engine.base.clock import Clock
from engine.base.ids import Ids
from engine.journal.group import GroupJournal, days_ahead
from engine.journal.keys import DayCiphers, KeyFolder, KeyPlace, KeyRing
from engine.journal.place import is_postgres, key_folder, sqlite_path
from engine.journal.settings import Settings
from engine.journal.sqlite_errors import in_our_words
from engine.journal.sqlite_store import SqliteStore
from engine.journal.store import Crash, Store


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
    """The journal at `url`, made where there is none, and recovered from whatever ended its last life.

    Raises Locked where a bus runs on it, Older and Newer where another program wrote it (`upgrade.py`), WrongKey where
    the master secret is another one than it was made with, Damaged where the file is not sound, DatabaseDown where it
    cannot be written.
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
    folder = key_folder(url, settings.keys)
    if not is_postgres(url):
        assert folder is not None
        with in_our_words():
            return SqliteStore(sqlite_path(url), node, clock, settings, check), KeyFolder(folder)
    from engine.journal.postgres_store import KeyTable, PostgresStore  # an embedded journal needs no asyncpg

    shared = PostgresStore(url, node, clock, settings, check)
    await shared.open()
    return shared, KeyTable(shared) if folder is None else KeyFolder(folder)
