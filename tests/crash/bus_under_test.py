"""`hisbus`, exactly, but for its end: it kills itself with SIGKILL at a pass through a crash point.

$CRASH_POINT names the point as the journal's hook does (engine/journal/store.py), $CRASH_AT the pass, from 1.
A split takes more commits than in life, so that one can be caught between two; a feed's run that a former life broke off
is taken up after seconds, so that short lives read on as well. The last line of its standard error says where it died.
"""

import json
import os
import signal
from typing import Any

import engine.app.bus as assembled
import engine.routing.split as splitting
from engine.base.clock import SECOND
from engine.cli.main import main as hisbus
from engine.routing import timing

DIED = "died"
PAGE = 20
"""Children a commit, so that a panel takes several."""
SILENT = SECOND
"""How long a run is left to a node that says nothing of it; a minute in life."""


class Death:
    """The hook: counts passes and ends the process at the one that is meant."""

    def __init__(self, point: str, at: int) -> None:
        self._point = point
        self._left = at

    def __call__(self, point: str) -> None:
        if point != self._point:
            return
        self._left -= 1
        if self._left == 0:
            os.write(2, json.dumps({"event": DIED, "path": point}).encode() + b"\n")
            os.kill(os.getpid(), signal.SIGKILL)


class MortalBus(assembled.Bus):
    """The bus with that hook in its journal."""

    def __init__(self, *parts: Any, **settings: Any) -> None:
        death = Death(os.environ["CRASH_POINT"], int(os.environ["CRASH_AT"]))
        super().__init__(*parts, **settings, crash=death)


def main() -> None:
    """`hisbus`, with the arguments of this process."""
    splitting.PAGE, timing.SILENT = PAGE, SILENT
    if "CRASH_POINT" in os.environ:
        assembled.Bus = MortalBus  # type: ignore[misc]  # `run` takes the class from here when it starts
    hisbus()
