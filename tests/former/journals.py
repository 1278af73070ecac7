"""Journals as a former program left them: schema 1, of the program as it was when the first flow was done (2026-11-20,
before bindings and the audit's chain came), killed with -9 under load.

What was done to it, on each database: a report delivered; a message refused; the message platform kept silent, so one
message was in doubt, one stood behind it in its line, and one in doubt was parked by a person; then eight reports at
once, and the kill while their calls were under way. SQLite's is the dump of its file; PostgreSQL's is that program's
own `hisbus journal backup`. Everything in them is invented, and the master secret is no secret.
"""

import gzip
import io
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

HERE = Path(__file__).parent
MASTER = b"only-for-tests-" + b"0" * 33
LEFT = 1_795_222_200_000_000
"""Just after both were killed, in microseconds UTC."""


def put_sqlite(path: Path) -> str:
    """The journal as a file, its day keys beside it; gives its url."""
    script = gzip.decompress((HERE / "sqlite/journal.sql.gz").read_bytes()).decode("utf-8")
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(script)
    return f"sqlite:///{path}"


def unpack_postgres(folder: Path) -> Path:
    """The former program's backup, as `restore` takes it."""
    with tarfile.open(fileobj=io.BytesIO((HERE / "postgres/journal.tar.gz").read_bytes())) as packed:
        packed.extractall(folder, filter="data")
    return folder / "journal"


def keys(database: str) -> Path:
    """Its wrapped day keys."""
    return HERE / database / "keys"
