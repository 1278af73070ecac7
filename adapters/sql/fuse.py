"""The limit of a call: a driver that blocks is broken off from outside, by its connection."""

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_TICK = 0.05
"""Seconds: limits are kept this exactly."""


class Fuse:
    """Cuts the connection that a call holds once the call's time is over, never after the call's end: the
    connection may be another's then.
    """

    def __init__(self, ticks: int, cut: Callable[[Any], None]) -> None:
        self.blown = False
        self._left = ticks
        self._cut = cut
        self._held: Any = None
        self._over = False
        self._lock = threading.Lock()

    def hold(self, raw: Any) -> None:
        """The driver's connection that the call now works with."""
        with self._lock:
            self._held = raw
            if self.blown:
                self._cut(raw)

    def burn(self) -> None:
        """One tick has passed."""
        self._left -= 1
        if self._left > 0 or self.blown:
            return
        with self._lock:
            if not self._over:
                self.blown = True
                if self._held is not None:
                    self._cut(self._held)

    def end(self) -> None:
        """The call is over."""
        with self._lock:
            self._over = True


class Fuses:
    """The fuses of one database and the thread that burns them: one for all calls, as starting one for each
    costs more than a query.
    """

    def __init__(self, cut: Callable[[Any], None]) -> None:
        self._cut = cut
        self._lit: set[Fuse] = set()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    @contextmanager
    def lit(self, limit: float) -> Iterator[Fuse]:
        """A fuse of `limit` seconds that burns while the block runs."""
        self._start()
        fuse = Fuse(math.ceil(limit / _TICK), self._cut)
        self._lit.add(fuse)
        try:
            yield fuse
        finally:
            self._lit.discard(fuse)
            fuse.end()

    def close(self) -> None:
        self._stopped.set()

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._burn, name="sql limits", daemon=True)
                self._thread.start()

    def _burn(self) -> None:
        while not self._stopped.wait(_TICK):
            for fuse in self._lit.copy():
                fuse.burn()
