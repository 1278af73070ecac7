"""The lock of the one process that writes a SQLite journal: the operating system's, gone when it dies."""

import os
from pathlib import Path
from typing import IO

from engine.journal.errors import Locked


class FileLock:
    """Held from construction to `release`. Raises Locked, with the holder's process id, while another holds it."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a+")
        if not _try(self._file):
            self._file.seek(0)
            holder = self._file.read(20).strip() or "unknown"
            self._file.close()
            raise Locked(f"a bus is running on this journal (process {holder}): stop it, or ask it to do this")
        self._file.seek(0)
        self._file.truncate()
        self._file.write(str(os.getpid()))
        self._file.flush()

    def release(self) -> None:
        self._file.close()


def _try(file: IO[str]) -> bool:
    try:
        if os.name == "nt":
            import msvcrt

            file.seek(1 << 20)  # a byte far behind the text: the lock keeps others from reading what it covers
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]  # Windows only
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
