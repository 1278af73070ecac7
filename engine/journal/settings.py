"""What a journal is told when it is opened."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """Durations in microseconds, sizes in bytes."""

    commit: str = "auto"
    """SQLite: `loop`, `thread`, or `auto`, which measures the disk's flush when the journal is opened."""
    reserve: int = 512 * 1024 * 1024
    """Free disk below which nothing new is accepted."""
    keep_keys: int = 30 * 86_400_000_000
    ask_limit: int = 60_000_000
    """How long a question may take before it is due again."""
    longest: int = 30 * 86_400_000_000
    """The longest policy: what is due later than that comes from a wrong clock and counts as due."""
    dead_after: int = 30_000_000
    """PostgreSQL: a node not seen for so long is taken over."""
    keys: str | None = None
    """Folder of the day keys. None: `<journal>.keys` beside SQLite's file, a table in PostgreSQL."""
