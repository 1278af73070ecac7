"""`hisbus run`: the bus in the foreground, until Ctrl-C or a signal asks it to stop."""

import asyncio
import gc
import os
import signal
from functools import partial
from typing import TYPE_CHECKING

import click

from engine.cli.say import CannotRun, as_json, progress, refuse
from engine.cli.site import Adapters, Site, site_options
from engine.settings.layers import Loaded
from engine.settings.problems import Problems, TextsRefused

if TYPE_CHECKING:
    from engine.app.bus import Bus

_YOUNG = 5000
"""Objects made and not given back before the youngest are collected."""


@click.command("run")
@site_options
def command(site: Site) -> None:
    """Runs the bus in the foreground. Ctrl-C or SIGTERM stops it: what is under way ends or stays recorded.

    SIGHUP reloads texts and settings, as hisbus reload does. Log lines are JSON on standard error. With --json the
    addresses are printed as JSON once it listens.
    """
    from engine.app.check import check_settings
    from engine.base import log

    gc.disable()  # until it listens: what is made by then stays
    os.umask(0o077)  # journal, keys and socket are for the bus's own user
    site.require()
    problems = Problems()
    loaded = check_settings(site.folder, site.environment, os.environ, problems)
    if loaded is None or problems:
        refuse(list(problems), site.as_json)
    log.set_up(loaded.config.log.level)
    with asyncio.Runner(loop_factory=_loop()) as runner:
        runner.run(_serve(site, loaded))


def _reread(site: Site, problems: Problems) -> Loaded | None:
    """The settings as they are now: the environment is that of the start."""
    from engine.app.check import check_settings

    return check_settings(site.folder, site.environment, os.environ, problems)


async def _serve(site: Site, loaded: Loaded) -> None:
    from engine.app.bus import Bus
    from engine.app.control import ControlTaken
    from engine.app.service import READY, STOPPING, Service
    from engine.journal.errors import JournalError

    stop = asyncio.Event()
    _on_signals(stop)
    bus = Bus(site.folder, loaded, Adapters(), reread=partial(_reread, site), switched=lambda: _settle(bus))
    try:
        await bus.start()
    except TextsRefused as refused:
        refuse(list(refused.problems), site.as_json)
    except ControlTaken as taken:
        raise CannotRun("a bus runs at this site already", f"it answers at {taken}") from taken
    except (JournalError, OSError) as error:
        raise CannotRun(str(error), "nothing was changed") from error
    _on_hangup(bus)
    service = Service(os.environ)
    service.say(READY)
    if service.watched:
        bus.supervisor.keep("service", service.live)
    if site.as_json:
        as_json({"listeners": dict(bus.addresses())})
    else:
        for name, address in bus.addresses().items():
            progress(f"{name}: {address}")
    await stop.wait()
    service.say(STOPPING)
    progress("stopping: what is under way ends or stays recorded")
    await bus.stop()


def _settle(bus: "Bus") -> None:
    """What the process itself takes over of a switch."""
    from engine.base import log

    log.set_up(bus.config.log.level)
    _collect_rarely()


def _collect_rarely() -> None:
    """Leaves out of garbage collection what stands until the next switch (libraries, the release), and collects young
    objects less often: a message leaves no cycles behind, and a full round would hold up every connection.
    """
    gc.enable()
    gc.unfreeze()  # what stood before a switch may go
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, 20, 20)


def _on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(name, stop.set)
        except NotImplementedError:  # Windows: asyncio hears no signals there
            signal.signal(name, lambda *_: loop.call_soon_threadsafe(stop.set))


def _on_hangup(bus: "Bus") -> None:
    """SIGHUP reloads; what came of it is logged."""
    from engine.app.switching import By
    from engine.base.errors import BusError

    async def reload() -> None:
        try:
            await bus.switching.reload(By("SIGHUP"))
        except TextsRefused as refused:
            for problem in refused.problems:
                progress(str(problem))
        except BusError as error:
            progress(f"not reloaded: {error.detail}")

    if hasattr(signal, "SIGHUP"):  # not on Windows
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, lambda: bus.supervisor.once("reload", reload()))


def _loop() -> "type[asyncio.AbstractEventLoop] | None":
    """The quicker loop where there is one: not on Windows."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.Loop
