"""The limit of one call: a driver that blocks is broken off from outside, by its connection."""

import threading
from collections.abc import Callable
from typing import Any, Self


class Fuse:
    """Cuts the connection that a call holds once `limit` seconds are over, never after the call's end: the
    connection may be another's then.
    """

    def __init__(self, limit: float, cut: Callable[[Any], None]) -> None:
        self.blown = False
        self._cut = cut
        self._held: Any = None
        self._over = False
        self._lock = threading.Lock()
        self._timer = threading.Timer(limit, self._blow)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with self._lock:
            self._over = True

    def hold(self, raw: Any) -> None:
        """The driver's connection that the call now works with."""
        with self._lock:
            self._held = raw
            if self.blown:
                self._cut(raw)

    def _blow(self) -> None:
        with self._lock:
            if not self._over:
                self.blown = True
                if self._held is not None:
                    self._cut(self._held)
