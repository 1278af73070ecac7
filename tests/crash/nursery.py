"""Lives of the bus under test, forked from one process that has imported everything: each costs its start, and not
its imports. They are processes of their own all the same, and die as such.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.process import BaseProcess

from tests.crash import bus_under_test
from tests.flow.programs import Bus
from tests.flow.site import ROOT

_NURSERY = multiprocessing.get_context("forkserver")
_NURSERY.set_forkserver_preload(["tests.crash.everything"])


class Life:
    """A forked process, with what is asked of one that subprocess has started."""

    def __init__(self, process: BaseProcess) -> None:
        self._process = process

    def poll(self) -> int | None:
        return self._process.exitcode

    def kill(self) -> None:
        self._process.kill()

    def send_signal(self, number: signal.Signals) -> None:
        assert self._process.pid is not None
        os.kill(self._process.pid, number)

    def wait(self, timeout: float) -> int:
        """How it ended. Raises TimeoutExpired where it does not."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("the bus under test", timeout)
        return self._process.exitcode


class MortalBus(Bus):
    """`hisbus run` on a site, which dies where its environment says."""

    def _launched(self, arguments: Sequence[str], environment: Mapping[str, str]) -> Life:
        process = _NURSERY.Process(target=_live, args=(arguments, dict(environment), str(self.log)), daemon=True)
        process.start()
        return Life(process)


def _live(arguments: Sequence[str], environment: Mapping[str, str], log: str) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(ROOT)
    into = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for number in (1, 2):
        os.dup2(into, number)
    sys.argv = ["hisbus", *arguments]
    bus_under_test.main()
